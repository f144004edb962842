"""Completions of many processes: what ends in one is heard in all, even when nobody says so."""

from __future__ import annotations

import pytest

from cleanplate.store import Database
from cleanplate.task import PostgresCompletions, completions_over
from cleanplate.task.tasks import Tasks

DEADLINE = 60  # seconds; far beyond what anything here takes


@pytest.fixture
async def two(postgres_url):
    """Two processes' completions; the second looks at the table once an hour, the first all the time."""
    db = Database(postgres_url)
    async with (
        Database(postgres_url).line() as here,
        Database(postgres_url).line() as there,
        PostgresCompletions(db, here, look_seconds=0.05) as one,
        PostgresCompletions(db, there, look_seconds=3600) as other,
    ):
        yield one, other
    await db.close()


@pytest.fixture
def tasks_of(two, postgres_url, world):
    """The tasks of each process, on one database and the world's clock."""
    return [
        Tasks(world.db, world.blobs, world.bell, completions, world.settings, clock=world.clock)
        for completions in two
    ]


@pytest.fixture
def database_url(postgres_url):
    """The world of these tests is on PostgreSQL."""
    return postgres_url


async def begun(tasks, world):
    task = await tasks.submit(await world.caller(), world.request(), {})
    return await tasks.claim(task.id, "worker")


async def test_what_ends_in_one_process_is_heard_in_another(tasks_of, two, world):
    here, there = tasks_of
    running = await begun(here, world)
    with two[1].watch(running.id) as watch:
        await here.finish(running, world.outcome(running))
        assert await watch.wait(DEADLINE)
    ended = await there.wait(running.account_id, running.id, DEADLINE)
    assert ended.state.final


async def test_an_announcement_that_is_lost_is_made_up_for_by_a_look_at_the_table(tasks_of, two, world):
    here, _ = tasks_of
    running = await begun(here, world)
    silent = world.tasks  # whose completions nobody else hears
    with two[0].watch(running.id) as watch:
        assert not await watch.wait(0.2)  # looked at some times, and still running
        await silent.finish(running, world.outcome(running))
        assert await watch.wait(DEADLINE)


async def test_a_task_that_is_gone_has_ended(two):
    with two[0].watch("00000000-0000-4000-8000-000000000000") as watch:
        assert await watch.wait(DEADLINE)


async def test_the_line_decides_which_it_is(postgres_url, tmp_path):
    db = Database(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}")
    assert not isinstance(completions_over(db, db.line()), PostgresCompletions)
    served = Database(postgres_url)
    assert isinstance(completions_over(served, served.line()), PostgresCompletions)
    await db.close()
    await served.close()
