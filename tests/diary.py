"""A handler of wake-ups that can be watched, and an engine that runs for as long as it is needed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cleanplate.worker.engine import Engine


DEADLINE = 60  # seconds; far beyond what anything here takes, on a crowded machine too


class Diary:
    """A handler that writes down each of its runs, and holds them until it is told to let go."""

    def __init__(self, news: asyncio.Condition | None = None) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.together = 0
        self.most_together = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.news = news or asyncio.Condition()

    async def __call__(self, key: str) -> None:
        self.together += 1
        self.most_together = max(self.most_together, self.together)
        await self._note(self.begun, key)
        await self.gate.wait()
        self.together -= 1
        await self._note(self.ended, key)

    async def _note(self, page: list[str], key: str) -> None:
        async with self.news:
            page.append(key)
            self.news.notify_all()

    async def until(self, condition) -> None:
        async with asyncio.timeout(DEADLINE), self.news:
            await self.news.wait_for(condition)


@asynccontextmanager
async def running(wakeups: Engine):
    task = asyncio.create_task(wakeups.run())
    try:
        yield task
    finally:
        wakeups.stop()
        async with asyncio.timeout(DEADLINE):
            await task
