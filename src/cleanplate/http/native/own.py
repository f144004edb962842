"""The native calls for one's own account: its tokens, and what it used day by day."""

# ruff: noqa: TC001  # FastAPI reads annotations at run time

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict  # before Python 3.12, pydantic does not read the one in typing

from cleanplate.account import TokenMissing, TokenNotFound
from cleanplate.http.answer import answer
from cleanplate.http.auth import SPELLINGS, Authenticated
from cleanplate.http.desk import AtDesk
from cleanplate.http.errors import TokensNotYours
from cleanplate.http.native import render
from cleanplate.http.native.parse import Asked, Name, parse
from cleanplate.http.native.problems import BODY_REFUSALS, REFUSALS, problems

if TYPE_CHECKING:
    from cleanplate.account import Caller

DAY_SECONDS = 86_400


class OwnToken(Asked):
    """A token to be made for one's own account."""

    name: Name = Field(description="What it is for.")


class UsedOnDay(TypedDict):
    day: str  # 2026-11-21
    charged: int  # credits of removals that were done
    refunded: int  # credits of removals that failed
    granted: int  # credits added


class UsageAnswer(TypedDict):
    days: list[UsedOnDay]  # the first first, today last


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": OwnToken.model_json_schema()}},
    }
}
router = APIRouter(prefix="/v1/account", tags=["native"], dependencies=SPELLINGS)


def own_tokens(caller: Authenticated, desk: AtDesk) -> Caller:
    """Let pass who may manage the tokens of the own account.

    Raises:
        TokenMissing: nobody in particular may, on a server that asks for no token.
        TokensNotYours: only admins may.
    """
    if caller.token is None:
        raise TokenMissing
    if not (caller.admin or desk.settings.account.own_tokens):
        raise TokensNotYours
    return caller


Owner = Annotated[Any, Depends(own_tokens)]


@router.get(
    "/tokens",
    summary="List one's own tokens",
    operation_id="list_own_tokens",
    responses={200: {"model": render.TokenList}, **problems(403, *REFUSALS)},
)
async def list_own_tokens(caller: Owner, desk: AtDesk) -> Response:
    """List the account's tokens; revoked ones too, secrets never."""
    return answer(render.tokens(await desk.services.accounts.list_tokens(caller.account.name)))


@router.post(
    "/tokens",
    summary="Make a token of one's own",
    operation_id="create_own_token",
    status_code=201,
    openapi_extra=_BODY,
    responses={201: {"model": render.NewTokenAnswer}, **problems(403, *BODY_REFUSALS)},
)
async def create_own_token(request: Request, caller: Owner, desk: AtDesk) -> Response:
    """Make a token for the account, never an admin's; its secret can never be shown again."""
    async with desk.bodies.form(request) as form:
        asked = parse(form, OwnToken)
    token, secret = await desk.services.accounts.create_token(caller.account.name, asked.name)
    return answer(render.new_token(token, caller.account.name, secret), 201)


@router.delete(
    "/tokens/{token_id}",
    summary="Revoke a token of one's own",
    operation_id="revoke_own_token",
    status_code=204,
    responses=problems(403, 404, *REFUSALS),
)
async def revoke_own_token(token_id: str, caller: Owner, desk: AtDesk) -> Response:
    """Refuse one of the account's tokens from now on; it is named by its id or its prefix."""
    known = await desk.services.accounts.list_tokens(caller.account.name)
    called = [token for token, _ in known if token_id in {token.id, token.prefix}]
    if len(called) != 1:
        raise TokenNotFound
    await desk.services.accounts.revoke_token(called[0].id)
    return Response(status_code=204)


@router.get(
    "/usage",
    summary="Credits by day",
    operation_id="get_usage",
    responses={200: {"model": UsageAnswer}, **problems(*REFUSALS)},
)
async def get_usage(
    caller: Authenticated,
    desk: AtDesk,
    days: Annotated[int, Query(ge=1, le=90, description="how many, today included")] = 30,
    utc_offset: Annotated[
        int, Query(ge=-840, le=840, description="minutes by which the caller's days begin before UTC's")
    ] = 0,
) -> Response:
    """Tell what the account was charged, given back and granted, day by day."""
    shift = utc_offset * 60
    today = (int(time.time()) + shift) // DAY_SECONDS * DAY_SECONDS - shift
    starts = [float(today + place * DAY_SECONDS) for place in range(1 - days, 2)]
    used = await desk.services.accounts.usage(caller.account.id, starts)
    told: UsageAnswer = {
        "days": [
            {
                "day": (datetime.fromtimestamp(one.start, UTC) + timedelta(seconds=shift)).date().isoformat(),
                "charged": one.charged,
                "refunded": one.refunded,
                "granted": one.granted,
            }
            for one in used
        ]
    }
    return answer(told)
