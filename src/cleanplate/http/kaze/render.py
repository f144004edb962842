"""What Kaze's answers look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired

from typing_extensions import TypedDict  # before Python 3.12, pydantic does not read the one in typing

from cleanplate.task import State

if TYPE_CHECKING:
    from cleanplate.account import Quota
    from cleanplate.http.desk import Desk
    from cleanplate.task import Task

# Failures that are the clock's: `timeout` is to be read as failed.
TIMEOUTS = frozenset({"picture_too_slow", "task_expired", "task_timeout"})


class TaskId(TypedDict):
    task_id: str


class Submitted(TypedDict):
    code: int
    message: str
    data: TaskId


class Image(TypedDict):
    url: str


class Progress(TypedDict):
    status: str  # processing, success, failed or timeout
    images: list[Image]
    err_msg: NotRequired[str]


class Result(TypedDict):
    code: int
    message: str
    data: Progress


class Allowance(TypedDict):
    limit: int
    usage: int
    remaining: int


class QuotaAnswer(TypedDict):
    code: int
    message: str
    data: Allowance


class Refusal(TypedDict):
    code: int  # 1000 parameter, 1001 method, 1002 authentication, 1003 credits, 11xx internal
    message: str
    data: None


def submitted(task: Task) -> Submitted:
    """The answer to an accepted picture."""
    return {"code": 0, "message": "success", "data": {"task_id": task.id}}


def result(desk: Desk, task: Task, base_url: str) -> Result:
    """The answer to a question about a task; a failed task is a successful answer."""
    return {"code": 0, "message": "success", "data": _progress(desk, task, base_url)}


def _progress(desk: Desk, task: Task, base_url: str) -> Progress:
    if task.state is State.DONE:
        return {"status": "success", "images": [{"url": desk.links.url(task, base_url)}]}
    if task.failure is not None:
        status = "timeout" if task.failure.code in TIMEOUTS else "failed"
        return {"status": status, "images": [], "err_msg": task.failure.message}
    return {"status": "processing", "images": []}


def quota(known: Quota, unlimited: int) -> QuotaAnswer:
    """The answer about credits; the vendor's page has a capital S here.

    Args:
        known: what the account has.
        unlimited: the limit that stands for none.
    """
    limit = unlimited if known.limit is None else known.limit
    remaining = max(0, limit - known.usage) if known.remaining is None else known.remaining
    return {
        "code": 0,
        "message": "Success",
        "data": {"limit": limit, "usage": known.usage, "remaining": remaining},
    }
