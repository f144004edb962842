"""Which dialect is spoken at a path, so that whatever goes wrong is said in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from cleanplate.errors import CleanplateError
from cleanplate.http import gptge, kaze, native, picwish
from cleanplate.http.access import entry_of, log
from cleanplate.http.desk import desk_of
from cleanplate.http.errors import BodyInvalid, FieldInvalid, MethodWrong, PathUnknown, Unexpected

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from cleanplate.settings import Settings


MOST_TOLD = 500  # characters of what is wrong with the query string


@dataclass(frozen=True, slots=True)
class Dialect:
    """One way of speaking.

    Attributes:
        name: as a task's request names it.
        prefixes: of its paths.
        refuse: says what is wrong.
    """

    name: str
    prefixes: tuple[str, ...]
    refuse: Callable[[CleanplateError, Settings], Response]


DIALECTS = (
    Dialect("kaze", ("/api/ext/v1",), kaze.refuse),
    Dialect("gptge", ("/task",), gptge.refuse),
    Dialect("picwish", ("/api/tasks", "/api/customers"), picwish.refuse),
    Dialect("native", ("",), native.refuse),
)


def dialect_at(path: str) -> Dialect:
    """The dialect that is spoken at a path; everything that is not a vendor's is ours."""
    return next(
        one for one in DIALECTS for prefix in one.prefixes if path == prefix or path.startswith(f"{prefix}/")
    )


def refuse(request: Request, error: CleanplateError) -> Response:
    """Say what is wrong in the dialect of the path."""
    entry_of(request).blame(error)
    return dialect_at(request.scope["path"]).refuse(error, desk_of(request).settings)


async def refuse_foreseen(request: Request, error: Exception) -> Response:
    """Exception handler for every `CleanplateError`."""
    return refuse(request, error if isinstance(error, CleanplateError) else Unexpected())


async def refuse_unrouted(request: Request, error: Exception) -> Response:
    """Exception handler for what the framework refuses: unknown paths and wrong methods."""
    if isinstance(error, RequestValidationError):
        wrong = [f"{one['loc'][-1]}: {one['msg']}" for one in error.errors()]
        return refuse(request, FieldInvalid("; ".join(wrong)[:MOST_TOLD]))
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        return refuse(request, PathUnknown())
    if status == 405:
        allow = error.headers.get("Allow", "") if isinstance(error, HTTPException) and error.headers else ""
        if request.method == "OPTIONS":  # asked without a browser's preflight headers
            return Response(status_code=204, headers={"Allow": f"{allow}, OPTIONS"})
        return refuse(request, MethodWrong(allow=allow))
    return refuse(request, BodyInvalid() if status < 500 else Unexpected())


class Unforeseen:
    """ASGI middleware: a defect is logged with its traceback and answered politely in the dialect spoken."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        entry_of(request).dialect = dialect_at(scope["path"]).name
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except ClientDisconnect:
            entry_of(request).error = "client_gone"
        except Exception:  # noqa: BLE001  # the last place where a defect can still be answered
            log.exception("defect", method=scope["method"], path=scope["path"])
            if not started:
                await refuse(request, Unexpected())(scope, receive, send)
