"""Real servers on loopback, well-behaved and not, and fetchers that may reach them."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import pytest

from cleanplate.fetch import Fetcher
from cleanplate.settings import Fetch

Answer = Callable[[str, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Site:
    """A server that sends exactly the bytes it is told to, and remembers what it was sent.

    Args:
        answer: those bytes, or what to do with a connection.
        listens: whether it waits for a request before it speaks.
    """

    def __init__(self, answer: bytes | Answer, *, listens: bool = True) -> None:
        self.answer = answer
        self.listens = listens
        self.requests: list[str] = []
        self.bodies: list[bytes] = []
        self.asked = asyncio.Event()
        self.connections = 0
        self.closed_early = asyncio.Event()
        self.port = 0
        self._lines: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(
        self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> AsyncIterator[Site]:
        server = await asyncio.start_server(self._serve, host, port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()
            async with asyncio.timeout(10):
                await asyncio.gather(*self._lines)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        line = asyncio.current_task()
        assert line is not None
        self._lines.add(line)
        with suppress(ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            head = await self._listen(reader) if self.listens else ""
            if callable(self.answer):
                try:
                    await self.answer(head, reader, writer)
                except ConnectionError:
                    self.closed_early.set()
            else:
                writer.write(self.answer)
                await writer.drain()
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()

    async def _listen(self, reader: asyncio.StreamReader) -> str:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"^content-length: (\d+)\r$", head, re.IGNORECASE | re.MULTILINE)
        self.bodies.append(await reader.readexactly(int(length[1])) if length else b"")
        self.requests.append(head)
        self.asked.set()
        return head


class Names:
    """A resolver that answers what it is told, and something else from the second time on if told so."""

    def __init__(self, *answers: Sequence[str] | OSError) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OSError):
            raise answer
        return answer


def ok(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()


@asynccontextmanager
async def fetching(*networks: str, names: Names | None = None, **limits: object) -> AsyncIterator[Fetcher]:
    section = Fetch.model_validate({"allow_networks": networks or ["127.0.0.0/8"], **limits})
    fetcher = Fetcher(section, resolver=names)
    try:
        async with asyncio.timeout(20):
            yield fetcher
    finally:
        await fetcher.aclose()


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


async def drip(_head: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.01)  # the drip itself: each byte comes well within any pause limit


async def drip_headers(_head: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: y\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)  # as above


async def interim_for_ever(_head: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()


async def silence(_head: str, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def endless(_head: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + bytes(0x1000) + b"\r\n")
        await writer.drain()


class Web:
    """All of it under one name, for tests cannot import from here."""

    LIMIT = 100_000
    Site = Site
    Names = Names
    ok = staticmethod(ok)
    redirect = staticmethod(redirect)
    fetching = staticmethod(fetching)
    free_port = staticmethod(free_port)
    drip = staticmethod(drip)
    drip_headers = staticmethod(drip_headers)
    interim_for_ever = staticmethod(interim_for_ever)
    silence = staticmethod(silence)
    endless = staticmethod(endless)


@pytest.fixture
def web() -> type[Web]:
    return Web
