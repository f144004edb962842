"""What callbacks are tested with: receivers that accept, refuse and hang, and a house that calls them."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from cleanplate import settings
from cleanplate.account import Accounts
from cleanplate.fetch import Fetcher
from cleanplate.notify import Deliveries
from cleanplate.store import Blobs, Database
from cleanplate.store.queries import deliveries as delivery_rows
from cleanplate.task import Failure, InMemoryCompletions, Request, Source, Tasks
from cleanplate.worker.wakeups import InMemoryWakeups

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from pathlib import Path

    from cleanplate.account import Caller
    from cleanplate.task import Task

PAUSES = [5.0, 15.0]


@dataclass
class Receiver:
    """A callback's target: answers these statuses in turn, the last one for ever.

    A coroutine function among them is awaited first (to hang) and answers the status.
    """

    statuses: list[int | Callable[[], Awaitable[int]]]
    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    port: int = 0
    busy: int = 0
    busiest: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?key=1"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Receiver]:
        lines: set[asyncio.Task[None]] = set()

        def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            lines.add(asyncio.create_task(self._serve(reader, writer)))

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            async with asyncio.timeout(30):
                yield self
        finally:
            server.close()
            await server.wait_closed()
            await asyncio.gather(*lines)

    async def times(self, count: int) -> None:
        async with self.arrived:
            await self.arrived.wait_for(lambda: len(self.heard) >= count)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.busy += 1
        self.busiest = max(self.busiest, self.busy)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = (line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        headers = {name.lower(): value for name, value in fields}
        body = await reader.readexactly(int(headers["content-length"]))
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        async with self.arrived:
            self.heard.append((headers, body))
            self.arrived.notify_all()
        if callable(status):
            status = await status()
        self.busy -= 1
        with suppress(ConnectionError):
            writer.write(f"HTTP/1.1 {status} X\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n".encode())
            writer.close()
            await writer.wait_closed()


class Bell:
    """Wake-ups that are only written down: entry, key and delay in whole seconds."""

    def __init__(self) -> None:
        self.rung: list[tuple[str, str, int]] = []

    async def wake(self, entry: str, key: str, *, priority: int = 0, delay: float = 0.0) -> None:
        self.rung.append((entry, key, round(delay)))

    async def wake_all(self, entry: str, wishes: Sequence[tuple[str, int]], *, delay: float = 0.0) -> None:
        for key, priority in wishes:
            await self.wake(entry, key, priority=priority, delay=delay)


class Clock:
    """The true time, and what is added to it."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


async def body_of(task: Task) -> bytes:
    return json.dumps({"task_id": task.id, "state": task.state.value}).encode()


class House:
    """One process: everything that a callback needs, over one database file."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder, self.clock = folder, clock
        self.bell = Bell()
        self.db = Database(f"sqlite+aiosqlite:///{folder}/test.db")
        self.fetcher = self.new_fetcher()
        self.accounts = Accounts(self.db, settings.Account())
        self.tasks = Tasks(
            self.db, Blobs("memory:///"), self.bell, InMemoryCompletions(), settings.Task(), clock=clock
        )
        self.deliveries = self.new_deliveries()

    def new_fetcher(self, **hosts: Receiver) -> Fetcher:
        """One that finds these receivers at `http://<name>.example/`."""
        known = {f"{name}.example:80": f"127.0.0.1:{receiver.port}" for name, receiver in hosts.items()}
        section = {"allow_networks": ["127.0.0.0/8"], "connect_to": known}
        return Fetcher(settings.Fetch.model_validate(section))

    def new_deliveries(self, **changes: Any) -> Deliveries:
        section = settings.Notify.model_validate({"retry_seconds": PAUSES, **changes.pop("settings", {})})
        given: dict[str, Any] = {
            "db": self.db,
            "fetcher": self.fetcher,
            "render": body_of,
            "settings": section,
            "wakeups": self.bell,
            "clock": self.clock,
            **changes,
        }
        return Deliveries(**given)

    async def caller(self) -> Caller:
        _, secret = await self.accounts.create_token()
        return await self.accounts.authenticate(secret)

    async def ended_task(self, callback_url: str) -> tuple[Task, str]:
        """A task that has failed, and the id of its delivery."""
        request = Request(
            dialect="gptge",
            operation="watermark",
            source=Source("url", "http://127.0.0.1/picture.png"),
            callback_url=callback_url,
            request_id="asked-1",
        )
        caller = await self.caller()
        task = await self.tasks.submit(caller, request, {})
        claimed = await self.tasks.claim(task.id, "worker")
        assert claimed is not None
        assert await self.tasks.fail(claimed, Failure("fetch_failed", "It could not be fetched."))
        async with self.db.read() as connection:
            row = await delivery_rows.of_task(connection, task.id)
        assert row is not None
        self.bell.rung.clear()
        return await self.tasks.get(caller.account.id, task.id), row["id"]

    async def row(self, delivery_id: str) -> dict[str, Any]:
        async with self.db.read() as connection:
            row = await delivery_rows.find(connection, delivery_id)
        assert row is not None
        return dict(row)

    async def due(self) -> list[str]:
        async with self.db.read() as connection:
            return [row["id"] for row in await delivery_rows.due(connection, self.clock())]

    async def secret_of(self, task: Task) -> str:
        return (await self.accounts.get("default")).webhook_secret

    async def close(self) -> None:
        await self.fetcher.aclose()
        await self.accounts.aclose()
        await self.db.close()


class Worker:
    """Makes callbacks with these settings, woken as the real one is; lets go of who hangs at its end."""

    def __init__(self, house: House, fetcher: Fetcher, let_go: asyncio.Event, **section: Any) -> None:
        self.wakeups = InMemoryWakeups()
        self._house, self._fetcher, self._let_go = house, fetcher, let_go
        self._deliveries = house.new_deliveries(settings=section, wakeups=self.wakeups, fetcher=fetcher)
        self._over = asyncio.Condition()
        self.wakeups.handle("deliver", self._deliver, parallel=section["parallel"])

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self.wakeups.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._let_go.set()
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        await self._fetcher.aclose()

    async def settled(self, ids: Sequence[str]) -> None:
        """Wait until all of them are."""
        async with self._over:
            while "pending" in {(await self._house.row(one))["state"] for one in ids}:
                await self._over.wait()

    async def _deliver(self, delivery_id: str) -> None:
        await self._deliveries.deliver(delivery_id)
        async with self._over:
            self._over.notify_all()
