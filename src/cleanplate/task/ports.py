"""What the life of a task needs from outside: someone to wake workers, someone to tell who waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

RUN_TASK = "run_task"  # entry; the key is a task id
DELIVER = "deliver"  # entry; the key is a delivery id
AGAIN = (
    -1
)  # priority of a delivery that was tried before: first tries, at 0, do not wait behind dead receivers


class Wakeups(Protocol):
    """Says "look at this"; never holds the truth, so any wake-up may be lost or come twice.

    An adapter raises nothing that matters: `Tasks` logs a failing wake-up and goes on, the sweep repeats it.
    """

    async def wake(self, entry: str, key: str, *, priority: int = 0, delay: float = 0.0) -> None:
        """Ask for `entry` to be run with `key`; the same pair still waiting is not added again.

        Args:
            entry: `"run_task"` (key: task id) or `"deliver"` (key: delivery id).
            key: what to look at.
            priority: the higher number goes first.
            delay: seconds from now before which it is not run.
        """
        ...

    async def wake_all(self, entry: str, wishes: Sequence[tuple[str, int]], *, delay: float = 0.0) -> None:
        """Wake many: (key, priority) each."""
        ...

    async def cancel(self, entry: str, key: str) -> None:
        """Forget the waiting wake-up, if there is one."""
        ...

    def schedule(self, entry: str, every_seconds: float) -> None:
        """Run `entry` again and again (sweep, purge). Before `run`."""
        ...

    async def run(self) -> None:
        """Work until cancelled or shut down."""
        ...

    async def depth(self) -> int:
        """How many wake-ups wait."""
        ...


class Watch(Protocol):
    """One caller's ear for one task, open since `Completions.watch` was entered."""

    async def wait(self, seconds: float) -> bool:
        """Wait until the task is announced as finished.

        Returns:
            True when it was announced since the watch began; False when `seconds` passed without it.
        """
        ...


class Completions(Protocol):
    """Tells those who wait that a task is done or failed."""

    def watch(self, task_id: str) -> AbstractContextManager[Watch]:
        """Start listening for one task. Listen first, then read the task, then wait: nothing is missed."""
        ...

    async def announce(self, task_id: str) -> None:
        """Wake everyone who watches this task."""
        ...
