"""The three calls of the Kaze dialect."""

# ruff: noqa: TC001, TC002  # FastAPI reads annotations at run time

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import Response

from cleanplate.http.access import entry_of
from cleanplate.http.answer import answer
from cleanplate.http.auth import SPELLINGS, Authenticated
from cleanplate.http.desk import AtDesk
from cleanplate.http.kaze import parse, render, schema
from cleanplate.http.origin import base_url
from cleanplate.http.submission import submit

router = APIRouter(prefix="/api/ext/v1", tags=["Kaze"], dependencies=SPELLINGS)


@router.post(
    "/submit_watermark_removal",
    summary="Submit a picture",
    openapi_extra=schema.SUBMISSION,
    responses={200: {"model": render.Submitted}, **schema.SUBMIT_REFUSALS},
)
async def submit_watermark_removal(request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """Accept a picture; without a smear the watermark is looked for."""
    async with desk.bodies.form(request) as form:
        asked = await asyncio.to_thread(parse.submission, form)
        task = await submit(desk, request, caller, "kaze", asked)
    return answer(render.submitted(task))


@router.post(
    "/get_task_result",
    summary="Ask for a result",
    openapi_extra=schema.TASK_ID,
    responses={200: {"model": render.Result}, **schema.REFUSALS},
)
async def get_task_result(request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """Tell how far a task is. Held back for a moment while it runs: some clients ask only once."""
    async with desk.bodies.form(request) as form:
        task_id = entry_of(request).task_id = parse.task_id(form)
    base = base_url(request, desk.settings.http)
    hold = desk.settings.http.kaze_hold_seconds
    task = await desk.services.tasks.wait(caller.account.id, task_id, hold)
    return answer(render.result(desk, task, base))


@router.post(
    "/get_quota",
    summary="Ask for credits",
    openapi_extra=schema.NOTHING,
    responses={200: {"model": render.QuotaAnswer}, 401: schema.REFUSALS[401]},
)
async def get_quota(caller: Authenticated, desk: AtDesk) -> Response:
    """Tell what the account has used and has left; the body is not looked at."""
    quota = await desk.services.accounts.quota(caller.account.id)
    return answer(render.quota(quota, desk.settings.http.unlimited_quota))
