"""`Fetcher`: the whole of what cleanplate ever asks the network for."""

from __future__ import annotations

import asyncio
import re
import ssl
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Protocol

import httpcore2
import httpx2

from cleanplate import settings
from cleanplate.fetch.addresses import Guard
from cleanplate.fetch.data_url import check_data_url, decode_data_url, is_data_url
from cleanplate.fetch.errors import FetchFailed, FetchTimeout, FetchTooLarge, UrlInvalid
from cleanplate.fetch.lookups import SystemResolver, time_limit
from cleanplate.fetch.network import Endpoint, GuardedBackend, Resolver
from cleanplate.fetch.url import normal_host, parse_url

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Generator, Mapping

PICTURES_FIRST = "image/*,*/*;q=0.5"
REDIRECTS = frozenset({301, 302, 303, 307, 308})
COMPRESSIONS = re.compile(r"gzip|x-gzip|deflate|br|zstd|compress|x-compress|dcb|dcz", re.IGNORECASE)
DISCARDED_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was behind a URL.

    Attributes:
        data: the body, at most `max_bytes` long.
        elapsed_ms: from the call to the last byte, redirects included.
        final_url: after redirects; `data:` alone when the URL was its own content.
        content_type: as the server said, possibly wrong; `None` when it said nothing.
    """

    data: bytes
    elapsed_ms: float
    final_url: str
    content_type: str | None


class Body(Protocol):
    """What is posted without ever being whole in memory; read from its beginning each time."""

    @property
    def size(self) -> int:
        """In bytes."""
        ...

    def pieces(self) -> AsyncIterator[bytes]:
        """All of it."""
        ...


class Fetcher:
    """Gets URLs and posts callbacks, to permitted addresses only and within limits.

    No cookies, no proxy, no credentials, nothing from the environment; TLS is always verified. A connection
    is used once. Safe to share between the tasks of one event loop.

    Args:
        section: limits, and which networks may be reached.
        resolver: looks up names; the system's unless a test brings its own.

    Raises:
        SettingsInvalid: `ca_file` cannot be read, or `connect_to` is not `host:port` → `host:port`.
    """

    def __init__(self, section: settings.Fetch, *, resolver: Resolver | None = None) -> None:
        self._limits = section
        self._own_resolver = SystemResolver(section)
        backend = GuardedBackend(
            Guard(section.allow_networks), resolver or self._own_resolver, _endpoints(section)
        )
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=_trust(section),
            max_connections=None,  # those who call are bounded; a slow site must not make others wait in line
            max_keepalive_connections=0,
            network_backend=backend,
        )
        self._user_agent = f"cleanplate/{version('cleanplate')}"

    def check_url(self, url: str, *, data: bool = True) -> None:
        """Check what can be known of a URL without the network: scheme, length, host, port.

        Args:
            url: as the user gave it.
            data: whether a `data:image/…;base64,` URL passes too. Say no for callbacks.

        Raises:
            UrlInvalid: with a message that says what is wrong.
        """
        if data and is_data_url(url):
            check_data_url(url)
        else:
            parse_url(url, self._limits.max_url_length)

    async def get(self, url: str, max_bytes: int, accept: str | None = None) -> Fetched:
        """Get what is behind a URL, following redirects; `data:` URLs are decoded here.

        The body is asked for uncompressed, and refused when it comes compressed all the same.

        Args:
            url: http, https or `data:image/…;base64,`.
            max_bytes: longest body accepted.
            accept: the `Accept` header; pictures preferred when left out.

        Raises:
            UrlInvalid: the URL itself is wrong.
            FetchRefused: it, or what it redirects to, has no permitted address.
            FetchFailed: no connection, a bad certificate, another status than 200, a broken answer.
            FetchTimeout: `settings.fetch.seconds` were over, however slowly data came in.
            FetchTooLarge: more than `max_bytes`.
        """
        started = time.perf_counter()
        if is_data_url(url):
            data, media_type = await asyncio.to_thread(decode_data_url, url, max_bytes)
            return Fetched(data, _since(started), "data:", media_type)
        target = parse_url(url, self._limits.max_url_length)
        try:
            async with time_limit(self._limits.seconds):
                target, data, media_type = await self._follow(target, max_bytes, accept or PICTURES_FIRST)
        except TimeoutError as error:
            raise _advised(_too_slow(target.host, self._limits.seconds)) from error
        except (FetchFailed, FetchTimeout) as error:
            raise _advised(error) from error
        return Fetched(data, _since(started), str(target), media_type)

    async def post(self, url: str, body: bytes | Body, headers: Mapping[str, str], seconds: float) -> int:
        """Post a body and answer the status, whatever it is; redirects are not followed.

        At most 4 KiB of the answer are read, and thrown away.

        Args:
            url: http or https.
            body: sent as it is.
            headers: beside `Host`, `User-Agent` and `Content-Length`.
            seconds: longest that it may take until the status is here.

        Raises:
            UrlInvalid: the URL itself is wrong.
            FetchRefused: it has no permitted address.
            FetchFailed: no connection, a bad certificate, a broken answer.
            FetchTimeout: no status within `seconds`.
            CleanplateError: what the body raises while it is read.
        """
        target = parse_url(url, self._limits.max_url_length)
        status: int | None = None
        # Once the status is here the receiver has answered: how the body ends is of no interest.
        try:
            async with (
                asyncio.timeout(seconds),
                self._exchange("POST", target, headers, seconds, body) as answer,
            ):
                status = answer.status
                await _discard(answer)
        except TimeoutError as error:
            if status is None:
                raise _too_slow(target.host, seconds) from error
        except (FetchFailed, FetchTimeout):
            if status is None:
                raise
        assert status is not None  # noqa: S101  # the exchange has set it or raised, which a checker cannot see
        return status

    async def aclose(self) -> None:
        """Close connections and look-up threads."""
        await self._pool.aclose()
        self._own_resolver.close()

    async def _follow(
        self, target: httpx2.URL, max_bytes: int, accept: str
    ) -> tuple[httpx2.URL, bytes, str | None]:
        first = target.host
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        for _ in range(self._limits.max_redirects + 1):
            async with self._exchange("GET", target, headers, self._limits.seconds) as answer:
                if answer.status not in REDIRECTS:
                    return (
                        target,
                        await _read(target.host, answer, max_bytes),
                        _header(answer, b"content-type"),
                    )
                location = _header(answer, b"location")
            target = self._redirected(target, location)
        raise FetchFailed(f"{first} redirects more than {self._limits.max_redirects} times.")

    def _redirected(self, source: httpx2.URL, location: str | None) -> httpx2.URL:
        if not location:
            raise FetchFailed(f"{source.host} redirects without saying where to.")
        try:
            return parse_url(str(source.join(location)), self._limits.max_url_length)
        except (httpx2.InvalidURL, ValueError, UrlInvalid) as error:
            raise FetchFailed(
                f"{source.host} redirects to something that is no valid URL.", detail=str(error)
            ) from error

    @asynccontextmanager
    async def _exchange(
        self,
        method: str,
        target: httpx2.URL,
        headers: Mapping[str, str],
        seconds: float,
        body: bytes | Body | None = None,
    ) -> AsyncGenerator[httpcore2.Response]:
        sent = {
            "Host": target.netloc.decode("ascii"),
            "User-Agent": self._user_agent,
            "Connection": "close",
            **headers,
        }
        content: bytes | AsyncIterator[bytes] | None
        if body is None or isinstance(body, bytes):
            content = body
        else:
            content = body.pieces()
            sent["Content-Length"] = str(body.size)  # in chunks, few receivers would expect it
        url = httpcore2.URL(
            scheme=target.raw_scheme, host=target.raw_host, port=target.port, target=target.raw_path
        )
        with _told_as(target.host):
            async with self._pool.stream(
                method,
                url,
                headers=list(sent.items()),
                content=content,
                extensions={"timeout": {"connect": seconds}},
            ) as answer:
                yield answer


async def _read(host: str, answer: httpcore2.Response, max_bytes: int) -> bytes:
    if answer.status != 200:
        raise FetchFailed(f"{host} answered with status {answer.status}.")
    coding = _header(answer, b"content-encoding") or ""
    if any(COMPRESSIONS.fullmatch(part.strip()) for part in coding.split(",")):
        raise FetchFailed(f"{host} sent a compressed answer that was not asked for.", detail=coding)
    too_large = FetchTooLarge(f"The file behind {host} is larger than {max_bytes} bytes: send a smaller one.")
    announced = _header(answer, b"content-length") or ""
    if announced.isdecimal() and int(announced) > max_bytes:
        raise too_large
    body = bytearray()
    async for chunk in answer.aiter_stream():
        body += chunk
        if len(body) > max_bytes:
            raise too_large
        await asyncio.sleep(0)  # one packet may hold thousands of tiny chunks: let others run in between
    return bytes(body)


async def _discard(answer: httpcore2.Response) -> None:
    seen = 0
    async for chunk in answer.aiter_stream():
        seen += len(chunk)
        if seen >= DISCARDED_BYTES:
            return


@contextmanager
def _told_as(host: str) -> Generator[None]:
    """Turn what the HTTP client raises into this room's errors."""
    try:
        yield
    except httpcore2.TimeoutException as error:
        raise FetchTimeout(f"{host} took too long to answer.", detail=repr(error)) from error
    except httpcore2.ConnectError as error:
        if error.args and isinstance(error.args[0], ssl.SSLCertVerificationError):
            raise FetchFailed(f"The certificate of {host} is not valid.", detail=str(error)) from error
        if error.args and isinstance(error.args[0], ssl.SSLError):
            raise FetchFailed(f"No secure connection to {host} could be made.", detail=str(error)) from error
        raise FetchFailed(f"No connection to {host} could be made.", detail=str(error)) from error
    except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError) as error:
        raise FetchFailed(
            f"{host} broke off or sent an answer that is not valid HTTP.", detail=repr(error)
        ) from error


