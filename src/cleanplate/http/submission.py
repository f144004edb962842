"""Submitting: what was asked for, in no dialect's words, is checked and becomes a task."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cleanplate.account import PresetNotFound
from cleanplate.errors import CleanplateError
from cleanplate.fetch.data_url import decode_data_url, is_data_url
from cleanplate.http.access import entry_of
from cleanplate.http.errors import FieldInvalid, RegionRepeated
from cleanplate.http.origin import base_url
from cleanplate.task import AskedRegion, Source, Task
from cleanplate.task import Request as TaskRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from cleanplate.account import Caller
    from cleanplate.http.desk import Desk
    from cleanplate.task.record import Dialect

IDEMPOTENCY_KEY = re.compile(r"[!-~]{1,255}")
# For the OpenAPI document: fields of ours that every dialect takes.
PRESET: dict[str, Any] = {
    "type": "string",
    "maxLength": 100,
    "description": "id or name of a preset of yours, in place of an area: see `/v1/presets`",
}
SENSITIVITY: dict[str, Any] = {
    "type": "number",
    "minimum": 0,
    "maximum": 1,
    "description": "how readily something is taken for a watermark: 0 only what is certain, 1 also what is "
    "faint; absent: as the server's settings say",
}
OURS: dict[str, Any] = {"sensitivity": SENSITIVITY, "preset": PRESET}


def _no_metadata() -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Asked:
    """A removal as a dialect understood it.

    Attributes:
        operation: the dialect's call, such as `"watermark_auto"`.
        picture: its bytes, or its URL.
        region: where the mark is; a mask's or smear's `source` is left out.
        region_picture: the mask's or smear's bytes, or its URL.
        sync: whether the caller waits on the line.
        callback_url: where to say that the task has ended.
        return_type: 1: a URL, 2: base64.
        sensitivity: 0–1, how readily something is taken for a mark; None: as the settings say.
        mode: `"auto"`, `"undo"` or `"fill"`.
        format: of the answer; None: as the input.
        for_browsers: whether a result that is written anew is to have a format that every browser shows.
        quality: of a lossy answer, 95–100; None: as the settings say.
        metadata: the caller's own.
        callback_field: what the dialect calls `callback_url`.
        preset: id or name of one of the caller's presets, in place of a region.
        told_by_task: codes of what may be wrong with an upload without the request being refused: the dialect
            tells it as a failure of the task.
    """

    operation: str
    picture: bytes | str = field(repr=False)
    region: AskedRegion | None = None
    region_picture: bytes | str | None = field(default=None, repr=False)
    sync: bool = False
    callback_url: str | None = None
    return_type: int = 1
    sensitivity: float | None = None
    mode: str = "auto"
    format: str | None = None
    for_browsers: bool = False
    quality: int | None = None
    metadata: dict[str, Any] = field(default_factory=_no_metadata)
    callback_field: str = "callback_url"
    preset: str | None = None
    told_by_task: frozenset[str] = frozenset()


def accepted_request(
    desk: Desk, request: Request, dialect: Dialect, asked: Asked, source: Source
) -> TaskRequest:
    """What a task is to do with `source`, once everything about it that can be checked at once has been.

    Raises:
        CleanplateError: anything that is wrong with the request.
    """
    if asked.callback_url is not None:
        _check_callback(desk, asked.callback_url, asked.callback_field)
    return TaskRequest(
        dialect=dialect,
        operation=asked.operation,
        source=source,
        region=asked.region,
        mode=asked.mode,
        sensitivity=desk.settings.engine.sensitivity if asked.sensitivity is None else asked.sensitivity,
        sync=asked.sync,
        callback_url=asked.callback_url,
        base_url=base_url(request, desk.settings.http),
        return_type=asked.return_type,
        format=asked.format,
        for_browsers=asked.for_browsers,
        request_id=entry_of(request).request_id,
        quality=asked.quality,
        metadata=asked.metadata,
        preset=asked.preset,
    )


async def submit(desk: Desk, request: Request, caller: Caller, dialect: Dialect, asked: Asked) -> Task:
    """Accept a task. Uploads are looked into at once; of URLs only the syntax is, nothing is fetched here.

    Raises:
        CleanplateError: anything that is wrong with the request, or that keeps the server from accepting it.
    """
    await desk.services.accounts.admit(caller)
    asked = await with_preset(desk, caller, asked)
    picture = await _resolve(desk, asked.picture)
    region_picture = None if asked.region_picture is None else await _resolve(desk, asked.region_picture)
    asked = replace(asked, region=_region(asked.region, region_picture))
    wanted = accepted_request(desk, request, dialect, asked, _source("source", picture))
    uploads = {
        name: value
        for name, value in (("source", picture), ("region", region_picture))
        if isinstance(value, bytes)
    }
    if uploads:
        await _inspect(desk, asked, uploads)
    task = await desk.services.tasks.submit(caller, wanted, uploads, idempotency_key(request))
    entry_of(request).task_id = task.id
    return task


async def with_preset(desk: Desk, caller: Caller, asked: Asked) -> Asked:
    """With the region that a preset stands for, and its name.

    Raises:
        FieldInvalid: the account has no such preset.
        RegionRepeated: there is another area beside it.
    """
    if asked.preset is None:
        return asked
    if asked.region is not None:
        raise RegionRepeated("The area is given by the preset: send no other beside it.")
    try:
        preset = await desk.services.presets.get(caller.account.id, asked.preset)
    except PresetNotFound as error:
        raise FieldInvalid("preset: the account has none with this id or name.") from error
    return replace(asked, region=AskedRegion.of(preset.region), preset=preset.name)


def idempotency_key(request: Request) -> str | None:
    """The caller's own name for this request.

    Raises:
        FieldInvalid: it is none.
    """
    key = request.headers.get("idempotency-key", "").strip()
    if key and not IDEMPOTENCY_KEY.fullmatch(key):
        raise FieldInvalid("Idempotency-Key has 1 to 255 visible ASCII characters.")
    return key or None


async def _inspect(desk: Desk, asked: Asked, uploads: Mapping[str, bytes]) -> None:
    try:
        await desk.services.inspector.check(uploads.get("source"), asked.region, uploads.get("region"))
    except CleanplateError as error:
        if error.code not in asked.told_by_task:
            raise


def _check_callback(desk: Desk, url: str, field_name: str) -> None:
    try:
        if is_data_url(url):
            raise FieldInvalid("Only http:// and https:// URLs are called.")
        desk.services.fetcher.check_url(url)
    except CleanplateError as error:
        raise FieldInvalid(f"{field_name}: {error.public_message}", detail=error.detail) from error


async def _resolve(desk: Desk, value: bytes | str) -> bytes | str:
    """Uploaded bytes as they are, the bytes inside a `data:` URL, or a URL whose syntax is good."""
    if isinstance(value, bytes):
        return value
    if is_data_url(value):
        data, _ = await asyncio.to_thread(decode_data_url, value, desk.settings.picture.max_bytes)
        return data
    desk.services.fetcher.check_url(value)
    return value


def _source(name: str, value: bytes | str) -> Source:
    return Source("blob", name) if isinstance(value, bytes) else Source("url", value)


def _region(region: AskedRegion | None, picture: bytes | str | None) -> AskedRegion | None:
    if region is None or picture is None:
        return region
    return AskedRegion(region.kind, source=_source("region", picture))
