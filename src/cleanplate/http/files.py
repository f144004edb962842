"""Result files behind signed links; no token is asked for, the link itself is the permission."""

# ruff: noqa: TC001  # FastAPI reads annotations at run time

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse

from cleanplate.http.access import entry_of
from cleanplate.http.desk import AtDesk
from cleanplate.picture.formats import FORMATS

if TYPE_CHECKING:
    from cleanplate.http.links import Linked

MEDIA_TYPES = {one.extension: one.media_type for one in FORMATS.values()}

router = APIRouter(tags=["files"])


@router.get(
    "/files/{name}",
    summary="A result picture",
    response_class=StreamingResponse,
    responses={
        200: {"description": "The picture.", "content": {"image/*": {}}},
        307: {"description": "The picture is to be fetched from where it is stored."},
        404: {"description": "The link is not valid or has expired."},
    },
)
async def get_file(name: str, request: Request, desk: AtDesk) -> Response:
    """Stream a result picture: `/files/<task_id>.<extension>?e=<expiry>&a=<attempt>&s=<signature>`."""
    linked = desk.links.open(name, request.query_params)
    entry_of(request).task_id = linked.name.partition(".")[0]
    headers = _headers(linked)
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    method = "HEAD" if request.method == "HEAD" else "GET"  # the signature is for one of them
    elsewhere = await desk.services.blobs.link(linked.key, linked.seconds, method)
    if elsewhere is not None:
        return RedirectResponse(elsewhere, headers={"Cache-Control": "no-store"})
    size, pieces = await desk.services.blobs.stream(linked.key)
    headers["Content-Length"] = str(size)
    media_type = MEDIA_TYPES.get(linked.extension, "application/octet-stream")
    return StreamingResponse(pieces, headers=headers, media_type=media_type)


@router.head("/files/{name}", include_in_schema=False)
async def head_file(name: str, request: Request, desk: AtDesk) -> Response:
    """The same without the picture."""
    full = await get_file(name, request, desk)
    return Response(status_code=full.status_code, headers=dict(full.headers))


def _headers(linked: Linked) -> dict[str, str]:
    return {
        "ETag": f'"{hashlib.sha256(linked.key.encode()).hexdigest()[:32]}"',
        "Cache-Control": f"private, max-age={linked.seconds}, immutable",
        "Content-Disposition": f'inline; filename="{linked.name}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",  # nothing in a picture may ever run
        "Cross-Origin-Resource-Policy": "cross-origin",  # pages draw results on a canvas
    }
