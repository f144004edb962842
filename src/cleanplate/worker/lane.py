"""One PgQueuer manager on PostgreSQL, and what it asks the database for."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from pgqueuer import Job, JobId, QueueManager
from pgqueuer.adapters.persistence.qb import (
    QueryBuilderEnvironment,
    QueryQueueBuilder,
    QuerySchedulerBuilder,
)
from pgqueuer.core.tm import TaskManager
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.domain.types import Channel
from pgqueuer.queries import Queries

from cleanplate.store import StorageFailed, passing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from cleanplate.store import Line
    from cleanplate.worker.engine import Entry

HEARTBEAT = timedelta(seconds=30)  # a job whose process has been silent this long is given to another
LOOK = timedelta(seconds=30)  # a process with room looks this often, should it have heard nothing
NEVER = timedelta(0)  # keeps PgQueuer from condensing its log, which is empty
RETRY_SECONDS = 1.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.01, 0.2  # seconds that a process holds back after it has come too late

NAMES = DBSettings(
    prefix="cleanplate_",
    durability=Durability.volatile,
    db_schema=None,
    channel=Channel("cleanplate_wakeups"),
    function="cleanplate_wakeups_changed",
    trigger="cleanplate_wakeups_changed",
    queue_table="cleanplate_wakeups",
    queue_table_log="cleanplate_wakeups_log",
    statistics_table="cleanplate_wakeups_statistics",
    schedules_table="cleanplate_wakeups_schedules",
    queue_status_type="cleanplate_wakeups_status",
)
QUEUE = NAMES.queue_table
NEXT = f"""
SELECT min(execute_after) - now() AS eta FROM {QUEUE} WHERE status = 'queued' AND entrypoint = ANY($1)
"""  # noqa: S608  # names

NEWS = {"channel": NAMES.channel, "operation": "insert", "table": QUEUE, "type": "table_changed_event"}


class Driver:
    """PgQueuer's `Driver` over a `Line`. While the database is away it waits, unless everything stops."""

    def __init__(self, line: Line, stopping: asyncio.Event) -> None:
        self._line = line
        self._stopping = stopping
        self.shutdown = asyncio.Event()
        self.tm = TaskManager()
        self.on_news: Callable[[], None] = _nothing
        self.tell: Callable[[str], None] = _ignore

    async def fetch(self, query: str, *args: object) -> list[dict[str, Any]]:
        """Run a statement; its rows."""
        while True:
            try:
                return await self._line.fetch(query, *args)
            except StorageFailed as error:
                if self._stopping.is_set() or not passing(error):
                    raise
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_SECONDS):
                    await self._stopping.wait()

    async def execute(self, query: str, *args: object) -> str:
        """Run a statement, or without arguments a script of them."""
        if args:
            await self.fetch(query, *args)
        else:
            await self._line.run(query)
        return ""

    async def notify(self, channel: str, payload: str) -> None:
        """PgQueuer asks itself over the server whether it hears: a `Line` sees to that."""
        del channel
        self.tell(payload)

    async def add_listener(self, channel: str, callback: Callable[[str | bytes | bytearray], None]) -> None:
        """Hear of what changes."""
        self.tell = callback
        with suppress(StorageFailed):  # it listens as soon as it is back
            await self._line.listen(channel, self._hear)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._line.unlisten(NAMES.channel, self._hear)

    def _hear(self, payload: str | None) -> None:
        if payload is None or json.loads(payload).get("operation") == "insert":
            self.on_news()


