"""More wake-ups than may wait in memory: the least urgent gives way, and the sweep repeats it."""

from __future__ import annotations

from structlog.testing import capture_logs

from cleanplate.worker import InMemoryWakeups
from diary import Diary, running


async def test_too_many_wakeups_are_dropped_but_never_those_by_the_clock():
    diary, swept = Diary(), Diary()
    wakeups = InMemoryWakeups(most_waiting=2)
    wakeups.handle("deliver", diary)
    wakeups.handle("sweep", swept)
    wakeups.schedule("sweep", 3600)
    with capture_logs() as lines:
        for key in "abc":
            await wakeups.wake("deliver", key)

    assert [line["key"] for line in lines] == ["c"]
    async with running(wakeups):
        await diary.until(lambda: diary.ended == ["a", "b"])
        await swept.until(lambda: len(swept.ended) == 1)
        await wakeups.wake("deliver", "c")  # as the next sweep does
        await diary.until(lambda: diary.ended == ["a", "b", "c"])


async def test_when_too_many_wait_an_urgent_one_takes_the_place_of_the_least_urgent():
    diary = Diary()
    diary.gate.clear()
    wakeups = InMemoryWakeups(most_waiting=3)
    wakeups.handle("run_task", diary, lane="heavy")

    async with running(wakeups):
        await wakeups.wake("run_task", "runs")
        await diary.until(lambda: diary.begun == ["runs"])
        await wakeups.wake_all("run_task", [("batched", -7), ("last of the batch", -8), ("single", 0)])
        with capture_logs() as lines:
            await wakeups.wake("run_task", "sync", priority=9)
            await wakeups.wake("run_task", "behind them all", priority=-9)
        diary.gate.set()
        await diary.until(lambda: len(diary.ended) == 4)

    assert diary.begun == ["runs", "sync", "single", "batched"]
    assert [line["key"] for line in lines] == ["last of the batch", "behind them all"]


async def test_when_too_many_wait_what_is_due_now_takes_the_place_of_what_is_due_last():
    diary = Diary()
    wakeups = InMemoryWakeups(most_waiting=3)
    wakeups.handle("deliver", diary)
    for key, delay in (("soon", 1800), ("in an hour", 3600), ("in two", 7200)):
        await wakeups.wake("deliver", key, delay=delay)
    with capture_logs() as lines:
        await wakeups.wake("deliver", "now")

    assert [line["key"] for line in lines] == ["in two"]
    async with running(wakeups):
        await diary.until(lambda: diary.ended == ["now"])
        await wakeups.wake("deliver", "in two")  # as the sweep does in its time
        await diary.until(lambda: diary.ended == ["now", "in two"])


async def test_what_runs_by_the_clock_never_makes_room():
    diary, swept = Diary(), Diary()
    wakeups = InMemoryWakeups(most_waiting=1)
    wakeups.handle("deliver", diary)
    wakeups.handle("sweep", swept)
    wakeups.schedule("sweep", 3600)
    async with running(wakeups):
        await swept.until(lambda: swept.ended == ["every"])  # it waits for the next hour
        with capture_logs() as lines:
            await wakeups.wake("deliver", "a", priority=5)
            await wakeups.wake("sweep", "every")
        await swept.until(lambda: swept.ended == ["every", "every"])

    assert [line["key"] for line in lines] == ["a"]


async def test_a_crowded_lane_forgets_who_has_gone_and_still_tells_who_is_least_urgent():
    """Whatever came and went meanwhile, many times more than may wait."""
    diary = Diary()
    wakeups = InMemoryWakeups(most_waiting=5)
    wakeups.handle("run_task", diary, lane="heavy")
    for turn in range(3000):
        await wakeups.wake("run_task", f"gone {turn}", priority=-turn)
        if turn % 2:
            await wakeups.cancel("run_task", f"gone {turn - turn % 4}")
        else:
            await wakeups.wake("run_task", f"gone {turn}", priority=turn)
    for key in range(5):
        await wakeups.wake("run_task", str(key), priority=10_000 + key)
    async with running(wakeups):
        await diary.until(lambda: len(diary.ended) == 5)

    assert diary.ended == ["4", "3", "2", "1", "0"]
    assert await wakeups.depth() == 0
    assert len(wakeups._lanes["heavy"]._ranked) < 3000
