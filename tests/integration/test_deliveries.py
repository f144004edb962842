"""Callbacks over a real database to a real receiver that accepts, refuses, hangs and comes back."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from standardwebhooks import Webhook

from cleanplate import settings
from cleanplate.account import Accounts
from cleanplate.errors import CleanplateError
from cleanplate.fetch import Fetcher
from cleanplate.notify import Deliveries
from cleanplate.store import Blobs, Database
from cleanplate.store.queries import deliveries as delivery_rows
from cleanplate.task import Failure, InMemoryCompletions, Request, Source, State, Tasks
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
        self.fetcher = Fetcher(settings.Fetch.model_validate({"allow_networks": ["127.0.0.0/8"]}))
        self.accounts = Accounts(self.db, settings.Account())
        self.tasks = Tasks(
            self.db, Blobs("memory:///"), self.bell, InMemoryCompletions(), settings.Task(), clock=clock
        )
        self.deliveries = self.new_deliveries()

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
            return list(await delivery_rows.due(connection, self.clock()))

    async def secret_of(self, task: Task) -> str:
        return (await self.accounts.get("default")).webhook_secret

    async def close(self) -> None:
        await self.fetcher.aclose()
        await self.accounts.aclose()
        await self.db.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def house(tmp_path: Path, clock: Clock) -> AsyncIterator[House]:
    opened = House(tmp_path, clock)
    await opened.db.upgrade()
    yield opened
    await opened.close()


async def test_a_callback_is_the_signed_body_and_made_once(house: House) -> None:
    async with Receiver([204]).open() as receiver:
        task, delivery = await house.ended_task(receiver.url)
        assert await house.due() == [delivery]
        await house.deliveries.deliver(delivery)
        await house.deliveries.deliver(delivery)
        await house.deliveries.deliver("no such delivery")
    [(headers, body)] = receiver.heard
    assert json.loads(body) == {"task_id": task.id, "state": "failed"}
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == f"msg_{delivery}"
    assert headers["user-agent"].startswith("cleanplate/")
    assert Webhook(await house.secret_of(task)).verify(body, headers) == json.loads(body)
    row = await house.row(delivery)
    assert (row["state"], row["attempts"], row["last_status"], row["last_error"]) == (
        "delivered",
        1,
        204,
        None,
    )
    assert await house.due() == []
    assert house.bell.rung == []


async def test_two_refusals_and_a_restart_later_it_is_delivered(house: House, clock: Clock) -> None:
    async with Receiver([500, 302, 200]).open() as receiver:
        task, delivery = await house.ended_task(receiver.url)
        await house.deliveries.deliver(delivery)
        assert house.bell.rung == [("deliver", delivery, 5)]
        row = await house.row(delivery)
        assert (row["state"], row["last_status"]) == ("pending", 500)
        assert "status 500" in row["last_error"]
        assert await house.due() == []

        reborn = House(house.folder, clock)
        clock.ahead += 5
        assert await reborn.due() == [delivery]
        await reborn.deliveries.deliver(delivery)
        assert reborn.bell.rung == [("deliver", delivery, 15)]
        await reborn.close()

        reborn = House(house.folder, clock)
        clock.ahead += 15
        assert await reborn.tasks.sweep() == [delivery]
        await reborn.deliveries.deliver(delivery)
        assert (await reborn.row(delivery))["state"] == "delivered"
        await reborn.close()
    verifier = Webhook(await house.secret_of(task))
    assert len(receiver.heard) == 3
    assert {headers["webhook-id"] for headers, _ in receiver.heard} == {f"msg_{delivery}"}
    for headers, body in receiver.heard:
        assert verifier.verify(body, headers)["task_id"] == task.id
    sent_at = [int(headers["webhook-timestamp"]) for headers, _ in receiver.heard]
    assert sent_at[0] + 5 <= sent_at[1]
    assert sent_at[1] + 15 <= sent_at[2]


async def test_after_the_last_pause_it_is_given_up_and_the_task_stays_as_it_is(
    house: House, clock: Clock
) -> None:
    async with Receiver([503]).open() as receiver:
        task, delivery = await house.ended_task(receiver.url)
        for pause in (*PAUSES, 0):
            await house.deliveries.deliver(delivery)
            clock.ahead += pause
        assert (await house.row(delivery))["state"] == "failed"
        clock.ahead += 1000
        await house.deliveries.deliver(delivery)
        assert len(receiver.heard) == 3
    assert [delay for _, _, delay in house.bell.rung] == [5, 15]
    assert (await house.tasks.get(task.account_id, task.id)).state is State.FAILED
    assert await house.due() == []


async def test_a_target_that_the_guard_refuses_is_a_failed_try(house: House) -> None:
    guarded = Fetcher(settings.Fetch())
    async with Receiver([200]).open() as receiver:
        _, delivery = await house.ended_task(receiver.url)
        await house.new_deliveries(fetcher=guarded).deliver(delivery)
        assert receiver.heard == []
    await guarded.aclose()
    row = await house.row(delivery)
    assert (row["state"], row["attempts"], row["last_status"]) == ("pending", 1, None)
    assert "no public address" in row["last_error"]
    assert house.bell.rung == [("deliver", delivery, 5)]


async def test_two_workers_do_not_send_the_same_one_at_the_same_time(house: House) -> None:
    let_go = asyncio.Event()

    async def hang() -> int:
        await let_go.wait()
        return 200

    async with Receiver([hang]).open() as receiver:
        _, delivery = await house.ended_task(receiver.url)
        first = asyncio.create_task(house.deliveries.deliver(delivery))
        await receiver.times(1)
        await house.new_deliveries().deliver(delivery)
        assert house.bell.rung == [
            ("deliver", delivery, 15)
        ]  # when the claim has run out: 10 s and 5 s grace
        let_go.set()
        await first
    assert len(receiver.heard) == 1
    assert (await house.row(delivery))["state"] == "delivered"


async def test_a_worker_that_vanished_is_replaced_and_may_not_interfere_later(
    house: House, clock: Clock
) -> None:
    let_go = asyncio.Event()

    async def hang() -> int:
        await let_go.wait()
        return 500

    async with Receiver([hang, 200]).open() as receiver:
        _, delivery = await house.ended_task(receiver.url)
        vanished = asyncio.create_task(house.deliveries.deliver(delivery))
        await receiver.times(1)
        clock.ahead += 15
        assert await house.due() == [delivery]
        await house.new_deliveries().deliver(delivery)
        let_go.set()
        await vanished
    row = await house.row(delivery)
    assert (row["state"], row["attempts"], row["last_status"]) == ("delivered", 2, 200)
    assert house.bell.rung == []


async def test_a_try_cut_off_by_shutdown_is_due_again_at_once(house: House) -> None:
    let_go = asyncio.Event()

    async def hang() -> int:
        await let_go.wait()
        return 200

    async with Receiver([hang, 200]).open() as receiver:
        _, delivery = await house.ended_task(receiver.url)
        cut = asyncio.create_task(house.deliveries.deliver(delivery))
        await receiver.times(1)
        cut.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cut
        assert await house.due() == [delivery]
        await house.deliveries.deliver(delivery)
        let_go.set()
    assert len(receiver.heard) == 2
    assert (await house.row(delivery))["state"] == "delivered"


async def test_a_wakeup_before_its_time_is_put_off(house: House, clock: Clock) -> None:
    async with Receiver([500, 200]).open() as receiver:
        _, delivery = await house.ended_task(receiver.url)
        await house.deliveries.deliver(delivery)
        clock.ahead += 3
        await house.deliveries.deliver(delivery)
        assert [delay for _, _, delay in house.bell.rung] == [5, 2]
        assert len(receiver.heard) == 1


async def test_no_more_are_made_at_once_than_the_setting_says(house: House) -> None:
    pair = asyncio.Barrier(2)

    async def together() -> int:
        await pair.wait()
        return 200

    async with Receiver([together]).open() as receiver:
        ids = [(await house.ended_task(receiver.url))[1] for _ in range(6)]
        deliveries = house.new_deliveries(settings={"parallel": 2})
        await asyncio.gather(*(deliveries.deliver(one) for one in ids))
    assert len(receiver.heard) == 6
    assert receiver.busiest == 2


class ResultGone(CleanplateError):
    """The result is gone."""


@pytest.mark.parametrize(
    ("error", "told"), [(ResultGone(), "The result is gone."), (KeyError("x"), "could not be made")]
)
async def test_a_body_that_cannot_be_rendered_uses_up_its_tries(
    house: House, error: Exception, told: str
) -> None:
    async def broken(_task: Task) -> bytes:
        raise error

    async with Receiver([200]).open() as receiver:
        _, delivery = await house.ended_task(receiver.url)
        await house.new_deliveries(render=broken).deliver(delivery)
        assert receiver.heard == []
    row = await house.row(delivery)
    assert (row["state"], row["attempts"]) == ("pending", 1)
    assert told in row["last_error"]
    assert house.bell.rung == [("deliver", delivery, 5)]


async def test_every_try_leaves_a_line_in_the_log(house: House, clock: Clock) -> None:
    async with Receiver([500, 200]).open() as receiver:
        task, delivery = await house.ended_task(receiver.url)
        with structlog.testing.capture_logs() as lines:
            await house.deliveries.deliver(delivery)
            clock.ahead += 5
            await house.deliveries.deliver(delivery)
    assert [(line["event"], line["attempt"], line["state"], line["status"]) for line in lines] == [
        ("callback tried", 1, "pending", 500),
        ("callback tried", 2, "delivered", 200),
    ]
    assert {(line["delivery"], line["task"], line["request_id"]) for line in lines} == {
        (delivery, task.id, "asked-1")
    }


async def test_the_real_wakeups_carry_it_through_its_pauses(house: House) -> None:
    wakeups = InMemoryWakeups()
    deliveries = house.new_deliveries(settings={"retry_seconds": [0.05, 0.05]}, wakeups=wakeups)
    wakeups.handle("deliver", deliveries.deliver, parallel=2)
    async with Receiver([500, 500, 200]).open() as receiver:
        _, delivery = await house.ended_task(receiver.url)
        running = asyncio.create_task(wakeups.run())
        await wakeups.wake("deliver", delivery)
        await receiver.times(3)
        wakeups.stop()
        await running
    assert (await house.row(delivery))["state"] == "delivered"
