"""The server's own address as its clients see it: the base of every link in an answer."""

from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING

from cleanplate.http.errors import HostInvalid

if TYPE_CHECKING:
    from starlette.requests import Request

    from cleanplate import settings

HOST = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
DEFAULT_PORTS = {"http": "80", "https": "443"}


def base_url(request: Request, section: settings.Http) -> str:
    """Scheme, host and path prefix of the server, without a slash at the end.

    `public_url` when it is set. Otherwise what the request was sent to, as far as `trust_forwarded` allows
    in the words of the proxy in front.

    Raises:
        HostInvalid: the host is not one that may be put into a link.
    """
    if section.public_url:
        return section.public_url.rstrip("/")
    scheme = str(request.scope.get("scheme", "http"))
    host = request.headers.get("host") or _listening_on(request)
    if section.trust_forwarded:
        scheme, host = _forwarded(request, scheme, host)
    if not HOST.fullmatch(host):
        raise HostInvalid
    return f"{scheme}://{host}{request.scope.get('root_path', '').rstrip('/')}"


def client_address(request: Request, section: settings.Http) -> str:
    """The IP address of who makes the request; empty where there is none.

    Behind a proxy, as far as `trust_forwarded` allows, the last address of `X-Forwarded-For`: the one that
    the proxy itself has seen, whatever its client had put before it.
    """
    peer = request.client.host if request.client else ""
    if section.trust_forwarded:
        seen = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
        with suppress(ValueError):
            return str(ip_address(seen))
    with suppress(ValueError):
        return str(ip_address(peer))
    return ""


def _forwarded(request: Request, scheme: str, host: str) -> tuple[str, str]:
    """Scheme and host in the words of the proxy that is nearest to the client, the first of each list."""
    proto = _first(request, "x-forwarded-proto").lower()
    scheme = proto if proto in DEFAULT_PORTS else scheme
    host = _first(request, "x-forwarded-host") or host
    port = _first(request, "x-forwarded-port")
    named = HOST.fullmatch(host)
    if named and not named.group(2) and port.isdigit() and port != DEFAULT_PORTS.get(scheme):
        host = f"{host}:{port}"
    return scheme, host


def _first(request: Request, header: str) -> str:
    return request.headers.get(header, "").partition(",")[0].strip()


def _listening_on(request: Request) -> str:
    """For HTTP/1.0 without a Host header."""
    server = request.scope.get("server")
    if not server:
        return ""
    address, port = server
    name = f"[{address}]" if ":" in address else address
    return f"{name}:{port}" if port else name
