"""What gpt.ge's answers look like."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, NotRequired

from typing_extensions import TypedDict  # before Python 3.12, pydantic does not read the one in typing

from cleanplate.http.gptge.errors import DETAILS, FAILED, STATES
from cleanplate.http.gptge.parse import BASE64
from cleanplate.task import State

if TYPE_CHECKING:
    from cleanplate.http.desk import Desk
    from cleanplate.task import Outcome, Task

QUEUED, COMPLETE, PROCESSING = 0, 1, 4
HALF_WAY = 50  # nobody knows better while a task runs


class TaskId(TypedDict):
    task_id: str


class Accepted(TypedDict):
    status: int
    message: str
    data: TaskId


class Box(TypedDict):
    x: int
    y: int
    width: int
    height: int


class Made(TypedDict, total=False):
    """What is said of a result; absent until there is one: clients stop polling when they see `image`."""

    image: str  # a link, or base64
    file: str  # the same, on `watermark_auto`
    mask: str  # always empty
    image_width: int
    image_height: int
    download_time: int  # milliseconds
    time_elapsed: float  # milliseconds
    foreground_rect: Box  # around all that was removed
    output_type: int
    result_type: str
    type: str


class Progress(Made):
    task_id: str
    state: int  # 0 queued, 1 done, 4 processing, negative: failed
    state_detail: str
    progress: int  # 100 if and only if `state` is 1
    created_at: int
    processed_at: NotRequired[int]
    completed_at: NotRequired[int]
    return_type: int
    err_info: str
    err_message: NotRequired[str]


class Result(TypedDict):
    status: int
    message: str
    data: Progress


class Refusal(TypedDict):
    status: int
    message: str


def accepted(task: Task) -> Accepted:
    """The answer to an accepted picture."""
    return {"status": 200, "message": "success", "data": {"task_id": task.id}}


async def result(desk: Desk, task: Task, base_url: str) -> Result:
    """The answer to a question about a task; a failed task is a successful answer.

    Raises:
        BlobMissing: the result is to be inside the answer, and has expired.
        StorageFailed: it could not be read.
    """
    answer = await waited(desk, task, base_url)
    if task.state is State.DONE:
        answer["data"]["mask"] = ""
    return answer


async def waited(desk: Desk, task: Task, base_url: str) -> Result:
    """The answer to someone who waited on the line: as `result`, without `mask`."""
    data: Progress = _progress(task)
    if task.outcome is not None:
        data = {**data, **_made(task.outcome)}
        data["image"] = await _image(desk, task, task.outcome, base_url)
        if task.request.operation == "watermark_auto":
            data["file"] = data["image"]
    message = "success" if task.failure is None else task.failure.message
    return {"status": 200, "message": message, "data": data}


def _progress(task: Task) -> Progress:
    state, detail, progress = _state(task)
    data: Progress = {
        "task_id": task.id,
        "state": state,
        "state_detail": detail,
        "progress": progress,
        "created_at": int(task.created_at),
        "return_type": task.request.return_type,
        "err_info": "",
    }
    if task.started_at is not None:
        data["processed_at"] = int(task.started_at)
    if task.finished_at is not None:
        data["completed_at"] = int(task.finished_at)
    if task.failure is not None:
        data["err_info"] = data["err_message"] = task.failure.message
    return data


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


async def _image(desk: Desk, task: Task, outcome: Outcome, base_url: str) -> str:
    if task.request.return_type == BASE64:
        return b64encode(await desk.services.blobs.get(outcome.result_key)).decode()
    return desk.links.url(task, base_url)


def _made(outcome: Outcome) -> Made:
    x, y, width, height = outcome.box or (0, 0, 0, 0)
    return {
        "image_width": outcome.width,
        "image_height": outcome.height,
        "download_time": round(outcome.download_ms),
        "time_elapsed": outcome.work_ms,
        "foreground_rect": {"x": x, "y": y, "width": width, "height": height},
        # Left over from the vendor's cut-out tasks; strict parsers expect them.
        "output_type": 2,
        "result_type": "object",
        "type": "auto",
    }
