"""The files of the console: one page, and what it loads, all from this server.

The page itself tells browsers to run and show nothing that does not come from here. Its files have the hash
of their content in their names, so they are kept for ever; the page is asked for each time.
"""

# ruff: noqa: TC001  # FastAPI reads annotations at run time

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import Response

from cleanplate.http.desk import AtDesk
from cleanplate.http.errors import PathUnknown

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

PAGE = "index.html"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self'",
        "font-src 'self'",
        "img-src 'self' blob: data:",  # pictures that are still on the user's side, shapes of marks
        "connect-src 'self' blob: data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
FOREVER = "public, max-age=31536000, immutable"
MEDIA_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "woff2": "font/woff2",
}
COMPRESSED = frozenset({"woff2"})  # by their format

router = APIRouter()


@dataclass(frozen=True, slots=True)
class File:
    """A file of the console, plain and compressed."""

    data: bytes
    packed: bytes | None
    media_type: str
    tag: str


@router.get("/", include_in_schema=False)
@router.head("/", include_in_schema=False)
async def get_page(request: Request, desk: AtDesk) -> Response:
    """The one page; which part of it is shown stands behind the `#` of its address."""
    return _answered(
        request, desk.settings.http.console, PAGE, "no-cache", {"Content-Security-Policy": POLICY}
    )


@router.get("/console/{name:path}", include_in_schema=False)
@router.head("/console/{name:path}", include_in_schema=False)
async def get_file(name: str, request: Request, desk: AtDesk) -> Response:
    """What the page loads."""
    return _answered(request, desk.settings.http.console, f"console/{name}", FOREVER, {})


def _answered(request: Request, served: bool, path: str, kept: str, more: dict[str, str]) -> Response:
    known = _files()
    if not served or path not in known:
        raise PathUnknown
    file = known[path]
    headers = {**HEADERS, **more, "Cache-Control": kept, "ETag": file.tag, "Vary": "Accept-Encoding"}
    if file.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    data = file.data
    if file.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        data, headers["Content-Encoding"] = file.packed, "gzip"
    return Response(data, media_type=file.media_type, headers=headers)


@cache
def _files() -> dict[str, File]:
    """All files by path: a few hundred kilobytes, read and compressed once."""
    root = files("cleanplate.http.console") / "static"
    return {path: _file(path, found.read_bytes()) for path, found in _below(root, "")}


def _below(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found: list[tuple[str, Traversable]] = []
    for one in folder.iterdir():
        if one.is_dir():
            found += _below(one, f"{prefix}{one.name}/")
        else:
            found.append((f"{prefix}{one.name}", one))
    return found


def _file(path: str, data: bytes) -> File:
    extension = path.rpartition(".")[2]
    return File(
        data=data,
        packed=None if extension in COMPRESSED else gzip.compress(data, 9, mtime=0),
        media_type=MEDIA_TYPES.get(extension, "application/octet-stream"),
        tag=f'"{hashlib.sha256(data).hexdigest()[:32]}"',
    )
