"""Children that are shared: slots give each to one at a time, and the inspector looks at uploads in one."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import replace

import pytest
import pytest_asyncio

from children import alive, gone, removal
from cleanplate import settings
from cleanplate.picture import Header, PictureFormatUnsupported
from cleanplate.region import RegionEmpty, RegionSizeMismatch
from cleanplate.task import AskedRegion
from cleanplate.worker import Inspector
from cleanplate.worker.children import Slots
from cleanplate.worker.errors import ChildDied
from workshop import DEADLINE, STAMP

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def inspector(upbringing):
    async with Inspector(settings.Picture(), upbringing) as inspector:
        yield inspector


async def test_slots_give_each_child_to_one_at_a_time_and_the_urgent_first(upbringing):
    slots = Slots(1, upbringing)
    await slots.start()
    order: list[str] = []

    async def work(name: str, priority: int) -> None:
        async with slots.take(priority):
            order.append(name)

    try:
        async with slots.take():
            waiting = []
            for name, priority in [("later", 0), ("last", 0), ("urgent", 1)]:
                waiting.append(asyncio.create_task(work(name, priority)))
                await asyncio.sleep(0)
            assert order == []
        await asyncio.gather(*waiting)
    finally:
        await slots.close()

    assert order == ["urgent", "later", "last"]


async def test_whoever_gives_up_waiting_for_a_slot_takes_none(upbringing):
    slots = Slots(1, upbringing)
    await slots.start()
    try:
        async with slots.take():
            impatient = asyncio.create_task(slots.take().__aenter__())
            await asyncio.sleep(0)
            impatient.cancel()
            await asyncio.gather(impatient, return_exceptions=True)
        async with asyncio.timeout(DEADLINE), slots.take() as child:
            assert child.usable
    finally:
        await slots.close()


async def test_a_dead_child_is_replaced_and_the_slot_works_on(upbringing, make_picture):
    slots = Slots(1, upbringing)
    await slots.start()
    try:
        [first] = slots.pids
        async with slots.take() as child:
            os.kill(child.pid, signal.SIGKILL)
            with pytest.raises(ChildDied):
                await child.request(removal(), [make_picture()], seconds=DEADLINE)
        async with slots.take() as child:
            assert child.pid != first
            answer, _ = await child.request(removal(), [make_picture()], seconds=DEADLINE)
    finally:
        await slots.close()

    assert answer["changed"]


async def test_a_child_that_dies_while_idle_is_replaced(upbringing, make_picture):
    slots = Slots(1, upbringing)
    await slots.start()
    try:
        [first] = slots.pids
        os.kill(first, signal.SIGKILL)
        await gone(first)
        async with slots.take() as child:
            assert child.pid != first
    finally:
        await slots.close()


async def test_a_child_is_replaced_after_its_share_of_pictures(upbringing, make_picture):
    slots = Slots(1, replace(upbringing, requests=2))
    await slots.start()
    seen: list[int] = []
    try:
        for _ in range(4):
            async with slots.take() as child:
                await child.request(removal(), [make_picture()], seconds=DEADLINE)
                seen.append(child.pid)
    finally:
        await slots.close()

    assert seen[0] == seen[1] != seen[2] == seen[3]


async def test_closing_the_slots_leaves_no_process(upbringing):
    slots = Slots(2, upbringing)
    await slots.start()
    pids = slots.pids
    assert len(pids) == 2

    await slots.close()

    assert not any(alive(pid) for pid in pids)


async def test_the_inspector_reads_the_header(inspector, make_picture):
    header = await inspector.check(make_picture(kind="JPEG"))

    assert isinstance(header, Header)
    assert (header.format, header.width, header.height) == ("JPEG", 160, 120)
    assert (header.media_type, header.extension) == ("image/jpeg", "jpg")


async def test_the_inspector_accepts_a_region_that_fits(inspector, make_picture, make_mask):
    assert await inspector.check(make_picture(), STAMP)
    assert await inspector.check(make_picture(), AskedRegion("mask"), make_mask())
    assert await inspector.check(make_picture(320, 240), AskedRegion("mask"), make_mask()), "same shape"


async def test_the_inspector_says_what_is_wrong(inspector, make_picture, make_mask):
    picture = make_picture()
    with pytest.raises(PictureFormatUnsupported):
        await inspector.check(b"<html>")
    with pytest.raises(RegionEmpty):
        await inspector.check(picture, AskedRegion("rectangles", ((500, 500, 10, 10),)))
    with pytest.raises(RegionEmpty):
        await inspector.check(picture, AskedRegion("mask"), make_mask(empty=True))
    with pytest.raises(RegionSizeMismatch):
        await inspector.check(picture, AskedRegion("mask"), make_mask(100, 100))


async def test_the_inspector_looks_at_a_mask_whose_picture_comes_by_url(inspector, make_mask):
    assert await inspector.check(None, AskedRegion("mask"), make_mask()) is None
    with pytest.raises(RegionEmpty):
        await inspector.check(None, AskedRegion("mask"), make_mask(empty=True))


async def test_the_inspector_survives_the_loss_of_its_child(inspector, make_picture):
    [pid] = inspector._slots.pids
    os.kill(pid, signal.SIGKILL)
    await gone(pid)

    assert await inspector.check(make_picture())


async def test_an_inspector_that_is_closed_leaves_nobody_waiting(upbringing, make_picture):
    async with Inspector(settings.Picture(), upbringing) as inspector:
        [pid] = inspector._slots.pids
        os.kill(pid, signal.SIGSTOP)
        asking = asyncio.create_task(inspector.check(make_picture()))
        await asyncio.sleep(0)

    with pytest.raises(ChildDied):
        await asking
    assert not alive(pid)


async def test_many_can_ask_the_inspector_at_once(inspector, make_picture):
    pictures = [make_picture(100 + number, 100) for number in range(10)]

    headers = await asyncio.gather(*(inspector.check(picture) for picture in pictures))

    assert [header.width for header in headers] == list(range(100, 110))
