"""The whole table of what is never fetched from, one row a case.

Each row is tried as the URL itself, as what a public name resolves to (where it is an address), and as where
a public site redirects to. Then all are tried in a network namespace, with a listener on every address.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Any

import httpcore2
import pytest

from cleanplate.fetch import Fetcher, FetchFailed, FetchRefused, UrlInvalid
from cleanplate.settings import Fetch

Web = Any  # the class of that name in conftest.py, which cannot be imported

RANGES = [  # the IANA special-purpose registries, and what is not given out at all
    ("this network", "0.0.0.0/8"),
    ("private, 10", "10.0.0.0/8"),
    ("carriers' shared space", "100.64.0.0/10"),
    ("loopback", "127.0.0.0/8"),
    ("a cloud's control plane", "168.63.129.16/32"),
    ("link-local", "169.254.0.0/16"),
    ("private, 172", "172.16.0.0/12"),
    ("protocol assignments", "192.0.0.0/24"),
    ("documentation 1", "192.0.2.0/24"),
    ("6to4 relays", "192.88.99.0/24"),
    ("private, 192", "192.168.0.0/16"),
    ("benchmarking", "198.18.0.0/15"),
    ("documentation 2", "198.51.100.0/24"),
    ("documentation 3", "203.0.113.0/24"),
    ("multicast", "224.0.0.0/4"),
    ("reserved and broadcast", "240.0.0.0/4"),
    ("IPv6 unspecified", "::/128"),
    ("IPv6 loopback", "::1/128"),
    ("IPv4-compatible", "::/96"),
    ("IPv4-translated", "::ffff:0:0:0/96"),
    ("local NAT64", "64:ff9b:1::/48"),
    ("discard", "100::/64"),
    ("Teredo", "2001::/32"),
    ("IPv6 benchmarking", "2001:2::/48"),
    ("ORCHID", "2001:10::/28"),
    ("ORCHID 2", "2001:20::/28"),
    ("IPv6 documentation", "2001:db8::/32"),
    ("6to4", "2002::/16"),
    ("IPv6 documentation 2", "3fff::/20"),
    ("segment routing", "5f00::/16"),
    ("unique local", "fc00::/7"),
    ("IPv6 link-local", "fe80::/10"),
    ("site-local", "fec0::/10"),
    ("IPv6 multicast", "ff00::/8"),
]


def ends(network: str) -> list[IPv4Address | IPv6Address]:
    """The first, the last and the middle address of a range."""
    known = ip_network(network)
    return sorted({known[0], known[-1], known[known.num_addresses // 2]}, key=int)


ADDRESSES = {f"{name} {one}": str(one) for name, network in RANGES for one in ends(network)}
ADDRESSES |= {
    f"{form} {v4}": str(IPv6Address(prefix + int(IPv4Address(v4))))
    for form, prefix in (
        ("mapped", 0xFFFF << 32),
        ("NAT64", int(IPv6Address("64:ff9b::"))),
        ("6to4 of", 0x2002 << 112),
    )
    for v4 in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.0.1", "0.0.0.0")
}
HOSTS = {  # tricks of spelling
    "decimal": "2130706433",
    "hexadecimal": "0x7f000001",
    "octal": "017700000001",
    "octal parts": "0177.0.0.1",
    "hexadecimal parts": "0x7f.0.0.1",
    "mixed parts": "0x7f.0.1",
    "two parts": "127.1",
    "leading zeros": "127.0.0.001",
    "too large a part": "127.0.0.257",
    "a trailing dot": "127.0.0.1.",
    "two trailing dots": "127.0.0.1..",
    "ideographic dots": "127。0。0。1",
    "full-width digits": "１２７.0.0.1",
    "circled digits": "①②⑦.0.0.①",
    "percent-encoded": "127%2e0%2e0%2e1",
    "an empty host": "",
    "an IPv6 zone": "[fe80::1%25lo]",
    "IPv6 without brackets": "::1",
    "the name localhost": "localhost",
    "its spelling with a dot": "LOCALHOST.",
    "userinfo": "example.com@127.0.0.1",
    "userinfo with a password": "example.com:80@127.0.0.1",
    "a backslash": "example.com\\@127.0.0.1",
}
SCHEMES = [
    "file:///etc/passwd",
    "ftp://127.0.0.1/",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "dict://127.0.0.1:11211/stat",
    "ldap://127.0.0.1/",
    "jar:http://127.0.0.1!/",
    "ws://127.0.0.1/",
    "javascript:alert(1)",
    "//127.0.0.1/",
    "http:/127.0.0.1/",
    "http:127.0.0.1",
]


def bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


ROWS = {name: f"http://{bracketed(address)}/" for name, address in ADDRESSES.items()}
ROWS |= {name: f"http://{host}/" for name, host in HOSTS.items()}
ROWS |= {scheme: scheme for scheme in SCHEMES}
RELATIVE = {"http:127.0.0.1", "http:/127.0.0.1/", "http:///"}  # in a redirect: the site that sends them


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where a connection was begun; none is made."""
    begun: list[str] = []

    async def connect(_self: object, host: str, *_args: object, **_kwargs: object) -> None:
        begun.append(host)
        raise httpcore2.ConnectError

    monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", connect)
    return begun


