"""Completions inside one process: an event for each waiting request."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator


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
        for ear in self._ears.get(task_id, ()):
            ear.hear()
