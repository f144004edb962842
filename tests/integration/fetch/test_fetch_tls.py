"""TLS is verified, always, for the host that the URL names."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from cleanplate.fetch import Fetcher, FetchFailed
from cleanplate.settings import Fetch, SettingsInvalid

if TYPE_CHECKING:
    from pathlib import Path

Web = Any  # the class of that name in conftest.py, which cannot be imported


class Certified:
    """A certificate authority of our own, as a file and as a server's side."""

    def __init__(self, folder: Path) -> None:
        self.authority = trustme.CA()
        self.file = folder / "authority.pem"
        self.authority.cert_pem.write_to_path(self.file)
        self.names: list[str | None] = []

    def server(self, *identities: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.authority.issue_cert(*identities).configure_cert(context)
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        return context


async def test_tls_is_verified_for_the_urls_host(web: Web, tmp_path: Path) -> None:
    certified = Certified(tmp_path)
    async with web.Site(web.ok(b"secure")).open(tls=certified.server("example.com")) as site:
        moved = {f"{name}:443": f"127.0.0.1:{site.port}" for name in ("example.com", "other.example")}
        async with web.fetching(connect_to=moved, ca_file=certified.file) as fetcher:
            assert (await fetcher.get("https://example.com/", web.LIMIT)).data == b"secure"
            assert certified.names == ["example.com"]
            with pytest.raises(FetchFailed, match=r"certificate of other\.example"):
                await fetcher.get("https://other.example/", web.LIMIT)
        async with web.fetching(connect_to=moved) as stranger:
            with pytest.raises(FetchFailed, match=r"certificate of example\.com"):
                await stranger.get("https://example.com/", web.LIMIT)
    assert len(site.requests) == 1


async def test_tls_to_an_address_is_verified_for_the_address(web: Web, tmp_path: Path) -> None:
    certified = Certified(tmp_path)
    async with (
        web.Site(web.ok(b"secure")).open(tls=certified.server("127.0.0.1")) as site,
        web.fetching(ca_file=certified.file) as fetcher,
    ):
        assert (await fetcher.get(f"https://127.0.0.1:{site.port}/", web.LIMIT)).data == b"secure"


async def test_a_server_without_tls_behind_https_fails(web: Web) -> None:
    async with web.Site(web.ok(b"plain"), listens=False).open() as site, web.fetching() as fetcher:
        with pytest.raises(FetchFailed, match="No secure connection"):
            await fetcher.get(f"https://127.0.0.1:{site.port}/", web.LIMIT)


def test_a_ca_file_without_certificates_is_a_settings_error(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing")
    with pytest.raises(SettingsInvalid, match="CA_FILE"):
        Fetcher(Fetch(ca_file=empty))
