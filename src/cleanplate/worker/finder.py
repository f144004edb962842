"""Looking at pictures for somebody who sits in front of them: what would be removed, how a result looks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cleanplate.worker.children import Slots, limits

if TYPE_CHECKING:
    from cleanplate import settings
    from cleanplate.worker.children import Upbringing

IDLE_SECONDS = 300.0  # after which its child, which holds the networks, is ended


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in a picture.

    Attributes:
        width: of the upright picture, pixels.
        height: of the upright picture, pixels.
        marks: each as `engine.report` describes it.
        areas: for each of them its area inside its box: a PNG of one bit, white where the mark is.
    """

    width: int
    height: int
    marks: list[dict[str, Any]]
    areas: list[bytes]


class Finder:
    """Looks at pictures in a child process of its own, one at a time, which is started when it is needed.

    It is beside the slots of the worker, so that somebody who clicks need not wait behind a batch; and a
    server whose console nobody uses does not pay for it.

    Args:
        pictures: the limits of pictures.
        seconds: longest that one look may take.
        upbringing: how its child is started.
    """

    def __init__(self, pictures: settings.Picture, seconds: float, upbringing: Upbringing) -> None:
        self._limits = limits(pictures)
        self._decode_seconds = pictures.decode_seconds
        self._seconds = seconds
        self._upbringing = replace(upbringing, paints=False)
        self._slots: Slots | None = None
        self._starting = asyncio.Lock()
        self._looking = 0
        self._resting: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def find(self, picture: bytes, sensitivity: float) -> Found:
        """Find the marks of an encoded picture.

        Args:
            picture: encoded.
            sensitivity: 0–1, how readily something is taken for a mark.

        Raises:
            CleanplateError: what is wrong with the picture.
            PictureTooSlow, TaskTimeout: it took too long.
            ChildDied, ChildNotStarted: the server cannot look at it.
        """
        told, areas = await self._ask({"operation": "find", "sensitivity": sensitivity}, picture)
        return Found(told["width"], told["height"], told["marks"], areas)

    async def thumbnail(self, picture: bytes, side: int) -> bytes:
        """A small WebP of an encoded picture, at most `side` pixels wide and high.

        Raises:
            CleanplateError: as `find`.
        """
        _, [small] = await self._ask({"operation": "thumbnail", "side": side}, picture)
        return small

    async def aclose(self) -> None:
        """End the child, if there is one."""
        self._retire()
        await asyncio.gather(*self._closing)

    async def _ask(self, request: dict[str, Any], picture: bytes) -> tuple[dict[str, Any], list[bytes]]:
        self._looking += 1
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        try:
            slots = await self._started()
            async with slots.take() as child:
                return await child.request(
                    {**request, "limits": self._limits},
                    [picture],
                    seconds=self._seconds,
                    decode_seconds=self._decode_seconds,
                )
        finally:
            self._looking -= 1
            if not self._looking:
                self._resting = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._retire)

    async def _started(self) -> Slots:
        async with self._starting:
            if self._slots is None:
                slots = Slots(1, self._upbringing)
                await slots.start()
                self._slots = slots
            return self._slots

    def _retire(self) -> None:
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        if self._slots is not None:
            closing = asyncio.create_task(self._slots.close())
            self._slots = None
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