class QueueLane:
    """One PgQueuer manager, so that long work cannot hold up short work."""

    def __init__(
        self,
        line: Line,
        entries: Mapping[str, Entry],
        start: Callable[[str, str], Awaitable[None]],
        stopping: asyncio.Event,
    ) -> None:
        self._driver = Driver(line, stopping)
        self._driver.on_news = self._announced
        self._late: asyncio.TimerHandle | None = None
        self._queries = _LaneQueries(
            self._driver,
            QueryBuilderEnvironment(NAMES),
            QueryQueueBuilder(NAMES),
            QuerySchedulerBuilder(NAMES),
            room={name: entry.parallel for name, entry in entries.items()},
        )
        self._manager = QueueManager(self._queries, channel=NAMES.channel)
        self._begin = start
        for name in entries:
            self._manager.entrypoint(name, accepts_context=False)(self._started)

    async def run(self) -> None:
        """Start handlers until `stop`, then wait for those that run."""
        # One job at a time is fetched, so that a more urgent one that arrives meanwhile goes first.
        try:
            await self._manager.run(
                dequeue_timeout=LOOK,
                batch_size=1,
                heartbeat_timeout=HEARTBEAT,
                log_aggregation_interval=NEVER,
            )
        except StorageFailed:
            if not self._manager.shutdown.is_set():
                raise

    def stop(self) -> None:
        """Start nothing any more."""
        self._manager.shutdown.set()

    async def _started(self, job: Job) -> None:
        try:
            await self._begin(job.entrypoint, (job.payload or b"").decode())
        finally:
            self._queries.ended(job)
            self._news()

    def _announced(self) -> None:
        """Somebody has woken something, and every process with room has heard it.

        Most of them come too late. Whoever did, holds back the next time, twice as long each time, until it
        finds something again: so a thousand idle processes do not ask the database a thousand times for each
        task, and with one or two nobody waits.
        """
        if self._late is not None:
            return
        self._queries.announced = True
        pause = self._queries.pause
        if pause == 0:
            self._news()
        else:
            delay = random.uniform(0.5, 1) * pause
            self._late = asyncio.get_running_loop().call_later(delay, self._look_late)

    def _look_late(self) -> None:
        self._late = None
        self._news()

    def _news(self) -> None:
        """There may be something to pick: have the manager look, once, if there is room for it."""
        if self._queries.told or not self._queries.open:
            return
        self._queries.told = True
        event = {
            "channel": NAMES.channel,
            "operation": "insert",
            "table": QUEUE,
            "type": "table_changed_event",
        }
        self._driver.tell(json.dumps({**event, "sent_at": datetime.now(UTC).isoformat()}))


class _LaneQueries(Queries):
    """PgQueuer's queries, asked only for what this process has room for, and no more often than need be."""

    def __init__(self, *parts: Any, room: Mapping[str, int]) -> None:
        super().__init__(*parts)
        self._room = room
        self._taken: dict[JobId, str] = {}  # job → entry
        self.told = False  # since it last looked
        self.announced = False  # it looks because something was announced
        self.pause = 0.0  # seconds to hold back after the next announcement

    @property
    def open(self) -> list[str]:
        """The entries of which another one may be started."""
        taken = list(self._taken.values())
        return [name for name, parallel in self._room.items() if taken.count(name) < parallel]

    def ended(self, job: Job) -> None:
        """Its handler has returned."""
        self._taken.pop(job.id, None)

    async def dequeue(
        self, batch_size: int, entrypoints: dict[Any, Any], *args: Any, **kwargs: Any
    ) -> list[Job]:
        """Pick a job of an entry that has room."""
        self.told = False
        entries: dict[Any, Any] = {name: entrypoints[name] for name in self.open}
        if not entries:
            return []
        announced, self.announced = self.announced, False
        jobs = await super().dequeue(batch_size, entries, *args, **kwargs)
        if jobs:
            self.pause = 0.0
        elif announced:
            self.pause = min(LONGEST_PAUSE, max(SHORTEST_PAUSE, 2 * self.pause))
        self._taken |= {job.id: job.entrypoint for job in jobs}
        return jobs

    # After a look that found nothing PgQueuer asks whether it may have overlooked something. It has not: what
    # comes after the look has begun is heard, and heard again when there is room.

    async def eligible_queued_work(self, entrypoints: list[Any]) -> int:
        """Nothing was overlooked."""
        del entrypoints
        return 0

    async def queued_work(self, entrypoints: list[Any]) -> int:
        """Nothing was overlooked."""
        del entrypoints
        return 0

    async def next_deferred_eta(self, entrypoints: list[Any]) -> timedelta | None:
        """In how long to look again, for what is to wait until then."""
        del entrypoints
        if not self.open:
            return None
        [row] = await self.driver.fetch(NEXT, self.open)
        eta = row["eta"]
        return eta if isinstance(eta, timedelta) else None


def queries_over(driver: Driver) -> Queries:
    return Queries(
        driver, QueryBuilderEnvironment(NAMES), QueryQueueBuilder(NAMES), QuerySchedulerBuilder(NAMES)
    )


def _nothing() -> None:
    pass


def _ignore(payload: str) -> None:
    del payload
