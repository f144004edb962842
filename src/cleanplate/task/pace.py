"""How fast work gets done, read from the tasks that were done last, whichever process did them.

For an honest `Retry-After`, and for the backlog.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cleanplate.store.queries import tasks as task_rows

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

FIRST_GUESS = 2.0  # seconds a task, before any was done
LATEST = 50  # tasks that are looked at: one odd one does not decide
LONGEST = 600  # seconds; nobody plans further ahead, and by then all may be different


async def seconds_a_task(connection: AsyncConnection) -> float:
    """How long one task takes in a slot, on the average of the latest."""
    seconds = await task_rows.mean_seconds(connection, LATEST)
    return FIRST_GUESS if seconds is None else max(0.0, seconds)  # below: a clock was set back


def retry_after(seconds: float, places: int, slots: int) -> int:
    """In how many whole seconds (1–600) so many places are free.

    Args:
        seconds: that one task takes.
        places: tasks that must end before.
        slots: that work on them.
    """
    return max(1, min(LONGEST, math.ceil(seconds * places / slots)))
