"""The worker over a real database, real blobs and real child processes that are stopped and killed."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from contextlib import asynccontextmanager, suppress

import numpy as np
import pytest
from PIL import Image

import watermarked
from children import alive
from cleanplate.store import BlobMissing
from cleanplate.task import AskedRegion, Request, Source, State
from workshop import DEADLINE, STAMP, Server, frozen, picture


@pytest.fixture
async def server(tmp_path):
    async with Server(tmp_path).open() as server:
        yield server


async def test_a_task_is_cleaned_and_charged_once(server):
    before = picture()
    task = await server.ended(await server.submit(before))

    assert task.state is State.DONE
    assert task.outcome is not None
    assert (task.outcome.format, task.outcome.width, task.outcome.height) == ("PNG", 160, 120)
    assert (task.outcome.box, task.outcome.changed) == ((20, 10, 30, 12), True)
    assert task.outcome.download_ms == 0
    assert task.outcome.result_key == f"results/{task.id}/1.png"
    made = np.asarray(Image.open(io.BytesIO(await server.blobs.get(task.outcome.result_key))))
    assert made[10:22, 20:50].max() < 250, "the white stamp is still there"
    assert (made[30:] == np.asarray(Image.open(io.BytesIO(before)))[30:]).all()
    assert await server.ledger(task) == ["capture", "hold"]


async def test_a_picture_without_a_mark_comes_back_as_its_very_bytes_and_is_charged(server):
    data = watermarked.encoded(watermarked.photo(), "JPEG")
    task = await server.ended(await server.submit(data, region=None))

    assert task.outcome is not None
    assert (task.outcome.changed, task.outcome.box, task.outcome.extension) == (False, None, "jpg")
    assert task.outcome.found == []
    assert await server.blobs.get(task.outcome.result_key) == data
    assert await server.ledger(task) == ["capture", "hold"]


async def test_a_mark_is_found_undone_and_told_of(server):
    task = await server.submit(watermarked.encoded(watermarked.marked()), region=None)

    task = await server.ended(task)

    assert task.outcome is not None
    made = watermarked.decoded(await server.blobs.get(task.outcome.result_key))
    assert watermarked.is_restored(made)
    mark = task.outcome.found[0]
    assert mark.keys() == {"box", "kind", "opacity", "colour", "confidence"}
    assert (mark["kind"], mark["colour"]) == ("see-through", "#ffffff")


async def test_an_upload_that_the_store_does_not_show_at_once_is_waited_for(server, monkeypatch):
    """As S3 servers that are short of time do now and then."""
    get, looks = server.blobs.get, []

    async def shy(key):
        looks.append(key)
        if len(looks) == 1:
            raise BlobMissing
        return await get(key)

    monkeypatch.setattr(server.blobs, "get", shy)
    task = await server.ended(await server.submit())
    assert (task.state, task.attempt) == (State.DONE, 1)
    assert len(looks) == 2
    assert await server.ledger(task) == ["capture", "hold"]


async def test_an_upload_that_is_gone_is_told_and_refunded(tmp_path):
    async with Server(tmp_path).open(working=False) as server:
        task = await server.submit()
        await server.blobs.delete([blob.key async for blob in server.blobs.list(f"sources/{task.id}")])
        async with server.worker:
            task = await server.ended(task)
        assert task.failure is not None
        assert task.failure.code == "blob_missing"
        assert await server.ledger(task) == ["hold", "release"]


async def test_a_bad_picture_is_told_refunded_and_holds_up_nobody(server):
    bad, good = await server.submit(b"not a picture"), await server.submit()

    bad, good = await server.ended(bad), await server.ended(good)

    assert (bad.state, bad.failure.code) == (State.FAILED, "picture_format_unsupported")
    assert await server.ledger(bad) == ["hold", "release"]
    assert (bad.losses, good.state) == (0, State.DONE)


async def test_a_child_killed_in_the_middle_of_a_task_costs_nobody_anything(server):
    async with frozen(server) as [pid]:
        task = await server.submit()
        await server.running(task)
        os.kill(pid, signal.SIGKILL)
        task = await server.ended(task)

    assert (task.state, task.attempt, task.losses) == (State.DONE, 2, 1)
    assert await server.ledger(task) == ["capture", "hold"]
    assert await server.results(task) == [f"results/{task.id}/2.png"]


async def test_a_picture_that_kills_every_child_is_given_up_and_refunded_and_others_go_on(server):
    deadly = await server.submit(picture(5000, 4000), region=AskedRegion("rectangles", ((0, 0, 3000, 3000),)))
    others = [await server.submit() for _ in range(3)]

    async def kill_children() -> None:
        while True:
            now = await server.tasks.get(deadly.account_id, deadly.id)
            if now.state is State.RUNNING:
                for pid in server.worker.child_pids:
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0.005)

    killing = asyncio.create_task(kill_children())
    try:
        deadly = await server.ended(deadly)
    finally:
        killing.cancel()
        await asyncio.gather(killing, return_exceptions=True)

    assert (deadly.state, deadly.failure.code, deadly.losses) == (State.FAILED, "worker_crashed", 3)
    assert await server.ledger(deadly) == ["hold", "release"]
    for other in [await server.ended(other) for other in others]:
        assert (other.state, other.losses) == (State.DONE, 0)


async def test_a_task_that_takes_too_long_is_stopped_and_refunded(tmp_path):
    async with Server(tmp_path, task={"work_seconds": 3}).open() as server:
        async with frozen(server) as [pid]:
            slow = await server.ended(await server.submit())
        quick = await server.ended(await server.submit())

        assert (slow.state, slow.failure.code) == (State.FAILED, "task_timeout")
        assert not alive(pid)
        assert await server.ledger(slow) == ["hold", "release"]
        assert (quick.state, quick.losses) == (State.DONE, 0)


async def test_a_picture_that_takes_too_long_to_decode_is_told_so(tmp_path):
    async with Server(tmp_path, picture={"decode_seconds": 1}).open() as server:
        async with frozen(server):
            slow = await server.ended(await server.submit())

        assert (slow.state, slow.failure.code) == (State.FAILED, "picture_too_slow")


async def test_a_picture_beyond_the_memory_is_told_and_the_next_one_is_cleaned(tmp_path):
    async with Server(tmp_path, worker={"child_memory_mib": 448}).open() as server:
        large, small = await server.submit(picture(6000, 6000, "JPEG")), await server.submit()

        large, small = await server.ended(large), await server.ended(small)

        assert large.state is State.FAILED
        assert large.failure.code in {"out_of_memory", "picture_too_large"}
        assert large.losses == 0
        assert small.state is State.DONE


async def test_sync_requests_go_before_async_ones(server):
    async with frozen(server):
        first = await server.submit()
        await server.running(first)
        waiting = [await server.submit() for _ in range(2)]
        urgent = await server.submit(sync=True)
    urgent = await server.ended(urgent)
    waiting = [await server.ended(task) for task in waiting]

    assert all(urgent.started_at < task.started_at for task in waiting)


async def test_a_single_picture_does_not_wait_behind_another_accounts_many(server):
    _, secret = await server.accounts.create_token("other")
    other = await server.accounts.authenticate(secret)
    async with frozen(server):
        many = [await server.submit(mode="fill") for _ in range(12)]
        single = await server.tasks.submit(
            other,
            Request("native", "remove", Source("blob", "source"), STAMP, mode="fill"),
            {"source": picture()},
        )
    await server.ended(single)
    states = [(await server.tasks.get(task.account_id, task.id)).state for task in many]
    assert states.count(State.QUEUED) >= 8  # one was being worked on, one or two were next
    for task in many:
        assert (await server.ended(task)).state is State.DONE


async def test_sync_requests_go_first_also_after_their_download(server):
    async with Site(picture()).open() as site:
        patient = await server.submit(url=site.url)
        await site.busy_with(1)
        urgent = await server.submit(url=site.url, sync=True)
        await site.busy_with(2)
        async with frozen(server):
            await server.running(await server.submit())
            site.may_send.set()
            async with asyncio.timeout(DEADLINE):
                while server.worker._slots.waiting < 2:  # noqa: ASYNC110  # a slot's queue tells nobody
                    await asyncio.sleep(0.005)
        patient, urgent = await server.ended(patient), await server.ended(urgent)

    assert urgent.finished_at < patient.finished_at


async def test_tasks_whose_wakeups_are_lost_are_swept_up_at_the_start(tmp_path):
    async with Server(tmp_path).open(working=False) as server:
        tasks = [await server.submit() for _ in range(3)]

    async with Server(tmp_path).open() as server:
        for task in tasks:
            assert (await server.ended(task)).state is State.DONE
            assert await server.ledger(task) == ["capture", "hold"]


async def test_a_stop_lets_what_runs_finish_and_takes_nothing_new(tmp_path):
    async with Server(tmp_path).open(working=False) as server:
        await server.worker.__aenter__()
        async with frozen(server) as [pid]:
            runs = await server.submit()
            await server.running(runs)
            waits = await server.submit()
            stopping = asyncio.create_task(server.worker.__aexit__(None, None, None))
            await asyncio.sleep(0)
        await stopping

        assert (await server.tasks.get(runs.account_id, runs.id)).state is State.DONE
        waits = await server.tasks.get(waits.account_id, waits.id)
        assert (waits.state, waits.attempt) == (State.QUEUED, 0)
        assert not alive(pid)
        assert not server.worker.alive


async def test_a_stop_that_takes_too_long_hands_back_without_blame(tmp_path):
    async with Server(tmp_path, worker={"drain_seconds": 0.1}).open(working=False) as server:
        async with server.worker, frozen(server) as [pid]:
            task = await server.submit()
            await server.running(task)
            await server.worker.__aexit__(None, None, None)
            assert not alive(pid)
        task = await server.tasks.get(task.account_id, task.id)
        assert (task.state, task.losses) == (State.QUEUED, 0)

    async with Server(tmp_path).open() as server:
        assert (await server.ended(task)).state is State.DONE
        assert await server.ledger(task) == ["capture", "hold"]


async def test_a_worker_whose_task_was_taken_away_stops_at_once(tmp_path):
    endless = {"picture": {"decode_seconds": 3600}, "task": {"lease_seconds": 0.6, "work_seconds": 3600}}
    async with Server(tmp_path, **endless).open() as server:
        async with frozen(server) as [pid]:
            task = await server.submit()
            claimed = await server.running(task)
            assert await server.tasks.lose(claimed)  # as another worker does that believes this one dead
            task = await server.ended(task)

        assert not alive(pid)
        assert (task.state, task.attempt, task.losses) == (State.DONE, 2, 1)
        assert await server.ledger(task) == ["capture", "hold"]


async def test_a_cancelled_task_is_taken_from_its_child_at_once_and_the_next_one_is_cleaned(tmp_path):
    # With these leases the heartbeat alone would notice only after the deadline of this test.
    async with Server(tmp_path, task={"lease_seconds": 6 * DEADLINE}).open() as server:
        async with frozen(server) as (pid,):
            task = await server.running(await server.submit())
            cancelled = await server.tasks.cancel(task.account_id, task.id)
            assert (cancelled.state, cancelled.failure.code) == (State.FAILED, "task_cancelled")
            async with asyncio.timeout(DEADLINE):
                while alive(pid):  # noqa: ASYNC110  # the kernel has no event for it
                    await asyncio.sleep(0.005)
        assert await server.ledger(task) == ["hold", "release"]
        assert await server.results(task) == []
        assert (await server.ended(await server.submit(mode="fill"))).state is State.DONE


async def test_what_a_late_finisher_made_is_thrown_away(server):
    async with frozen(server):
        task = await server.submit()
        claimed = await server.running(task)
        assert await server.tasks.lose(claimed)
    task = await server.ended(task)

    assert (task.state, task.attempt) == (State.DONE, 2)
    assert await server.results(task) == [f"results/{task.id}/2.png"]
    assert await server.ledger(task) == ["capture", "hold"]


class Site:
    """A web site with one picture, which it may take its time to send; it also notes what is posted to it."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.change = asyncio.Condition()
        self.may_send = asyncio.Event()
        self.posted = asyncio.Event()
        self.asking = self.most_asking = 0
        self.url = ""

    @asynccontextmanager
    async def open(self):
        lines: set[asyncio.Task] = set()

        def serve(reader, writer) -> None:
            lines.add(asyncio.create_task(self._serve(reader, writer)))

        site = await asyncio.start_server(serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{site.sockets[0].getsockname()[1]}/picture.png"
        try:
            yield self
        finally:
            self.may_send.set()
            site.close()
            await site.wait_closed()
            await asyncio.gather(*lines)

    async def busy_with(self, count: int) -> None:
        async with asyncio.timeout(DEADLINE), self.change:
            await self.change.wait_for(lambda: self.asking == count)

    async def _serve(self, reader, writer) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"POST"):
            self.posted.set()
        else:
            async with self.change:
                self.asking += 1
                self.most_asking = max(self.most_asking, self.asking)
                self.change.notify_all()
            await self.may_send.wait()
            self.asking -= 1
        with suppress(ConnectionError):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(self.data) + self.data)
            writer.close()
            await writer.wait_closed()


