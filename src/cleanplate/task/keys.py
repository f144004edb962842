"""Where a task's blobs are: `sources/<task_id>/<upload>` and `results/<task_id>/<attempt>.<extension>`.

A result's key contains the attempt, so that two attempts can never write over each other: which of them
counts is decided by the transaction that finishes the task.
"""

from __future__ import annotations

SOURCES = "sources"
RESULTS = "results"


def source_key(task_id: str, upload: str) -> str:
    """Key of uploaded bytes: `upload` is `"source"` or `"region"`."""
    return f"{SOURCES}/{task_id}/{upload}"


def result_key(task_id: str, attempt: int, extension: str) -> str:
    """Key of what an attempt made; `extension` without dot."""
    return f"{RESULTS}/{task_id}/{attempt}.{extension}"


def folders(task_id: str) -> tuple[str, str]:
    """Everything that belongs to a task is below these."""
    return f"{SOURCES}/{task_id}", f"{RESULTS}/{task_id}"


def task_of(key: str) -> str:
    """The task that a key belongs to."""
    return key.split("/")[1]
