"""Accounts share the workers."""

from __future__ import annotations

import pytest

from cleanplate.task import AccountBusy


async def served(world, count=None):
    """The names of the accounts in the order in which the workers would serve them."""
    names = {(await world.caller(name)).account.id: name for name in ("ann", "bob", "cyd")}
    order = []
    world.bell.answered()
    while count is None or len(order) < count:
        await world.tasks.sweep()
        rung = [one for one in world.bell.answered() if one[0] == "run_task"]
        if not rung:
            break
        _, task_id, _ = max(rung, key=lambda one: one[2])  # the first of the most urgent ones
        task = await world.tasks.claim(task_id, "w")
        order.append(names[task.account_id])
        await world.tasks.finish(task, world.outcome(task))
    return "".join(name[0] for name in order)


async def submit(world, name, times=1, **asked):
    caller = await world.caller(name)
    for _ in range(times):
        await world.tasks.submit(caller, world.request(**asked), {})
        world.clock.now += 0.001


async def test_one_picture_does_not_wait_behind_anothers_hundred(world):
    await submit(world, "ann", 100)
    await submit(world, "bob")
    assert (await served(world, 3)) in {"aba", "baa"}


async def test_accounts_take_turns_whoever_came_first(world):
    await submit(world, "ann", 6)
    await submit(world, "bob", 3)
    await submit(world, "cyd", 1)
    assert await served(world) == "abcababaaa"


async def test_who_comes_late_gets_no_credit_for_the_time_away(world):
    await submit(world, "ann", 8)
    assert await served(world, 4) == "aaaa"
    await submit(world, "bob", 4)
    assert await served(world) == "abababab"


async def test_who_comes_again_and_again_takes_turns_too(world):
    await submit(world, "ann", 6)
    order = ""
    for _ in range(4):
        await submit(world, "bob")
        order += await served(world, 2)
    assert order.count("b") == 4
    assert "bbb" not in order


async def test_who_waits_on_the_line_goes_first_and_takes_turns_among_themselves(world):
    await submit(world, "ann", 2)
    await submit(world, "ann", 2, sync=True)
    await submit(world, "bob", 1, sync=True)
    assert (await served(world, 3)) in {"aba", "baa"}


async def test_an_account_has_no_more_unfinished_tasks_than_it_may(world):
    world.tasks = world.with_limits(max_per_account=2)
    await submit(world, "ann", 2)
    with pytest.raises(AccountBusy) as refused:
        await submit(world, "ann")
    assert refused.value.retry_after >= 1
    await submit(world, "bob", 2)
    assert await served(world, 1) == "a"
    await submit(world, "ann")
