from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from cleanplate.store import Database, StorageFailed
from cleanplate.worker import InMemoryWakeups
from cleanplate.worker.queue import PostgresWakeups
from diary import DEADLINE, Diary, running

if TYPE_CHECKING:
    from cleanplate.task import Wakeups
    from cleanplate.worker.engine import Engine


@pytest.fixture(params=["memory", "postgresql"])
async def make(request):
    """Make an engine of either kind; every test with this fixture is the suite that both have to pass."""
    if request.param == "memory":
        yield InMemoryWakeups
        return
    async with Database(request.getfixturevalue("postgres_url")).line() as line:
        async with PostgresWakeups(line):
            pass  # the tables are made
        yield lambda: PostgresWakeups(line)


@pytest.fixture
def made(make):
    """Make an engine with a handler of long work."""

    def with_handler(handler, *, parallel: int = 1) -> Engine:
        wakeups = make()
        wakeups.handle("run_task", handler, parallel=parallel, lane="heavy")
        return wakeups

    return with_handler


async def test_a_woken_key_is_handled_once(made):
    diary = Diary()
    wakeups = made(diary)
    port: Wakeups = wakeups  # for the type checker: it is an adapter of the port

    async with running(wakeups):
        await port.wake("run_task", "a")
        await diary.until(lambda: diary.ended == ["a"])

    assert diary.begun == ["a"]


async def test_wakeups_given_before_run_wait_for_it(made):
    diary = Diary()
    wakeups = made(diary)
    await wakeups.wake("run_task", "early")
    assert await wakeups.depth() == 1

    async with running(wakeups):
        await diary.until(lambda: diary.ended == ["early"])

    assert await wakeups.depth() == 0


async def test_the_same_key_waits_only_once(made):
    diary = Diary()
    wakeups = made(diary)
    for _ in range(5):
        await wakeups.wake("run_task", "a")
    await wakeups.wake("run_task", "b")

    assert await wakeups.depth() == 2
    async with running(wakeups):
        await diary.until(lambda: len(diary.ended) == 2)

    assert sorted(diary.begun) == ["a", "b"]


async def test_a_key_can_be_woken_again_after_it_has_run(made):
    diary = Diary()
    wakeups = made(diary)

    async with running(wakeups):
        for count in range(1, 4):
            await wakeups.wake("run_task", "a")
            await diary.until(lambda count=count: len(diary.ended) == count)

    assert diary.begun == ["a", "a", "a"]


async def test_a_wakeup_while_its_key_runs_is_not_lost_and_not_run_beside_it(made):
    diary = Diary()
    diary.gate.clear()
    wakeups = made(diary, parallel=4)

    async with running(wakeups):
        await wakeups.wake("run_task", "a")
        await diary.until(lambda: diary.begun == ["a"])
        await wakeups.wake("run_task", "a")
        await wakeups.wake("run_task", "a")
        await wakeups.wake("run_task", "b")
        await diary.until(lambda: "b" in diary.begun)
        assert diary.begun == ["a", "b"]
        diary.gate.set()
        await diary.until(lambda: len(diary.ended) == 3)

    assert diary.begun == ["a", "b", "a"]


async def test_a_handler_can_wake_its_own_key_for_later(made):
    """As a delivery does that is to be tried again."""
    tries: list[str] = []
    thrice = asyncio.Event()

    async def try_again(key: str) -> None:
        tries.append(key)
        if len(tries) < 3:
            await wakeups.wake("run_task", key, delay=0.01)
        else:
            thrice.set()

    wakeups = made(try_again)
    async with running(wakeups), asyncio.timeout(DEADLINE):
        await wakeups.wake("run_task", "a")
        await thrice.wait()

    assert tries == ["a", "a", "a"]


async def test_the_higher_priority_goes_first_and_equals_in_their_order(made):
    diary = Diary()
    wakeups = made(diary)
    for key, priority in [("later", 0), ("last", 0), ("first", 2), ("second", 1)]:
        await wakeups.wake("run_task", key, priority=priority)

    async with running(wakeups):
        await diary.until(lambda: len(diary.ended) == 4)

    assert diary.begun == ["first", "second", "later", "last"]


