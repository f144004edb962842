"""The cookie of a browser that is signed in, and what a request must show beside it.

A browser sends cookies whoever made it send the request. So a request that changes something and is signed
in by a cookie must also show the session's proof in a header, which only a page of ours knows; and signing in
and out, where there is no session yet, must come from a page of this server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cleanplate.http.errors import ProofMissing
from cleanplate.http.origin import base_url

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from cleanplate import settings
    from cleanplate.account import Session

PROOF_HEADER = "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# The browser itself refuses a cookie of this name that did not come over HTTPS from this very host.
SECURE_NAME = "__Host-cleanplate"
PLAIN_NAME = "cleanplate"


def shown(request: Request, section: settings.Http) -> str | None:
    """The secret of the session that a request's cookie stands for, or None."""
    return request.cookies.get(_name(request, section)) or None


def give(
    response: Response, request: Request, section: settings.Http, session: Session, seconds: int
) -> None:
    """Let the browser keep the session: for this host alone, not for scripts, never sent from other sites."""
    name = _name(request, section)
    response.set_cookie(
        name,
        session.secret,
        max_age=seconds,
        path="/",
        secure=name == SECURE_NAME,
        httponly=True,
        samesite="strict",
    )


def take_away(response: Response, request: Request, section: settings.Http) -> None:
    """Let the browser forget it."""
    name = _name(request, section)
    response.delete_cookie(name, path="/", secure=name == SECURE_NAME, httponly=True, samesite="strict")


def refuse_forged(request: Request, session: Session) -> None:
    """Accept a request that a cookie signs in only if it reads, or shows the session's proof.

    Raises:
        ProofMissing: it changes something and does not.
    """
    if request.method not in SAFE_METHODS and not session.proven_by(request.headers.get(PROOF_HEADER)):
        raise ProofMissing


def refuse_foreign(request: Request, section: settings.Http) -> None:
    """Accept a request only if a page of this server made it, or no browser did.

    Raises:
        ProofMissing: it comes from another site.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:  # what the browser itself says, over HTTPS and on localhost
        if site not in {"same-origin", "none"}:
            raise ProofMissing
    # Hosts only: behind a proxy that is not told of, we do not know that the page came over HTTPS.
    elif origin is not None and urlsplit(origin).netloc != urlsplit(base_url(request, section)).netloc:
        raise ProofMissing


def _name(request: Request, section: settings.Http) -> str:
    return SECURE_NAME if base_url(request, section).startswith("https:") else PLAIN_NAME
