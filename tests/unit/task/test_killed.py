"""What was answered is there after SIGKILL: the answer comes only after the commit."""

from __future__ import annotations

import asyncio
import sys

SERVER = """
import asyncio, sys
from cleanplate import settings
from cleanplate.account import Accounts
from cleanplate.store import Blobs, Database
from cleanplate.task import InMemoryCompletions, Request, Source, Tasks

class Deaf:
    async def wake_all(self, entry, wishes, *, delay=0.0): ...

async def main(folder):
    db = Database(f"sqlite+aiosqlite:///{folder}/cleanplate.db")
    await db.upgrade()
    accounts = Accounts(db, settings.Account(require_token=False))
    await accounts.grant("default", 1_000_000)
    caller = await accounts.authenticate(None)
    tasks = Tasks(db, Blobs(f"file://{folder}/blobs"), Deaf(), InMemoryCompletions(), settings.Task())
    request = Request("kaze", "x", Source("blob", "source"))

    async def keep_submitting():
        while True:
            task = await tasks.submit(caller, request, {"source": b"picture"})
            print(task.id, flush=True)

    await asyncio.gather(*(keep_submitting() for _ in range(4)))

asyncio.run(main(sys.argv[1]))
"""


async def test_every_answered_task_survives_the_kill_of_the_server(make_world, tmp_path):
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    answered = [(await server.stdout.readline()).decode().strip() for _ in range(40)]
    server.kill()  # SIGKILL
    answered += (await server.stdout.read()).decode().split()  # what was answered before it came through
    await server.wait()

    world = make_world(tmp_path, blobs=f"file://{tmp_path}/blobs", fresh=False)
    async with world.db.read() as connection:
        assert (await connection.exec_driver_sql("PRAGMA integrity_check")).scalar() == "ok"
    rows = {task_id: await world.row(task_id) for task_id in answered}
    assert all(row["state"] == "queued" for row in rows.values())
    for task_id in answered:
        assert await world.ledger(task_id) == ["hold"]
        assert await world.blobs.get(f"sources/{task_id}/source") == b"picture"
    depth = await world.tasks.depth()  # some were accepted whose answer did not come through any more
    assert set(await world.tasks.sweep()) >= set(answered)
    assert (await world.accounts.get("default")).balance == 1_000_000 - depth
    await world.db.close()
