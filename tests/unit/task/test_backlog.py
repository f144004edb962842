"""How much work waits: what tells an operator, or a machine, how many workers to have."""

from __future__ import annotations

import pytest

from cleanplate import metrics
from cleanplate.task import AccountBusy


def backlog():
    return metrics.REGISTRY.get_sample_value("cleanplate_backlog_seconds")


async def test_the_backlog_is_what_waits_times_how_long_one_takes(world):
    caller = await world.caller()
    for seconds in (2, 4):
        task = await world.tasks.submit(caller, world.request(), {})
        running = await world.tasks.claim(task.id, "w")
        world.clock.now += seconds
        await world.tasks.finish(running, world.outcome(running))
    await world.tasks.measure()
    assert backlog() == 0
    for _ in range(5):
        await world.tasks.submit(caller, world.request(), {})
    await world.tasks.measure()
    assert backlog() == 15


async def test_before_anything_was_done_the_backlog_is_a_guess_above_nothing(world):
    await world.tasks.submit(await world.caller(), world.request(), {})
    await world.tasks.measure()
    assert backlog() > 0


async def test_who_is_turned_away_is_told_of_all_workers_on_the_database(world):
    """This process has one slot; ten tasks are running, so there are ten somewhere."""
    tasks = world.with_limits(max_per_account=20, slots=1)
    caller, request = await world.caller(), world.request(dialect="native")
    accepted = [await tasks.submit(caller, request, {}) for _ in range(20)]
    slow = await tasks.claim(accepted[0].id, "w")
    world.clock.now += 500  # under the most that anybody is told
    await tasks.finish(slow, world.outcome(slow))
    await tasks.submit(caller, request, {})
    waits = []
    for worker in range(2):
        with pytest.raises(AccountBusy) as caught:
            await tasks.submit(caller, request, {})
        waits.append(caught.value.retry_after)
        for task in accepted[1:11]:
            await tasks.claim(task.id, f"w{worker}")
    assert waits[1] == pytest.approx(waits[0] / 10, abs=1)
