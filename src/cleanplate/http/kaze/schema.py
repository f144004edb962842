"""What Kaze's requests look like, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from cleanplate.http.kaze.render import Refusal
from cleanplate.http.submission import OURS

_PICTURE_URL = {"type": "string", "description": "http(s) URL, or `data:image/…;base64,…`"}
_BASE64 = {"type": "string", "description": "base64, with or without a `data:` prefix"}


def _json(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    return {"requestBody": {"content": {"application/json": {"schema": schema}}}}


SUBMISSION = _json(
    {
        "image_url": _PICTURE_URL,
        "image_base64": _BASE64,
        "smear_url": {
            **_PICTURE_URL,
            "description": "same size as the picture; any colour except pure black and pure white marks",
        },
        "smear_base64": _BASE64,
        **OURS,
    }
)
TASK_ID = _json({"task_id": {"type": "string"}}, ["task_id"])
NOTHING = _json({})
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {
        "model": Refusal,
        "description": "code 1000: a parameter is missing or wrong, or the task is unknown",
    },
    401: {"model": Refusal, "description": "code 1002: the token is missing or wrong"},
}
SUBMIT_REFUSALS: dict[int | str, dict[str, Any]] = {
    **REFUSALS,
    402: {"model": Refusal, "description": "code 1003: the credits are used up"},
    413: {"model": Refusal, "description": "code 1000: too large"},
    429: {"model": Refusal, "description": "code 1101: too much is waiting; see Retry-After"},
}
