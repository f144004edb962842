"""How native refusals are described in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from cleanplate.http.native.errors import Problem

MEANINGS = {
    400: "A field is missing or wrong.",
    401: "The token is missing or wrong.",
    402: "The credits are used up.",
    403: "An admin token is needed.",
    404: "There is no such thing, or it has expired.",
    408: "The body took too long to arrive.",
    409: "It does not agree with what is there already.",
    413: "Too large.",
    415: "The body is compressed.",
    429: "Too much at once; see Retry-After.",
    500: "A defect of the server.",
    503: "Storage has failed; try again.",
}
_SCHEMA = {"$ref": f"#/components/schemas/{Problem.__name__}"}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The answers of a route for these statuses, each an RFC 9457 problem."""
    return {
        status: {
            "description": MEANINGS[status],
            "content": {"application/problem+json": {"schema": _SCHEMA}},
        }
        for status in statuses
    }


BODY_REFUSALS = (400, 401, 408, 413, 415, 429, 500, 503)  # of every call that sends something
REFUSALS = (400, 401, 500, 503)  # of every other
