"""Tasks: accepted durably, claimed with a fence, finished or refunded exactly once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cleanplate import settings
    from cleanplate.account import Caller
    from cleanplate.errors import CleanplateError
    from cleanplate.store import Blobs, Database
    from cleanplate.task.ports import Completions, Wakeups
    from cleanplate.task.record import Failure, Outcome, Request, Task


@dataclass(frozen=True, slots=True)
class Purged:
    """What one purge did: unfinished tasks failed, rows removed, blobs removed."""

    expired: int
    removed: int
    blobs: int


class Tasks:
    """The tasks of this server. The table is the truth; wake-ups and completions only carry hints."""

    def __init__(
        self,
        db: Database,
        blobs: Blobs,
        wakeups: Wakeups,
        completions: Completions,
        settings: settings.Task,
        *,
        slots: int = 1,
        clock: Callable[[], float] = time.time,
    ) -> None:
        raise NotImplementedError

    async def submit(self, caller: Caller, request: Request, uploads: Mapping[str, bytes]) -> Task:
        """Accept a task: when this returns, it survives the loss of power.

        Args:
            caller: whose credits pay.
            request: its blob sources name an upload (`Source("blob", "source")`).
            uploads: `"source"` and `"region"`, as far as the request names them.

        Raises:
            QueueFull: too much is waiting already.
            CreditsInsufficient: the account cannot pay.
            StorageFailed: nothing was accepted; try again.
        """
        raise NotImplementedError

    async def get(self, account_id: str, task_id: str) -> Task:
        """Read one's own task.

        Raises:
            TaskNotFound: also for another account's, a malformed or an expired id.
        """
        raise NotImplementedError

    async def wait(self, account_id: str, task_id: str, seconds: float) -> Task:
        """Read one's own task as soon as it has ended, or as it is after `seconds`.

        Raises:
            TaskNotFound: as `get`.
        """
        raise NotImplementedError

    async def claim(self, task_id: str, worker_id: str) -> Task | None:
        """Take a task to work on it; None: there is nothing to do (any more, or someone else does it)."""
        raise NotImplementedError

    async def extend(self, task: Task) -> bool:
        """Renew the lease of a claimed task; False: it was taken away, stop working on it."""
        raise NotImplementedError

    async def finish(self, task: Task, outcome: Outcome) -> bool:
        """Make it done and charge for it; False: it is no longer this attempt's, remove the result blob."""
        raise NotImplementedError

    async def fail(self, task: Task, failure: CleanplateError | Failure) -> bool:
        """Make it failed and refund; False: it is no longer this attempt's."""
        raise NotImplementedError

    async def lose(self, task: Task) -> bool:
        """The child died over it: queue it again, or fail and refund it after `max_losses`."""
        raise NotImplementedError

    async def hand_back(self, task: Task) -> bool:
        """Queue it again without blame (shutdown)."""
        raise NotImplementedError

    async def sweep(self) -> list[str]:
        """Wake every queued task, every running one whose lease has ended, and every due delivery.

        Returns:
            the ids that were woken.
        """
        raise NotImplementedError

    async def purge(self) -> Purged:
        """Fail and refund what expired unfinished; remove rows and blobs of what expired, and stray blobs."""
        raise NotImplementedError

    async def depth(self) -> int:
        """How many tasks are queued or running."""
        raise NotImplementedError
