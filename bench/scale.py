"""What the database and the queue carry: latency, no-op tasks a second, transactions and bytes a task.

    python bench/scale.py [--tasks N] [--workers 1 2] [--out FILE.json]

A no-op task goes through everything but pixels: accepted with its hold, woken, claimed, finished, charged.
So the figures are those of task table, ledger and queue, without the cleaning that takes a hundred times as
long. Workers are processes; PostgreSQL is started on a free port of this machine with commits that wait for
the disk.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from backends import Postgres  # noqa: E402  # from the tests' folder

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

CLIENTS = 16
BURST_PAUSE = 0.02  # seconds between submits when latency is measured: workers are idle in between

WORKER = """
import asyncio, sys
sys.path.insert(0, {bench!r})
from scale import work
asyncio.run(work(sys.argv[1], int(sys.argv[2])))
"""


async def house(url: str, stack: AsyncExitStack):
    """Tasks and engine on a database, as the assembly builds them."""
    from cleanplate import settings
    from cleanplate.store import Blobs, Database
    from cleanplate.task import Tasks, completions_over
    from cleanplate.worker import engine_over

    db = Database(url)
    stack.push_async_callback(db.close)
    line = db.line()
    if line is not None:
        await stack.enter_async_context(line)
    engine = await stack.enter_async_context(engine_over(line, 1_000_000))
    completions = await stack.enter_async_context(completions_over(db, line))
    section = settings.Task(max_queued=1_000_000)
    return db, engine, Tasks(db, Blobs("memory:///"), engine, completions, section)


def handler(tasks, done=None):
    """What a worker does with a task that needs no work."""
    from cleanplate.task import Outcome, result_key

    async def run_task(task_id: str) -> None:
        task = await tasks.claim(task_id, "bench")
        if task is None:
            return
        outcome = Outcome(
            result_key=result_key(task.id, task.attempt, "png"),
            format="PNG",
            extension="png",
            media_type="image/png",
            width=1,
            height=1,
            box=None,
            download_ms=0.0,
            work_ms=0.0,
            changed=False,
        )
        await tasks.finish(task, outcome)
        if done is not None:
            done()

    return run_task


async def work(url: str, slots: int) -> None:
    """A worker process, until its standard input is closed."""
    from contextlib import AsyncExitStack

    async with AsyncExitStack() as stack:
        _, engine, tasks = await house(url, stack)
        engine.handle("run_task", handler(tasks), parallel=slots, lane="heavy")
        running = asyncio.create_task(engine.run())
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        engine.stop()
        await running


def start_workers(url: str, count: int, slots: int) -> list[subprocess.Popen[str]]:
    code = WORKER.format(bench=str(Path(__file__).parent))
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", code, url, str(slots)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(count)
    ]
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "ready\n"
    return workers


def end(workers: list[subprocess.Popen[str]]) -> None:
    for worker in workers:
        worker.communicate()


async def submit(tasks, callers, count: int, *, pause: float = 0.0, clients: int = CLIENTS) -> float:
    """Seconds that it took to have `count` tasks accepted, each client for an account of its own."""
    from cleanplate.task import Request, Source

    left = iter(range(count))

    async def client(caller) -> None:
        for _ in left:
            await tasks.submit(caller, Request("native", "x", Source("url", "http://x/")), {})
            if pause:
                await asyncio.sleep(pause)

    begun = time.perf_counter()
    await asyncio.gather(*(client(callers[number % len(callers)]) for number in range(clients)))
    return time.perf_counter() - begun


async def callers_of(db, accounts: int) -> list[Any]:
    """Somebody of each of as many accounts."""
    from cleanplate import settings
    from cleanplate.account import Accounts

    them = Accounts(db, settings.Account(require_token=False))
    secrets = [(await them.create_token(f"account {number}"))[1] for number in range(accounts)]
    callers = [await them.authenticate(secret) for secret in secrets]
    await them.aclose()
    return callers


async def finished(db, count: int) -> None:
    from sqlalchemy import text

    while True:
        async with db.read() as connection:
            done = await connection.execute(text("SELECT count(*) FROM tasks WHERE state = 'done'"))
            if done.scalar_one() >= count:
                return
        await asyncio.sleep(0.05)


async def waits(db) -> list[float]:
    """Seconds from acceptance to start of every task."""
    from sqlalchemy import text

    async with db.read() as connection:
        rows = await connection.execute(text("SELECT started_at - created_at FROM tasks"))
        return sorted(rows.scalars())


def quantiles(values: list[float]) -> dict[str, float]:
    cut = statistics.quantiles(values, n=100)
    return {"p50_ms": round(cut[49] * 1000, 1), "p95_ms": round(cut[94] * 1000, 1)}


async def measure(postgres: Postgres, workers: int, count: int, accounts: int) -> dict[str, Any]:
    """One fleet on a fresh database: latency of single tasks, then as many as go."""
    from contextlib import AsyncExitStack

    name = postgres.create()
    url = postgres.url(name)
    found: dict[str, Any] = {"workers": workers, "accounts": accounts, "tasks": count}
    async with AsyncExitStack() as stack:
        from cleanplate.store import Database

        first = Database(url)
        await first.upgrade()
        await first.close()
        db, _, tasks = await house(url, stack)
        callers = await callers_of(db, accounts)
        fleet = await asyncio.to_thread(start_workers, url, workers, 4)
        try:
            await submit(tasks, callers, 200, pause=BURST_PAUSE, clients=1)
            await finished(db, 200)
            found["latency_idle"] = quantiles(await waits(db))
            before = transactions(postgres, name)
            busy = processor_seconds(postgres, fleet)
            begun = time.perf_counter()
            found["accepted_per_second"] = round(count / await submit(tasks, callers, count))
            await finished(db, 200 + count)
            seconds = time.perf_counter() - begun
            found["done_per_second"] = round(count / seconds)
            used = processor_seconds(postgres, fleet)
            found["processor_ms_per_task"] = {
                part: round((used[part] - busy[part]) / count * 1000, 1) for part in used
            }
            found["transactions_per_task"] = round((transactions(postgres, name) - before) / count, 1)
        finally:
            await asyncio.to_thread(end, fleet)
    found["bytes_per_task"] = sizes(postgres, name, 200 + count)
    postgres.drop(name)
    return found


def processor_seconds(postgres: Postgres, fleet: list[subprocess.Popen[str]]) -> dict[str, float]:
    """What this process (the server), the workers and the database have used so far.

    Unlike tasks a second, it does not depend on what else the machine is doing.
    """
    import os

    tick = os.sysconf("SC_CLK_TCK")

    def used(pid: int) -> float:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / tick

    server = postgres.pid
    backends = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    return {
        "accepting": used(os.getpid()),
        "working": sum(used(worker.pid) for worker in fleet),
        "database": sum(used(int(pid)) for pid in backends),
    }


def transactions(postgres: Postgres, name: str) -> int:
    postgres.query("SELECT pg_stat_clear_snapshot()", database=name)
    rows = postgres.query("SELECT xact_commit FROM pg_stat_database WHERE datname = $1", name)
    return int(str(rows[0][0]))


def sizes(postgres: Postgres, name: str, count: int) -> dict[str, int]:
    rows = postgres.query(
        "SELECT relname::text, pg_total_relation_size(oid) FROM pg_class "
        "WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY 2 DESC LIMIT 6",
        database=name,
    )
    return {str(table): round(int(str(size)) / count) for table, size in rows}


def flush_ms() -> float:
    """How long this machine's disk takes to keep 8 kB, at the moment; the median of fifty."""
    import os
    import tempfile

    with tempfile.TemporaryFile(buffering=0) as file:
        seconds = []
        for _ in range(50):
            file.write(bytes(8192))
            begun = time.perf_counter()
            os.fdatasync(file.fileno())
            seconds.append(time.perf_counter() - begun)
    return round(statistics.median(seconds) * 1000, 2)


