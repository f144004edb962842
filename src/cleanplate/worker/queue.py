"""Wake-ups in PostgreSQL, carried by PgQueuer: one queue for all processes on one database.

PgQueuer brings the table, the claiming of its rows (`FOR UPDATE SKIP LOCKED`), heartbeats, so that the job of
a process that has died is given to another, and `LISTEN`. What it leaves open, or does differently, is here:

* Its deduplication holds a key until the job has been logged as ended, and what is enqueued meanwhile is
  dropped. A trigger releases the key when the job is picked; what is woken from then on waits anew.
* Its limits count over all processes; ours are of one process. So the room is looked at here, and only
  entries that have some are asked for.
* It listens to every change of its table, and asks the database four times after each. Here only new rows
  count, and only to a process that has room for them (`lane.py`).
* Its log, three rows a job, is read by nobody: a trigger keeps it empty.

The tables are `UNLOGGED`: they cost no waiting for the disk, and are empty after a crash of the server. The
table of tasks is the truth, and the sweep fills them again.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Self

import structlog
from pgqueuer.domain.schema.queue import dedupe_predicate

from cleanplate.store import StorageFailed
from cleanplate.worker.engine import SCHEDULED, Entry, Handler, Lane
from cleanplate.worker.lane import NAMES, QUEUE, Driver, QueueLane, queries_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cleanplate.store import Line

log = structlog.get_logger(__name__)

TABLES_LOCK = 0x636C6562  # PostgreSQL's advisory lock around making the tables

# A later version of these gets names of its own, so that it is seen whether they are there.
TRIGGERS = f"""
CREATE OR REPLACE FUNCTION cleanplate_wakeup_picked() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN NEW.dedupe_key := NULL; RETURN NEW; END $$;
CREATE OR REPLACE TRIGGER cleanplate_wakeup_picked BEFORE UPDATE OF status ON {QUEUE}
FOR EACH ROW WHEN (NEW.status = 'picked') EXECUTE FUNCTION cleanplate_wakeup_picked();

CREATE OR REPLACE FUNCTION cleanplate_wakeup_unlogged() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RETURN NULL; END $$;
CREATE OR REPLACE TRIGGER cleanplate_wakeup_unlogged BEFORE INSERT ON {NAMES.queue_table_log}
FOR EACH ROW EXECUTE FUNCTION cleanplate_wakeup_unlogged();
"""
HAS_TRIGGERS = (
    "SELECT 1 FROM pg_trigger WHERE tgname = 'cleanplate_wakeup_unlogged' AND tgrelid = to_regclass($1)"
)

# Sorted by key: two that wake the same keys at the same time lock their rows in the same order.
WAKE = f"""
INSERT INTO {QUEUE} AS job (priority, entrypoint, payload, execute_after, dedupe_key, status)
SELECT wish.priority, $1, convert_to(wish.key, 'UTF8'), now() + $4::interval, $1 || ' ' || wish.key, 'queued'
FROM unnest($2::text[], $3::int[]) AS wish (key, priority)
ORDER BY wish.key
ON CONFLICT (dedupe_key) WHERE {dedupe_predicate(NAMES)}
DO UPDATE SET priority = greatest(job.priority, excluded.priority),
              execute_after = least(job.execute_after, excluded.execute_after)
