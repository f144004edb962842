"""How fast work gets done, read from the tasks that were done last, whichever process did them.

For an honest `Retry-After`, for who need not wait in vain, and for the backlog.
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


async def measured_seconds(connection: AsyncConnection) -> float | None:
    """How long one task takes from its claim on, on the average of the latest; None: none was done yet."""
    seconds = await task_rows.mean_seconds(connection, LATEST)
    return None if seconds is None else max(0.0, seconds)  # below: a clock was set back


async def seconds_a_task(connection: AsyncConnection) -> float:
    """The same, guessed before any was done."""
    seconds = await measured_seconds(connection)
    return FIRST_GUESS if seconds is None else seconds


async def at_a_time(connection: AsyncConnection, slots: int) -> int:
    """How many tasks are worked on at a time, by all who work on this database.

    Nobody knows how many slots others have. But where something has to wait, each of them has a task; and how
    many run at a time, over the seconds that one takes from its claim to its end, is how many end in a second
    (Little's law), also where some of those that run only wait for a download. When just a few downloads are
    slow, it is too many, and a wait is told too short rather than somebody turned away for nothing.

    Args:
        connection: the transaction.
        slots: of this process.
    """
    return max(1, slots, await task_rows.count_running(connection))


def retry_after(seconds: float, places: int, slots: int) -> int:
    """In how many whole seconds (1–600) so many places are free.

    Args:
        seconds: that one task takes.
        places: tasks that must end before.
        slots: that work on them.
    """
    return whole(seconds * places / slots)


def whole(seconds: float) -> int:
    """These seconds as `Retry-After` tells them: 1–600."""
    return max(1, min(LONGEST, math.ceil(seconds)))
