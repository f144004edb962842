"""Posting callbacks: any status is an answer, little of the answer is read."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from cleanplate.fetch import FetchFailed, FetchTimeout
from cleanplate.store import StorageFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Web = Any  # the class of that name in conftest.py, which cannot be imported


@pytest.mark.parametrize("status", [200, 204, 302, 404, 500])
async def test_post_sends_the_body_and_answers_any_status(web: Web, status: int) -> None:
    head = f"HTTP/1.1 {status} X\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".encode()
    async with web.Site(head).open() as site, web.fetching() as fetcher:
        url = f"http://127.0.0.1:{site.port}/hook"
        assert await fetcher.post(url, b'{"a": 1}', {"Content-Type": "application/json"}, 5) == status
    assert site.bodies == [b'{"a": 1}']
    assert len(site.requests) == 1
    assert site.requests[0].startswith("POST /hook HTTP/1.1\r\n")
    assert "Content-Type: application/json\r\nContent-Length: 8\r\n" in site.requests[0]


async def test_a_body_in_pieces_arrives_as_one_of_known_length(web: Web) -> None:
    class Pieces:
        size = 200_000

        async def pieces(self) -> AsyncIterator[bytes]:
            for _ in range(10):
                yield b"x" * 20_000

    async with web.Site(web.ok(b"")).open() as site, web.fetching() as fetcher:
        assert await fetcher.post(f"http://127.0.0.1:{site.port}/", Pieces(), {}, 5) == 200
    assert site.bodies == [b"x" * 200_000]
    assert "transfer-encoding" not in site.requests[0].lower()


async def test_a_body_that_cannot_be_read_to_its_end_says_why(web: Web) -> None:
    class Broken:
        size = 200_000

        async def pieces(self) -> AsyncIterator[bytes]:
            yield b"x"
            raise StorageFailed

    async def listen(_head: str, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with web.Site(listen, listens=False).open() as site, web.fetching() as fetcher:
        with pytest.raises(StorageFailed):
            await fetcher.post(f"http://127.0.0.1:{site.port}/", Broken(), {}, 5)


async def test_post_reads_little_of_the_answer(web: Web) -> None:
    async with web.Site(web.endless).open() as site, web.fetching() as fetcher:
        assert await fetcher.post(f"http://127.0.0.1:{site.port}/", b"{}", {}, 10) == 200
        await asyncio.wait_for(site.closed_early.wait(), 10)


async def test_post_is_answered_by_the_status_even_if_the_rest_is_bad(web: Web) -> None:
    broken = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf"
    for answer in (broken, web.drip):
        async with web.Site(answer).open() as site, web.fetching() as fetcher:
            assert await fetcher.post(f"http://127.0.0.1:{site.port}/", b"{}", {}, 0.3) == 200


async def test_post_has_its_own_deadline(web: Web) -> None:
    async with web.Site(web.silence).open() as site, web.fetching() as fetcher:
        with pytest.raises(FetchTimeout, match=r"0\.2 seconds"):
            await fetcher.post(f"http://127.0.0.1:{site.port}/", b"{}", {}, 0.2)
        with pytest.raises(FetchFailed, match="No connection"):
            await fetcher.post(f"http://127.0.0.1:{web.free_port()}/", b"{}", {}, 5)
