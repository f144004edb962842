"""Name servers that do not answer, and the downloads of others meanwhile."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from cleanplate.fetch import FetchTimeout

if TYPE_CHECKING:
    from collections.abc import Iterator

Web = Any  # the class of that name in conftest.py, which cannot be imported

SHORT = 0.5  # seconds that a download may take


class Names:
    """The system's resolver: names below `slow-<n>.example` wait until they are let go, others are here."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.go = threading.Event()

    def look_up(self, host: str, port: int, **_: object) -> list[Any]:
        self.asked.append(host)
        if "slow" in host:
            self.go.wait(20)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[Names]:
    one = Names()
    monkeypatch.setattr(socket, "getaddrinfo", one.look_up)
    yield one
    one.go.set()


async def test_the_slow_name_servers_of_one_domain_hold_up_no_other(web: Web, names: Names) -> None:
    async with web.Site(web.ok(b"here")).open() as site, web.fetching(seconds=SHORT) as fetcher:
        slow = [fetcher.get(f"http://{n}.slow.example/", web.LIMIT) for n in range(70)]
        assert {type(one) for one in await asyncio.gather(*slow, return_exceptions=True)} == {FetchTimeout}
        assert len(names.asked) == 8  # the threads that are busy with it still
        fetched = await fetcher.get(f"http://good.example.org:{site.port}/", web.LIMIT)
    assert fetched.data == b"here"


async def test_a_domain_has_its_share_again_when_its_look_ups_have_ended(web: Web, names: Names) -> None:
    async with (
        web.Site(web.ok(b"here")).open() as site,
        web.fetching(seconds=SHORT, lookups_per_domain=1) as fetcher,
    ):
        for _ in range(2):
            with pytest.raises(FetchTimeout):
                await fetcher.get("http://a.slow.example/", web.LIMIT)
        assert names.asked == ["a.slow.example"]
        names.go.set()
        fetched = await fetcher.get(f"http://b.slow.example:{site.port}/", web.LIMIT)
    assert fetched.data == b"here"


async def test_waiting_for_a_thread_is_not_the_time_of_the_one_who_waits(web: Web, names: Names) -> None:
    async with (
        web.Site(web.ok(b"here")).open() as site,
        web.Site(web.silence).open() as silent,
        web.fetching(seconds=SHORT, lookups=2) as fetcher,
    ):
        for n in range(2):
            with pytest.raises(FetchTimeout):
                await fetcher.get(f"http://slow-{n}.example/", web.LIMIT)
        waiting = asyncio.create_task(fetcher.get(f"http://good.example.org:{site.port}/", web.LIMIT))
        with pytest.raises(
            FetchTimeout
        ):  # later than the one that waits should have given up, by its own clock
            await fetcher.get(f"http://127.0.0.1:{silent.port}/", web.LIMIT)
        assert not waiting.done()
        names.go.set()
        assert (await waiting).data == b"here"


async def test_nobody_waits_for_a_thread_for_ever(web: Web, names: Names) -> None:
    async with web.fetching(seconds=SHORT, lookups=1) as fetcher:
        with pytest.raises(FetchTimeout):
            await fetcher.get("http://slow-1.example/", web.LIMIT)
        with pytest.raises(FetchTimeout):
            await fetcher.get("http://good.example.org/", web.LIMIT)
    assert names.asked == ["slow-1.example"]


async def test_a_site_that_is_slow_itself_has_no_more_time_than_before(web: Web, names: Names) -> None:
    async with web.Site(web.drip).open() as site, web.fetching(seconds=SHORT, lookups=1) as fetcher:
        async with asyncio.timeout(10):
            with pytest.raises(FetchTimeout, match="longer than"):
                await fetcher.get(f"http://good.example.org:{site.port}/", web.LIMIT)
