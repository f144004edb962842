"""Where a fetcher connects, and where it never does."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import httpcore2
import pytest

from cleanplate.fetch import Fetcher, FetchFailed, FetchRefused, UrlInvalid
from cleanplate.settings import Fetch, SettingsInvalid

if TYPE_CHECKING:
    import asyncio

Web = Any  # the class of that name in conftest.py, which cannot be imported


async def test_redirects_are_followed_without_cookies(web: Web) -> None:
    async def answer(head: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        step = head.split(" ")[1]
        following = {"/1": "/2?x", "/2?x": "three", "/three": f"http://localhost:{site.port}/4"}.get(step)
        writer.write(
            web.redirect(following).replace(b"\r\n", b"\r\nSet-Cookie: a=b; Path=/\r\n", 1)
            if following
            else web.ok(b"there")
        )

    async with web.Site(answer).open() as site, web.fetching(names=web.Names(["127.0.0.1"])) as fetcher:
        fetched = await fetcher.get(f"http://127.0.0.1:{site.port}/1", web.LIMIT)
    assert fetched.data == b"there"
    assert fetched.final_url == f"http://localhost:{site.port}/4"
    assert len(site.requests) == 4
    assert not any("cookie" in request.lower() for request in site.requests)


@pytest.mark.parametrize("limit", [0, 2])
async def test_a_redirect_loop_ends_at_the_limit(web: Web, limit: int) -> None:
    async with (
        web.Site(web.redirect("/again", 307)).open() as site,
        web.fetching(max_redirects=limit) as fetcher,
    ):
        with pytest.raises(FetchFailed, match=f"redirects more than {limit} times"):
            await fetcher.get(f"http://127.0.0.1:{site.port}/", web.LIMIT)
    assert len(site.requests) == limit + 1


@pytest.mark.parametrize("host", ["127.0.0.2", "internal.example"])
async def test_a_redirect_into_a_private_network_is_refused(web: Web, host: str) -> None:
    async with (
        web.Site(web.ok(b"secret")).open("127.0.0.2") as private,
        web.Site(web.redirect(f"http://{host}:{private.port}/")).open() as site,
        web.fetching("127.0.0.1/32", names=web.Names(["127.0.0.2"])) as fetcher,
    ):
        with pytest.raises(FetchRefused, match=host):
            await fetcher.get(f"http://127.0.0.1:{site.port}/", web.LIMIT)
    assert len(site.requests) == 1
    assert private.connections == 0


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "data:image/png;base64,AAAA",
        "http://a:b@127.0.0.1/",
        "http://0x7f.1/",
        "http://127.0.0.1/" + "a" * 3000,
        "",
    ],
)
async def test_a_redirect_to_what_is_no_web_address_fails(web: Web, location: str) -> None:
    async with web.Site(web.redirect(location)).open() as site, web.fetching() as fetcher:
        with pytest.raises(FetchFailed, match="redirects"):
            await fetcher.get(f"http://127.0.0.1:{site.port}/", web.LIMIT)
    assert site.connections == 1


async def test_a_name_that_changes_its_mind_is_connected_where_it_was_vetted(web: Web) -> None:
    names = web.Names(["127.0.0.1"], ["127.0.0.2"])
    async with (
        web.Site(web.ok(b"public")).open() as public,
        web.Site(web.ok(b"private")).open("127.0.0.2", public.port) as private,
        web.fetching("127.0.0.1/32", names=names) as fetcher,
    ):
        url = f"http://rebind.example:{public.port}/"
        assert (await fetcher.get(url, web.LIMIT)).data == b"public"
        assert names.asked == ["rebind.example"]
        with pytest.raises(FetchRefused):
            await fetcher.get(url, web.LIMIT)
    assert f"Host: rebind.example:{public.port}" in public.requests[0]
    assert private.connections == 0


async def test_one_private_address_among_others_condemns_the_name(web: Web) -> None:
    names = web.Names(["127.0.0.1", "127.0.0.2"])
    async with (
        web.Site(web.ok(b"public")).open() as site,
        web.fetching("127.0.0.1/32", names=names) as fetcher,
    ):
        with pytest.raises(FetchRefused):
            await fetcher.get(f"http://two.example:{site.port}/", web.LIMIT)
    assert site.connections == 0


async def test_the_next_address_is_tried_when_one_refuses(web: Web) -> None:
    names = web.Names(["127.0.0.1", "127.0.0.1", "127.0.0.2"])
    async with web.Site(web.ok(b"second")).open("127.0.0.2") as site, web.fetching(names=names) as fetcher:
        fetched = await fetcher.get(f"http://two.example:{site.port}/", web.LIMIT)
    assert fetched.data == b"second"


async def test_unknown_and_private_names_are_told_alike(web: Web) -> None:
    unknown = web.Names(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    messages: set[str] = set()
    for names in (unknown, web.Names(["10.0.0.7"]), web.Names(["fd00::7"]), web.Names([])):
        async with web.fetching(names=names) as fetcher:
            with pytest.raises(FetchRefused) as refusal:
                await fetcher.get("http://db.internal.example/", web.LIMIT)
            messages.add(refusal.value.public_message)
    assert messages == {"db.internal.example has no public address; only public addresses are fetched from."}


async def test_a_name_server_in_trouble_is_worth_another_try(web: Web) -> None:
    async with web.fetching(
        names=web.Names(socket.gaierror(socket.EAI_AGAIN, "Temporary failure"))
    ) as fetcher:
        with pytest.raises(FetchFailed, match=r"example\.com could not be looked up") as failure:
            await fetcher.get("http://example.com/", web.LIMIT)
    assert failure.value.retryable


HOSTILE = [
    "http://127.0.0.1/",
    "http://127.0.0.1.:80/",
    "http://127。0。0。1/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://anything.nip.example/",
    "http://0.0.0.0/",
    "http://10.0.0.1/",
    "http://100.100.100.200/",
    "http://169.254.169.254/latest/meta-data/",
    "http://168.63.129.16/",
    "http://172.16.0.1/",
    "http://192.168.0.1:8080/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "https://[::1]/",
    "http://[::]/",
    "http://[::127.0.0.1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[fe80::1%25lo]/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://example.com@127.0.0.1/",
    "http://example.com\\@127.0.0.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "http://",
]


@pytest.mark.parametrize("url", HOSTILE)
async def test_hostile_urls_are_refused_without_any_connection(
    web: Web, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections: list[object] = []

    async def connect(_self: object, *args: object, **_kwargs: object) -> None:
        connections.append(args)
        raise httpcore2.ConnectError

    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", connect)
    fetcher = Fetcher(Fetch(), resolver=web.Names(["127.0.0.1"]))
    with pytest.raises((UrlInvalid, FetchRefused)):
        await fetcher.get(url, web.LIMIT)
    with pytest.raises((UrlInvalid, FetchRefused)):
        await fetcher.post(url, b"{}", {}, 1)
    await fetcher.aclose()
    assert connections == []


async def test_localhost_is_refused_when_the_system_looks_it_up(web: Web) -> None:
    async with web.Site(web.ok(b"secret")).open() as site:
        fetcher = Fetcher(Fetch())
        with pytest.raises(FetchRefused, match="localhost"):
            await fetcher.get(f"http://localhost:{site.port}/", web.LIMIT)
        await fetcher.aclose()
    assert site.connections == 0


async def test_connect_to_reaches_another_address_under_the_urls_name(web: Web) -> None:
    async with web.Site(web.ok(b"there")).open() as site:
        there = f"127.0.0.1:{site.port}"
        moved = {"example.com:80": there, "[2606:4700::1111]:8080": there}
        async with web.fetching(connect_to=moved) as fetcher:
            assert (await fetcher.get("http://EXAMPLE.com/", web.LIMIT)).data == b"there"
            assert (await fetcher.get("http://[2606:4700::1111]:8080/", web.LIMIT)).data == b"there"
    assert "Host: example.com\r\n" in site.requests[0]
    assert "Host: [2606:4700::1111]:8080\r\n" in site.requests[1]


async def test_connect_to_is_vetted_too(web: Web) -> None:
    async with (
        web.Site(web.ok(b"there")).open() as site,
        web.fetching("127.0.0.2/32", connect_to={"example.com:80": f"127.0.0.1:{site.port}"}) as fetcher,
    ):
        with pytest.raises(FetchRefused) as refusal:
            await fetcher.get("http://example.com/", web.LIMIT)
    assert "127.0.0.1" not in refusal.value.public_message
    assert site.connections == 0


def test_connect_to_that_makes_no_sense_is_a_settings_error() -> None:
    with pytest.raises(SettingsInvalid, match="CONNECT_TO"):
        Fetcher(Fetch(connect_to={"example.com:443": "127.0.0.1:99999"}))
