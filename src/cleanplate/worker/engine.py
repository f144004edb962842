"""What a worker needs of the engine that wakes it, whichever adapter carries the wake-ups."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, Self

from cleanplate.task import Wakeups

if TYPE_CHECKING:
    from cleanplate.store import Line

Handler = Callable[[str], Awaitable[None]]
Lane = Literal["heavy", "light"]

SCHEDULED = "every"  # the key of entries that run by the clock


@dataclass(frozen=True, slots=True)
class Entry:
    """What is done for the wake-ups of one name, how many at the same time, and beside what.

    Attributes:
        name: of the entry.
        handler: awaited with the key; what it raises is logged, and the wake-up is over.
        parallel: how many run at the same time in this process.
        lane: `"heavy"` for what takes long, `"light"` for what should never wait behind it.
    """

    name: str
    handler: Handler
    parallel: int
    lane: Lane


class Engine(Wakeups, Protocol):
    """The `Wakeups` of a process that also works.

    First `handle` says what each entry does, `schedule` which of them run by the clock; then `run`.
    """

    @property
    def shared(self) -> bool:
        """Whether other processes hear what this one wakes."""
        ...

    @property
    def whole(self) -> bool:
        """Whether wake-ups come through, as far as is known."""
        ...

    def handle(self, entry: str, handler: Handler, *, parallel: int = 1, lane: Lane = "light") -> None:
        """Say what is done for an entry. Before `run`, once for each entry."""
        ...

    def stop(self) -> None:
        """Start nothing any more; `run` returns when the last running handler has."""
        ...

    async def forget(self) -> None:
        """Drop whatever the engine has written down of what is over."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *_: object) -> None: ...


def engine_over(line: Line | None, most_waiting: int) -> Engine:
    """The adapter for this database.

    Args:
        line: to the database that processes share; None: there is one process.
        most_waiting: wake-ups that may wait in memory, if that is more than usual.
    """
    if line is None:
        from cleanplate.worker.wakeups import MOST_WAITING, InMemoryWakeups

        return InMemoryWakeups(max(MOST_WAITING, most_waiting))
    from cleanplate.worker.queue import PostgresWakeups

    return PostgresWakeups(line)
