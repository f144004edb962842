"""A request's body, in any of the encodings that clients really send, under limits of size, time and number.

What a body is, is decided by how it begins rather than by its declared type: curl's `--data` calls JSON a
form, and forms arrive as `application/json`. Large bodies are received into temporary files, and brought into
memory only as far as there is room for them.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Protocol
from urllib.parse import parse_qsl

from cleanplate.http.errors import (
    BodyCompressed,
    BodyInvalid,
    BodyTooLarge,
    BodyTooSlow,
    ServerBusy,
    TooManyFields,
)
from cleanplate.http.form import Form, Value, from_json
from cleanplate.http.multipart import MultipartBody, find_boundary

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from starlette.requests import Request

    from cleanplate import settings

MiB = 1024 * 1024
BLOCK_BYTES = MiB  # handed on at once; what is larger than one block is written in a thread
URLENCODED = re.compile(rb"[^\s<>{}\"]+=")


class Memory:
    """The memory for bodies that are being looked at; those that find none wait, first come, first served.

    Args:
        mib: all of it; a larger body takes it all.
    """

    def __init__(self, mib: int) -> None:
        self._most = mib
        self._free = asyncio.Semaphore(mib)
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def take(self, size: int, seconds: float) -> AsyncGenerator[None]:
        """Have room for `size` bytes during the block; less than a MiB is not counted.

        Raises:
            ServerBusy: there was none within `seconds`.
        """
        wanted, taken = min(size // MiB, self._most), 0
        try:
            async with asyncio.timeout(seconds), self._turn:
                while taken < wanted:
                    await self._free.acquire()
                    taken += 1
        except TimeoutError as error:
            self._give_back(taken)
            raise ServerBusy from error
        except BaseException:
            self._give_back(taken)
            raise
        try:
            yield
        finally:
            self._give_back(taken)

    def _give_back(self, taken: int) -> None:
        for _ in range(taken):
            self._free.release()


class _Sink(Protocol):
    def write(self, data: bytes) -> None: ...
    def fields(self) -> list[tuple[str, Value]]: ...
    def close(self) -> None: ...


class Bodies:
    """Reads the bodies of all requests of this server.

    Args:
        section: the limits.
    """

    def __init__(self, section: settings.Http) -> None:
        self._limits = section
        self._memory = Memory(section.upload_memory_mib)

    @asynccontextmanager
    async def form(self, request: Request) -> AsyncGenerator[Form]:
        """Receive the request's fields; its files live as long as the block.

        Leave the block before waiting for anything slow: large bodies take turns here.

        Raises:
            BodyTooLarge, BodyTooSlow, BodyInvalid, BodyCompressed, TooManyFields, ServerBusy: as they say.
        """
        query = _pairs(request.url.query, self._limits.max_fields)
        sink, size = await self._receive(request)
        try:
            async with self._memory.take(size, self._limits.body_seconds):
                large = size > BLOCK_BYTES
                yield Form(await asyncio.to_thread(sink.fields) if large else sink.fields(), query)
        finally:
            sink.close()

    async def _receive(self, request: Request) -> tuple[_Sink, int]:
        limit = self._limits.max_body_bytes
        if request.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            raise BodyCompressed
        if _declared_length(request) > limit:
            raise BodyTooLarge(f"The request is larger than {limit} bytes.")
        sink: _Sink = _Empty()
        size = 0
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                async for block in _blocks(request, limit):
                    if size == 0:
                        sink = self._sink(request.headers.get("content-type", ""), block)
                    size += len(block)
                    if size > BLOCK_BYTES:
                        await asyncio.to_thread(sink.write, block)
                    else:
                        sink.write(block)
        except TimeoutError as error:
            sink.close()
            raise BodyTooSlow from error
        except BaseException:
            sink.close()
            raise
        return sink, size

    def _sink(self, content_type: str, start: bytes) -> _Sink:
        """What receives a body that begins so."""
        media_type = content_type.partition(";")[0].strip().lower()
        visible = start.lstrip(b"\xef\xbb\xbf \t\r\n")
        if visible.startswith(b"{"):
            return _Json()
        if visible.startswith(b"--") or media_type.startswith("multipart/"):
            boundary = find_boundary(content_type, start)
            if boundary is not None:
                return MultipartBody(boundary, self._limits.max_fields)
            if re.fullmatch(rb"--[!-~][ -~]{0,199}--\s*", visible):
                return _Empty()  # a form without any part has a closing boundary only
            raise BodyInvalid("The form does not begin with its boundary.")
        if media_type.endswith(("/json", "+json")):
            return _Json()
        if media_type == "application/x-www-form-urlencoded" or URLENCODED.match(visible):
            return _UrlEncoded(self._limits.max_fields)
        raise BodyInvalid


class _Empty:
    def write(self, data: bytes) -> None:
        del data

    def fields(self) -> list[tuple[str, Value]]:
        return []

    def close(self) -> None:
        pass


class _Json:
    def __init__(self) -> None:
        self._spool = SpooledTemporaryFile(BLOCK_BYTES)  # noqa: SIM115  # closed by `close`, with the request

    def write(self, data: bytes) -> None:
        self._spool.write(data)

    def fields(self) -> list[tuple[str, Value]]:
        return from_json(self._read())

    def close(self) -> None:
        self._spool.close()

    def _read(self) -> bytes:
        self._spool.seek(0)
        return self._spool.read()


class _UrlEncoded(_Json):
    def __init__(self, max_fields: int) -> None:
        super().__init__()
        self._max_fields = max_fields

    def fields(self) -> list[tuple[str, Value]]:
        try:
            text = self._read().decode()
        except UnicodeDecodeError as error:
            raise BodyInvalid("The form is not UTF-8.") from error
        return [(name, value) for name, value in _pairs(text, self._max_fields)]


async def _blocks(request: Request, limit: int) -> AsyncGenerator[bytes]:
    """The body in blocks of `BLOCK_BYTES` or somewhat more, so that the first one shows what it is."""
    waiting = bytearray()
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise BodyTooLarge(f"The request is larger than {limit} bytes.")
        waiting += chunk
        if len(waiting) >= BLOCK_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)


def _declared_length(request: Request) -> int:
    declared = request.headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() else 0


def _pairs(text: str, max_fields: int) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=max_fields, errors="surrogateescape")
    except ValueError as error:
        raise TooManyFields(f"The request has more than {max_fields} fields.") from error
