"""What a server holds behind its HTTP, with a worker that works: for tests that look at the worker itself."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from contextlib import asynccontextmanager, suppress

import numpy as np
from PIL import Image
from sqlalchemy import select

from cleanplate.account import Accounts
from cleanplate.fetch import Fetcher
from cleanplate.notify import Deliveries
from cleanplate.settings import Settings
from cleanplate.store import Blobs, Database, tables
from cleanplate.task import AskedRegion, InMemoryCompletions, Request, Source, State, Tasks
from cleanplate.worker import InMemoryWakeups, Worker

DEADLINE = 60  # seconds; far beyond what anything here takes
STAMP = AskedRegion("rectangles", ((20, 10, 30, 12),))


def picture(width: int = 160, height: int = 120, kind: str = "PNG") -> bytes:
    noise = np.random.default_rng(7).integers(40, 200, (8, 8, 3), np.uint8)
    image = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
    image.paste((255, 255, 255), (20, 10, 50, 22))
    file = io.BytesIO()
    image.save(file, kind, **({"compress_level": 1} if kind == "PNG" else {}))
    return file.getvalue()


class Server:
    """What an HTTP server would hold: accounts, tasks and one worker, over one folder."""

    def __init__(self, folder, **sections) -> None:
        self.settings = Settings(
            data_dir=folder,
            worker={"slots": 1, "drain_seconds": 20, "start_seconds": 60, **sections.pop("worker", {})},
            account={"require_token": False},
            fetch={"allow_networks": ["127.0.0.0/8"], **sections.pop("fetch", {})},
            **sections,
        )
        self.db = Database(self.settings.database_url)
        self.blobs = Blobs(self.settings.blobs_url)
        self.accounts = Accounts(self.db, self.settings.account)
        self.fetcher = Fetcher(self.settings.fetch)
        self.wakeups = InMemoryWakeups()
        self.tasks = Tasks(self.db, self.blobs, self.wakeups, InMemoryCompletions(), self.settings.task)
        deliveries = Deliveries(self.db, self.fetcher, self._render, self.settings.notify, self.wakeups)
        self.worker = Worker(self.tasks, self.blobs, self.fetcher, deliveries, self.wakeups, self.settings)

    @staticmethod
    async def _render(task) -> bytes:
        return f'{{"task_id": "{task.id}", "state": "{task.state}"}}'.encode()

    @asynccontextmanager
    async def open(self, *, working: bool = True):
        await self.db.upgrade()
        try:
            if working:
                async with self.worker:
                    yield self
            else:
                yield self
        finally:
            await self.accounts.aclose()
            await self.fetcher.aclose()
            await self.db.close()

    async def submit(self, data: bytes | None = None, *, url: str | None = None, region=STAMP, **request):
        caller = await self.accounts.authenticate(None)
        source = Source("url", url) if url else Source("blob", "source")
        asked = Request("native", "remove", source, region, **request)
        uploads = {} if url else {"source": picture() if data is None else data}
        return await self.tasks.submit(caller, asked, uploads)

    async def ended(self, task):
        task = await self.tasks.wait(task.account_id, task.id, DEADLINE)
        assert task.state.final, "not ended within the deadline"
        return task

    async def running(self, task, attempt: int = 1):
        async with asyncio.timeout(DEADLINE):
            while True:
                now = await self.tasks.get(task.account_id, task.id)
                if now.state is State.RUNNING and now.attempt >= attempt:
                    return now
                await asyncio.sleep(0.005)

    async def set_back(self, task):
        async with asyncio.timeout(DEADLINE):
            while True:
                now = await self.tasks.get(task.account_id, task.id)
                if now.setbacks:
                    return now
                await asyncio.sleep(0.005)

    async def ledger(self, task) -> list[str]:
        async with self.db.read() as connection:
            query = select(tables.ledger.c.kind).where(tables.ledger.c.task_id == task.id)
            return sorted((await connection.execute(query)).scalars())

    async def results(self, task) -> list[str]:
        return [blob.key async for blob in self.blobs.list(f"results/{task.id}")]


@asynccontextmanager
async def frozen(server: Server):
    """Stop the children in their tracks; those still there go on afterwards."""
    pids = server.worker.child_pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield pids
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
