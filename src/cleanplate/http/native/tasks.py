"""The native calls for pictures: submit one, ask what became of it."""

# ruff: noqa: TC001, TC002  # FastAPI reads annotations at run time

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from cleanplate.http.access import entry_of
from cleanplate.http.answer import answer
from cleanplate.http.auth import SPELLINGS, Authenticated
from cleanplate.http.desk import AtDesk
from cleanplate.http.native import parse, render
from cleanplate.http.native.errors import Problem
from cleanplate.http.origin import base_url
from cleanplate.http.submission import SENSITIVITY, submit

_FILE = {"type": "string", "format": "binary"}
_URL = {"type": "string", "description": "http(s) URL, or `data:image/…;base64,…`"}
_FIELDS: dict[str, Any] = {
    "file": {**_FILE, "description": "the picture; not together with url"},
    "url": _URL,
    "rectangles": {
        "type": "string",
        "description": 'JSON list, such as `[{"x":0,"y":0,"width":100,"height":100}]`; of the five areas one '
        "at most, and without any the watermark is found",
    },
    "mask_file": {**_FILE, "description": "white means: here"},
    "mask_url": _URL,
    "smear_file": {**_FILE, "description": "any colour but pure black and pure white means: here"},
    "smear_url": _URL,
    "mode": {"type": "string", "enum": list(parse.MODES), "default": "auto"},
    "sensitivity": SENSITIVITY,
    "format": {"type": "string", "description": "of the answer, such as `PNG`; absent: the picture's own"},
    "sync": {"type": "integer", "enum": [0, 1], "default": 0, "description": "1 waits for the result"},
    "callback_url": {"type": "string", "format": "uri"},
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            encoding: {"schema": {"type": "object", "properties": _FIELDS}}
            for encoding in ("multipart/form-data", "application/json", "application/x-www-form-urlencoded")
        },
    }
}


def _problems(*told: tuple[int, str]) -> dict[int | str, dict[str, Any]]:
    content: dict[str, Any] = {"application/problem+json": {}}
    return {
        status: {"description": description, "content": content, "model": Problem}
        for status, description in told
    }


UNAUTHENTICATED = (401, "The token is missing or wrong.")

router = APIRouter(prefix="/v1/tasks", tags=["native"], dependencies=SPELLINGS)


@router.post(
    "",
    summary="Submit a picture",
    status_code=202,
    openapi_extra=_BODY,
    responses={
        200: {"model": render.TaskAnswer, "description": "The task has ended; only with `sync`."},
        202: {"model": render.TaskAnswer, "description": "The task is accepted."},
        **_problems(
            (400, "A field is missing or wrong."),
            UNAUTHENTICATED,
            (402, "The credits are used up."),
            (413, "Too large."),
            (429, "Too much is waiting; see Retry-After."),
        ),
    },
)
async def create_task(request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """Accept a picture; without an area the watermark is found."""
    async with desk.bodies.form(request) as form:
        asked = await asyncio.to_thread(parse.removal, form, desk.settings.region.max_rectangles)
        task = await submit(desk, request, caller, "native", asked)
    if asked.sync:
        task = await desk.services.tasks.wait(task.account_id, task.id, desk.settings.task.sync_wait_seconds)
    body = render.task(desk, task, base_url(request, desk.settings.http))
    return answer(body, 200 if task.state.final else 202)


@router.get(
    "/{task_id}",
    summary="Ask for a task",
    responses={
        200: {"model": render.TaskAnswer},
        **_problems(UNAUTHENTICATED, (404, "The task is unknown or has expired.")),
    },
)
async def get_task(task_id: str, request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """Tell how far a task is, whichever dialect it was submitted in, and what was found in its picture."""
    entry_of(request).task_id = task_id.strip()
    task = await desk.services.tasks.get(caller.account.id, task_id.strip())
    return answer(render.task(desk, task, base_url(request, desk.settings.http)))