@pytest.mark.parametrize("row", ROWS)
async def test_as_the_url(web: Web, row: str, connections: list[str]) -> None:
    fetcher = Fetcher(Fetch(), resolver=web.Names(["127.0.0.1"]))
    for ask in (fetcher.get(ROWS[row], web.LIMIT), fetcher.post(ROWS[row], b"{}", {}, 1)):
        with pytest.raises((UrlInvalid, FetchRefused)):
            await ask
    await fetcher.aclose()
    assert connections == []


@pytest.mark.parametrize("row", ADDRESSES)
async def test_as_what_a_name_resolves_to(web: Web, row: str, connections: list[str]) -> None:
    for answer in ([ADDRESSES[row]], ["93.184.215.14", ADDRESSES[row]]):
        fetcher = Fetcher(Fetch(), resolver=web.Names(answer))
        with pytest.raises(FetchRefused):
            await fetcher.get("http://rebound.example/", web.LIMIT)
        await fetcher.aclose()
    assert connections == []


@pytest.fixture(scope="module")
def public_address() -> str:
    """Of the one site that these tests may reach; 127.0.0.1 itself is a row."""
    return "127.77.0.1"


@pytest.mark.parametrize("row", [row for row in ROWS if ROWS[row] not in RELATIVE])
async def test_as_where_a_site_redirects_to(web: Web, row: str, public_address: str) -> None:
    async with (
        web.Site(web.redirect(ROWS[row]).decode("latin-1").encode("utf-8")).open(public_address) as site,
        web.fetching(f"{public_address}/32", names=web.Names(["127.0.0.1"])) as fetcher,
    ):
        with pytest.raises((FetchRefused, FetchFailed)):
            await fetcher.get(f"http://{public_address}:{site.port}/", web.LIMIT)
    assert site.connections == 1


INSIDE = """
import asyncio, json, socket, subprocess, sys
from cleanplate.errors import CleanplateError
from cleanplate.fetch import Fetcher
from cleanplate.settings import Fetch

PORT = 8099
REFUSALS = {"url_invalid", "fetch_refused"}


def add(address):
    family = "-6" if ":" in address else "-4"
    flags = ["nodad"] if ":" in address else []
    subprocess.run(["ip", family, "addr", "add", address, "dev", "lo", *flags], capture_output=True)


async def main(rows):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    served = []

    async def serve(reader, writer):
        served.append(writer.get_extra_info("sockname")[0])
        writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\nsecret")
        writer.close()

    for _, address in rows:
        add(address)
    await asyncio.start_server(serve, "0.0.0.0", PORT)
    await asyncio.start_server(serve, "::", PORT, flags=socket.AI_PASSIVE)
    fetcher = Fetcher(Fetch(seconds=5))
    reached, got, odd = 0, [], []
    for host, _ in rows:
        try:  # what a careless client would do
            _, writer = await asyncio.wait_for(asyncio.open_connection(host.strip("[]"), PORT), 1)
            writer.close()
            reached += 1
        except (OSError, UnicodeError, TimeoutError):
            pass
        await asyncio.sleep(0)
        before = len(served)
        try:
            got.append((await fetcher.get(f"http://{host}:{PORT}/", 1000)).final_url)
        except CleanplateError as error:
            if error.code not in REFUSALS:
                odd.append((host, error.code))
    await fetcher.aclose()
    print(json.dumps({"reached": reached, "got": got, "odd": odd}))


asyncio.run(main(json.loads(sys.argv[1])))
"""


def test_none_is_reached_where_a_listener_really_is() -> None:
    """In a network of its own, where every one of these addresses belongs to this machine."""
    unshare = shutil.which("unshare")
    alone = [unshare, "--user", "--map-root-user", "--net"] if unshare else []
    if not alone or shutil.which("ip") is None or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("network namespaces cannot be made here")
    rows = [(bracketed(address), address) for address in ADDRESSES.values()]
    rows += [(host, "127.0.0.1") for host in HOSTS.values()]
    done = subprocess.run(
        [*alone, sys.executable, "-c", INSIDE, json.dumps(rows)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["got"] == []
    assert told["odd"] == []
    assert told["reached"] > len(rows) / 2  # the listeners are there, for whoever does not look
