"""The life of a task: accepted durably, claimed with a fence, finished or refunded exactly once."""

from __future__ import annotations

from cleanplate.task.batches import Batch, NewBatch, Picture
from cleanplate.task.callback import Callback
from cleanplate.task.completions import InMemoryCompletions, PostgresCompletions, completions_over
from cleanplate.task.errors import (
    AccountBusy,
    BatchNotFound,
    IdempotencyConflict,
    QueueFull,
    TaskCancelled,
    TaskEnded,
    TaskExpired,
    TaskNotFound,
    TransitionRefused,
    WorkerCrashed,
)
from cleanplate.task.keys import result_key
from cleanplate.task.listing import Choice, Page, Place
from cleanplate.task.ports import Completions, Wakeups, Watch
from cleanplate.task.purge import Purged
from cleanplate.task.record import AskedRegion, Failure, Outcome, Request, Source, State, Task
from cleanplate.task.rows import read_task
from cleanplate.task.standing import Standing
from cleanplate.task.tasks import Tasks

__all__ = [
    "AccountBusy",
    "AskedRegion",
    "Batch",
    "BatchNotFound",
    "Callback",
    "Choice",
    "Completions",
    "Failure",
    "IdempotencyConflict",
    "InMemoryCompletions",
    "NewBatch",
    "Outcome",
    "Page",
    "Picture",
    "Place",
    "PostgresCompletions",
    "Purged",
    "QueueFull",
    "Request",
    "Source",
    "Standing",
    "State",
    "Task",
    "TaskCancelled",
    "TaskEnded",
    "TaskExpired",
    "TaskNotFound",
    "Tasks",
    "TransitionRefused",
    "Wakeups",
    "Watch",
    "WorkerCrashed",
    "completions_over",
    "read_task",
    "result_key",
]
