"""What is wrong, as Kaze says it: an envelope with a code; the HTTP status is secondary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleanplate.http.answer import answer
from cleanplate.http.kinds import Kind, headers_of, kind_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from cleanplate.errors import CleanplateError
    from cleanplate.settings import Settings

PARAMETER = 1000
METHOD = 1001
AUTHENTICATION = 1002
CREDITS = 1003
INTERNAL = 1100
OVERLOADED = 1101
STORAGE = 1102

CODES: dict[Kind, tuple[int, int]] = {  # the envelope's code, the HTTP status
    Kind.PARAMETER: (PARAMETER, 400),
    Kind.CONFLICT: (PARAMETER, 409),
    Kind.TASK_UNKNOWN: (PARAMETER, 400),
    Kind.PATH_UNKNOWN: (PARAMETER, 404),
    Kind.TOO_LARGE: (PARAMETER, 413),
    Kind.TOO_SLOW: (PARAMETER, 408),
    Kind.ENCODING: (PARAMETER, 415),
    Kind.METHOD: (METHOD, 405),
    Kind.TOKEN: (AUTHENTICATION, 401),
    Kind.FORBIDDEN: (AUTHENTICATION, 403),
    Kind.CREDITS: (CREDITS, 402),
    Kind.BUSY: (OVERLOADED, 429),
    Kind.STORAGE: (STORAGE, 500),
    Kind.INTERNAL: (INTERNAL, 500),
}


def refuse(error: CleanplateError, settings: Settings) -> Response:
    """Say what is wrong; with HTTP 200 where the settings ask for it."""
    kind = kind_of(error)
    code, status = CODES[kind]
    message = "task not found" if kind is Kind.TASK_UNKNOWN else error.public_message
    body = {"code": code, "message": message, "data": None}
    return answer(body, 200 if settings.http.kaze_always_200 else status, headers_of(error))
