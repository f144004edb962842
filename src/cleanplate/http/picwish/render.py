"""What PicWish's answers look like.

Clients poll until a key is there, so what is not known yet is absent: never null, never empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired

from typing_extensions import TypedDict  # before Python 3.12, pydantic does not read the one in typing

from cleanplate.http.embedded import PLACE
from cleanplate.http.picwish.errors import DETAILS, FAILED, STATES
from cleanplate.http.picwish.parse import AUTOMATIC, BASE64
from cleanplate.task import State

if TYPE_CHECKING:
    from cleanplate.account import Quota
    from cleanplate.http.desk import Desk
    from cleanplate.task import Task

QUEUED, COMPLETE, PROCESSING = 0, 1, 4
HALF_WAY = 50  # nobody knows better while a task runs


class TaskId(TypedDict):
    task_id: str


class Accepted(TypedDict):
    status: int
    message: str
    data: TaskId


class Progress(TypedDict):
    task_id: str
    state: int  # 0 queued, 1 done, 4 processing, negative: failed
    state_detail: str
    progress: int  # 100 if and only if `state` is 1
    created_at: int
    processed_at: NotRequired[int]
    completed_at: NotRequired[int]
    return_type: int
    image: NotRequired[str]  # a link, or base64; `file` for the automatic call
    file: NotRequired[str]
    image_width: NotRequired[int]
    image_height: NotRequired[int]
    err_info: NotRequired[str]
    err_message: NotRequired[str]


class Result(TypedDict):
    status: int
    message: str
    data: Progress


class Package(TypedDict):
    remaining_credits: int
    used_credits: int


class Credits(TypedDict):
    status: int
    message: str
    data: list[Package]


class Refusal(TypedDict):
    status: int
    message: str


def accepted(task: Task) -> Accepted:
    """The answer to an accepted picture."""
    return {"status": 200, "message": "success", "data": {"task_id": task.id}}


def result(desk: Desk, task: Task, base_url: str) -> Result:
    """The answer to a question about a task; a failed task is a successful answer.

    A result that is to be inside has its `PLACE` there: see `embedded`.
    """
    data = _progress(task)
    if task.outcome is not None:
        # By the call that made it: a client reads `file` of the automatic one and `image` of the others.
        field = "file" if task.request.operation == AUTOMATIC else "image"
        data[field] = PLACE if task.request.return_type == BASE64 else desk.links.url(task, base_url)
        data["image_width"], data["image_height"] = task.outcome.width, task.outcome.height
    if task.failure is None:
        return {"status": 200, "message": "success", "data": data}
    data["err_info"] = data["err_message"] = task.failure.message
    return {"status": 200, "message": task.failure.message, "data": data}


def _progress(task: Task) -> Progress:
    """How far a task is, without what it made."""
    state, detail, percent = _state(task)
    data: Progress = {
        "task_id": task.id,
        "state": state,
        "state_detail": detail,
        "progress": percent,
        "created_at": int(task.created_at),
        "return_type": task.request.return_type,
    }
    if task.started_at is not None:
        data["processed_at"] = int(task.started_at)
    if task.finished_at is not None:
        data["completed_at"] = int(task.finished_at)
    return data


def package_credits(known: Quota, unlimited: int) -> Credits:
    """The answer about credits: one package.

    Args:
        known: what the account has.
        unlimited: the credits that stand for no limit.
    """
    remaining = max(0, unlimited - known.usage) if known.remaining is None else known.remaining
    package: Package = {"remaining_credits": remaining, "used_credits": known.usage}
    return {"status": 200, "message": "success", "data": [package]}


def _state(task: Task) -> tuple[int, str, int]:
    """State, its words, and progress."""
    if task.state is State.DONE:
        return COMPLETE, "Complete", 100
    if task.state is State.FAILED:
        state = STATES.get(task.failure.code, FAILED) if task.failure else FAILED
        return state, DETAILS[state], 0
    if task.state is State.RUNNING:
        return PROCESSING, "Processing", HALF_WAY
    return QUEUED, "Queued", 0
