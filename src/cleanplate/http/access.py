"""One line in the log for each request, and an id that ties everything said about it together.

Never logged: tokens, bodies, and query strings (result links are signed there).
"""

from __future__ import annotations

import re
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders

from cleanplate import metrics, tracing

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from cleanplate.errors import CleanplateError

REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/+=-]{0,99}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})  # asked all the time, by machines
CLIENT_GONE = 499  # nginx's number for a client that hung up before it was answered

log: structlog.stdlib.BoundLogger = structlog.get_logger("cleanplate.http")


@dataclass(slots=True)
class Entry:
    """What is known of one request; routes fill in what they learn."""

    request_id: str
    dialect: str = "native"
    account: str | None = None
    task_id: str | None = None
    error: str | None = None
    detail: str | None = None

    def blame(self, error: CleanplateError) -> None:
        """Note down why the request is refused."""
        self.error, self.detail = error.code, error.detail


def entry_of(request: Request) -> Entry:
    """The log entry of this request."""
    entry: Entry = request.state.entry
    return entry


class Access:
    """ASGI middleware, the outermost: gives each request its id and its entry in the log."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        entry = Entry(_request_id(headers))
        scope.setdefault("state", {})["entry"] = entry
        scope["path"] = path = _tidy(scope["path"])
        status = CLIENT_GONE

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = entry.request_id
            await send(message)

        started = time.perf_counter()
        traced = nullcontext(tracing.NOTHING) if path in QUIET else _span(scope, headers)
        with traced as span, structlog.contextvars.bound_contextvars(**_named(entry, span)):
            try:
                await self.app(scope, receive, send_with_id)
            finally:
                _tell(span, scope, entry, status)
                seconds = time.perf_counter() - started
                metrics.requests.labels(entry.dialect, _method(scope), str(status)).inc()
                metrics.request_seconds.labels(entry.dialect).observe(seconds)
                _write(scope, entry, status, seconds * 1000)


def _span(scope: Scope, headers: Headers) -> AbstractContextManager[tracing.Span]:
    """The request's part of a trace: a new one, or the caller's."""
    attributes = {"http.request.method": _method(scope), "url.path": scope["path"]}
    return tracing.span(_method(scope), attributes, kind="server", parent=headers.get("traceparent", ""))


def _named(entry: Entry, span: tracing.Span) -> dict[str, str]:
    """What every line of the log that this request causes has."""
    named = {"request_id": entry.request_id}
    return named if span.trace_id is None else {**named, "trace": span.trace_id}


def _tell(span: tracing.Span, scope: Scope, entry: Entry, status: int) -> None:
    route = getattr(scope.get("route"), "path", None)
    if route is not None:
        span.name(f"{_method(scope)} {route}")
    span.tell({"http.route": route, "http.response.status_code": status})
    span.note(dialect=entry.dialect, account=entry.account, task=entry.task_id, request_id=entry.request_id)
    if status >= 500:
        span.blame(entry.error or str(status))
    elif entry.error is not None:  # the caller's mistake is not the server's
        span.tell({"error.type": entry.error})


def _method(scope: Scope) -> str:
    """As it is counted: callers may make up any."""
    return scope["method"] if scope["method"] in METHODS else "other"


def _request_id(headers: Headers) -> str:
    """The caller's own id when it is a harmless one, else a new one."""
    given = headers.get("x-request-id", "")
    return given if REQUEST_ID.fullmatch(given) else uuid4().hex


def _tidy(path: str) -> str:
    """The path without the slashes that base URLs and clients add; a redirect would lose a POST's body."""
    return "/" + path.strip("/")


def _write(scope: Scope, entry: Entry, status: int, milliseconds: float) -> None:
    fields = {
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "ms": round(milliseconds, 1),
        "dialect": entry.dialect,
        "account": entry.account,
        "task": entry.task_id,
        "error": entry.error,
        "detail": entry.detail,
    }
    known = {name: value for name, value in fields.items() if value is not None}
    if status >= 500:
        log.error("request", **known)
    elif scope["path"] in QUIET:
        log.debug("request", **known)
    else:
        log.info("request", **known)
