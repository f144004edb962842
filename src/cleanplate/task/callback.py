"""What became of a task's callback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleanplate.store.queries import deliveries as delivery_rows

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class CallbackTry:
    """One try: when, and the receiver's status or why there is none."""

    number: int
    at: float
    status: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback and its tries so far.

    Attributes:
        url: who is called.
        state: `"pending"`, `"delivered"` or `"failed"`.
        next_at: of a pending one: when it is tried next (or may be taken for lost, while a try runs).
        tries: the first first.
    """

    url: str
    state: str
    next_at: float | None
    tries: tuple[CallbackTry, ...]


async def read_callback(connection: AsyncConnection, task_id: str) -> Callback | None:
    """The callback of a task that has ended, or None."""
    row = await delivery_rows.of_task(connection, task_id)
    if row is None:
        return None
    tries = await delivery_rows.tries_of(connection, row["id"])
    return Callback(
        url=row["url"],
        state=row["state"],
        next_at=row["next_at"] if row["state"] == "pending" else None,
        tries=tuple(CallbackTry(one["number"], one["at"], one["status"], one["error"]) for one in tries),
    )


async def repeat_callback(connection: AsyncConnection, task_id: str, now: float) -> str | None:
    """Have the callback of a task made once more, in the caller's transaction.

    Returns:
        the delivery's id. None: there is no callback, or it is being made already.
    """
    row = await delivery_rows.of_task(connection, task_id)
    return row["id"] if row is not None and await delivery_rows.make_due(connection, row["id"], now) else None
