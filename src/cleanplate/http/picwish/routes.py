"""The calls of the PicWish dialect: three that clean, their queries, and the balance."""

# ruff: noqa: TC001  # FastAPI reads annotations at run time

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from cleanplate.http.access import entry_of
from cleanplate.http.answer import answer
from cleanplate.http.auth import SPELLINGS, Authenticated
from cleanplate.http.desk import AtDesk
from cleanplate.http.embedded import answer_with_picture
from cleanplate.http.origin import base_url
from cleanplate.http.picwish import parse, render, schema
from cleanplate.http.submission import submit

if TYPE_CHECKING:
    from cleanplate.account import Caller
    from cleanplate.http.desk import Desk
    from cleanplate.http.picwish.parse import Operation

TASKS = "/tasks/visual"
REMOVE = f"{TASKS}/external/watermark-remove"

router = APIRouter(prefix="/api", tags=["PicWish"], dependencies=SPELLINGS)


@router.post(
    REMOVE,
    summary="Find and clean",
    openapi_extra=schema.WATERMARK_REMOVE,
    responses={200: {"model": render.Accepted | render.Result}, **schema.SUBMIT_REFUSALS},
)
async def watermark_remove(request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """Accept a picture whose watermark is to be found."""
    return await _submit(request, caller, desk, "watermark-remove")


@router.post(
    f"{TASKS}/inpaint",
    summary="Clean a given area",
    openapi_extra=schema.INPAINT,
    responses={200: {"model": render.Accepted | render.Result}, **schema.SUBMIT_REFUSALS},
)
async def inpaint(request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """Accept a picture with a mask or rectangles."""
    return await _submit(request, caller, desk, "inpaint")


@router.post(
    f"{TASKS}/watermark",
    summary="Clean a given area (older name)",
    openapi_extra=schema.INPAINT,
    responses={200: {"model": render.Accepted | render.Result}, **schema.SUBMIT_REFUSALS},
)
async def watermark(request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """Accept a picture with a mask or rectangles; without either the watermark is looked for."""
    return await _submit(request, caller, desk, "watermark")


@router.get(
    f"{REMOVE}/{{task_id}}",
    summary="Ask for a result",
    responses={200: {"model": render.Result}, **schema.QUERY_REFUSALS},
)
@router.get(
    f"{TASKS}/inpaint/{{task_id}}",
    summary="Ask for a result",
    responses={200: {"model": render.Result}, **schema.QUERY_REFUSALS},
)
@router.get(
    f"{TASKS}/watermark/{{task_id}}",
    summary="Ask for a result",
    responses={200: {"model": render.Result}, **schema.QUERY_REFUSALS},
)
async def get_result(task_id: str, request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """Tell how far a task is."""
    entry_of(request).task_id = task_id.strip()
    base = base_url(request, desk.settings.http)
    task = await desk.services.tasks.get(caller.account.id, task_id.strip())
    return await answer_with_picture(desk, task, render.result(desk, task, base))


@router.get(
    "/customers/package-credits",
    summary="Ask for credits",
    responses={200: {"model": render.Credits}, **schema.REFUSALS},
)
async def package_credits(caller: Authenticated, desk: AtDesk) -> Response:
    """Tell what the account has left and has used."""
    quota = await desk.services.accounts.quota(caller.account.id)
    return answer(render.package_credits(quota, desk.settings.http.unlimited_quota))


async def _submit(request: Request, caller: Caller, desk: Desk, operation: Operation) -> Response:
    """The task's id at once, or its result to a caller who waits; when the wait ends first, how far it is."""
    async with desk.bodies.form(request) as form:
        asked = await asyncio.to_thread(parse.removal, form, operation, desk.settings.region.max_rectangles)
        task = await submit(desk, request, caller, "picwish", asked)
    if not asked.sync:
        return answer(render.accepted(task))
    task = await desk.services.tasks.wait(task.account_id, task.id, desk.settings.task.sync_wait_seconds)
    if asked.return_type == parse.BYTES and task.outcome is not None:
        size, pieces = await desk.services.blobs.stream(task.outcome.result_key)
        headers = {"Cache-Control": "no-store", "Content-Length": str(size)}
        return StreamingResponse(pieces, headers=headers, media_type=task.outcome.media_type)
    body = render.result(desk, task, base_url(request, desk.settings.http))
    return await answer_with_picture(desk, task, body)
