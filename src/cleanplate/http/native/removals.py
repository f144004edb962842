"""The native calls for pictures: submit one, ask what became of it, list them, cancel."""

# ruff: noqa: TC001, TC002  # FastAPI reads annotations at run time

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import Response

from cleanplate.http.access import entry_of
from cleanplate.http.answer import answer
from cleanplate.http.auth import SPELLINGS, Authenticated
from cleanplate.http.desk import AtDesk
from cleanplate.http.native import cursor, parse, render
from cleanplate.http.native.problems import BODY_REFUSALS, REFUSALS, problems
from cleanplate.http.origin import base_url
from cleanplate.http.submission import OURS, submit
from cleanplate.region import ANCHORS

if TYPE_CHECKING:
    from cleanplate.account import Caller
    from cleanplate.http.desk import Desk
    from cleanplate.task import Task

_FILE = {"type": "string", "format": "binary"}
_URL = {"type": "string", "description": "http(s) URL, or `data:image/…;base64,…`"}
_RECTANGLE = {
    "type": "object",
    "properties": {side: {"type": "number"} for side in ("x", "y", "width", "height")},
    "required": ["x", "y", "width", "height"],
}
HOW: dict[str, Any] = {  # fields of everything that cleans
    "rectangles": {
        "description": 'list, such as `[{"x":0,"y":0,"width":100,"height":100}]`; in a form as text. Of the '
        "areas one at most, and without any the watermark is found",
        "anyOf": [{"type": "array", "items": _RECTANGLE}, {"type": "string"}],
    },
    "unit": {
        "type": "string",
        "enum": ["pixel", "fraction"],
        "default": "pixel",
        "description": "of the rectangles; a fraction of the picture's width or height is 0 to 1",
    },
    "anchor": {
        "type": "string",
        "enum": list(ANCHORS),
        "default": "top-left",
        "description": "the corner of the picture from which x and y of the rectangles count, inwards",
    },
    "mode": {"type": "string", "enum": list(parse.MODES), "default": "auto"},
    **OURS,
    "format": {"type": "string", "description": "of the answer, such as `PNG`; absent: the picture's own"},
    "quality": {"type": "integer", "minimum": 95, "maximum": 100, "description": "of a lossy answer"},
    "metadata": {
        "description": "a JSON object of your own (in a form as text), told again with every answer",
        "anyOf": [{"type": "object", "additionalProperties": True}, {"type": "string"}],
    },
    "webhook": {"type": "string", "format": "uri", "description": "is called when it has ended"},
}
_FIELDS: dict[str, Any] = {
    "url": _URL,
    "mask_url": {**_URL, "description": "a mask's URL: white means here"},
    "smear_url": {
        **_URL,
        "description": "a smear's URL: any colour but black and white means here",
    },
    **HOW,
    "sync": {
        "description": "1 waits for the result",
        "anyOf": [{"type": "integer", "enum": [0, 1]}, {"type": "boolean"}],
        "default": 0,
    },
}
_FILES: dict[str, Any] = {
    "file": {**_FILE, "description": "the picture; not together with url"},
    "mask_file": {**_FILE, "description": "white means: here"},
    "smear_file": {**_FILE, "description": "any colour but pure black and pure white means: here"},
}
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": _FIELDS,
                    "required": ["url"],
                    "additionalProperties": False,
                }
            },
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {**_FILES, **_FIELDS},
                    "additionalProperties": False,
                }
            },
        },
    }
}
KEY = Header(
    alias="Idempotency-Key",
    max_length=255,
    description="your own name for this request: sent again, it is answered with what it made the first time",
)

router = APIRouter(prefix="/v1/removals", tags=["native"], dependencies=SPELLINGS)