WHERE job.priority < excluded.priority OR job.execute_after > excluded.execute_after
"""  # noqa: S608  # made of names above
CANCEL = f"DELETE FROM {QUEUE} WHERE dedupe_key = $1 AND status = 'queued'"  # noqa: S608  # names
DEPTH = f"SELECT count(*) AS depth FROM {QUEUE} WHERE status = 'queued' AND payload <> $1"  # noqa: S608  # names


class PostgresWakeups:
    """The `Wakeups` of many processes on one PostgreSQL. Not thread-safe: one event loop.

    Enter it before anything is woken; a process that only wakes never calls `run`. A key that runs in this
    process does not run beside itself in it; in another process it may, and is told apart by the fence.

    Args:
        line: open; kept by whoever opened it.
    """

    def __init__(self, line: Line) -> None:
        self._line = line
        self._entries: dict[str, Entry] = {}
        self._periods: dict[str, float] = {}
        self._running: dict[tuple[str, str], bool] = {}  # the value: woken again meanwhile
        self._lanes: dict[Lane, QueueLane] = {}
        self._stopping = asyncio.Event()

    @property
    def shared(self) -> bool:
        """Every process on the database hears what is woken."""
        return True

    @property
    def whole(self) -> bool:
        """Whether the line to the database is."""
        return self._line.whole

    async def __aenter__(self) -> Self:
        """Make the tables, or bring those of an older PgQueuer up to date.

        Raises:
            StorageFailed: the database does not answer, or refuses.
        """
        await self._line.fetch("SELECT pg_advisory_lock($1)", TABLES_LOCK)
        try:
            queries = queries_over(Driver(self._line, self._stopping))
            if await queries.schema_is_installed():
                await queries.upgrade()
            else:
                await queries.install()
            if not await self._line.fetch(HAS_TRIGGERS, NAMES.queue_table_log):
                await self._line.run(TRIGGERS)
        finally:
            await self._line.fetch("SELECT pg_advisory_unlock($1)", TABLES_LOCK)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop()

    def handle(self, entry: str, handler: Handler, *, parallel: int = 1, lane: Lane = "light") -> None:
        """Say what is done for an entry. Before `run`, once for each entry; see `Entry`."""
        self._entries[entry] = Entry(entry, handler, parallel, lane)

    def schedule(self, entry: str, every_seconds: float) -> None:
        """Run an entry when `run` begins and `every_seconds` after each of its ends. Before `run`.

        It runs in one process at a time, whichever is there.
        """
        self._periods[entry] = every_seconds

    async def wake(self, entry: str, key: str, *, priority: int = 0, delay: float = 0.0) -> None:
        """Have the entry's handler run with `key` in some process, after `delay` seconds.

        A pair that waits already keeps the earlier time and the higher priority of both. One that runs is
        run again.

        Raises:
            StorageFailed: the database does not answer.
        """
        await self._wake(entry, [(key, priority)], delay)

    async def wake_all(self, entry: str, wishes: Sequence[tuple[str, int]], *, delay: float = 0.0) -> None:
        """Wake many keys at once, each with its priority.

        Raises:
            StorageFailed: the database does not answer.
        """
        if wishes:
            await self._wake(entry, wishes, delay)

    async def cancel(self, entry: str, key: str) -> None:
        """Forget the waiting wake-up, if there is one. What runs is not interrupted."""
        if (entry, key) in self._running:
            self._running[entry, key] = False
        await self._line.fetch(CANCEL, f"{entry} {key}")

    async def depth(self) -> int:
        """How many wake-ups wait for any process, those by the clock not counted."""
        [row] = await self._line.fetch(DEPTH, SCHEDULED.encode())
        return row["depth"]

    async def run(self) -> None:
        """Start handlers until `stop`, then wait for those that run. Cancelled: cancel them too.

        A database that is away is waited for.

        Raises:
            StorageFailed: it answers, and refuses what is asked of it.
        """
        for lane in ("heavy", "light"):
            entries = {name: entry for name, entry in self._entries.items() if entry.lane == lane}
            if entries:
                self._lanes[lane] = QueueLane(self._line, entries, self._start, self._stopping)
        clocks = [asyncio.create_task(self._tick(entry)) for entry in self._periods]
        try:
            async with asyncio.TaskGroup() as group:
                for lane in self._lanes.values():
                    group.create_task(lane.run())
        finally:
            for clock in clocks:
                clock.cancel()
            await asyncio.gather(*clocks, return_exceptions=True)

    def stop(self) -> None:
        """Start nothing any more; `run` returns when the last running handler has."""
        self._stopping.set()
        for lane in self._lanes.values():
            lane.stop()

    async def forget(self) -> None:
        """Nothing: the log is kept empty."""

    async def _wake(self, entry: str, wishes: Sequence[tuple[str, int]], delay: float) -> None:
        urgencies: dict[str, int] = {}  # one statement cannot say the same key twice
        for key, urgency in wishes:
            urgencies[key] = max(urgency, urgencies.get(key, urgency))
        await self._line.fetch(
            WAKE, entry, list(urgencies), list(urgencies.values()), timedelta(seconds=delay)
        )

    async def _tick(self, entry: str) -> None:
        """See to it that a scheduled entry waits; whoever runs it makes it wait for its next time.

        Only where that chain has broken, because its process died or its row was lost, is there something
        to do here. In between all processes find the same row.
        """
        period = self._periods[entry]
        delay = 0.0
        while True:
            with suppress(StorageFailed):
                await self.wake(entry, SCHEDULED, delay=delay)
                delay = period
            await asyncio.sleep(period)

    async def _start(self, entry: str, key: str) -> None:
        pair = (entry, key)
        if pair in self._running:
            self._running[pair] = True
            return
        self._running[pair] = False
        try:
            await self._entries[entry].handler(key)
        except Exception:
            log.exception("wakeup failed", entry=entry, key=key)
        finally:
            again = self._running.pop(pair)
        with suppress(StorageFailed):  # the sweep, and the clock, make up for it
            if again:
                await self.wake(entry, key)
            elif entry in self._periods and key == SCHEDULED:
                await self.wake(entry, key, delay=self._periods[entry])
