"""The only place that connects: a name is resolved once, every address is vetted, the vetted one is dialled.

Plugged in below the HTTP client, so that neither a redirect nor a second DNS answer can go around it. The
layers above still speak of the URL's host: TLS is verified for it and `Host` names it.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING, Protocol, cast

import httpcore2

from cleanplate.fetch.errors import FetchFailed, FetchRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cleanplate.fetch.addresses import Guard

MAX_ADDRESSES = 8
Endpoint = tuple[str, int]


class Resolver(Protocol):
    """Looks up a name."""

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Answer every address of a name, most preferred first.

        Raises:
            socket.gaierror: as `getaddrinfo` does.
        """
        ...


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Connects to vetted addresses only.

    Args:
        guard: decides about each address.
        resolver: looks up names; asked once a connection.
        connect_to: where to connect instead, by the URL's host and port. The substitute is vetted too.
    """

    def __init__(self, guard: Guard, resolver: Resolver, connect_to: Mapping[Endpoint, Endpoint]) -> None:
        self._guard = guard
        self._resolver = resolver
        self._connect_to = dict(connect_to)
        # The package defines this class twice, for want of anyio, which leaves a checker without its type.
        self._tcp = cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # the interface that is implemented has it
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Resolve, vet and connect, trying the addresses in turn with a fair share of the time each.

        Raises:
            FetchRefused: there is no address, or one that is not permitted.
            FetchFailed: the name server did not answer.
            httpcore2.ConnectError: no address accepted the connection.
            httpcore2.ConnectTimeout: nor in time.
        """
        target_host, target_port = self._connect_to.get((host, port), (host, port))
        addresses = await self._vetted(host, target_host, target_port)
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        for left in range(len(addresses), 0, -1):
            share = None if deadline is None else max(0.0, deadline - loop.time()) / left
            try:
                return await self._tcp.connect_tcp(
                    addresses[-left], target_port, share, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                if left == 1:
                    raise
        raise refused(host, "no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109  # the interface that is implemented has it
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Refuse: no URL leads to a socket file."""
        del timeout, socket_options
        raise refused("A socket file", path)

    async def sleep(self, seconds: float) -> None:
        """Pause between tries."""
        await asyncio.sleep(seconds)

    async def _vetted(self, host: str, target_host: str, target_port: int) -> list[str]:
        addresses = await self._addresses(host, target_host, target_port)
        # One address that is not permitted condemns the name: no order of answers may decide.
        for address in addresses:
            if not self._guard.permits(address):
                raise refused(host, f"{target_host} is {address}, which is not permitted")
        return addresses[:MAX_ADDRESSES]

    async def _addresses(self, host: str, target_host: str, target_port: int) -> list[str]:
        if _is_address(target_host):
            return [target_host]
        try:
            found = await self._resolver.resolve(target_host, target_port)
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise FetchFailed(f"{host} could not be looked up just now.", detail=str(error)) from error
            raise refused(host, f"{target_host}: {error}") from error
        except (OSError, UnicodeError) as error:
            raise refused(host, f"{target_host}: {error}") from error
        return list(dict.fromkeys(found))


def refused(host: str, detail: str) -> FetchRefused:
    """The one answer to everything that has no permitted address (see `FetchRefused`)."""
    return FetchRefused(
        f"{host} has no public address; only public addresses are fetched from.", detail=detail
    )


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
