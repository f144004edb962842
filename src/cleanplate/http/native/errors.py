"""What is wrong, as RFC 9457 says it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from typing_extensions import TypedDict  # before Python 3.12, pydantic does not read the one in typing

from cleanplate.http.answer import answer
from cleanplate.http.kinds import Kind, headers_of, kind_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from cleanplate.errors import CleanplateError
    from cleanplate.settings import Settings

STATUSES: dict[Kind, HTTPStatus] = {
    Kind.PARAMETER: HTTPStatus.BAD_REQUEST,
    Kind.TOKEN: HTTPStatus.UNAUTHORIZED,
    Kind.CREDITS: HTTPStatus.PAYMENT_REQUIRED,
    Kind.FORBIDDEN: HTTPStatus.FORBIDDEN,
    Kind.TASK_UNKNOWN: HTTPStatus.NOT_FOUND,
    Kind.PATH_UNKNOWN: HTTPStatus.NOT_FOUND,
    Kind.METHOD: HTTPStatus.METHOD_NOT_ALLOWED,
    Kind.CONFLICT: HTTPStatus.CONFLICT,
    Kind.TOO_SLOW: HTTPStatus.REQUEST_TIMEOUT,
    Kind.TOO_LARGE: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Kind.ENCODING: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Kind.BUSY: HTTPStatus.TOO_MANY_REQUESTS,
    Kind.STORAGE: HTTPStatus.SERVICE_UNAVAILABLE,
    Kind.INTERNAL: HTTPStatus.INTERNAL_SERVER_ERROR,
}


class Problem(TypedDict):
    type: str  # always `about:blank`: `code` tells problems apart
    title: str
    status: int
    detail: str
    code: str


def refuse(error: CleanplateError, settings: Settings) -> Response:
    """Say what is wrong."""
    del settings
    status = STATUSES[kind_of(error)]
    problem: Problem = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": error.public_message,
        "code": error.code,
    }
    headers = {"Content-Type": "application/problem+json", **headers_of(error)}
    return answer(problem, status.value, headers)