def _too_slow(host: str, seconds: float) -> FetchTimeout:
    return FetchTimeout(f"{host} took longer than {seconds:g} seconds.")


def _advised(error: FetchFailed | FetchTimeout) -> FetchFailed | FetchTimeout:
    """The same error about a file, which says what can be done."""
    again = "try again" if isinstance(error, FetchTimeout) else "see whether the URL opens without a login"
    told = error.public_message.removesuffix(".")
    return type(error)(f"{told}: {again}, or send the file itself.", detail=error.detail)


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def _header(answer: httpcore2.Response, name: bytes) -> str | None:
    for key, value in answer.headers:
        if key.lower() == name:
            return value.decode("utf-8", "replace").strip()
    return None


def _trust(section: settings.Fetch) -> ssl.SSLContext:
    """The system's certificate authorities, and the ones of `ca_file`."""
    context = httpx2.create_ssl_context(trust_env=False)
    if section.ca_file is not None:
        try:
            context.load_verify_locations(cafile=section.ca_file)
        except OSError as error:
            raise settings.SettingsInvalid(
                f"CLEANPLATE_FETCH__CA_FILE: no PEM certificates can be read from {section.ca_file}."
            ) from error
    return context


def _endpoints(section: settings.Fetch) -> dict[Endpoint, Endpoint]:
    try:
        return {_endpoint(source): _endpoint(target) for source, target in section.connect_to.items()}
    except (UrlInvalid, ValueError) as error:
        raise settings.SettingsInvalid(
            "CLEANPLATE_FETCH__CONNECT_TO must map `host:port` to `host:port`, such as "
            '{"example.com:443": "192.0.2.7:8443"}.'
        ) from error


def _endpoint(text: str) -> Endpoint:
    host, _, port = text.rpartition(":")
    if not 1 <= int(port) <= 65535:
        raise ValueError(port)
    return normal_host(host.removeprefix("[").removesuffix("]")), int(port)
