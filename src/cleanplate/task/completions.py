"""Telling those who wait that a task has ended: inside one process, or over PostgreSQL."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Self

import structlog

from cleanplate.store import StorageFailed
from cleanplate.store.queries import tasks as task_rows

if TYPE_CHECKING:
    from collections.abc import Generator

    from cleanplate.store import Database, Line

log = structlog.get_logger(__name__)

CHANNEL = "cleanplate_ended"
LOOK_SECONDS = 2.0  # between two looks at the table, should an announcement have been lost
ONE_LOOK = 500  # tasks


class _Ear:
    def __init__(self) -> None:
        self._heard = asyncio.Event()

    def hear(self) -> None:
        self._heard.set()

    async def wait(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._heard.wait()
        except TimeoutError:
            return False
        return True


class InMemoryCompletions:
    """The `Completions` of a server that is one process. Not thread-safe: one event loop."""

    def __init__(self) -> None:
        self._ears: dict[str, set[_Ear]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    @contextmanager
    def watch(self, task_id: str) -> Generator[_Ear]:
        """Listen for one task until the block is left."""
        ear = _Ear()
        self._ears.setdefault(task_id, set()).add(ear)
        try:
            yield ear
        finally:
            ears = self._ears[task_id]
            ears.discard(ear)
            if not ears:
                del self._ears[task_id]

    async def announce(self, task_id: str) -> None:
        """Wake everyone in this process who watches the task."""
        self._hear(task_id)

    def _hear(self, task_id: str) -> None:
        for ear in self._ears.get(task_id, ()):
            ear.hear()


class PostgresCompletions(InMemoryCompletions):
    """The `Completions` of many processes on one PostgreSQL. Not thread-safe: one event loop.

    What ends is announced with `NOTIFY`. An announcement may be lost, with the process that was to make it or
    with the line; so the table is looked at every two seconds for what is waited for here, with one query
    however many wait.

    Args:
        db: where the tasks are.
        line: open; kept by whoever opened it.
    """

    def __init__(self, db: Database, line: Line, look_seconds: float = LOOK_SECONDS) -> None:
        super().__init__()
        self._db = db
        self._line = line
        self._look_seconds = look_seconds
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            StorageFailed: the database does not answer.
        """
        await self._line.listen(CHANNEL, self._hear_said)
        self._looking = asyncio.create_task(self._look_again_and_again())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._line.unlisten(CHANNEL, self._hear_said)
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)

    async def announce(self, task_id: str) -> None:
        """Wake everyone who watches the task, in whichever process.

        Raises:
            StorageFailed: nobody elsewhere was told.
        """
        self._hear(task_id)
        await self._line.notify(CHANNEL, task_id)

    def _hear_said(self, task_id: str | None) -> None:
        if task_id is not None:  # else the line was broken: the next look finds what was missed
            self._hear(task_id)

    async def _look_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(self._look_seconds)
            try:
                await self._look()
            except StorageFailed as error:
                log.warning("it could not be seen what has ended", detail=error.detail)

    async def _look(self) -> None:
        watched = iter(tuple(self._ears))
        while ids := list(islice(watched, ONE_LOOK)):
            async with self._db.read() as connection:
                unfinished = await task_rows.unfinished_of(connection, ids)
            for task_id in ids:
                if task_id not in unfinished:
                    self._hear(task_id)


def completions_over(db: Database, line: Line | None) -> InMemoryCompletions:
    """The adapter for this database; without a line there is one process."""
    return InMemoryCompletions() if line is None else PostgresCompletions(db, line)
