"""Getting a URL from servers that behave and misbehave."""

from __future__ import annotations

import asyncio
import gzip
from typing import TYPE_CHECKING, Any

import pytest

from cleanplate.fetch import FetchFailed, FetchTimeout, FetchTooLarge

if TYPE_CHECKING:
    from pathlib import Path

Web = Any  # the class of that name in conftest.py, which cannot be imported


async def test_a_picture_is_fetched_by_an_honest_plain_request(web: Web) -> None:
    async with (
        web.Site(web.ok(b"pixels", "Content-Type: image/png")).open() as site,
        web.fetching() as fetcher,
    ):
        url = f"http://127.0.0.1:{site.port}/a%2Fb.png?sign=x%2B&y=[1]"
        fetched = await fetcher.get(url, web.LIMIT)
    assert fetched.data == b"pixels"
    assert fetched.content_type == "image/png"
    assert fetched.final_url == url
    assert fetched.elapsed_ms > 0
    lines = site.requests[0].split("\r\n")
    assert lines[0] == "GET /a%2Fb.png?sign=x%2B&y=[1] HTTP/1.1"
    sent = dict(line.split(": ", 1) for line in lines[1:] if line)
    assert sent.pop("User-Agent").startswith("cleanplate/")
    assert sent == {
        "Host": f"127.0.0.1:{site.port}",
        "Connection": "close",
        "Accept": "image/*,*/*;q=0.5",
        "Accept-Encoding": "identity",
    }


async def test_nothing_of_the_environment_is_used(
    web: Web, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with web.Site(web.ok(b"proxy")).open() as proxy, web.Site(web.ok(b"site")).open() as site:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with web.fetching() as fetcher:
            fetched = await fetcher.get(f"http://127.0.0.1:{site.port}/", web.LIMIT)
    assert fetched.data == b"site"
    assert proxy.connections == 0
    assert "authorization" not in site.requests[0].lower()


@pytest.mark.parametrize("answer", ["drip", "drip_headers", "interim_for_ever", "silence"])
async def test_the_deadline_is_for_the_whole_download(web: Web, answer: str) -> None:
    said = r"127\.0\.0\.1 took longer than 0\.3 seconds: try again, or send the file itself\.$"
    async with web.Site(getattr(web, answer)).open() as site, web.fetching(seconds=0.3) as fetcher:
        with pytest.raises(FetchTimeout, match=said):
            await fetcher.get(f"http://127.0.0.1:{site.port}/", web.LIMIT)


async def test_an_endless_body_is_cut_at_the_limit(web: Web) -> None:
    async with web.Site(web.endless).open() as site, web.fetching() as fetcher:
        with pytest.raises(FetchTooLarge, match="100000 bytes: send a smaller one"):
            await fetcher.get(f"http://127.0.0.1:{site.port}/", web.LIMIT)
        await asyncio.wait_for(site.closed_early.wait(), 10)


async def test_an_announced_size_over_the_limit_is_not_even_read(web: Web) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n"
    async with web.Site(head).open() as site, web.fetching() as fetcher:
        with pytest.raises(FetchTooLarge):
            await fetcher.get(f"http://127.0.0.1:{site.port}/", web.LIMIT)


async def test_the_limit_itself_is_allowed(web: Web) -> None:
    async with web.Site(web.ok(bytes(web.LIMIT))).open() as site, web.fetching() as fetcher:
        assert len((await fetcher.get(f"http://127.0.0.1:{site.port}/", web.LIMIT)).data) == web.LIMIT


async def test_a_compressed_answer_is_refused_and_never_unpacked(web: Web) -> None:
    bomb = gzip.compress(bytes(50_000_000), compresslevel=1)
    async with (
        web.Site(web.ok(bomb, "Content-Encoding: identity, GZip")).open() as site,
        web.fetching() as fetcher,
    ):
        with pytest.raises(FetchFailed, match="compressed"):
            await fetcher.get(f"http://127.0.0.1:{site.port}/", 1_000_000)


async def test_a_gzip_file_without_the_header_is_just_bytes(web: Web) -> None:
    body = gzip.compress(bytes(1_000_000))
    async with web.Site(web.ok(body, "Content-Encoding: identity")).open() as site, web.fetching() as fetcher:
        assert (await fetcher.get(f"http://127.0.0.1:{site.port}/", web.LIMIT)).data == body


async def test_a_body_shorter_than_announced_fails(web: Web) -> None:
    async with (
        web.Site(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhalf").open() as site,
        web.fetching() as fetcher,
    ):
        with pytest.raises(FetchFailed, match="broke off"):
            await fetcher.get(f"http://127.0.0.1:{site.port}/", web.LIMIT)


async def test_a_body_longer_than_announced_is_cut_there(web: Web) -> None:
    lie = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhalf" + bytes(200_000)
    async with web.Site(lie).open() as site, web.fetching() as fetcher:
        assert (await fetcher.get(f"http://127.0.0.1:{site.port}/", web.LIMIT)).data == b"half"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot hex\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000,
    ],
)
async def test_what_is_no_valid_http_fails(web: Web, answer: bytes) -> None:
    async with web.Site(answer).open() as site, web.fetching() as fetcher:
        with pytest.raises(FetchFailed, match=r"^127\.0\.0\.1 broke off"):
            await fetcher.get(f"http://127.0.0.1:{site.port}/", web.LIMIT)


@pytest.mark.parametrize("status", [204, 206, 304, 401, 404, 429, 500, 503])
async def test_any_other_status_than_200_fails_and_is_named(web: Web, status: int) -> None:
    head = f"HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n\r\n".encode()
    async with web.Site(head).open() as site, web.fetching() as fetcher:
        with pytest.raises(FetchFailed, match=f"status {status}: see whether the URL opens"):
            await fetcher.get(f"http://127.0.0.1:{site.port}/", web.LIMIT)


async def test_a_refused_connection_names_the_host_and_not_its_address(web: Web) -> None:
    async with web.fetching(names=web.Names(["127.0.0.9"])) as fetcher:
        with pytest.raises(FetchFailed) as failure:
            await fetcher.get(f"http://closed.example:{web.free_port('127.0.0.9')}/", web.LIMIT)
    assert failure.value.public_message == (
        "No connection to closed.example could be made: "
        "see whether the URL opens without a login, or send the file itself."
    )


async def test_many_fetches_at_once_do_not_wait_for_each_other(web: Web) -> None:
    waiting = asyncio.Barrier(20)

    async def answer(_head: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await waiting.wait()  # nobody is answered before everybody is connected
        writer.write(web.ok(b"together"))

    async with web.Site(answer).open() as site, web.fetching() as fetcher:
        url = f"http://127.0.0.1:{site.port}/"
        fetched = await asyncio.gather(*(fetcher.get(url, web.LIMIT) for _ in range(20)))
    assert {one.data for one in fetched} == {b"together"}


async def test_a_cancelled_fetch_closes_its_connection(web: Web) -> None:
    async with web.Site(web.endless).open() as site, web.fetching() as fetcher:
        fetch = asyncio.create_task(fetcher.get(f"http://127.0.0.1:{site.port}/", 1 << 40))
        await site.asked.wait()
        fetch.cancel()
        with pytest.raises(asyncio.CancelledError):
            await fetch
        await asyncio.wait_for(site.closed_early.wait(), 10)
