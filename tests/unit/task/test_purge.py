from __future__ import annotations

import time

import pytest
from sqlalchemy import update

from cleanplate.errors import CleanplateError
from cleanplate.store import Blobs, StorageFailed, tables
from cleanplate.task import Purged, State, TaskNotFound


async def finished(world, **changes):
    caller = await world.caller()
    task = await world.tasks.submit(caller, world.request(**changes), {})
    running = await world.tasks.claim(task.id, "w1")
    outcome = world.outcome(running)
    await world.blobs.put(outcome.result_key, b"result")
    await world.tasks.finish(running, outcome)
    return caller, task


@pytest.fixture
async def today(world):
    """A world at the blobs' own time, which cannot be set."""
    world.clock.now = time.time()
    return world


async def settle(world, state):
    async with world.db.write() as connection:
        await connection.execute(update(tables.deliveries).values(state=state))


async def test_what_has_not_expired_stays(today):
    caller, task = await finished(today)
    today.clock.now += 3599
    assert await today.tasks.purge() == Purged(expired=0, removed=0, blobs=0)
    assert (await today.tasks.get(caller.account.id, task.id)).state is State.DONE
    assert len(await today.stored()) == 1


async def test_what_has_expired_is_gone_but_for_the_books(today):
    _, task = await finished(today)
    today.clock.now += 3600
    assert await today.tasks.purge() == Purged(expired=0, removed=1, blobs=1)
    assert await today.row(task.id) is None
    assert await today.stored() == set()
    assert await today.ledger(task.id) == ["hold", "capture"]
    assert await today.tasks.purge() == Purged(expired=0, removed=0, blobs=0)


async def test_every_attempts_result_goes_with_the_task(today):
    _, task = await finished(today)
    for attempt in (2, 3):
        await today.blobs.put(f"results/{task.id}/{attempt}.png", b"too late")
    today.clock.now += 3600
    assert (await today.tasks.purge()).blobs == 3
    assert await today.stored() == set()


@pytest.mark.parametrize("running", [False, True])
async def test_what_expires_unfinished_is_refunded_first(today, running):
    caller = await today.caller(granted=1)
    task = await today.tasks.submit(caller, today.upload(), {"source": b"x"})
    claim = await today.tasks.claim(task.id, "w1") if running else None
    today.clock.now += 3600
    assert await today.tasks.purge() == Purged(expired=1, removed=1, blobs=0)
    assert (await today.accounts.get("ann")).balance == 1
    assert await today.ledger(task.id) == ["hold", "release"]
    assert today.crier.announced[task.id] == 1
    assert await today.stored() == set()
    if claim:
        assert not await today.tasks.finish(claim, today.outcome(claim))
        assert not await today.tasks.extend(claim)


async def test_a_task_is_kept_for_its_callback_but_shown_to_nobody(today):
    caller, task = await finished(today, callback_url="http://x/")
    today.clock.now += 3600
    assert (await today.tasks.purge()).removed == 0
    assert await today.row(task.id) is not None
    assert await today.stored() == set()
    with pytest.raises(TaskNotFound):
        await today.tasks.get(caller.account.id, task.id)
    await settle(today, "delivered")
    assert (await today.tasks.purge()).removed == 1
    assert await today.deliveries(task.id) == []


async def test_an_expired_task_still_tells_its_callback(today):
    caller = await today.caller()
    task = await today.tasks.submit(caller, today.request(callback_url="http://x/"), {})
    today.clock.now += 3600
    assert await today.tasks.purge() == Purged(expired=1, removed=0, blobs=0)
    [delivery] = await today.deliveries(task.id)
    assert ("deliver", delivery["id"], 0) in today.bell.answered()
    await settle(today, "failed")
    assert (await today.tasks.purge()).removed == 1


async def test_a_callback_that_is_never_settled_does_not_keep_a_task_for_ever(today):
    _, task = await finished(today, callback_url="http://x/")
    today.clock.now += 7200
    assert (await today.tasks.purge()).removed == 1
    assert await today.row(task.id) is None


async def test_blobs_of_no_task_are_removed_when_they_are_old(today):
    """A submit killed between its blobs and its row; a worker that finished after its task was purged."""
    await today.blobs.put("sources/3b950563-e53f-4036-a581-5ac04d0829b3/source", b"x")
    await today.blobs.put("results/3b950563-e53f-4036-a581-5ac04d0829b3/1.png", b"x")
    today.clock.now += 3000
    assert (await today.tasks.purge()).blobs == 0  # may be a submit in the making
    today.clock.now += 1000
    assert (await today.tasks.purge()).blobs == 2
    assert await today.stored() == set()


async def test_however_short_tasks_are_kept_a_submit_in_the_making_is_left_alone(today):
    tasks = today.with_limits(keep_seconds=1)
    await today.blobs.put("sources/3b950563-e53f-4036-a581-5ac04d0829b3/source", b"x")
    today.clock.now += 60
    assert (await tasks.purge()).blobs == 0


async def test_old_blobs_of_a_living_task_stay(today):
    tasks = today.with_limits(keep_seconds=100_000)
    caller = await today.caller()
    task = await tasks.submit(caller, today.upload(), {"source": b"x"})
    today.clock.now += 99_999
    await today.tasks.purge()
    assert await today.blobs.exists(task.request.source.value)


async def test_uploads_that_could_not_be_removed_at_the_end_are_removed_with_the_task(today, monkeypatch):
    async def broken(*_):
        raise StorageFailed

    caller = await today.caller()
    task = await today.tasks.submit(caller, today.upload(), {"source": b"x"})
    running = await today.tasks.claim(task.id, "w1")
    with monkeypatch.context() as patch:
        patch.setattr(Blobs, "delete", broken)
        assert await today.tasks.fail(running, CleanplateError())
    assert len(await today.stored()) == 1
    today.clock.now += 3600
    await today.tasks.purge()
    assert await today.stored() == set()


async def test_a_purge_that_breaks_off_is_gone_on_with_by_the_next(today, monkeypatch):
    async def broken(*_):
        raise StorageFailed

    _, task = await finished(today)
    today.clock.now += 3600
    with monkeypatch.context() as patch:
        patch.setattr(Blobs, "delete", broken)
        with pytest.raises(StorageFailed):
            await today.tasks.purge()
    assert await today.row(task.id) is not None  # a row without blobs would leave them to nobody
    assert await today.tasks.purge() == Purged(expired=0, removed=1, blobs=1)


async def test_more_than_a_batch_is_purged_at_once(today, monkeypatch):
    monkeypatch.setattr("cleanplate.task.purge.BATCH", 2)
    caller = await today.caller()
    for _ in range(5):
        await today.tasks.submit(caller, today.request(), {})
    for number in range(5):
        await today.blobs.put(f"results/stray{number}/1.png", b"x")
    today.clock.now += 4000
    assert await today.tasks.purge() == Purged(expired=5, removed=5, blobs=5)
