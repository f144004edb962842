"""Wake-ups inside one process, carried by PgQueuer's in-memory engine.

PgQueuer starts handlers: it keeps priorities, delays and concurrency, and starts a job within a millisecond.
What it leaves open is kept here: two wake-ups of one key never wait side by side nor run at the same time,
and one that arrives while its key runs makes it run again afterwards. PgQueuer's own deduplication does not
serve for that: it holds a key until the job's end has been logged, up to 0.1 s after the handler returned,
and a wake-up within that time would be lost.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Self

import structlog
from pgqueuer import InMemoryDriver, InMemoryQueries, Job, JobId, QueueManager

from cleanplate.worker.engine import SCHEDULED, Entry, Handler, Lane

if TYPE_CHECKING:
    from collections.abc import Sequence

log = structlog.get_logger(__name__)

Pair = tuple[str, str]  # an entry and a key

MOST_WAITING = 10_000  # in each lane, unless more is asked for; what is dropped the next sweep wakes again
SMALL = 1_000  # below this it is not worth while to clear a ranking of those who have gone
HEARTBEAT = timedelta(seconds=30)  # of no consequence in memory: a job's manager cannot die without the job
NEVER = timedelta(0)  # keeps PgQueuer from condensing its log, which is thrown away instead


@dataclass(slots=True)
class _Wish:
    """One wake-up: not before `due` (monotonic seconds), the higher `priority` first."""

    due: float
    priority: int
    job: JobId | None = None  # where it waits in the engine

    def covers(self, other: _Wish) -> bool:
        return self.due <= other.due and self.priority >= other.priority

    def merged(self, other: _Wish) -> _Wish:
        return _Wish(min(self.due, other.due), max(self.priority, other.priority))

    @property
    def urgency(self) -> tuple[int, float]:
        """The higher goes first: by priority, and among equals by what is due."""
        return self.priority, -self.due


class _Lane:
    """One PgQueuer manager with a queue of its own, so that long work cannot hold up short work."""

    def __init__(self) -> None:
        self.queries = InMemoryQueries(InMemoryDriver())
        self.manager = QueueManager(self.queries)
        self.waiting: dict[Pair, _Wish] = {}
        # The least urgent first; among equals the one that came last. Some have gone since.
        self._ranked: list[tuple[tuple[int, float], int, Pair, _Wish]] = []
        self._order = itertools.count(step=-1)

    async def put(self, pair: Pair, wish: _Wish, *, may_be_dropped: bool) -> None:
        self.waiting[pair] = wish
        if may_be_dropped:
            self._rank(pair, wish)
        entry, key = pair
        delay = timedelta(seconds=max(0.0, wish.due - time.monotonic()))
        [job] = await self.queries.enqueue(entry, key.encode(), wish.priority, delay)
        wish.job = job

    async def take_out(self, pair: Pair) -> None:
        wish = self.waiting.pop(pair, None)
        if wish is not None and wish.job is not None:
            await self.queries.mark_job_as_cancelled([wish.job])

    def least_urgent(self) -> tuple[Pair, _Wish] | None:
        """Who of those that may be dropped would be the last to have its turn."""
        while self._ranked:
            *_, pair, wish = self._ranked[0]
            if self.waiting.get(pair) is wish:
                return pair, wish
            heapq.heappop(self._ranked)
        return None

    def _rank(self, pair: Pair, wish: _Wish) -> None:
        heapq.heappush(self._ranked, (wish.urgency, next(self._order), pair, wish))
        if len(self._ranked) > 2 * max(SMALL, len(self.waiting)):
            self._ranked = [one for one in self._ranked if self.waiting.get(one[2]) is one[3]]
            heapq.heapify(self._ranked)

    async def run(self) -> None:
        # One job at a time is fetched, so that a more urgent one that arrives meanwhile goes first.
        await self.manager.run(batch_size=1, heartbeat_timeout=HEARTBEAT, log_aggregation_interval=NEVER)

    async def forget(self) -> None:
        await self.queries.clear_queue_log()
        await self.queries.clear_statistics_log()


class InMemoryWakeups:
    """The `Wakeups` of a server that is one process. Not thread-safe: one event loop.

    First `handle` says what each entry does, `schedule` which of them run by the clock; then `run`. Wake-ups
    are taken from the beginning and wait until `run`. Everything is forgotten when the process ends.

    Args:
        most_waiting: wake-ups that may wait in each lane. Of more, the least urgent is dropped (the sweep
            repeats it).
    """

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._lanes: dict[Lane, _Lane] = {"heavy": _Lane(), "light": _Lane()}
        self._entries: dict[str, Entry] = {}
        self._periods: dict[str, float] = {}
        self._running: dict[Pair, _Wish | None] = {}  # the value: run it again

    @property
    def shared(self) -> bool:
        """Nobody else hears of anything."""
        return False

    @property
    def whole(self) -> bool:
        """There is nothing that could break."""
        return True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop()

    def handle(self, entry: str, handler: Handler, *, parallel: int = 1, lane: Lane = "light") -> None:
        """Say what is done for an entry. Before `run`, once for each entry; see `Entry`."""
        self._entries[entry] = Entry(entry, handler, parallel, lane)

        async def start(job: Job) -> None:
            await self._start(entry, (job.payload or b"").decode(), job.id)

        self._lanes[lane].manager.entrypoint(entry, concurrency_limit=parallel, accepts_context=False)(start)

    def schedule(self, entry: str, every_seconds: float) -> None:
        """Run an entry when `run` begins and `every_seconds` after each of its ends. Before `run`."""
        self._periods[entry] = every_seconds

    async def wake(self, entry: str, key: str, *, priority: int = 0, delay: float = 0.0) -> None:
        """Have the entry's handler run with `key`, after `delay` seconds, the higher priority first.

        A pair that waits already keeps the earlier time and the higher priority of both. One that runs is
        run again when it has ended.
        """
        pair = (entry, key)
        wish = _Wish(time.monotonic() + delay, priority)
        if pair in self._running:
            known = self._running[pair]
            self._running[pair] = known.merged(wish) if known else wish
            return
        await self._wait(pair, wish)

    async def wake_all(self, entry: str, wishes: Sequence[tuple[str, int]], *, delay: float = 0.0) -> None:
        """Wake many keys at once, each with its priority."""
        for key, priority in wishes:
            await self.wake(entry, key, priority=priority, delay=delay)

    async def cancel(self, entry: str, key: str) -> None:
        """Forget the waiting wake-up, if there is one. What runs is not interrupted."""
        pair = (entry, key)
        if pair in self._running:
            self._running[pair] = None
        await self._lane(entry).take_out(pair)

    async def depth(self) -> int:
        """How many wake-ups wait, those by the clock not counted."""
        return sum(entry not in self._periods for lane in self._lanes.values() for entry, _ in lane.waiting)

    async def run(self) -> None:
        """Start handlers until `stop`, then wait for those that run. Cancelled: cancel them too."""
        for entry in self._periods:
            await self.wake(entry, SCHEDULED)
        async with asyncio.TaskGroup() as lanes:
            for lane in self._lanes.values():
                lanes.create_task(lane.run())

    def stop(self) -> None:
        """Start nothing any more; `run` returns when the last running handler has."""
        for lane in self._lanes.values():
            lane.manager.shutdown.set()

    async def forget(self) -> None:
        """Drop the engine's log: it keeps three rows (1.3 kB) for each job, and nobody reads them."""
        for lane in self._lanes.values():
            await lane.forget()

    def _lane(self, entry: str) -> _Lane:
        return self._lanes[self._entries[entry].lane]

    async def _wait(self, pair: Pair, wish: _Wish) -> None:
        entry, _ = pair
        lane = self._lane(entry)
        by_the_clock = entry in self._periods  # nobody would wake it again
        known = lane.waiting.get(pair)
        if known is not None:
            if known.covers(wish):
                return
            wish = known.merged(wish)
            await lane.take_out(pair)
        elif not by_the_clock and not await self._has_room(lane, pair, wish):
            return
        await lane.put(pair, wish, may_be_dropped=not by_the_clock)

    async def _has_room(self, lane: _Lane, pair: Pair, wish: _Wish) -> bool:
        """Whether it may wait in the lane, in a full one in place of a less urgent one."""
        if len(lane.waiting) < self._most_waiting:
            return True
        least = lane.least_urgent()
        gives_way = least is not None and least[1].urgency < wish.urgency
        entry, key = least[0] if least is not None and gives_way else pair
        log.warning("wakeup dropped", entry=entry, key=key, waiting=len(lane.waiting))
        if gives_way:
            await lane.take_out((entry, key))
        return gives_way

    async def _start(self, entry: str, key: str, job: JobId) -> None:
        pair = (entry, key)
        waiting = self._lane(entry).waiting
        waited = waiting.get(pair)
        if waited is None or waited.job != job:
            return  # cancelled, or moved to another time, after the engine had taken it out of its queue
        del waiting[pair]
        self._running[pair] = None
        try:
            await self._entries[entry].handler(key)
        except Exception:
            log.exception("wakeup failed", entry=entry, key=key)
        finally:
            again = self._running.pop(pair)
            if entry in self._periods:
                by_the_clock = _Wish(time.monotonic() + self._periods[entry], 0)
                again = again.merged(by_the_clock) if again else by_the_clock
        if again is not None:
            await self._wait(pair, again)
