"""The OpenAPI document, as clients are generated from it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from cleanplate.http.native.errors import Problem

if TYPE_CHECKING:
    from fastapi import FastAPI

OURS = {"native", "files"}  # tags whose calls need no dialect in their names
MODULE = re.compile(r"cleanplate__http__([a-z]+)__[a-z]+__")  # what two models of one name are told apart by
NEVER_SENT = "422"  # the framework's own refusal; ours is said in the dialect spoken, as 400


def describe(app: FastAPI) -> dict[str, Any]:
    """The document of an app, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        for path, item in document["paths"].items():
            for method, operation in item.items():
                operation["responses"].pop(NEVER_SENT, None)
                [tag] = operation["tags"]
                if tag in OURS:  # only the function's name
                    rest = f"{re.sub(r'[^a-zA-Z0-9]', '_', path)}_{method}"
                    operation["operationId"] = operation["operationId"].removesuffix(rest)
                else:
                    operation["operationId"] = _vendor_call(tag, method, path)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        schemas["Problem"] = TypeAdapter(Problem).json_schema()
        app.openapi_schema = _with_short_names(document)
    return app.openapi_schema


def _vendor_call(tag: str, method: str, path: str) -> str:
    """What it calls one of a vendor's: `picwish_get_inpaint`."""
    named = [part for part in path.split("/") if not part.startswith("{")][-1]
    return f"{tag.lower().replace('.', '')}_{method}_{named.replace('-', '_')}"


def _with_short_names(document: dict[str, Any]) -> dict[str, Any]:
    """Models of one name in two dialects, called by the dialect: `KazeResult`, `PicwishResult`."""
    text = MODULE.sub(lambda match: match[1].capitalize(), json.dumps(document))
    short: dict[str, Any] = json.loads(text)
    for name, schema in short["components"]["schemas"].items():
        schema["title"] = name
    return short
