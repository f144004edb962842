"""Children of a worker: what tests ask one to do, and how they see that one has ended."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from cleanplate import settings
from cleanplate.worker.children import asked, limits
from workshop import DEADLINE, STAMP

if TYPE_CHECKING:
    from cleanplate.task import AskedRegion

LIMITS = limits(settings.Picture())


def removal(region: AskedRegion | None = STAMP, **changes) -> dict:
    return {
        "operation": "remove",
        "limits": LIMITS,
        "region": asked(region),
        "mode": "auto",
        "sensitivity": 0.5,
        "format": None,
        "for_browsers": False,
        "quality": 95,
        "history": True,
        **changes,
    }


async def gone(pid: int) -> None:
    """Wait until a process has ended."""
    try:
        ending = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(ending, ended.set)
    try:
        async with asyncio.timeout(DEADLINE):
            await ended.wait()
    finally:
        asyncio.get_running_loop().remove_reader(ending)
        os.close(ending)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
