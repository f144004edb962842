"""The worker as a whole: its children, what it does by the clock, and how it comes to rest."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING, Self

import structlog

from cleanplate.task.ports import DELIVER, RUN_TASK
from cleanplate.worker.children import Slots, Upbringing
from cleanplate.worker.work import Work

if TYPE_CHECKING:
    from cleanplate.fetch import Fetcher
    from cleanplate.notify import Deliveries
    from cleanplate.settings import Settings
    from cleanplate.store import Blobs
    from cleanplate.task import Tasks
    from cleanplate.worker.engine import Engine

log = structlog.get_logger(__name__)

SWEEP = "sweep"
PURGE = "purge"
PURGE_SECONDS = 60.0
LAST_SECONDS = 1.0  # for what only has to be written down, when all the time to drain is used up


class Worker:
    """Works on tasks from `async with` until it is left; then drains.

    It shares the event loop of whoever enters it: a server's, or its own. All pixels are in child processes.

        async with Worker(tasks, blobs, fetcher, deliveries, wakeups, settings):
            ...  # serve

    Leaving it takes no new tasks, lets the running ones finish for `settings.worker.drain_seconds`, then
    kills the children and hands the rest back to the queue.

    Args:
        tasks: what to work on.
        blobs: where uploads are and results go.
        fetcher: for sources that are URLs.
        deliveries: who makes callbacks.
        wakeups: the same that `tasks` was given, with no handlers yet.
        settings: all of them.
    """

    def __init__(
        self,
        tasks: Tasks,
        blobs: Blobs,
        fetcher: Fetcher,
        deliveries: Deliveries,
        wakeups: Engine,
        settings: Settings,
    ) -> None:
        self._tasks = tasks
        self._wakeups = wakeups
        self._drain_seconds = settings.worker.drain_seconds
        self._slots = Slots(settings.slots, Upbringing.of(settings.worker, settings.slots, settings.models))
        name = f"{socket.gethostname()}:{os.getpid()}"
        self._work = Work(name, tasks, blobs, fetcher, self._slots, settings)
        self._running: asyncio.Task[None] | None = None

        wakeups.handle(RUN_TASK, self._work.run_task, parallel=settings.slots, lane="heavy")
        wakeups.handle(DELIVER, deliveries.deliver, parallel=settings.notify.parallel)
        wakeups.handle(SWEEP, self._sweep)
        wakeups.handle(PURGE, self._purge)
        wakeups.schedule(SWEEP, settings.task.sweep_seconds)
        wakeups.schedule(PURGE, PURGE_SECONDS)

    async def __aenter__(self) -> Self:
        """Start the children, then take tasks; what an earlier process left behind is swept up first.

        Raises:
            ChildNotStarted: a child does not start.
        """
        await self._slots.start()
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        running = self._running
        clock = asyncio.get_running_loop().time
        drained_by = clock() + self._drain_seconds
        self._wakeups.stop()
        try:
            await self._work.drain(self._drain_seconds)
        finally:
            await self._slots.close()
            if running is not None:  # callbacks under way, and tasks that were just being claimed
                await asyncio.wait([running], timeout=max(LAST_SECONDS, drained_by - clock()))
                running.cancel()
                await asyncio.wait([running], timeout=LAST_SECONDS)

    @property
    def alive(self) -> bool:
        """Whether tasks are being taken."""
        return self._running is not None and not self._running.done()

    @property
    def child_pids(self) -> list[int]:
        """The process ids of the children that clean pictures."""
        return self._slots.pids

    async def _run(self) -> None:
        try:
            await self._wakeups.run()
        except Exception:
            # `alive` tells whoever looks after the process; tasks stay accepted and durable meanwhile.
            log.critical("wakeups ended", exc_info=True)

    async def _sweep(self, _: str) -> None:
        woken = await self._tasks.sweep()
        log.debug("swept", woken=len(woken))

    async def _purge(self, _: str) -> None:
        await self._wakeups.forget()
        purged = await self._tasks.purge()
        log.debug("purged", expired=purged.expired, removed=purged.removed, blobs=purged.blobs)