async def test_an_urgent_wakeup_overtakes_what_already_waits_behind_a_busy_slot(made):
    diary = Diary()
    diary.gate.clear()
    wakeups = made(diary)

    async with running(wakeups):
        await wakeups.wake("run_task", "runs")
        await diary.until(lambda: diary.begun == ["runs"])
        await wakeups.wake("run_task", "waits")
        await wakeups.wake("run_task", "urgent", priority=1)
        diary.gate.set()
        await diary.until(lambda: len(diary.ended) == 3)

    assert diary.begun == ["runs", "urgent", "waits"]


async def test_waking_a_waiting_key_again_can_only_make_it_more_urgent(made):
    diary = Diary()
    wakeups = made(diary)
    await wakeups.wake("run_task", "a", priority=1)
    await wakeups.wake("run_task", "b")
    await wakeups.wake("run_task", "b", priority=2)
    await wakeups.wake("run_task", "a", priority=0)
    await wakeups.wake("run_task", "c", priority=1)

    async with running(wakeups):
        await diary.until(lambda: len(diary.ended) == 3)

    assert diary.begun == ["b", "a", "c"]


async def test_a_delayed_wakeup_waits_and_is_brought_forward_by_an_earlier_one(made):
    diary = Diary()
    wakeups = made(diary)

    async with running(wakeups):
        await wakeups.wake("run_task", "delayed", delay=3600)
        await wakeups.wake("run_task", "now")
        await diary.until(lambda: diary.ended == ["now"])
        assert await wakeups.depth() == 1

        await wakeups.wake("run_task", "delayed")
        await diary.until(lambda: diary.ended == ["now", "delayed"])
        assert await wakeups.depth() == 0


async def test_a_delay_passes(made):
    diary = Diary()
    wakeups = made(diary)

    async with running(wakeups):
        await wakeups.wake("run_task", "a", delay=0.05)
        await diary.until(lambda: diary.ended == ["a"])


async def test_a_cancelled_wakeup_does_not_happen(made):
    diary = Diary()
    wakeups = made(diary)
    await wakeups.wake("run_task", "a")
    await wakeups.wake("run_task", "b")
    await wakeups.cancel("run_task", "a")
    await wakeups.cancel("run_task", "never woken")

    async with running(wakeups):
        await diary.until(lambda: diary.ended == ["b"])

    assert diary.begun == ["b"]


@pytest.mark.parametrize("turns", range(12))
async def test_a_wakeup_put_off_in_the_very_moment_of_its_start_waits(turns: int):
    """Whatever the engine has already done with it by then."""
    diary = Diary()
    wakeups = InMemoryWakeups()
    wakeups.handle("run_task", diary, parallel=2, lane="heavy")

    async with running(wakeups):
        await wakeups.wake("run_task", "a")
        for _ in range(turns):
            await asyncio.sleep(0)
        began = diary.begun == ["a"]
        await wakeups.cancel("run_task", "a")
        await wakeups.wake("run_task", "a", delay=3600)
        await wakeups.wake("run_task", "b")
        await diary.until(lambda: "b" in diary.ended)

    assert diary.begun == (["a", "b"] if began else ["b"])


async def test_cancelling_what_runs_forgets_only_its_next_run(made):
    diary = Diary()
    diary.gate.clear()
    wakeups = made(diary)

    async with running(wakeups):
        await wakeups.wake("run_task", "a")
        await diary.until(lambda: diary.begun == ["a"])
        await wakeups.wake("run_task", "a")
        await wakeups.cancel("run_task", "a")
        await wakeups.wake("run_task", "b")
        diary.gate.set()
        await diary.until(lambda: "b" in diary.ended)

    assert diary.ended == ["a", "b"]


@pytest.mark.parametrize("parallel", [1, 2, 5])
async def test_no_more_of_an_entry_run_at_a_time_than_allowed(made, parallel: int):
    diary = Diary()
    diary.gate.clear()
    wakeups = made(diary, parallel=parallel)
    for number in range(3 * parallel):
        await wakeups.wake("run_task", str(number))

    async with running(wakeups):
        await diary.until(lambda: len(diary.begun) == parallel)
        diary.gate.set()
        await diary.until(lambda: len(diary.ended) == 3 * parallel)

    assert diary.most_together == parallel


