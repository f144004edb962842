"""The native call for following one's own tasks live, by server-sent events."""

# ruff: noqa: TC001  # FastAPI reads annotations at run time

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from cleanplate.account import TokenInvalid, TokenMissing
from cleanplate.errors import CleanplateError
from cleanplate.http.auth import SPELLINGS, Authenticated, authenticate
from cleanplate.http.desk import AtDesk
from cleanplate.http.errors import ServerBusy
from cleanplate.http.native import render
from cleanplate.http.native.problems import REFUSALS, problems
from cleanplate.http.origin import base_url

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from cleanplate.account import Caller
    from cleanplate.http.desk import Desk
    from cleanplate.task import Task

OVERLAP_SECONDS = (
    5.0  # by which a look goes back behind the one before: clocks differ, transactions take time
)
MOST_AT_ONCE = 500  # tasks that one look tells of
LIFE_SECONDS = 600.0  # after which a browser connects again, and is asked again who it is
PULSE_SECONDS = 15.0  # of silence after which proxies are shown that somebody is there
CHECK_SECONDS = 15.0  # between two looks at whether the listener may still listen
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}

router = APIRouter(prefix="/v1/events", tags=["native"], dependencies=SPELLINGS)


@router.get(
    "",
    summary="Follow one's removals",
    operation_id="follow_removals",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "`removal` events, each with what `GET /v1/removals/{id}` answers, and `credits`.",
            "content": {"text/event-stream": {}},
        },
        **problems(429, *REFUSALS),
    },
)
async def follow_removals(request: Request, caller: Authenticated, desk: AtDesk) -> Response:
    """Stream each removal of the account whenever it is accepted, begins or ends, in whichever dialect."""
    if desk.listeners.count >= desk.settings.http.max_listeners:
        raise ServerBusy("Too many browsers follow their tasks already: ask from time to time instead.")
    pieces = _followed(request, desk, caller, base_url(request, desk.settings.http))
    return StreamingResponse(pieces, headers=_HEADERS, media_type="text/event-stream")


async def _followed(request: Request, desk: Desk, caller: Caller, base: str) -> AsyncGenerator[str]:
    clock = asyncio.get_running_loop().time
    over, spoken, checked = clock() + LIFE_SECONDS, clock(), clock()
    since = time.time()
    told: dict[str, tuple[str, int, float]] = {}
    with desk.listeners.one_more():
        yield "retry: 2000\nevent: ready\ndata: {}\n\n"
        while clock() < over and not desk.listeners.closing.is_set():
            looked = time.time()
            changed = await _changed(desk, caller, since, told)
            if changed is not None:
                since = looked - OVERLAP_SECONDS
                for task in reversed(changed):
                    yield _event("removal", render.removal(desk, task, base))
                if changed:
                    quota = await desk.services.accounts.quota(caller.account.id)
                    yield _event("credits", render.credits_of(caller.account.name, quota))
                    spoken = clock()
            if clock() - checked >= CHECK_SECONDS:
                if not await _still_welcome(request, desk):
                    return
                checked = clock()
            if clock() - spoken >= PULSE_SECONDS:
                yield ": still here\n\n"
                spoken = clock()
            with suppress(TimeoutError):
                async with asyncio.timeout(desk.settings.http.events_seconds):
                    await desk.listeners.closing.wait()


async def _still_welcome(request: Request, desk: Desk) -> bool:
    """Whether the token is still good and the session not over; a database that stumbles says nothing."""
    try:
        await authenticate(request, desk)
    except (TokenInvalid, TokenMissing):
        return False
    except CleanplateError:
        return True
    return True


async def _changed(
    desk: Desk, caller: Caller, since: float, told: dict[str, tuple[str, int, float]]
) -> list[Task] | None:
    """The tasks that are not as they were told last; None: the database did not answer this time."""
    try:
        tasks = await desk.services.tasks.changed(caller.account.id, since, MOST_AT_ONCE)
    except CleanplateError:
        return None
    fresh = [task for task in tasks if told.get(task.id) != _step(task)]
    told.clear()  # what a look does not see any more, the next one will not either
    told.update((task.id, _step(task)) for task in tasks)
    return fresh


def _step(task: Task) -> tuple[str, int, float]:
    return task.state.value, task.attempt, task.finished_at or 0.0


def _event(name: str, data: object) -> str:
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False, separators=(',', ':'))}\n\n"
