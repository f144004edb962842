"""Tasks as workers have them: claimed and held, ended once, queued again, swept up."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace

import pytest

from claims import claimed
from cleanplate.errors import CleanplateError
from cleanplate.picture import PictureUnreadable
from cleanplate.store import StorageFailed
from cleanplate.store.queries import tasks as task_rows
from cleanplate.task import AskedRegion, Failure, Source, State
from cleanplate.task.turns import SYNC_FIRST


class TestClaim:
    async def test_only_one_of_many_gets_it(self, world):
        caller = await world.caller()
        task = await world.tasks.submit(caller, world.request(), {})
        claims = await asyncio.gather(*(world.tasks.claim(task.id, f"w{number}") for number in range(8)))
        [won] = [claim for claim in claims if claim is not None]
        assert (won.state, won.attempt) == (State.RUNNING, 1)
        assert (await world.tasks.get(caller.account.id, task.id)).started_at == world.clock.now

    async def test_there_is_nothing_to_do_for_what_is_not_there_or_over(self, world):
        _, running = await claimed(world)
        await world.tasks.finish(running, world.outcome(running))
        assert await world.tasks.claim(running.id, "w2") is None
        assert await world.tasks.claim(str(uuid.uuid4()), "w2") is None

    async def test_a_silent_worker_loses_its_task_when_the_lease_ends(self, world):
        _, first = await claimed(world)
        world.clock.now += 14.9
        assert await world.tasks.claim(first.id, "w2") is None
        world.clock.now += 0.1
        second = await world.tasks.claim(first.id, "w2")
        assert (second.attempt, second.losses, second.worker) == (2, 1, "w2")

    async def test_a_worker_that_is_heard_of_keeps_it(self, world):
        _, running = await claimed(world)
        for _ in range(5):
            world.clock.now += 10
            assert await world.tasks.extend(running)
            assert await world.tasks.claim(running.id, "w2") is None

    async def test_a_revived_worker_is_refused_everything(self, world):
        caller, late = await claimed(world)
        world.clock.now += 15
        current = await world.tasks.claim(late.id, "w2")
        assert not await world.tasks.extend(late)
        assert not await world.tasks.finish(late, world.outcome(late))
        assert not await world.tasks.fail(late, PictureUnreadable())
        assert not await world.tasks.lose(late)
        assert not await world.tasks.set_back(late, StorageFailed())
        assert not await world.tasks.hand_back(late)
        assert await world.tasks.finish(current, world.outcome(current))
        assert not await world.tasks.finish(late, world.outcome(late))
        done = await world.tasks.get(caller.account.id, late.id)
        assert done.outcome.result_key.endswith("/2.png")

    async def test_a_worker_back_before_anyone_else_came_may_finish(self, world):
        _, running = await claimed(world)
        world.clock.now += 100
        assert await world.tasks.finish(running, world.outcome(running))

    async def test_a_picture_that_kills_three_workers_is_failed_and_refunded(self, world):
        caller = await world.caller(granted=1)
        task = await world.tasks.submit(caller, world.request(), {})
        for _ in range(3):
            assert await world.tasks.claim(task.id, "w")
            world.clock.now += 15
        assert await world.tasks.claim(task.id, "w") is None
        failed = await world.tasks.get(caller.account.id, task.id)
        assert (failed.state, failed.failure.code, failed.losses) == (State.FAILED, "worker_crashed", 3)
        assert (await world.accounts.get("ann")).balance == 1
        assert world.crier.announced[task.id] == 1

    async def test_a_task_past_its_time_is_failed_rather_than_worked_on(self, world):
        caller = await world.caller(granted=1)
        task = await world.tasks.submit(caller, world.request(), {})
        world.clock.now = task.expires_at
        assert await world.tasks.claim(task.id, "w1") is None
        assert (await world.row(task.id))["failure"]["code"] == "task_expired"
        assert (await world.accounts.get("ann")).balance == 1


class TestEnds:
    async def test_a_done_task_is_charged_and_its_result_kept(self, world):
        caller = await world.caller(granted=3)
        caller, running = await claimed(world, caller)
        assert await world.tasks.finish(running, world.outcome(running))
        done = await world.tasks.get(caller.account.id, running.id)
        assert done.outcome == world.outcome(running)
        assert (done.finished_at, done.failure) == (world.clock.now, None)
        assert await world.ledger(running.id) == ["hold", "capture"]
        assert (await world.accounts.quota(caller.account.id)).usage == 1

    async def test_a_failed_task_says_why_and_is_refunded(self, world):
        caller = await world.caller(granted=3)
        caller, running = await claimed(world, caller)
        assert await world.tasks.fail(
            running, PictureUnreadable("It cannot be read.", detail="not for users")
        )
        failed = await world.tasks.get(caller.account.id, running.id)
        assert failed.failure == Failure("picture_unreadable", "It cannot be read.")
        assert await world.ledger(running.id) == ["hold", "release"]
        assert (await world.accounts.get("ann")).balance == 3

    async def test_a_failure_from_a_child_is_taken_as_it_is(self, world):
        caller, running = await claimed(world)
        await world.tasks.fail(running, Failure("region_empty", "Nothing is marked."))
        assert (await world.tasks.get(caller.account.id, running.id)).failure.code == "region_empty"

    async def test_it_ends_once_however_many_try_at_once(self, world):
        caller = await world.caller(granted=1)
        _, running = await claimed(world, caller, callback_url="http://x/")
        ends = await asyncio.gather(
            *(world.tasks.finish(running, world.outcome(running)) for _ in range(4)),
            *(world.tasks.fail(running, PictureUnreadable()) for _ in range(4)),
            *(world.tasks.lose(running) for _ in range(2)),
        )
        assert sum(ends) == 1
        assert len(await world.deliveries(running.id)) <= 1
        assert len(await world.ledger(running.id)) <= 2

    async def test_a_result_that_nobody_could_fetch_is_not_charged(self, world):
        caller = await world.caller(granted=1)
        _, running = await claimed(world, caller)
        world.clock.now = running.expires_at
        assert not await world.tasks.finish(running, world.outcome(running))
        await world.tasks.purge()
        assert await world.ledger(running.id) == ["hold", "release"]

    @pytest.mark.parametrize("end", ["finish", "fail"])
    async def test_uploads_are_removed_when_it_has_ended(self, world, end):
        caller = await world.caller()
        request = world.upload(region=AskedRegion("smear", source=Source("blob", "region")))
        task = await world.tasks.submit(caller, request, {"source": b"x", "region": b"y"})
        running = await world.tasks.claim(task.id, "w1")
        await world.blobs.put(f"results/{task.id}/1.png", b"result")
        await (
            world.tasks.finish(running, world.outcome(running))
            if end == "finish"
            else world.tasks.fail(running, PictureUnreadable())
        )
        assert await world.stored() == {f"results/{task.id}/1.png"}

    async def test_uploads_stay_while_it_may_be_tried_again(self, world):
        caller = await world.caller()
        task = await world.tasks.submit(caller, world.upload(), {"source": b"x"})
        await world.tasks.lose(await world.tasks.claim(task.id, "w1"))
        assert await world.stored() == {f"sources/{task.id}/source"}

    async def test_a_callback_is_noted_with_the_end_and_someone_woken_for_it(self, world):
        _, running = await claimed(world, callback_url="http://x/done")
        assert await world.deliveries(running.id) == []
        world.bell.answered()
        await world.tasks.finish(running, world.outcome(running))
        [delivery] = await world.deliveries(running.id)
        assert (delivery["url"], delivery["state"], delivery["attempts"]) == ("http://x/done", "pending", 0)
        assert delivery["next_at"] == world.clock.now
        assert world.bell.answered() == [("deliver", delivery["id"], 0)]

    async def test_without_a_callback_none_is_made(self, world):
        _, running = await claimed(world)
        await world.tasks.finish(running, world.outcome(running))
        assert await world.deliveries(running.id) == []

    async def test_an_announcement_that_fails_does_not_take_the_end_back(self, world, monkeypatch):
        async def broken(_):
            raise RuntimeError

        monkeypatch.setattr(world.crier, "announce", broken)
        caller, running = await claimed(world)
        assert await world.tasks.finish(running, world.outcome(running))
        assert (await world.tasks.get(caller.account.id, running.id)).state is State.DONE

    async def test_when_the_books_cannot_be_kept_the_task_has_not_ended(self, world):
        caller, running = await claimed(world)
        stranger = replace(running, id=str(uuid.uuid4()))
        async with world.db.write() as connection:  # a task without a hold: it cannot be, and must not pass
            row = dict(await task_rows.find(connection, running.id))
            await task_rows.add(connection, {**row, "id": stranger.id})
        with pytest.raises(CleanplateError) as caught:
            await world.tasks.finish(stranger, world.outcome(stranger))
        assert caught.value.code == "ledger_conflict"
        assert (await world.tasks.get(caller.account.id, stranger.id)).state is State.RUNNING


class TestAgain:
    async def test_a_lost_task_is_queued_again_at_once(self, world):
        caller, running = await claimed(world, sync=True)
        world.bell.answered()
        assert await world.tasks.lose(running)
        again = await world.tasks.get(caller.account.id, running.id)
        assert (again.state, again.losses, again.started_at) == (State.QUEUED, 1, None)
        assert world.bell.answered() == [("run_task", running.id, SYNC_FIRST)]

    async def test_a_task_handed_back_is_not_blamed(self, world):
        _, running = await claimed(world)
        for _ in range(5):
            assert await world.tasks.hand_back(running)
            running = await world.tasks.claim(running.id, "w2")
        assert (running.attempt, running.losses) == (6, 0)

    async def test_losses_of_both_kinds_add_up(self, world):
        caller, running = await claimed(world)
        await world.tasks.lose(running)
        running = await world.tasks.claim(running.id, "w2")
        world.clock.now += 15
        running = await world.tasks.claim(running.id, "w3")
        assert await world.tasks.lose(running)
        assert (await world.tasks.get(caller.account.id, running.id)).failure.code == "worker_crashed"


class TestSweep:
    async def test_everything_that_waits_is_woken_again_the_urgent_first(self, world):
        caller = await world.caller()
        later = await world.tasks.submit(caller, world.request(), {})
        now = await world.tasks.submit(caller, world.request(sync=True), {})
        silent = await world.tasks.submit(caller, world.request(), {})
        await world.tasks.claim(silent.id, "w1")
        world.clock.now += 15
        running = await world.tasks.submit(caller, world.request(), {})
        await world.tasks.claim(running.id, "w1")
        ended = await world.tasks.submit(caller, world.request(), {})
        claim = await world.tasks.claim(ended.id, "w1")
        await world.tasks.finish(claim, world.outcome(claim))
        world.bell.answered()
        assert await world.tasks.sweep() == [now.id, later.id, silent.id]
        assert [(key, priority) for _, key, priority in world.bell.answered()] == [
            (now.id, SYNC_FIRST - 1),
            (later.id, 0),
            (silent.id, -2),
        ]

    async def test_callbacks_that_are_due_are_woken_too(self, world):
        _, running = await claimed(world, callback_url="http://x/")
        await world.tasks.finish(running, world.outcome(running))
        [delivery] = await world.deliveries(running.id)
        world.bell.answered()
        assert await world.tasks.sweep() == [delivery["id"]]
        assert world.bell.answered() == [("deliver", delivery["id"], 0)]

    async def test_a_quiet_server_has_nothing_to_sweep(self, world):
        assert await world.tasks.sweep() == []
        assert await world.tasks.depth() == 0


class TestEnded:
    async def test_who_begins_to_listen_after_the_end_is_not_kept_waiting(self, world):
        caller, running = await claimed(world)
        await world.tasks.cancel(caller.account.id, running.id)
        async with asyncio.timeout(10):
            await world.tasks.ended(running, 3600)

    async def test_who_listens_hears_of_the_end_at_once(self, world):
        caller, running = await claimed(world)
        async with asyncio.timeout(10):
            waiting = asyncio.create_task(world.tasks.ended(running, 3600))
            await asyncio.sleep(0)
            await world.tasks.cancel(caller.account.id, running.id)
            await waiting

    async def test_otherwise_the_time_is_over(self, world):
        _, running = await claimed(world)
        await world.tasks.ended(running, 0.01)
        assert await world.tasks.extend(running)
