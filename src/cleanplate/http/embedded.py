"""JSON that has a result picture inside, as base64, and is never whole in memory.

The picture is read, encoded and handed on piece by piece: however large it is, and however slowly it is
taken, an answer costs one piece. Encoded at once, one of 40 MiB would hold up everybody else for a quarter of
a second; half of that in a thread too, for base64 lets nobody else have the interpreter.
"""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from starlette.responses import Response, StreamingResponse

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from cleanplate.http.desk import Desk
    from cleanplate.store import Blobs
    from cleanplate.task import Task

PLACE = secrets.token_hex(16)  # what a body says where the picture is to be; nobody else can know it
PIECE_BYTES = 3 * 64 * 1024  # of the picture; threes of bytes are encoded each for itself


class Document:
    """JSON around a stored picture, which may be written as often as it is needed.

    Args:
        parts: the JSON between the places of the picture, one more than there are places.
        blobs: where the picture is.
        key: which it is.
        picture_bytes: its size.
    """

    def __init__(self, parts: Sequence[bytes], blobs: Blobs, key: str, picture_bytes: int) -> None:
        self._parts = parts
        self._blobs = blobs
        self._key = key
        self.size = sum(map(len, parts)) + (len(parts) - 1) * _encoded_size(picture_bytes)

    async def pieces(self) -> AsyncGenerator[bytes]:
        """All of it, from the beginning.

        Raises:
            BlobMissing: the picture has expired meanwhile.
            StorageFailed: it could not be read.
        """
        first, *others = self._parts
        yield first
        for part in others:
            async for piece in _encoded(self._blobs, self._key):
                yield piece
            yield part


async def written(desk: Desk, task: Task, body: Any) -> bytes | Document:
    """A body as JSON, with the task's result wherever it says `PLACE`.

    Raises:
        BlobMissing: the result has expired.
        StorageFailed: it could not be read.
    """
    text = json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    parts = text.split(PLACE.encode())
    if len(parts) == 1:
        return text
    assert task.outcome is not None  # noqa: S101  # a place is kept for a result only
    blobs, key = desk.services.blobs, task.outcome.result_key
    return Document(parts, blobs, key, await blobs.size(key))


async def answer_with_picture(desk: Desk, task: Task, body: Any) -> Response:
    """An answer that no cache keeps, as `answer` makes it, with the task's result wherever it says `PLACE`.

    Raises:
        BlobMissing, StorageFailed: as `written`.
    """
    told = await written(desk, task, body)
    headers = {"Cache-Control": "no-store"}
    if isinstance(told, bytes):
        return Response(told, headers=headers, media_type="application/json")
    headers["Content-Length"] = str(told.size)
    return StreamingResponse(told.pieces(), headers=headers, media_type="application/json")


async def _encoded(blobs: Blobs, key: str) -> AsyncGenerator[bytes]:
    """A blob as bare base64."""
    _, pieces = await blobs.stream(key, PIECE_BYTES)
    left = b""
    async for piece in pieces:
        data = left + piece
        whole = len(data) // 3 * 3
        for at in range(0, whole, PIECE_BYTES):  # a store may hand out more at once than it was asked for
            yield b64encode(data[at : min(at + PIECE_BYTES, whole)])
        left = data[whole:]
    if left:
        yield b64encode(left)


def _encoded_size(size: int) -> int:
    return (size + 2) // 3 * 4
