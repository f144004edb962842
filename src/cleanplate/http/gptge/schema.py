"""What gpt.ge's requests look like, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from cleanplate.http.gptge.render import Refusal
from cleanplate.http.submission import OURS

_FILE = {"type": "string", "format": "binary"}
_URL = {"type": "string", "description": "http(s) URL, or `data:image/…;base64,…`"}
_COMMON: dict[str, Any] = {
    "sync": {"type": "integer", "enum": [0, 1], "default": 0, "description": "1 waits for the result"},
    "callback_url": {"type": "string", "format": "uri"},
    "return_type": {"type": "integer", "enum": [1, 2], "default": 1, "description": "1: URL, 2: base64"},
    **OURS,
}


def _form(properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": {**properties, **_COMMON}}
    encodings = ("multipart/form-data", "application/json", "application/x-www-form-urlencoded")
    return {"requestBody": {"content": {encoding: {"schema": schema} for encoding in encodings}}}


WATERMARK = _form(
    {
        "image_file": {**_FILE, "description": "not together with image_url"},
        "image_url": _URL,
        "mask_file": {**_FILE, "description": "white means: remove; one of the three areas at most"},
        "mask_url": _URL,
        "rectangles": {
            "type": "string",
            "description": 'JSON list of at most 50, such as `[{"x":0,"y":0,"width":100,"height":100}]`',
        },
    }
)
WATERMARK_AUTO = _form({"file": {**_FILE, "description": "not together with url"}, "url": _URL})
REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Refusal, "description": "The token is missing or wrong."},
}
SUBMIT_REFUSALS: dict[int | str, dict[str, Any]] = {
    **REFUSALS,
    400: {"model": Refusal, "description": "A parameter is missing or wrong."},
    402: {"model": Refusal, "description": "The credits are used up."},
    413: {"model": Refusal, "description": "Too large."},
    429: {"model": Refusal, "description": "Too much is waiting; see Retry-After."},
}