@router.post(
    "",
    summary="Submit a picture",
    operation_id="create_removal",
    status_code=202,
    openapi_extra=_BODY,
    responses={
        200: {"model": render.RemovalAnswer, "description": "It has ended; with `sync`, or sent again."},
        202: {"model": render.RemovalAnswer, "description": "It is accepted."},
        **problems(402, 409, *BODY_REFUSALS),
    },
)
async def create_removal(
    request: Request,
    caller: Authenticated,
    desk: AtDesk,
    idempotency_key: Annotated[str | None, KEY] = None,
) -> Response:
    """Accept a picture; without an area the watermark is found."""
    del idempotency_key  # read by `submit`, for every dialect; here for the document
    async with desk.bodies.form(request) as form:
        asked = await asyncio.to_thread(parse.removal, form, desk.settings)
        task = await submit(desk, request, caller, "native", asked)
    if asked.sync:
        task = await desk.services.tasks.wait(task.account_id, task.id, desk.settings.task.sync_wait_seconds)
    return await _told(request, desk, caller, task, 200 if task.state.final else 202)


@router.get(
    "",
    summary="List removals",
    operation_id="list_removals",
    responses={200: {"model": render.RemovalList}, **problems(*REFUSALS)},
)
async def list_removals(
    request: Request,
    caller: Authenticated,
    desk: AtDesk,
    chosen: Annotated[parse.Listing, Query()],
) -> Response:
    """List what the account has asked for, in whichever dialect, the newest first."""
    page = await desk.services.tasks.listed(caller.account.id, chosen.choice())
    base = base_url(request, desk.settings.http)
    body: render.RemovalList = {
        "removals": [render.removal(desk, task, base) for task in page.tasks],
        "next_cursor": None if page.after is None else cursor.write(page.after),
    }
    return answer(body)


@router.get(
    "/{removal_id}",
    summary="Ask for a removal",
    operation_id="get_removal",
    responses={200: {"model": render.RemovalAnswer}, **problems(404, *REFUSALS)},
)
async def get_removal(
    removal_id: str,
    request: Request,
    caller: Authenticated,
    desk: AtDesk,
    wait: Annotated[
        float,
        Query(ge=0, le=3600, allow_inf_nan=False, description="most seconds to wait for its end"),
    ] = 0,
) -> Response:
    """Tell how far a removal is, whichever dialect it was asked for in, and what was found in its picture."""
    entry_of(request).task_id = removal_id.strip()
    seconds = min(wait, desk.settings.task.sync_wait_seconds)
    task = await desk.services.tasks.wait(caller.account.id, removal_id.strip(), seconds)
    return await _told(request, desk, caller, task)


@router.delete(
    "/{removal_id}",
    summary="Cancel a removal",
    operation_id="cancel_removal",
    responses={200: {"model": render.RemovalAnswer}, **problems(404, 409, *REFUSALS)},
)
async def cancel_removal(removal_id: str, request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """End a removal that is not done yet; its credits are given back."""
    entry_of(request).task_id = removal_id.strip()
    task = await desk.services.tasks.cancel(caller.account.id, removal_id.strip())
    return await _told(request, desk, caller, task)


@router.get(
    "/{removal_id}/webhook",
    summary="Ask for the log of a webhook",
    operation_id="get_webhook_log",
    responses={200: {"model": render.WebhookLog}, **problems(404, *REFUSALS)},
)
async def get_webhook_log(removal_id: str, request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """Tell what became of the webhook: each try, and what the receiver answered."""
    entry_of(request).task_id = removal_id.strip()
    callback = await desk.services.tasks.callback(caller.account.id, removal_id.strip())
    return answer(render.webhook_log(callback))


@router.post(
    "/{removal_id}/webhook",
    summary="Call a webhook again",
    operation_id="repeat_webhook",
    status_code=202,
    responses={202: {"model": render.WebhookLog}, **problems(403, 404, *REFUSALS)},
)
async def repeat_webhook(removal_id: str, request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """Make the call once more, now; its body is the same as before. One that is still being made goes on."""
    entry_of(request).task_id = removal_id.strip()
    callback = await desk.services.tasks.call_again(caller.account.id, removal_id.strip())
    return answer(render.webhook_log(callback), 202)


async def _told(request: Request, desk: Desk, caller: Caller, task: Task, status: int = 200) -> Response:
    body = render.removal(desk, task, base_url(request, desk.settings.http))
    quota = await desk.services.accounts.quota(caller.account.id)
    return answer(body, status, render.credit_headers(quota))
