"""What is wrong, as PicWish and its reseller gpt.ge say it: a request's status, a task's negative state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleanplate.http.answer import answer
from cleanplate.http.kinds import Kind, headers_of, kind_of

if TYPE_CHECKING:
    from starlette.responses import Response

    from cleanplate.errors import CleanplateError
    from cleanplate.settings import Settings

STATUSES: dict[Kind, int] = {  # HTTP status and the body's `status` alike
    Kind.PARAMETER: 400,
    Kind.TOKEN: 401,
    Kind.CREDITS: 402,
    Kind.FORBIDDEN: 403,
    Kind.TASK_UNKNOWN: 404,
    Kind.PATH_UNKNOWN: 404,
    Kind.METHOD: 405,
    Kind.CONFLICT: 409,
    Kind.TOO_SLOW: 408,
    Kind.TOO_LARGE: 413,
    Kind.ENCODING: 415,
    Kind.BUSY: 429,
    Kind.STORAGE: 500,
    Kind.INTERNAL: 500,
}

FAILED = -1
NOT_STORED = -2
NOT_DOWNLOADED = -3
TOO_LARGE = -5
INVALID_PICTURE = -7
TIMED_OUT = -8

DETAILS: dict[int, str] = {
    FAILED: "Failed",
    NOT_STORED: "Upload failed",
    NOT_DOWNLOADED: "Download failed",
    TOO_LARGE: "File too large",
    INVALID_PICTURE: "Invalid file",
    TIMED_OUT: "Timeout",
}

STATES: dict[str, int] = {  # by the code of the failure; any other is `FAILED`
    "storage_failed": NOT_STORED,
    "blob_missing": NOT_STORED,
    "fetch_failed": NOT_DOWNLOADED,
    "fetch_refused": NOT_DOWNLOADED,
    "fetch_timeout": NOT_DOWNLOADED,
    "url_invalid": NOT_DOWNLOADED,
    "fetch_too_large": TOO_LARGE,
    "out_of_memory": TOO_LARGE,
    "picture_too_large": TOO_LARGE,
    "picture_format_unsupported": INVALID_PICTURE,
    "picture_too_many_frames": INVALID_PICTURE,
    "picture_too_small": INVALID_PICTURE,
    "picture_unreadable": INVALID_PICTURE,
    "picture_too_slow": TIMED_OUT,
    "task_expired": TIMED_OUT,
    "task_timeout": TIMED_OUT,
}


def refuse(error: CleanplateError, settings: Settings) -> Response:
    """Say what is wrong."""
    del settings
    kind = kind_of(error)
    message = "task not found" if kind is Kind.TASK_UNKNOWN else error.public_message
    status = STATUSES[kind]
    return answer({"status": status, "message": message}, status, headers_of(error))
