from __future__ import annotations

import shutil
from collections import Counter

import pytest
from sqlalchemy import select, text

from cleanplate import settings
from cleanplate.account import Accounts, bookkeeping
from cleanplate.store import Blobs, Database, tables
from cleanplate.task import InMemoryCompletions, Outcome, Request, Source, Tasks, result_key


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Bell:
    """The `Wakeups` of a test: remembers what was woken."""

    def __init__(self) -> None:
        self.rung = []
        self.delays = []
        self.broken = False

    async def wake(self, entry, key, *, priority=0, delay=0.0):
        if self.broken:
            raise RuntimeError("the engine is down")
        self.rung.append((entry, key, priority))
        self.delays.append(delay)

    async def wake_all(self, entry, wishes, *, delay=0.0):
        for key, priority in wishes:
            await self.wake(entry, key, priority=priority, delay=delay)

    def answered(self):
        """What was woken since this was last asked."""
        rung, self.rung = self.rung, []
        return rung


class Crier(InMemoryCompletions):
    """Completions that count what they announce."""

    def __init__(self) -> None:
        super().__init__()
        self.announced = Counter()

    async def announce(self, task_id):
        self.announced[task_id] += 1
        await super().announce(task_id)


class World:
    """Everything that the life of a task needs, on a real database and a clock that the test moves."""

    def __init__(self, url: str, blobs: str, **limits) -> None:
        self.clock = Clock()
        self.db = Database(url)
        self.blobs = Blobs(blobs)
        self.bell = Bell()
        self.crier = Crier()
        self.settings = settings.Task(**limits)
        self.accounts = Accounts(self.db, settings.Account(require_token=False), clock=self.clock)
        self.tasks = self.with_limits()

    def with_limits(self, *, slots=1, **limits):
        """The same tasks under other settings."""
        return Tasks(
            self.db,
            self.blobs,
            self.bell,
            self.crier,
            self.settings.model_copy(update=limits),
            slots=slots,
            clock=self.clock,
        )

    async def empty(self):
        """Forget everything."""
        names = ", ".join(table.name for table in tables.metadata.sorted_tables)
        async with self.db.write() as connection:
            await connection.execute(text(f"TRUNCATE {names}"))

    async def caller(self, name="ann", granted=None):
        """Someone with as many credits; None: unlimited."""
        _, secret = await self.accounts.create_token(name)
        if granted is not None:
            await self.accounts.grant(name, granted)
        caller = await self.accounts.authenticate(secret)
        await self.accounts.aclose()
        return caller

    async def row(self, task_id):
        async with self.db.read() as connection:
            query = select(tables.tasks).where(tables.tasks.c.id == task_id)
            return (await connection.execute(query)).mappings().first()

    async def deliveries(self, task_id):
        async with self.db.read() as connection:
            query = select(tables.deliveries).where(tables.deliveries.c.task_id == task_id)
            return (await connection.execute(query)).mappings().all()

    async def ledger(self, task_id):
        async with self.db.read() as connection:
            return [entry.kind.value for entry in await bookkeeping.of_task(connection, task_id)]

    async def entries(self, account_id):
        async with self.db.read() as connection:
            return await bookkeeping.of_account(connection, account_id)

    async def stored(self):
        return {blob.key for folder in ("sources", "results") async for blob in self.blobs.list(folder)}

    @staticmethod
    def request(**changes):
        return Request(
            **{"dialect": "kaze", "operation": "x", "source": Source("url", "http://x/"), **changes}
        )

    @staticmethod
    def upload(**changes):
        return World.request(source=Source("blob", "source"), **changes)

    @staticmethod
    def outcome(task):
        return Outcome(
            result_key=result_key(task.id, task.attempt, "png"),
            format="PNG",
            extension="png",
            media_type="image/png",
            width=4,
            height=3,
            box=(0, 1, 2, 2),
            download_ms=1.5,
            work_ms=20.0,
            changed=True,
            found=[],
            fills=[{"method": "telea", "pixels": 4}],
            timings={"fill": 0.01},
        )


@pytest.fixture
def make_world(_sqlite_template):
    """Make a world in a folder: with a new database, or with the one that is there."""

    def make(folder, blobs="memory:///", fresh=True, url=None, **limits):
        file = folder / "cleanplate.db"
        if fresh and url is None:
            shutil.copy(_sqlite_template, file)
        return World(url or f"sqlite+aiosqlite:///{file}", blobs, **limits)

    return make


@pytest.fixture
async def world(database_url):
    it = World(database_url, "memory:///")
    yield it
    await it.db.close()
