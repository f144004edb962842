"""What is known of a task: what was asked, how far it is, what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from cleanplate.errors import CleanplateError
    from cleanplate.region import Rectangles


Dialect = Literal["kaze", "gptge", "picwish", "native"]


class State(StrEnum):
    """Where a task is in its life. `DONE` and `FAILED` are final."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether nothing can change any more."""
        return self in {State.DONE, State.FAILED}


@dataclass(frozen=True, slots=True)
class Source:
    """Where bytes come from.

    Attributes:
        kind: `"blob"` (uploaded with the request) or `"url"` (fetched by the worker; also `data:`).
        value: the URL; or, for a blob, its key in the blob store. In the request given to `Tasks.submit` a
            blob's value is the name of the upload (`"source"` or `"region"`); submit replaces it by the key.
    """

    kind: Literal["blob", "url"]
    value: str


@dataclass(frozen=True, slots=True)
class AskedRegion:
    """Where the user says the mark is, before any pixel was looked at.

    Attributes:
        kind: how it was said.
        rectangles: for `"rectangles"`: (x, y, width, height) each, in `unit`s.
        unit: pixels of the upright picture, or fractions (0–1) of its width and height.
        anchor: the corner of the picture from which rectangles count.
        source: for `"mask"` and `"smear"`: where its picture is.
    """

    kind: Literal["rectangles", "mask", "smear"]
    rectangles: tuple[tuple[float, float, float, float], ...] = ()
    unit: Literal["pixel", "fraction"] = "pixel"
    source: Source | None = None
    anchor: Literal["top-left", "top-right", "bottom-left", "bottom-right"] = "top-left"

    @classmethod
    def of(cls, rectangles: Rectangles) -> AskedRegion:
        """These rectangles."""
        sides = tuple((one.x, one.y, one.width, one.height) for one in rectangles.items)
        return cls("rectangles", sides, rectangles.unit, anchor=rectangles.anchor)


def _no_metadata() -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for, in no dialect's words, with what is needed to answer in its own.

    Attributes:
        dialect: whose wire format the answer and the callback speak.
        operation: the dialect's call: `"submit_watermark_removal"`, `"watermark"`, `"watermark_auto"`, …
        source: the picture.
        region: where the mark is; None: anywhere.
        mode: `"auto"`, `"undo"` or `"fill"`.
        sensitivity: 0–1, how readily something is taken for a mark.
        quality: of a lossy result, 95–100; None: as the settings say.
        metadata: JSON of the caller's own, told again with every answer.
        name: of the picture within its batch.
        preset: the name of the preset that the region came from.
        credits: what the task costs when it is done, set by `Tasks.submit`.
        sync: whether the caller waits on the line; such tasks go first.
        callback_url: where to say that the task has ended, or None.
        base_url: public base of the server as seen at submit, for links in callbacks.
        return_type: the dialect's wish for the result (1: URL, 2: base64).
        format: the wanted output format (`"PNG"`, …); None: as the input.
        for_browsers: whether a result that is written anew is to have a format that every browser shows.
        request_id: of the HTTP request that submitted it, for the logs.
        trace: `traceparent` of what submitted it, set by `Tasks.submit`; None: there are no traces.
    """

    dialect: Dialect
    operation: str
    source: Source
    region: AskedRegion | None = None
    mode: str = "auto"
    sync: bool = False
    callback_url: str | None = None
    base_url: str = ""
    return_type: int = 1
    format: str | None = None
    request_id: str = ""
    sensitivity: float = 0.5
    quality: int | None = None
    metadata: dict[str, Any] = field(default_factory=_no_metadata)
    credits: int = 1
    preset: str | None = None
    name: str | None = None
    trace: str | None = None
    for_browsers: bool = False

    @property
    def sources(self) -> list[Source]:
        """The picture's source, and the region's if it has one."""
        region = None if self.region is None else self.region.source
        return [self.source] if region is None else [self.source, region]


def _no_dicts() -> list[dict[str, Any]]:
    return []


def _no_timings() -> dict[str, float]:
    return {}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a done task made.

    Attributes:
        result_key: blob key, `results/<task_id>/<attempt>.<extension>`.
        format: of the result, as in `picture` (`"JPEG"`, `"PNG"`, …).
        extension: without dot.
        media_type: such as `image/png`.
        width: of the result, pixels.
        height: of the result, pixels.
        box: (x, y, width, height) in pixels around all that was removed; None when nothing was.
        download_ms: fetching the sources; 0 for uploads.
        work_ms: decoding to encoding.
        changed: whether any pixel differs from the source.
        found: the marks that were found, as `engine.report` describes them.
        fills: the filled boxes, as JSON.
        timings: seconds by step.
    """

    result_key: str
    format: str
    extension: str
    media_type: str
    width: int
    height: int
    box: tuple[int, int, int, int] | None
    download_ms: float
    work_ms: float
    changed: bool
    found: list[dict[str, Any]] = field(default_factory=_no_dicts)
    fills: list[dict[str, Any]] = field(default_factory=_no_dicts)
    timings: dict[str, float] = field(default_factory=_no_timings)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a task failed: the error's `code` and its public message."""

    code: str
    message: str

    @classmethod
    def of(cls, error: CleanplateError) -> Failure:
        """What a user may know of this error."""
        return cls(error.code, error.public_message)


@dataclass(frozen=True, slots=True)
class Task:
    """One removal asked for through the service. Times are Unix seconds.

    Attributes:
        id: UUID version 4, lower case.
        account_id: who asked; nobody else may see it.
        request: what was asked.
        state: where it is in its life.
        attempt: how often it was claimed; the fence: only the worker that holds the latest number may finish.
        losses: how often a worker was lost over it.
        created_at: when it was accepted.
        started_at: when the latest attempt began; None before the first.
        finished_at: when it became done or failed.
        expires_at: from then on nobody can ask for it.
        lease_until: while running: until when its worker need not be heard of.
        worker: who runs it, for the logs.
        outcome: of a done task.
        failure: of a failed one.
        batch_id: of the batch that it belongs to.
        turn: its place among the waiting ones, the lowest first; see `turns`.
        setbacks: how often the server itself kept it from being done.
        next_at: while queued after a setback: before then nobody tries it again.
    """

    id: str
    account_id: str
    request: Request
    state: State
    attempt: int
    losses: int
    created_at: float
    started_at: float | None
    finished_at: float | None
    expires_at: float
    lease_until: float | None = None
    worker: str | None = None
    outcome: Outcome | None = None
    failure: Failure | None = None
    turn: int = 0
    batch_id: str | None = None
    setbacks: int = 0
    next_at: float | None = None
