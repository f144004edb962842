"""The OpenAPI document, as clients are generated from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from cleanplate.http.native.errors import Problem

if TYPE_CHECKING:
    from fastapi import FastAPI

NEVER_SENT = "422"  # the framework's own refusal; ours is said in the dialect spoken, as 400


def describe(app: FastAPI) -> dict[str, Any]:
    """The document of an app, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        for item in document["paths"].values():
            for operation in item.values():
                operation["responses"].pop(NEVER_SENT, None)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas["Problem"] = TypeAdapter(Problem).json_schema()
        app.openapi_schema = document
    return app.openapi_schema
