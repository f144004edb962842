"""What gpt.ge's answers look like: PicWish's, with more in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import TypedDict  # before Python 3.12, pydantic does not read the one in typing

from cleanplate.http.picwish import render as picwish
from cleanplate.http.picwish.render import Accepted, Refusal, accepted
from cleanplate.task import State

if TYPE_CHECKING:
    from cleanplate.http.desk import Desk
    from cleanplate.task import Outcome, Task

__all__ = ["Accepted", "Refusal", "Result", "accepted", "result", "waited"]


class Box(TypedDict):
    x: int
    y: int
    width: int
    height: int


class Progress(picwish.Progress, total=False):
    """With more of a result, which is absent until there is one."""

    mask: str  # always empty
    download_time: int  # milliseconds
    time_elapsed: float  # milliseconds
    foreground_rect: Box  # around all that was removed
    output_type: int
    result_type: str
    type: str


class Result(TypedDict):
    status: int
    message: str
    data: Progress


def result(desk: Desk, task: Task, base_url: str) -> Result:
    """The answer to a question about a task; a failed task is a successful answer.

    A result that is to be inside has its `PLACE` there: see `embedded`.
    """
    answer = waited(desk, task, base_url)
    if task.state is State.DONE:
        answer["data"]["mask"] = ""
    return answer


def waited(desk: Desk, task: Task, base_url: str) -> Result:
    """The answer to someone who waited on the line: as `result`, without `mask`."""
    told = picwish.result(desk, task, base_url)
    data: Progress = {**told["data"]}
    data.setdefault("err_info", "")
    if task.outcome is not None:
        _add_made(data, task.outcome)
        if task.request.operation == "watermark_auto" and "image" in data:
            data["file"] = data["image"]
    return {"status": 200, "message": told["message"], "data": data}


def _add_made(data: Progress, outcome: Outcome) -> None:
    x, y, width, height = outcome.box or (0, 0, 0, 0)
    data["download_time"] = round(outcome.download_ms)
    data["time_elapsed"] = outcome.work_ms
    data["foreground_rect"] = {"x": x, "y": y, "width": width, "height": height}
    # Left over from the vendor's cut-out tasks; strict parsers expect them.
    data["output_type"], data["result_type"], data["type"] = 2, "object", "auto"
