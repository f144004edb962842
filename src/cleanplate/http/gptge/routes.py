"""The three calls of the gpt.ge dialect."""

# ruff: noqa: TC001, TC002  # FastAPI reads annotations at run time

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response

from cleanplate.http.access import entry_of
from cleanplate.http.answer import answer
from cleanplate.http.auth import SPELLINGS, Authenticated
from cleanplate.http.desk import AtDesk
from cleanplate.http.embedded import answer_with_picture
from cleanplate.http.gptge import parse, render, schema
from cleanplate.http.origin import base_url
from cleanplate.http.submission import submit

if TYPE_CHECKING:
    from cleanplate.http.desk import Desk
    from cleanplate.task import Task

router = APIRouter(prefix="/task", tags=["gpt.ge"], dependencies=SPELLINGS)


@router.post(
    "/pic/watermark",
    summary="Clean a given area",
    openapi_extra=schema.WATERMARK,
    responses={200: {"model": render.Accepted | render.Result}, **schema.SUBMIT_REFUSALS},
)
async def watermark(request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """Accept a picture with a mask or rectangles; without either the watermark is looked for."""
    async with desk.bodies.form(request) as form:
        asked = await asyncio.to_thread(parse.watermark, form, desk.settings.region.max_rectangles)
        task = await submit(desk, request, caller, "gptge", asked)
    return await _submitted(request, desk, task)


@router.post(
    "/pic/watermark_auto",
    summary="Find and clean",
    openapi_extra=schema.WATERMARK_AUTO,
    responses={200: {"model": render.Accepted | render.Result}, **schema.SUBMIT_REFUSALS},
)
async def watermark_auto(request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """Accept a picture whose watermark is to be found."""
    async with desk.bodies.form(request) as form:
        asked = await asyncio.to_thread(parse.watermark_auto, form)
        task = await submit(desk, request, caller, "gptge", asked)
    return await _submitted(request, desk, task)


@router.get(
    "/{task_id}",
    summary="Ask for a result",
    responses={
        200: {"model": render.Result},
        404: {"model": render.Refusal, "description": "The task is unknown or has expired."},
        **schema.REFUSALS,
    },
)
async def get_task(task_id: str, request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """Tell how far a task is."""
    entry_of(request).task_id = task_id.strip()
    base = base_url(request, desk.settings.http)
    task = await desk.services.tasks.get(caller.account.id, task_id.strip())
    return await answer_with_picture(desk, task, render.result(desk, task, base))


async def _submitted(request: Request, desk: Desk, task: Task) -> Response:
    """The task's id at once, or its result to a caller who waits; when the wait ends first, how far it is."""
    if not task.request.sync:
        return answer(render.accepted(task))
    seconds = desk.settings.task.sync_wait_seconds
    ended = await desk.services.tasks.wait(task.account_id, task.id, seconds)
    body = render.waited(desk, ended, base_url(request, desk.settings.http))
    return await answer_with_picture(desk, ended, body)
