"""The native calls for batches: many pictures, one region, one webhook, one ZIP of results."""

# ruff: noqa: TC001  # FastAPI reads annotations at run time

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, cast
from urllib.parse import unquote, urlsplit

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from cleanplate.fetch.data_url import is_data_url
from cleanplate.http.answer import answer
from cleanplate.http.area import RECTANGLES, area_of
from cleanplate.http.auth import SPELLINGS, Authenticated
from cleanplate.http.desk import AtDesk
from cleanplate.http.errors import BatchInvalid, BatchTooLarge, FieldInvalid
from cleanplate.http.form import WHOLE_BODY
from cleanplate.http.native import parse, render
from cleanplate.http.native.archive import pictures_in, results_of
from cleanplate.http.native.problems import BODY_REFUSALS, REFUSALS, problems
from cleanplate.http.native.removals import HOW, KEY
from cleanplate.http.origin import base_url
from cleanplate.http.submission import accepted_request, idempotency_key, with_preset
from cleanplate.region import ANCHORS, UNITS
from cleanplate.task import NewBatch, Picture, Source
from cleanplate.task.repeats import fingerprint

if TYPE_CHECKING:
    from cleanplate.http.desk import Desk
    from cleanplate.http.form import Form
    from cleanplate.http.submission import Asked

_URLS: dict[str, Any] = {
    "description": "a list of http(s) URLs; in a form as JSON text",
    "anyOf": [{"type": "array", "items": {"type": "string"}, "minItems": 1}, {"type": "string"}],
}
_ZIP = {"type": "string", "format": "binary", "description": "a ZIP of pictures; not together with urls"}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"urls": _URLS, **HOW},
                    "required": ["urls"],
                    "additionalProperties": False,
                }
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"zip": _ZIP, "urls": _URLS, **HOW},
                    "additionalProperties": False,
                }
            },
        },
    }
}
FIELDS = frozenset({"urls", "zip", RECTANGLES, *parse.HOW})

router = APIRouter(prefix="/v1/batches", tags=["native"], dependencies=SPELLINGS)


@router.post(
    "",
    summary="Submit many pictures",
    operation_id="create_batch",
    status_code=202,
    openapi_extra=_BODY,
    responses={202: {"model": render.BatchAnswer}, **problems(402, 409, *BODY_REFUSALS)},
)
async def create_batch(
    request: Request,
    caller: Authenticated,
    desk: AtDesk,
    idempotency_key_: Annotated[str | None, KEY] = None,
) -> Response:
    """Accept pictures by URL or in a ZIP, all of them or none; one region or preset is for all."""
    del idempotency_key_  # read by `idempotency_key`; here for the document
    async with desk.bodies.form(request) as form:
        await desk.services.accounts.admit(caller)
        asked, pictures, told_apart = await asyncio.to_thread(_parse, desk, form)
        asked = await with_preset(desk, caller, asked)
        wanted = accepted_request(desk, request, "native", asked, Source("url", ""))
        sum_ = fingerprint(wanted, {"pictures": told_apart})
        batch = NewBatch(asked.callback_url, wanted.base_url, asked.metadata, sum_)
        # What belongs to the batch is told with the batch.
        each = replace(wanted, callback_url=None, metadata={})
        known = await desk.services.tasks.submit_batch(
            caller, each, pictures, batch, idempotency_key(request)
        )
    quota = await desk.services.accounts.quota(caller.account.id)
    body = render.batch(known, base_url(request, desk.settings.http))
    return answer(body, 202, render.credit_headers(quota))


@router.get(
    "/{batch_id}",
    summary="Ask for a batch",
    operation_id="get_batch",
    responses={200: {"model": render.BatchAnswer}, **problems(404, *REFUSALS)},
)
async def get_batch(batch_id: str, request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """Tell how far a batch is; `GET /v1/removals?batch=` lists its pictures."""
    known = await desk.services.tasks.batch(caller.account.id, batch_id)
    return answer(render.batch(known, base_url(request, desk.settings.http)))


@router.delete(
    "/{batch_id}",
    summary="Cancel a batch",
    operation_id="cancel_batch",
    responses={200: {"model": render.BatchAnswer}, **problems(404, *REFUSALS)},
)
async def cancel_batch(batch_id: str, request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """End what is not done yet; its credits are given back, and what is done stays."""
    known = await desk.services.tasks.cancel_batch(caller.account.id, batch_id)
    return answer(render.batch(known, base_url(request, desk.settings.http)))


@router.get(
    "/{batch_id}/results.zip",
    summary="The results of a batch",
    operation_id="get_batch_results",
    response_class=StreamingResponse,
    responses={
        200: {"description": "A ZIP.", "content": {"application/zip": {}}},
        **problems(404, *REFUSALS),
    },
)
async def get_results(batch_id: str, caller: Authenticated, desk: AtDesk) -> Response:
    """Stream a ZIP of what is done so far, with a `manifest.json` that tells of every picture."""
    batch = await desk.services.tasks.batch(caller.account.id, batch_id)
    tasks = await desk.services.tasks.tasks_of(batch)
    headers = {
        "Content-Disposition": f'attachment; filename="{batch.id}.zip"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(results_of(desk, tasks), headers=headers, media_type="application/zip")


def _parse(desk: Desk, form: Form) -> tuple[Asked, list[Picture], bytes]:
    """What is asked for, the pictures, and something that tells these pictures from others."""
    settings = desk.settings
    parse.refuse_unknown(form, FIELDS)
    if len(form.sent("urls", "zip")) != 1:
        raise BatchInvalid("Send either urls or zip.")
    unit, anchor = form.word("unit", UNITS) or "pixel", form.word("anchor", ANCHORS) or "top-left"
    region, _ = area_of(form, (RECTANGLES,), settings.region.max_rectangles, unit, anchor)
    asked = replace(parse.how(form, settings, b""), region=region)
    most = settings.http.max_batch
    if form.has("zip"):
        data = form.file("zip") or b""
        pictures = pictures_in(data, most, settings.picture.max_bytes, settings.http.max_batch_bytes)
        return asked, pictures, hashlib.sha256(data).digest()
    urls = _urls(form)
    if len(urls) > most:
        raise BatchTooLarge(f"There are {len(urls)} URLs, and at most {most} are accepted.")
    for url in urls:
        if is_data_url(url):
            raise BatchInvalid(
                "A batch takes http:// and https:// URLs: send the pictures themselves in a ZIP."
            )
        desk.services.fetcher.check_url(url)
    return asked, [Picture(_name_of(url), url) for url in urls], "\n".join(urls).encode()


def _urls(form: Form) -> list[str]:
    value: object = form.value("urls")
    if not isinstance(value, list):
        try:
            value = json.loads(form.text("urls", WHOLE_BODY) or "")
        except (ValueError, RecursionError) as error:
            raise FieldInvalid("urls must be a list of URLs.") from error
    if not isinstance(value, list) or not value:
        raise FieldInvalid("urls must be a list of at least one URL.")
    urls = cast("list[object]", value)
    if not all(isinstance(url, str) for url in urls):
        raise FieldInvalid("urls must be a list of URLs.")
    return [str(url).strip() for url in urls]


def _name_of(url: str) -> str:
    return PurePosixPath(unquote(urlsplit(url).path)).name[:255] or "picture"
