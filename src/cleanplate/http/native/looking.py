"""The native calls that look and change nothing: what would be removed, what is behind a URL, thumbnails."""

# ruff: noqa: TC001  # FastAPI reads annotations at run time

from __future__ import annotations

import asyncio
import base64
from contextlib import ExitStack
from pathlib import PurePosixPath
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response, StreamingResponse
from typing_extensions import TypedDict  # before Python 3.12, pydantic does not read the one in typing

from cleanplate.fetch.data_url import is_data_url
from cleanplate.http.access import entry_of
from cleanplate.http.answer import answer
from cleanplate.http.auth import SPELLINGS, Authenticated
from cleanplate.http.desk import AtDesk
from cleanplate.http.errors import FieldInvalid, PathUnknown, SourceMissing
from cleanplate.http.native.parse import Asked, parse, refuse_unknown
from cleanplate.http.native.problems import BODY_REFUSALS, REFUSALS, problems
from cleanplate.http.native.render import FoundMark
from cleanplate.http.submission import SENSITIVITY
from cleanplate.picture.formats import FORMATS
from cleanplate.task import State

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from cleanplate.http.desk import Desk
    from cleanplate.task import Task

THUMBNAIL_SIDE = 320  # pixels
PIECE_BYTES = 256 * 1024  # of a file that is handed out
_STILL = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}


class SeenMark(FoundMark):
    area: str  # its shape inside its box: a data URL of a PNG, white where the mark is


class MarksAnswer(TypedDict):
    width: int  # of the upright picture, pixels
    height: int
    marks: list[SeenMark]  # the surest first, 200 at most


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "the picture"},
                        "sensitivity": SENSITIVITY,
                    },
                    "required": ["file"],
                    "additionalProperties": False,
                }
            }
        },
    }
}


class Where(Asked):
    """Where a picture is."""

    url: str = Field(description="http(s) URL")


_WHERE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": Where.model_json_schema()}},
    }
}

router = APIRouter(prefix="/v1", tags=["native"], dependencies=SPELLINGS)


@router.post(
    "/marks",
    summary="Find watermarks and leave them",
    operation_id="find_marks",
    openapi_extra=_BODY,
    responses={200: {"model": MarksAnswer}, **problems(*BODY_REFUSALS)},
)
async def find_marks(request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """Tell what a removal without an area would find, and each mark's shape. Costs and keeps nothing."""
    await desk.services.accounts.admit(caller)
    desk.looks.check()  # before the body is taken
    with ExitStack() as look:
        async with desk.bodies.form(request) as form:
            # Only now, when the body is here: who sends it slowly must not keep a place from others.
            look.enter_context(desk.looks.one_more())
            refuse_unknown(form, frozenset({"file", "sensitivity"}))
            picture = await asyncio.to_thread(form.file, "file")
            if picture is None:
                raise SourceMissing
            sensitivity = form.fraction("sensitivity")
        await desk.services.inspector.check(picture)
        usual = desk.settings.engine.sensitivity
        seen = await desk.services.finder.find(picture, usual if sensitivity is None else sensitivity)
    told: MarksAnswer = {
        "width": seen.width,
        "height": seen.height,
        "marks": [
            {
                "box": list(mark["box"]),
                "kind": mark["kind"],
                "opacity": mark["opacity"],
                "colour": mark["colour"],
                "confidence": mark["confidence"],
                "area": f"data:image/png;base64,{base64.b64encode(area).decode()}",
            }
            for mark, area in zip(seen.marks, seen.areas, strict=True)
        ],
    }
    return answer(told)


@router.post(
    "/picture",
    summary="The picture behind a URL",
    operation_id="fetch_picture",
    openapi_extra=_WHERE,
    response_class=Response,
    responses={
        200: {"description": "The picture as it is there.", "content": {"image/*": {}}},
        **problems(*BODY_REFUSALS),
    },
)
async def fetch_picture(request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """Download a picture as a removal would, so that a browser can show it; nothing but pictures passes."""
    await desk.services.accounts.admit(caller)
    async with desk.bodies.form(request) as form:
        url = parse(form, Where).url
    if is_data_url(url):
        raise FieldInvalid("url must begin with http:// or https://.")
    desk.services.fetcher.check_url(url)
    largest = desk.settings.picture.max_bytes
    async with desk.fetched.take(largest, desk.settings.http.body_seconds):
        fetched = await desk.services.fetcher.get(url, largest)
        header = await desk.services.inspector.check(fetched.data)
        # Whoever takes it slowly takes it from the disk.
        file = await asyncio.to_thread(_put_aside, fetched.data)
    assert header is not None  # noqa: S101  # there is a picture to have one
    name = PurePosixPath(url.partition("?")[0]).name.encode("ascii", "ignore").decode().replace('"', "")
    headers = {
        **_STILL,
        "Cache-Control": "no-store",
        "Content-Length": str(len(fetched.data)),
        "Content-Disposition": f'inline; filename="{name[:100] or "picture"}"',
    }
    return StreamingResponse(_pieces(file), media_type=FORMATS[header.format].media_type, headers=headers)


def _put_aside(data: bytes) -> IO[bytes]:
    """A temporary file with this in it, which is gone when it is closed; a small one never meets the disk."""
    file = SpooledTemporaryFile(PIECE_BYTES)  # noqa: SIM115  # closed when it has been sent
    file.write(data)
    file.seek(0)
    return file


async def _pieces(file: IO[bytes]) -> AsyncGenerator[bytes]:
    with file:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield piece


@router.get(
    "/removals/{removal_id}/thumbnail",
    summary="A result in small",
    operation_id="get_thumbnail",
    response_class=Response,
    responses={
        200: {"description": "A WebP, at most 320 pixels a side.", "content": {"image/webp": {}}},
        **problems(404, 413, 429, *REFUSALS),
    },
)
async def get_thumbnail(removal_id: str, request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """Show a result in small, made when it is first asked for."""
    entry_of(request).task_id = removal_id.strip()
    task = await desk.services.tasks.get(caller.account.id, removal_id.strip())
    if task.state is not State.DONE or task.outcome is None:
        raise PathUnknown("This removal has no result.")
    headers = {**_STILL, "Cache-Control": "private, max-age=3600"}
    return Response(await _thumbnail(desk, task), media_type="image/webp", headers=headers)


async def _thumbnail(desk: Desk, task: Task) -> bytes:
    """From where it was kept, or else made and kept beside the result, with which it is purged."""
    assert task.outcome is not None  # noqa: S101  # the caller has looked
    blobs = desk.services.blobs
    key = f"{task.outcome.result_key}.thumbnail"
    if await blobs.exists(key):
        return await blobs.get(key)
    with desk.looks.one_more():
        small = await desk.services.finder.thumbnail(await blobs.get(task.outcome.result_key), THUMBNAIL_SIDE)
    await blobs.put(key, small)
    return small
