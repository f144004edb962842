"""The native calls: tokens, credits, health."""

# ruff: noqa: TC001, TC002  # FastAPI reads annotations at run time

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import PlainTextResponse, Response

from cleanplate import metrics
from cleanplate.errors import CleanplateError
from cleanplate.http.answer import answer
from cleanplate.http.auth import SPELLINGS, Administrator, Authenticated, administer, authenticate
from cleanplate.http.desk import AtDesk
from cleanplate.http.errors import PathUnknown
from cleanplate.http.native import render
from cleanplate.http.native.parse import Grant, NewToken, parse
from cleanplate.http.native.problems import BODY_REFUSALS, problems

if TYPE_CHECKING:
    from collections.abc import Awaitable

READY_SECONDS = 5.0
PROBLEMS = problems(403, 404, *BODY_REFUSALS)


def _body(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


router = APIRouter()
accounts = APIRouter(prefix="/v1", tags=["native"], dependencies=SPELLINGS)


@accounts.post(
    "/tokens",
    summary="Make a token",
    status_code=201,
    openapi_extra=_body(NewToken),
    responses={201: {"model": render.NewTokenAnswer}, **PROBLEMS},
)
async def create_token(request: Request, caller: Administrator, desk: AtDesk) -> Response:
    """Make a token; its secret is in the answer and can never be shown again."""
    del caller
    async with desk.bodies.form(request) as form:
        asked = parse(form, NewToken)
    token, secret = await desk.services.accounts.create_token(asked.account, asked.name, asked.admin)
    return answer(render.new_token(token, asked.account, secret), 201)


@accounts.get("/tokens", summary="List tokens", responses={200: {"model": render.TokenList}, **PROBLEMS})
async def list_tokens(caller: Administrator, desk: AtDesk, account: str | None = None) -> Response:
    """List all tokens, or those of one account; revoked ones too, secrets never."""
    del caller
    return answer(render.tokens(await desk.services.accounts.list_tokens(account)))


@accounts.delete("/tokens/{token_id}", summary="Revoke a token", status_code=204, responses=PROBLEMS)
async def revoke_token(token_id: str, caller: Administrator, desk: AtDesk) -> Response:
    """Refuse a token from now on; it is named by its id or its prefix."""
    del caller
    await desk.services.accounts.revoke_token(token_id)
    return Response(status_code=204)


@accounts.get(
    "/account", summary="The caller's account", responses={200: {"model": render.AccountAnswer}, **PROBLEMS}
)
async def get_account(caller: Authenticated, desk: AtDesk) -> Response:
    """Tell credits and the secret that signs callbacks."""
    quota = await desk.services.accounts.quota(caller.account.id)
    return answer(render.account(caller.account, quota))


@accounts.post(
    "/accounts/{name}/credits",
    summary="Grant credits",
    openapi_extra=_body(Grant),
    responses={200: {"model": render.CreditsAnswer}, **PROBLEMS},
)
async def grant_credits(name: str, request: Request, caller: Administrator, desk: AtDesk) -> Response:
    """Add credits to an account; its first grant ends its being unlimited."""
    del caller
    async with desk.bodies.form(request) as form:
        asked = parse(form, Grant)
    return answer(render.credits_of(name, await desk.services.accounts.grant(name, asked.credits)))


@router.get(
    "/readyz",
    summary="Can it serve?",
    tags=["native"],
    response_model=None,
    responses={200: {"model": dict[str, str]}, 503: {"model": dict[str, str]}},
)
async def ready(desk: AtDesk) -> Response:
    """Look at the database, the blobs and the worker; 503 names what does not answer."""
    services = desk.services
    found = {
        "database": await _answers(services.tasks.depth()),
        "blobs": await _answers(services.blobs.exists("readyz")),
        "worker": "ok" if services.working() else "not working",
    }
    well = all(state == "ok" for state in found.values())
    return answer(found, 200 if well else 503)


async def _answers(asked: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(READY_SECONDS):
            await asked
    except CleanplateError as error:
        return error.code
    except TimeoutError:
        return "too slow"
    return "ok"


@router.get(
    "/metrics",
    summary="For Prometheus",
    tags=["native"],
    response_class=PlainTextResponse,
    responses=problems(401, 403, 404, 503),
)
async def get_metrics(request: Request, desk: AtDesk) -> Response:
    """Counts and times in the text format of Prometheus; who may read them is a setting."""
    readers = desk.settings.http.metrics
    if readers == "off":
        raise PathUnknown
    if readers == "admin":
        await administer(await authenticate(request, desk))
    await desk.services.tasks.measure()
    return Response(metrics.page(), media_type=metrics.CONTENT_TYPE, headers={"Cache-Control": "no-store"})


@router.get("/healthz", summary="Is the process up?", tags=["native"])
async def health() -> dict[str, str]:
    """Answer that the process is up; nothing else is looked at."""
    return {"status": "ok"}


@router.head("/healthz", include_in_schema=False)
async def head_health() -> Response:
    """The same without a body."""
    return Response()


router.include_router(accounts)