async def test_a_slow_site_keeps_its_own_task_waiting_and_no_other(server):
    async with Site(picture()).open() as site:
        slow = await server.submit(url=site.url)
        await site.busy_with(1)
        uploaded = await server.ended(await server.submit())
        assert (await server.tasks.get(slow.account_id, slow.id)).state is State.RUNNING
        site.may_send.set()
        slow = await server.ended(slow)

    assert uploaded.state is State.DONE
    assert slow.state is State.DONE
    assert slow.outcome.download_ms > 0


async def test_no_more_are_downloaded_at_a_time_than_allowed(tmp_path):
    async with (
        Server(tmp_path, worker={"downloads": 2, "slots": 2}).open() as server,
        Site(picture()).open() as site,
    ):
        tasks = [await server.submit(url=site.url) for _ in range(4)]
        for task in tasks:
            await server.running(task)
        await site.busy_with(2)
        site.may_send.set()
        tasks = [await server.ended(task) for task in tasks]

    assert all(task.state is State.DONE for task in tasks)
    assert site.most_asking == 2


async def test_a_mask_may_come_by_url_and_a_picture_without_one_fails_by_name(server):
    mask = Image.new("L", (160, 120))
    mask.paste(255, (20, 10, 50, 22))
    file = io.BytesIO()
    mask.save(file, "PNG")
    async with Site(file.getvalue()).open() as site:
        site.may_send.set()
        masked = await server.submit(region=AskedRegion("mask", source=Source("url", site.url)))
        masked = await server.ended(masked)
    nowhere = await server.ended(await server.submit(url=site.url))  # the site is closed now

    assert (masked.state, masked.outcome.box) == (State.DONE, (20, 10, 30, 12))
    assert (nowhere.state, nowhere.failure.code) == (State.FAILED, "fetch_failed")
    assert await server.ledger(nowhere) == ["hold", "release"]


async def test_the_callback_is_made(server):
    async with Site(b"").open() as site:
        await server.ended(await server.submit(callback_url=site.url))
        async with asyncio.timeout(DEADLINE):
            await site.posted.wait()


async def test_many_tasks_over_two_slots_each_done_once(tmp_path):
    async with Server(tmp_path, worker={"slots": 2}).open() as server:
        assert len(server.worker.child_pids) == 2
        tasks = [await server.submit() for _ in range(20)]
        for task in [await server.ended(task) for task in tasks]:
            assert (task.state, task.attempt) == (State.DONE, 1)
            assert await server.ledger(task) == ["capture", "hold"]
        assert await server.tasks.depth() == 0