async def embedded(folder: Path, count: int) -> dict[str, Any]:
    """The same in one process on SQLite."""
    from contextlib import AsyncExitStack

    from cleanplate.store import Database

    url = f"sqlite+aiosqlite:///{folder}/cleanplate.db"
    first = Database(url)
    await first.upgrade()
    await first.close()
    async with AsyncExitStack() as stack:
        db, engine, tasks = await house(url, stack)
        callers = await callers_of(db, 1)
        engine.handle("run_task", handler(tasks), parallel=4, lane="heavy")
        running = asyncio.create_task(engine.run())
        await submit(tasks, callers, 100, pause=BURST_PAUSE, clients=1)
        await finished(db, 100)
        found: dict[str, Any] = {"tasks": count, "latency_idle": quantiles(await waits(db))}
        begun = time.perf_counter()
        await submit(tasks, callers, count)
        await finished(db, 100 + count)
        found["done_per_second"] = round(count / (time.perf_counter() - begun))
        engine.stop()
        await running
    return found


def main() -> None:
    import tempfile

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tasks", type=int, default=2_000)
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--accounts", type=int, nargs="*", default=[1, 16])
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        found["embedded"] = asyncio.run(embedded(Path(folder), given.tasks))
        print(json.dumps(found["embedded"]), flush=True)
    found["flush_ms"] = flush_ms()
    with Postgres(durable=True) as postgres:
        for workers in given.workers:
            for accounts in given.accounts:
                name = f"postgresql, {workers} workers, {accounts} accounts"
                found[name] = asyncio.run(measure(postgres, workers, given.tasks, accounts))
                print(json.dumps(found[name]), flush=True)
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
