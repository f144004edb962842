"""How the service stands, what has changed of late, and callbacks that are made once more."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from cleanplate.store.tables import deliveries
from cleanplate.task import Failure, State, TaskNotFound


async def test_how_it_stands(world):
    ann, bob = await world.caller("ann"), await world.caller("bob")
    before = await world.tasks.standing()
    assert (dict(before.unfinished), before.oldest, before.seconds) == (
        {State.QUEUED: 0, State.RUNNING: 0},
        None,
        None,
    )
    made = [await world.tasks.submit(ann, world.request(), {}) for _ in range(4)]
    await world.tasks.submit(bob, world.request(), {})
    claimed = await world.tasks.claim(made[0].id, "here:1")
    world.clock.now += 3
    await world.tasks.finish(claimed, world.outcome(claimed))
    await world.tasks.fail(await world.tasks.claim(made[1].id, "here:1"), Failure("x", "y"))
    await world.tasks.claim(made[2].id, "there:2")
    standing = await world.tasks.standing()
    assert dict(standing.unfinished) == {State.QUEUED: 2, State.RUNNING: 1}
    assert standing.oldest == world.clock.now - 3
    assert dict(standing.ended) == {State.DONE: 1, State.FAILED: 1}
    assert standing.seconds == pytest.approx(3)
    [worker] = standing.workers
    assert (worker.name, worker.tasks, worker.since) == ("there:2", 1, world.clock.now)
    assert standing.by_account[bob.account.id] == {State.QUEUED: 1}
    world.clock.now += 3_601
    assert (await world.tasks.standing()).ended[State.DONE] == 0


async def test_what_has_changed_since(world):
    ann, bob = await world.caller("ann"), await world.caller("bob")
    first = await world.tasks.submit(ann, world.request(), {})
    await world.tasks.submit(bob, world.request(), {})
    world.clock.now += 10
    second = await world.tasks.submit(ann, world.request(), {})
    assert [one.id for one in await world.tasks.changed(ann.account.id, world.clock.now, 10)] == [second.id]
    world.clock.now += 10
    await world.tasks.claim(first.id, "here")
    assert [one.id for one in await world.tasks.changed(ann.account.id, world.clock.now, 10)] == [first.id]
    assert len(await world.tasks.changed(ann.account.id, 0, 10)) == 2
    assert [one.id for one in await world.tasks.changed(ann.account.id, 0, 1)] == [second.id]


async def test_a_callback_is_made_once_more(world):
    ann, bob = await world.caller("ann"), await world.caller("bob")
    task = await world.tasks.submit(ann, world.request(callback_url="http://x/"), {})
    assert await world.tasks.call_again(ann.account.id, task.id) is None
    claimed = await world.tasks.claim(task.id, "here")
    await world.tasks.finish(claimed, world.outcome(claimed))
    [delivery] = await world.deliveries(task.id)
    world.bell.answered()
    assert (await world.tasks.call_again(ann.account.id, task.id)).state == "pending"
    assert world.bell.answered() == []  # it is being made already

    async with world.db.write() as connection:
        await connection.execute(update(deliveries).values(state="failed", attempts=3))
    again = await world.tasks.call_again(ann.account.id, task.id)
    assert (again.state, again.next_at) == ("pending", world.clock.now)
    assert [(entry, key) for entry, key, _ in world.bell.answered()] == [("deliver", delivery["id"])]
    assert (await world.deliveries(task.id))[0]["attempts"] == 3  # the fence goes on
    with pytest.raises(TaskNotFound):
        await world.tasks.call_again(bob.account.id, task.id)
