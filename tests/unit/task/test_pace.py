from __future__ import annotations

import pytest

from cleanplate.task.errors import QueueFull
from cleanplate.task.pace import FIRST_GUESS, retry_after, seconds_a_task


@pytest.mark.parametrize(
    ("seconds", "places", "slots", "wait"),
    [
        (4.0, 10, 2, 20),
        (4.0, 10, 1, 40),
        (0.0, 10, 1, 1),
        (0.5, 3, 4, 1),
        (60.0, 1000, 1, 600),
        (4.0, 0, 1, 1),
    ],
)
def test_the_wait_is_the_work_ahead_shared_by_the_slots(seconds, places, slots, wait):
    assert retry_after(seconds, places, slots) == wait


async def done(world, tasks, caller, seconds):
    """One more task, which took so long."""
    running = await tasks.claim((await tasks.submit(caller, world.request(), {})).id, "w1")
    world.clock.now += seconds
    await tasks.extend(running)
    assert await tasks.finish(running, world.outcome(running))


async def pace(world):
    async with world.db.read() as connection:
        return await seconds_a_task(connection)


async def test_before_any_task_was_done_it_is_guessed(world):
    assert await pace(world) == FIRST_GUESS


async def test_it_is_the_mean_of_the_latest_and_one_odd_task_does_not_decide(world):
    caller = await world.caller()
    for _ in range(60):
        await done(world, world.tasks, caller, 2.0)
    await done(world, world.tasks, caller, 30.0)
    assert 2.0 < await pace(world) < 3.0


async def test_a_clock_that_was_set_back_does_no_harm(world):
    caller = await world.caller()
    await done(world, world.tasks, caller, -1000.0)
    assert await pace(world) == 0.0


async def test_a_server_knows_how_fast_the_workers_are_though_it_does_none_of_the_work(world):
    server, worker = world.with_limits(max_queued=1), world.with_limits(max_queued=1)
    caller = await world.caller()
    await done(world, worker, caller, 40.0)
    await server.submit(caller, world.request(), {})
    with pytest.raises(QueueFull) as refused:
        await server.submit(caller, world.request(), {})
    assert refused.value.retry_after == 40
