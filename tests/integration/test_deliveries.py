"""Callbacks over a real database to a real receiver that accepts, refuses, hangs and comes back."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
import structlog
from standardwebhooks import Webhook

from cleanplate import settings
from cleanplate.errors import CleanplateError
from cleanplate.fetch import Fetcher
from cleanplate.task import State
from cleanplate.worker.wakeups import InMemoryWakeups
from receivers import PAUSES, House, Receiver

if TYPE_CHECKING:
    from cleanplate.task import Task
    from receivers import Clock


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
        deliveries = house.new_deliveries(settings={"parallel": 2, "per_host": 6})
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
