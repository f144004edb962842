from __future__ import annotations

import asyncio

import pytest

from cleanplate.store import Database, StorageFailed

DEADLINE = 60
ASLEEP = "SELECT 1 FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)'"
END_THEM = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cleanplate'"


class Ear:
    """Remembers what it has heard."""

    def __init__(self):
        self.heard = []
        self._news = asyncio.Event()

    def __call__(self, payload):
        self.heard.append(payload)
        self._news.set()

    async def until(self, condition):
        async with asyncio.timeout(DEADLINE):
            while not condition(self.heard):
                self._news.clear()
                await self._news.wait()


@pytest.fixture
async def line(postgres_url):
    async with Database(postgres_url).line() as it:
        yield it


def test_sqlite_has_none(tmp_path):
    assert Database(f"sqlite+aiosqlite:///{tmp_path / 'x.db'}").line() is None


async def test_what_is_said_on_one_line_is_heard_on_another_and_on_itself(line, postgres_url):
    here, there, elsewhere = Ear(), Ear(), Ear()
    async with Database(postgres_url).line() as other:
        await line.listen("news", here)
        await other.listen("news", there)
        await other.listen("else", elsewhere)
        await other.notify("news", "a")
        await here.until(lambda heard: heard == ["a"])
        await there.until(lambda heard: heard == ["a"])
        other.unlisten("news", there)
        await line.notify("news", "b")
        await here.until(lambda heard: heard == ["a", "b"])
        await line.notify("else", "c")
        await elsewhere.until(lambda heard: heard == ["c"])
        assert there.heard == ["a"]


async def test_statements_at_the_same_time_take_turns(line):
    answers = await asyncio.gather(*(line.fetch("SELECT $1::int AS it", number) for number in range(20)))
    assert [row["it"] for [row] in answers] == list(range(20))


async def test_a_statement_that_is_refused_does_not_break_the_line(line):
    with pytest.raises(StorageFailed):
        await line.fetch("SELECT nonsense")
    assert await line.fetch("SELECT 1 AS it") == [{"it": 1}]
    assert line.whole


async def test_a_statement_that_nobody_waits_for_any_more_leaves_no_answer_behind(line, postgres):
    slow = asyncio.create_task(line.fetch("SELECT pg_sleep(60)"))
    await asyncio.sleep(0)
    async with asyncio.timeout(DEADLINE):
        while not postgres.query(ASLEEP):  # noqa: ASYNC110  # the server does not tell
            await asyncio.sleep(0)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    async with asyncio.timeout(DEADLINE):
        assert await line.fetch("SELECT 1 AS it") == [{"it": 1}]


async def test_a_line_that_breaks_is_made_anew_and_says_so_to_those_who_listen(line, postgres):
    ear = Ear()
    await line.listen("news", ear)
    postgres.query(END_THEM)
    await ear.until(lambda heard: heard == [None])
    await line.notify("news", "again")
    await ear.until(lambda heard: heard == [None, "again"])


async def test_a_server_that_is_not_there_is_said_to_be():
    line = Database("postgresql://127.0.0.1:1/x").line()
    with pytest.raises(StorageFailed):
        async with line:
            pass
