"""The OpenAPI document as a page for people: one file, no scripts, nothing loaded from anywhere."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

STYLE = """
:root { color-scheme: light dark; --line: #8885; --soft: #8881 }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem }
nav a { margin-right: 1rem } h2 { margin-top: 3rem; border-bottom: 1px solid var(--line) }
section { border: 1px solid var(--line); border-radius: .5rem; padding: 0 1rem 1rem; margin: 1rem 0 }
h3 { font: 600 1rem/1.5 ui-monospace, monospace; overflow-wrap: anywhere } h3 b { margin-right: .5rem }
h4 { margin: 1rem 0 .25rem } table { border-collapse: collapse; width: 100%; font-size: .9rem }
td, th { text-align: left; vertical-align: top; padding: .25rem .5rem; border-top: 1px solid var(--line) }
code { background: var(--soft); padding: 0 .2rem; border-radius: .2rem }
"""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Cache-Control": "public, max-age=300",
}

router = APIRouter()


@router.get("/docs", include_in_schema=False)
async def manual(request: Request) -> Response:
    """The manual of this server."""
    return HTMLResponse(render(request.app.openapi()), headers=HEADERS)


def render(document: Mapping[str, Any]) -> str:
    """The page of an OpenAPI document."""
    by_tag: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            by_tag.setdefault(operation["tags"][0], []).append(
                "\n".join(_operation(path, method, operation, document["components"]["schemas"]))
            )
    title, version = escape(document["info"]["title"]), escape(document["info"]["version"])
    links = "".join(f'<a href="#{_anchor(tag)}">{escape(tag)}</a>' for tag in by_tag)
    parts = [f'<h2 id="{_anchor(tag)}">{escape(tag)}</h2>\n' + "\n".join(by_tag[tag]) for tag in by_tag]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
        f"<style>{STYLE}</style></head>"
        f"<body><h1>{title} {version}</h1><p>{escape(document['info']['description'])} A token goes into "
        "<code>Authorization: Bearer …</code> or <code>X-API-KEY</code>. "
        '<a href="openapi.json">openapi.json</a> is the same for generators of clients.</p>'
        f"<nav>{links}</nav>\n" + "\n".join(parts) + "</body></html>\n"
    )


def _operation(
    path: str, method: str, operation: Mapping[str, Any], schemas: Mapping[str, Any]
) -> Iterator[str]:
    name = escape(operation["operationId"])
    yield f'<section id="{name}"><h3><b>{method.upper()}</b>{escape(path)}</h3>'
    yield f"<p>{escape(operation.get('description') or operation['summary'])}</p>"
    if operation.get("parameters"):
        yield "<h4>Parameters</h4>"
        yield _table(
            (one["name"], f"{one['in']}, {_kind(one['schema'])}", _meaning(one["schema"], one))
            for one in operation["parameters"]
        )
    for encoding, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<h4>Body: <code>{escape(encoding)}</code></h4>"
        yield _fields(content["schema"])
    yield "<h4>Answers</h4>"
    yield _table(
        (status, _kind_of_answer(answer), answer["description"])
        for status, answer in sorted(operation["responses"].items())
    )
    responses: Mapping[str, Any] = operation["responses"]
    told: Mapping[str, Any] = responses.get("200") or responses.get("202") or {"content": {}}
    contents: Mapping[str, Any] = told.get("content", {})
    for content in contents.values():
        schema = schemas.get(_reference(content.get("schema", {})), {})
        if schema.get("properties"):
            yield "<h4>Fields of the answer</h4>"
            yield _fields(schema)
    yield "</section>"


def _fields(schema: Mapping[str, Any]) -> str:
    required = set(schema.get("required", ()))
    return _table(
        (f"{name}{' *' if name in required else ''}", _kind(one), _meaning(one, one))
        for name, one in schema.get("properties", {}).items()
    )


def _table(rows: Iterable[tuple[str, str, str]]) -> str:
    lines = (
        f"<tr><th><code>{escape(name)}</code></th><td>{escape(kind)}</td><td>{escape(meaning)}</td></tr>"
        for name, kind, meaning in rows
    )
    return f"<table>{''.join(lines)}</table>"


def _kind(schema: Mapping[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(one) for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return _reference(schema) or str(schema.get("format") or schema.get("type", ""))


def _meaning(schema: Mapping[str, Any], described: Mapping[str, Any]) -> str:
    meaning = str(described.get("description") or schema.get("description") or "")
    default = schema.get("default")
    return meaning if default is None else f"{meaning} (default {default})".strip()


def _kind_of_answer(answer: Mapping[str, Any]) -> str:
    return ", ".join(
        _kind(content["schema"]) if content.get("schema") else encoding
        for encoding, content in answer.get("content", {}).items()
    )


def _reference(schema: Mapping[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _anchor(tag: str) -> str:
    return f"tag-{escape(tag.lower().replace('.', '-'))}"
