"""What can go wrong between a worker and its children."""

from __future__ import annotations

from cleanplate.errors import CleanplateError


class TaskTimeout(CleanplateError):
    """Cleaning this picture took longer than allowed: send a smaller one, or mark a smaller region."""

    code = "task_timeout"


class OutOfMemory(CleanplateError):
    """The picture needs more memory than allowed: send a smaller one."""

    code = "out_of_memory"


class ChildFailed(CleanplateError):
    """Something went wrong inside the server while it worked on this picture."""

    code = "internal_error"


class ChildDied(CleanplateError):
    """The process that worked on this picture broke down: try again."""

    code = "worker_died"
    retryable = True


class ChildNotStarted(CleanplateError):
    """The server cannot start its picture processes; its log says why."""

    code = "worker_not_started"
    retryable = True