async def test_long_work_does_not_hold_up_the_light_lane_nor_one_light_entry_another(made):
    heavy, slow, quick = Diary(), Diary(), Diary()
    heavy.gate.clear()
    slow.gate.clear()
    wakeups = made(heavy)
    wakeups.handle("deliver", slow)
    wakeups.handle("sweep", quick)
    for number in range(5):
        await wakeups.wake("run_task", str(number))
        await wakeups.wake("deliver", str(number))

    async with running(wakeups):
        await wakeups.wake("sweep", "now")
        await quick.until(lambda: quick.ended == ["now"])
        assert len(heavy.begun) <= 1
        heavy.gate.set()
        slow.gate.set()
        await heavy.until(lambda: len(heavy.ended) == 5)
        await slow.until(lambda: len(slow.ended) == 5)


async def test_what_runs_by_the_clock_runs_at_once_and_again_even_after_a_failure(make):
    runs = 0
    thrice = asyncio.Event()

    async def sweep(_: str) -> None:
        nonlocal runs
        runs += 1
        if runs == 3:
            thrice.set()
        raise RuntimeError("the database is away")

    wakeups = make()
    wakeups.handle("sweep", sweep)
    wakeups.schedule("sweep", 0.01)
    with capture_logs() as lines:
        async with running(wakeups), asyncio.timeout(DEADLINE):
            await thrice.wait()

    assert [line["log_level"] for line in lines if line["event"] == "wakeup failed"][:3] == ["error"] * 3


async def test_a_failing_handler_is_logged_and_does_not_stop_the_others(made):
    diary = Diary()

    async def fail_on_a(key: str) -> None:
        if key == "a":
            raise RuntimeError("a broke")
        await diary(key)

    wakeups = made(fail_on_a)
    with capture_logs() as lines:
        async with running(wakeups):
            await wakeups.wake("run_task", "a")
            await wakeups.wake("run_task", "b")
            await diary.until(lambda: diary.ended == ["b"])

    [line] = [line for line in lines if line["event"] == "wakeup failed"]
    assert (line["entry"], line["key"]) == ("run_task", "a")
    assert line["exc_info"]


async def test_stop_lets_what_runs_end_and_starts_nothing_more(made):
    diary = Diary()
    diary.gate.clear()
    wakeups = made(diary)
    async with running(wakeups) as task:
        await wakeups.wake("run_task", "runs")
        await wakeups.wake("run_task", "waits")
        await diary.until(lambda: diary.begun == ["runs"])
        wakeups.stop()
        diary.gate.set()
        async with asyncio.timeout(DEADLINE):
            await task

    assert diary.ended == ["runs"]


async def test_many_can_be_woken_at_once_the_most_urgent_first(made):
    diary = Diary()
    wakeups = made(diary)
    await wakeups.wake_all("run_task", [("low", 0), ("high", 9), ("middle", 5), ("low", 1), ("lower", 0)])
    await wakeups.wake_all("run_task", [])
    await wakeups.wake_all("run_task", [("in an hour", 99), ("in an hour, too", 99)], delay=3600)
    assert await wakeups.depth() == 6

    async with running(wakeups):
        await diary.until(lambda: len(diary.ended) == 4)

    assert diary.begun == ["high", "middle", "low", "lower"]
    assert await wakeups.depth() == 2


async def test_a_thousand_wakeups_all_happen_and_leave_nothing_behind(made):
    diary = Diary()
    wakeups = made(diary, parallel=2)

    async with running(wakeups):
        await wakeups.wake_all("run_task", [(str(number), number % 3) for number in range(1000)])
        await diary.until(lambda: len(diary.ended) == 1000)
        await wakeups.forget()

    assert len(set(diary.begun)) == 1000
    assert await wakeups.depth() == 0
    if isinstance(wakeups, InMemoryWakeups):
        for lane in wakeups._lanes.values():
            rows = await lane.queries.queue_log()
            assert len(rows) <= 2 * 2, "only the last jobs may still be logged after forget"
            assert await lane.queries.queue_size() == []
    else:
        for table in ("cleanplate_wakeups", "cleanplate_wakeups_log", "cleanplate_wakeups_statistics"):
            assert await wakeups._line.fetch(f"SELECT 1 FROM {table}") == []


