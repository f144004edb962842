"""What a URL may look like before anything is connected to."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address

import httpx2

from cleanplate.fetch.errors import UrlInvalid

SCHEMES = ("http", "https")
LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# C libraries read 127.1, 2130706433, 0x7f000001 and 0177.0.0.1 as IPv4; browsers decide by the last label.
NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
LONGEST_HOST = 253


def parse_url(url: str, max_length: int) -> httpx2.URL:
    """Parse and normalise a URL; what comes back is exactly what will be connected to.

    Any port is allowed. The host is lower case, in its ASCII form, without a trailing dot; a numeric host is
    allowed only as four plain decimals or as IPv6 in brackets.

    Args:
        url: as the user gave it; white space around it is dropped.
        max_length: most characters.

    Raises:
        UrlInvalid: with a message that says what is wrong.
    """
    url = url.strip()
    if len(url) > max_length:
        raise UrlInvalid(f"The URL is longer than {max_length} characters.")
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError, UnicodeError) as error:
        raise UrlInvalid(detail=str(error)) from error
    if parsed.scheme not in SCHEMES:
        raise UrlInvalid("Only http:// and https:// URLs are fetched.")
    if parsed.userinfo:
        raise UrlInvalid("A user name or password in the URL is not allowed.")
    if parsed.port is not None and not 1 <= parsed.port <= 65535:
        raise UrlInvalid("The port in the URL is not between 1 and 65535.")
    return parsed.copy_with(host=normal_host(parsed.raw_host.decode("ascii")), fragment=None)


def normal_host(host: str) -> str:
    """Bring a host into its one form, or refuse it.

    Raises:
        UrlInvalid: it is empty, too long, has strange characters, or is a number in disguise.
    """
    if ":" in host:
        return _ipv6(host)
    host = host.lower().removesuffix(".")
    labels = host.split(".")
    if len(host) > LONGEST_HOST or not all(LABEL.fullmatch(label) for label in labels):
        raise UrlInvalid("The URL has no valid host name.")
    if NUMBER.fullmatch(labels[-1]):
        try:
            return str(IPv4Address(host))
        except ValueError as error:
            raise UrlInvalid(
                "A numeric host must be written as four decimals, such as 203.0.113.7."
            ) from error
    return host


def _ipv6(host: str) -> str:
    try:
        address = IPv6Address(host)
    except ValueError as error:
        raise UrlInvalid("The URL has no valid host name.") from error
    if address.scope_id is not None:
        raise UrlInvalid("An IPv6 address in a URL must not name a network interface.")
    return str(address)
