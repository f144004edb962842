"""The native calls: tokens, credits, health."""

# ruff: noqa: TC001, TC002  # FastAPI reads annotations at run time

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from cleanplate.http.answer import answer
from cleanplate.http.auth import SPELLINGS, Administrator, Authenticated
from cleanplate.http.desk import AtDesk
from cleanplate.http.native import render
from cleanplate.http.native.parse import Grant, NewToken, parse
from cleanplate.http.native.problems import BODY_REFUSALS, problems

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


@router.get("/healthz", summary="Is the process up?", tags=["native"])
async def health() -> dict[str, str]:
    """Answer that the process is up; nothing else is looked at."""
    return {"status": "ok"}


@router.head("/healthz", include_in_schema=False)
async def head_health() -> Response:
    """The same without a body."""
    return Response()


router.include_router(accounts)