@pytest.fixture
async def two(postgres_url):
    """Two processes' engines on one database."""
    async with (
        Database(postgres_url).line() as here,
        Database(postgres_url).line() as there,
        PostgresWakeups(here) as one,
        PostgresWakeups(there) as other,
    ):
        yield one, other


async def test_processes_share_what_is_to_be_done_and_each_does_as_much_as_it_has_room_for(two):
    news = asyncio.Condition()  # of both: either may write the last line
    diaries = Diary(news), Diary(news)
    for wakeups, diary in zip(two, diaries, strict=True):
        diary.gate.clear()
        wakeups.handle("run_task", diary, parallel=2, lane="heavy")
    async with running(two[0]), running(two[1]):
        await two[0].wake_all("run_task", [(str(number), 0) for number in range(9)])
        for diary in diaries:
            await diary.until(lambda diary=diary: len(diary.begun) == 2)
        assert await two[1].depth() == 5
        for diary in diaries:
            diary.gate.set()
        for diary in diaries:
            await diary.until(lambda: len(diaries[0].ended) + len(diaries[1].ended) == 9)
    assert sorted(diaries[0].begun + diaries[1].begun) == sorted(map(str, range(9)))


async def test_what_runs_by_the_clock_runs_once_in_the_fleet(two):
    swept = Diary()
    for wakeups in two:
        wakeups.handle("sweep", swept)
        wakeups.schedule("sweep", 3600)
    async with running(two[0]), running(two[1]):
        await swept.until(lambda: swept.ended)
        await two[0].wake("sweep", "marker")
        await swept.until(lambda: "marker" in swept.ended)
    assert swept.begun.count("every") <= 2  # once each, at most, where the first has ended in between


async def test_what_runs_by_the_clock_goes_on_when_its_row_is_lost(two):
    swept = Diary()
    two[0].handle("sweep", swept)
    two[0].schedule("sweep", 0.2)
    async with running(two[0]):
        await swept.until(lambda: swept.ended)
        await two[1]._line.fetch("DELETE FROM cleanplate_wakeups")
        await swept.until(lambda: len(swept.ended) >= 4)


async def test_the_job_of_a_process_that_has_died_is_given_to_another(two):
    diary = Diary()
    two[1].handle("run_task", diary, lane="heavy")
    # As a process leaves it that was killed a minute ago.
    await two[0]._line.fetch(
        "INSERT INTO cleanplate_wakeups (priority, entrypoint, payload, status, heartbeat, queue_manager_id) "
        "VALUES (0, 'run_task', 'a', 'picked', now() - interval '1 minute', gen_random_uuid())"
    )
    async with running(two[1]):
        await diary.until(lambda: diary.ended == ["a"])


async def test_who_comes_too_late_holds_back_until_it_finds_something(two):
    diary = Diary()
    two[0].handle("run_task", diary, lane="heavy")
    async with running(two[0]):
        await two[0].wake("run_task", "first")
        await diary.until(lambda: diary.ended == ["first"])
        queries = two[0]._lanes["heavy"]._queries
        assert queries.pause == 0
        async with asyncio.timeout(DEADLINE):
            while queries.pause == 0:
                await two[1].wake("deliver", "something for somebody else")
                await two[1].cancel("deliver", "something for somebody else")
        await two[1].wake("run_task", "second")
        await diary.until(lambda: diary.ended == ["first", "second"])
        assert queries.pause == 0


async def test_a_database_that_is_away_is_waited_for_and_what_is_woken_then_happens(two, postgres):
    diary = Diary()
    two[0].handle("run_task", diary, lane="heavy")
    async with running(two[0]):
        await two[0].wake("run_task", "before")
        await diary.until(lambda: diary.ended == ["before"])
        postgres.query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cleanplate'"
        )
        async with asyncio.timeout(DEADLINE):
            while True:
                try:
                    await two[1].wake("run_task", "after")
                except StorageFailed:
                    continue
                break
        await diary.until(lambda: diary.ended == ["before", "after"])
