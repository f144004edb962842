"""The native calls for browsers: sign in with a token, and out again."""

# ruff: noqa: TC001  # FastAPI reads annotations at run time

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from pydantic import Field
from starlette.responses import Response
from typing_extensions import TypedDict  # before Python 3.12, pydantic does not read the one in typing

from cleanplate.http import cookies
from cleanplate.http.answer import answer
from cleanplate.http.auth import authenticate, presented
from cleanplate.http.desk import AtDesk
from cleanplate.http.native.parse import Asked, parse
from cleanplate.http.native.problems import BODY_REFUSALS, REFUSALS, problems

if TYPE_CHECKING:
    from cleanplate.account import Caller, Session
    from cleanplate.http.desk import Desk


class SignIn(Asked):
    """What a browser signs in with."""

    token: str = Field(min_length=1, max_length=200, description="A token of yours.")


class Limits(TypedDict):
    max_bytes: int
    max_pixels: int
    max_side: int
    min_side: int
    max_batch: int
    max_rectangles: int
    sensitivity: float  # where a request does not say


class SessionAnswer(TypedDict):
    signed_in: bool
    token_required: bool  # false: whoever is not signed in is the account `default`
    own_tokens: bool  # whether tokens may make further tokens of their account
    account: str | None
    token: str | None  # how it begins
    admin: bool
    proof: str | None  # goes into the header X-CSRF-Token of everything that changes something
    expires_at: float | None
    version: str
    limits: Limits | None


_SCHEMA: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": SignIn.model_json_schema()}},
    }
}
router = APIRouter(prefix="/v1/session", tags=["native"])


@router.get(
    "",
    summary="Who is signed in?",
    operation_id="get_session",
    responses={200: {"model": SessionAnswer}, **problems(*REFUSALS)},
)
async def get_session(request: Request, desk: AtDesk) -> Response:
    """Tell what the browser's cookie stands for; without one, whether a token is needed."""
    cookie = cookies.shown(request, desk.settings.http)
    session = None if cookie is None else await desk.services.accounts.sessions.find(cookie)
    if session is not None:
        return answer(_told(request, desk, session.caller, session))
    if presented(request.headers) or not desk.settings.account.require_token:
        return answer(_told(request, desk, await authenticate(request, desk), None))
    return answer(_told(request, desk, None, None))


@router.post(
    "",
    summary="Sign a browser in",
    operation_id="sign_in",
    status_code=201,
    openapi_extra=_SCHEMA,
    responses={201: {"model": SessionAnswer}, **problems(403, *BODY_REFUSALS)},
)
async def sign_in(request: Request, desk: AtDesk) -> Response:
    """Begin a session; its cookie is good until it expires, is signed out, or the token is revoked."""
    cookies.refuse_foreign(request, desk.settings.http)
    async with desk.bodies.form(request) as form:
        asked = parse(form, SignIn)
    accounts = desk.services.accounts
    session = await accounts.sessions.begin(await accounts.authenticate(asked.token.strip()))
    response = answer(_told(request, desk, session.caller, session), 201)
    cookies.give(response, request, desk.settings.http, session, desk.settings.account.session_seconds)
    return response


@router.delete(
    "",
    summary="Sign a browser out",
    operation_id="sign_out",
    status_code=204,
    responses=problems(403, *REFUSALS),
)
async def sign_out(request: Request, desk: AtDesk) -> Response:
    """End the session that the browser's cookie stands for."""
    cookies.refuse_foreign(request, desk.settings.http)
    cookie = cookies.shown(request, desk.settings.http)
    if cookie is not None:
        await desk.services.accounts.sessions.end(cookie)
    response = Response(status_code=204)
    cookies.take_away(response, request, desk.settings.http)
    return response


def _told(request: Request, desk: Desk, caller: Caller | None, session: Session | None) -> SessionAnswer:
    settings = desk.settings
    return {
        "signed_in": caller is not None and caller.token is not None,
        "token_required": settings.account.require_token,
        "own_tokens": settings.account.own_tokens,
        "account": None if caller is None else caller.account.name,
        "token": None if caller is None or caller.token is None else caller.token.prefix,
        "admin": caller is not None and caller.admin,
        "proof": None if session is None else session.proof,
        "expires_at": None if session is None else session.expires_at,
        "version": request.app.version,
        "limits": None
        if caller is None
        else {
            "max_bytes": settings.picture.max_bytes,
            "max_pixels": settings.picture.max_pixels,
            "max_side": settings.picture.max_side,
            "min_side": settings.picture.min_side,
            "max_batch": settings.http.max_batch,
            "max_rectangles": settings.region.max_rectangles,
            "sensitivity": settings.engine.sensitivity,
        },
    }
