"""Who calls: one token check for every dialect, in all the spellings that clients use."""

# ruff: noqa: TC001  # FastAPI reads annotations at run time

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, HTTPBearer

from cleanplate.account import Caller
from cleanplate.http import cookies
from cleanplate.http.access import entry_of
from cleanplate.http.desk import AtDesk
from cleanplate.http.errors import AdminNeeded
from cleanplate.http.origin import client_address
from cleanplate.task import trail

if TYPE_CHECKING:
    from collections.abc import Mapping

BEARER = re.compile(r"bearer(\s+|$)", re.IGNORECASE)

# Only for the OpenAPI document; `presented` reads the headers, because clients also send the bare token.
SPELLINGS = [
    Security(HTTPBearer(auto_error=False, description="Your token.")),
    Security(APIKeyHeader(name="X-API-KEY", auto_error=False, description="Your token.")),
]


def presented(headers: Mapping[str, str]) -> str | None:
    """The token that a request shows: `X-API-KEY`, else `Authorization` with or without `Bearer`.

    `Authorization: Bearer ` with nothing behind it, as the printed examples have it, is no token.
    """
    key = headers.get("x-api-key", "").strip()
    if key:
        return key
    authorization = headers.get("authorization", "").strip()
    if BEARER.match(authorization):
        authorization = BEARER.sub("", authorization, count=1).strip()
    return authorization or None


async def authenticate(request: Request, desk: AtDesk) -> Caller:
    """Tell whose token the request shows, or whose browser has signed in with one.

    Raises:
        TokenMissing: it shows none, and the server asks for one.
        TokenInvalid: it is unknown or revoked.
        ProofMissing: a browser is made to send it by another site.
    """
    accounts, token = desk.services.accounts, presented(request.headers)
    cookie = None if token else cookies.shown(request, desk.settings.http)
    session = None if cookie is None else await accounts.sessions.find(cookie)
    if session is None:
        caller = await accounts.authenticate(token)
    else:
        cookies.refuse_forged(request, session)
        caller = session.caller
    entry_of(request).account = caller.account.name
    settings = desk.settings
    address = client_address(request, settings.http)
    return replace(caller, client=trail.client(address, settings.task.audit_client, desk.services.secret))


Authenticated = Annotated[Caller, Depends(authenticate)]


async def administer(caller: Authenticated) -> Caller:
    """Let only admin tokens pass.

    Raises:
        AdminNeeded: it is not one.
    """
    if not caller.admin:
        raise AdminNeeded
    return caller


Administrator = Annotated[Caller, Depends(administer)]
