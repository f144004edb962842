"""JSON answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An answer that no cache keeps: tasks change, and answers hold links and secrets."""
    return JSONResponse(body, status, {"Cache-Control": "no-store", **(headers or {})})
