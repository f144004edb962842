"""Receivers that hang, beside others that do not: whose callbacks are made when not all can be at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from cleanplate import settings
from cleanplate.store import Blobs
from cleanplate.task import InMemoryCompletions, Tasks
from receivers import PAUSES, House, Receiver, Worker

if TYPE_CHECKING:
    from receivers import Clock


async def test_a_receiver_that_hangs_leaves_room_for_others_and_loses_nothing(house: House) -> None:
    let_go = asyncio.Event()

    async def hang() -> int:
        await let_go.wait()
        return 200

    async with Receiver([hang]).open() as dead, Receiver([200]).open() as alive:
        waiting = [(await house.ended_task("http://dead.example/hook"))[1] for _ in range(12)]
        quick = [(await house.ended_task("http://alive.example/hook"))[1] for _ in range(3)]
        fetcher = house.new_fetcher(dead=dead, alive=alive)
        async with Worker(house, fetcher, let_go, parallel=4, seconds=60) as worker:
            for one in (*waiting, *quick):
                await worker.wakeups.wake("deliver", one)
            await worker.settled(quick)
            assert dead.busiest == len(dead.heard) == 1  # a quarter of four
            tried = [(await house.row(one))["attempts"] for one in waiting]
            assert sorted(tried) == [*[0] * 11, 1]  # to wait for a place is no try
            assert set(await house.due()) == {
                one for one, count in zip(waiting, tried, strict=True) if not count
            }
            let_go.set()
            await worker.settled(waiting)
    assert dead.busiest == 1
    assert {(await house.row(one))["attempts"] for one in waiting} == {1}


async def test_what_was_never_tried_goes_before_what_was(house: House, clock: Clock) -> None:
    let_go = asyncio.Event()

    async def hang() -> int:
        await let_go.wait()
        return 200

    async with (
        Receiver([hang]).open() as slow,
        Receiver([500, 500, 200]).open() as again,
        Receiver([200]).open() as fresh,
    ):
        fetcher = house.new_fetcher(slow=slow, again=again, fresh=fresh)
        failed = [(await house.ended_task("http://again.example/hook"))[1] for _ in range(2)]
        for one in failed:
            await house.new_deliveries(fetcher=fetcher).deliver(one)
        first = (await house.ended_task("http://slow.example/hook"))[1]
        async with Worker(house, fetcher, let_go, parallel=1) as worker:
            await worker.wakeups.wake("deliver", first)
            await slow.times(1)
            clock.ahead += PAUSES[0]
            ears, section = InMemoryCompletions(), settings.Task()
            tasks = Tasks(house.db, Blobs("memory:///"), worker.wakeups, ears, section, clock=clock)
            assert set(await tasks.sweep()) == set(failed)
            new = (await house.ended_task("http://fresh.example/hook"))[1]
            await worker.wakeups.wake("deliver", new)
            let_go.set()
            await fresh.times(1)
            heard = len(again.heard)
            await worker.settled([first, new, *failed])
    assert heard == 2  # both as long ago as they failed
    assert len(again.heard) == 4


async def test_what_waits_for_a_place_is_found_again_by_the_sweep(house: House, clock: Clock) -> None:
    """Another process, or one that was restarted, knows nothing of who waited."""
    let_go = asyncio.Event()

    async def hang() -> int:
        await let_go.wait()
        return 200

    async with Receiver([hang]).open() as receiver:
        ids = [(await house.ended_task(receiver.url))[1] for _ in range(2)]
        deliveries = house.new_deliveries(settings={"per_host": 1})
        trying = asyncio.create_task(deliveries.deliver(ids[0]))
        await receiver.times(1)
        await deliveries.deliver(ids[1])
        assert len(receiver.heard) == 1
        assert await house.tasks.sweep() == [ids[1]]
        let_go.set()
        await house.new_deliveries().deliver(ids[1])
        await trying
        assert ("deliver", ids[1], 0) in house.bell.rung
    assert len(receiver.heard) == 2
