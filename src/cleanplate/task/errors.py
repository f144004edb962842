"""What can go wrong in the life of a task."""

from __future__ import annotations

from cleanplate.errors import CleanplateError


class TaskNotFound(CleanplateError):
    """There is no such task, or it has expired: check the task id, or submit the picture again."""

    code = "task_not_found"


class QueueFull(CleanplateError):
    """The server has more work than it can do in time: try again later.

    Attributes:
        retry_after: whole seconds (1 or more) after which trying again is worthwhile.
    """

    code = "queue_full"
    retryable = True

    def __init__(
        self, public_message: str | None = None, *, retry_after: int = 1, detail: str | None = None
    ) -> None:
        super().__init__(public_message, detail=detail)
        self.retry_after = retry_after


class AccountBusy(QueueFull):
    """The account has as many unfinished tasks as it may: wait until one of them has ended."""

    code = "account_busy"


class BatchNotFound(CleanplateError):
    """There is no such batch, or it has expired: check its id."""

    code = "batch_not_found"


class TaskEnded(CleanplateError):
    """This task has ended already, so that it cannot be cancelled."""

    code = "task_ended"


class TaskCancelled(CleanplateError):
    """This task was cancelled, and its credits were given back."""

    code = "task_cancelled"


class IdempotencyConflict(CleanplateError):
    """This Idempotency-Key was used for another request: send a new key with a new request."""

    code = "idempotency_conflict"


class WorkerCrashed(CleanplateError):
    """This picture could not be processed: the worker broke down on it several times."""

    code = "worker_crashed"


class TaskExpired(CleanplateError):
    """The task was not finished before it expired: submit the picture again."""

    code = "task_expired"
    retryable = True


class TransitionRefused(CleanplateError):
    """The task is not in a state that allows this.

    Raised by the pure state machine in `life`; `Tasks` turns it into `None` or `False` for the caller.
    """

    code = "transition_refused"
