"""What a worker and its children say to each other: frames of a JSON header and bodies of bytes.

    4 bytes   length of the header, big-endian
    header    a JSON object; its "bodies" lists the lengths of the bodies
    bodies    one after the other

The child answers each request with any number of steps, `{"step": "decoded"}`, and then with one answer:
`{"answer": {…}}`, or `{"error": {"code": …, "message": …, "retryable": …, "detail": …}}`.
"""

from __future__ import annotations

import asyncio
import functools
import json
from typing import TYPE_CHECKING, Any, BinaryIO

from cleanplate.errors import CleanplateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Header = dict[str, Any]
Frame = tuple[Header, list[bytes]]

MOST_HEADER_BYTES = 16 * 1024 * 1024  # found marks and fills are listed in it
PIECE_BYTES = 256 * 1024
_PREFIX = 4


class FrameBroken(Exception):
    """The other side sent something that is not a frame, or ended within one."""


def pack(header: Header, bodies: Sequence[bytes] = ()) -> Iterator[bytes | memoryview]:
    """The pieces of a frame, none longer than 256 KiB; the bodies are not copied."""
    encoded = json.dumps({**header, "bodies": [len(body) for body in bodies]}).encode()
    if len(encoded) > MOST_HEADER_BYTES:
        raise FrameBroken(f"a header of {len(encoded)} bytes")
    yield len(encoded).to_bytes(_PREFIX, "big") + encoded
    for body in bodies:
        view = memoryview(body)
        for start in range(0, len(view), PIECE_BYTES):
            yield view[start : start + PIECE_BYTES]


def receive(stream: BinaryIO) -> Frame | None:
    """Read one frame, or None when the other side has ended properly.

    Raises:
        FrameBroken: the other side ended within it, or sent something else.
    """
    prefix = stream.read(_PREFIX)
    if not prefix:
        return None
    header = _header(_whole(stream, _header_length(prefix)))
    return header, [_whole(stream, length) for length in header["bodies"]]


async def receive_async(stream: asyncio.StreamReader) -> Frame:
    """Read one frame.

    Raises:
        FrameBroken: the other side ended, or sent something else.
    """
    try:
        length = _header_length(await stream.readexactly(_PREFIX))
        header = _header(await stream.readexactly(length))
        return header, [await stream.readexactly(count) for count in header["bodies"]]
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise FrameBroken("it ended") from error


def describe(error: CleanplateError) -> dict[str, Any]:
    """An error as a frame tells it."""
    return {
        "code": error.code,
        "message": error.public_message,
        "retryable": error.retryable,
        "detail": error.detail,
    }


def rebuild(told: dict[str, Any]) -> CleanplateError:
    """The error that a frame tells of, as the class that has its code, where that class is loaded."""
    kind = _class_of(told["code"], told["retryable"])
    error = kind.__new__(kind)  # a subclass may ask for more than these two
    CleanplateError.__init__(error, told["message"], detail=told["detail"])
    return error


@functools.cache
def _class_of(code: str, retryable: bool) -> type[CleanplateError]:
    waiting: list[type[CleanplateError]] = [CleanplateError]
    while waiting:
        kind = waiting.pop()
        if kind.code == code:
            return kind
        waiting.extend(kind.__subclasses__())
    # The engine is not loaded on this side; its errors need no more than their code to be answered.
    return type("ChildError", (CleanplateError,), {"code": code, "retryable": retryable})


def _header_length(prefix: bytes) -> int:
    length = int.from_bytes(prefix, "big")
    if len(prefix) < _PREFIX or length > MOST_HEADER_BYTES:
        raise FrameBroken(f"a header of {length} bytes")
    return length


def _header(encoded: bytes) -> Header:
    try:
        header = json.loads(encoded)
        if all(isinstance(length, int) and length >= 0 for length in header["bodies"]):
            return header
    except (ValueError, LookupError, TypeError) as error:
        raise FrameBroken("a header that is not understood") from error
    raise FrameBroken("a body of no length")


def _whole(stream: BinaryIO, length: int) -> bytes:
    # A buffered reader gives all that was asked for unless the stream ends.
    data = stream.read(length)
    if len(data) < length:
        raise FrameBroken("it ended")
    return data
