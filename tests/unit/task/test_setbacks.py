"""What the server itself keeps from being done rests, is tried again, and fails under its own name."""

from __future__ import annotations

from claims import claimed
from cleanplate.store import StorageFailed
from cleanplate.task import State
from cleanplate.task.turns import SYNC_FIRST


async def test_a_task_that_the_server_kept_from_being_done_is_tried_again_after_longer_and_longer(world):
    tasks = world.with_limits(retry_seconds=[5, 15])
    caller = await world.caller(granted=1)
    _, running = await claimed(world, caller, sync=True)
    for pause in (5, 15):
        world.bell.answered()
        assert await tasks.set_back(running, StorageFailed(detail="the disk is full"))
        assert world.bell.answered() == [("run_task", running.id, SYNC_FIRST)]
        assert world.bell.delays[-1] == pause
        world.clock.now += pause - 0.1
        assert await tasks.sweep() == []
        assert await tasks.claim(running.id, "w2") is None
        world.clock.now += 0.1
        assert await tasks.sweep() == [running.id]
        running = await tasks.claim(running.id, "w2")
    assert await tasks.set_back(running, StorageFailed(detail="the disk is full"))
    failed = await tasks.get(caller.account.id, running.id)
    assert (failed.state, failed.failure.code, failed.losses) == (State.FAILED, "storage_failed", 0)
    assert await world.ledger(running.id) == ["hold", "release"]
    assert world.crier.announced[running.id] == 1


async def test_without_pauses_it_is_not_tried_again(world):
    caller, running = await claimed(world)
    assert await world.with_limits(retry_seconds=[]).set_back(running, StorageFailed())
    assert (await world.tasks.get(caller.account.id, running.id)).failure.code == "storage_failed"


async def test_what_rests_holds_up_nobodys_turn(world):
    ann, bob = await world.caller("ann"), await world.caller("bob")
    resting = await world.tasks.submit(ann, world.request(), {})
    await world.tasks.set_back(await world.tasks.claim(resting.id, "w"), StorageFailed())
    many = [await world.tasks.submit(ann, world.request(), {}) for _ in range(8)]
    for task in many[:5]:
        running = await world.tasks.claim(task.id, "w")
        await world.tasks.finish(running, world.outcome(running))
    assert (await world.tasks.submit(bob, world.request(), {})).turn == many[5].turn
