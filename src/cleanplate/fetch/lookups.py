"""Looking up names with the system's resolver, so that slow name servers hold up nobody else's names.

A look-up cannot be broken off: whoever asked may give up after ten seconds, its thread is busy for up to
thirty. So there are many threads, the names of one domain get a share of them, and time that a download
spends waiting for a thread, which is the fault of other domains, is not counted as its own.
"""

from __future__ import annotations

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Sequence

    from cleanplate import settings

# What registries put between a country and a name, as in `example.co.uk`.
SECOND_LEVEL = frozenset({"ac", "co", "com", "edu", "go", "gov", "ne", "net", "or", "org"})

_clock: ContextVar[asyncio.Timeout | None] = ContextVar("clock", default=None)


class SystemResolver:
    """`getaddrinfo` in threads of its own: slow name servers must not starve the loop's other threads.

    Args:
        section: how many there are, and how many of them the names of one domain may have.
    """

    def __init__(self, section: settings.Fetch) -> None:
        self._threads = ThreadPoolExecutor(section.lookups, thread_name_prefix="cleanplate-lookup")
        self._free = asyncio.Semaphore(section.lookups)
        self._per_domain = section.lookups_per_domain
        self._longest_wait = section.seconds
        # Kept for as long as somebody has one, or waits for it.
        self._domains: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Answer every address of a name, in the order of the system's preference."""
        share = self._domains.setdefault(domain_of(host), asyncio.Semaphore(self._per_domain))
        await share.acquire()
        try:
            with _clock_held(self._longest_wait):
                await self._free.acquire()
        except BaseException:
            share.release()
            raise
        loop = asyncio.get_running_loop()

        def ended(_: object) -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._free.release)
                loop.call_soon_threadsafe(share.release)

        running = self._threads.submit(_lookup, host, port)
        running.add_done_callback(ended)  # not when the one who asked gives up: the thread goes on
        return await asyncio.wrap_future(running)

    def close(self) -> None:
        """Let go of the threads, without waiting for look-ups that are still out."""
        self._threads.shutdown(wait=False, cancel_futures=True)


@asynccontextmanager
async def time_limit(seconds: float) -> AsyncGenerator[None]:
    """As `asyncio.timeout`, but waiting for a thread for a look-up is not counted, for as long again each.

    Raises:
        TimeoutError: the time is over.
    """
    async with asyncio.timeout(seconds) as clock:
        token = _clock.set(clock)
        try:
            yield
        finally:
            _clock.reset(token)


@contextmanager
def _clock_held(most: float) -> Generator[None]:
    """Stop the clock of the innermost `time_limit` during the block, for `most` seconds."""
    clock = _clock.get()
    end = None if clock is None else clock.when()
    if clock is None or end is None:
        yield
        return
    loop = asyncio.get_running_loop()
    began = loop.time()
    clock.reschedule(end + most)
    yield
    clock.reschedule(end + loop.time() - began)


def domain_of(host: str) -> str:
    """The domain of a host name, as far as can be told by its looks: `example.com`, `example.co.uk`."""
    labels = host.split(".")
    registered = 3 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in SECOND_LEVEL else 2
    return ".".join(labels[-registered:])


def _lookup(host: str, port: int) -> list[str]:
    return [str(address[0]) for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
