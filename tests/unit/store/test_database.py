from __future__ import annotations

import asyncio
import re
import sqlite3
import stat
from contextlib import closing

import pytest
from sqlalchemy import func, insert, select, text, update

from cleanplate.store import Database, StorageFailed, StoreUrlInvalid, uninterrupted
from cleanplate.store.tables import accounts, tasks

ANN = {
    "id": "ann",
    "name": "ann",
    "unlimited": False,
    "balance": 0,
    "used": 0,
    "webhook_secret": "whsec_",
    "created_at": 1.0,
}


async def names(db):
    async with db.read() as connection:
        return list((await connection.execute(select(accounts.c.name))).scalars())


async def test_what_was_written_is_there_for_another_process(either, database_url):
    async with either.write() as connection:
        await connection.execute(insert(accounts).values(**ANN))
    other = Database(database_url)
    assert await names(other) == ["ann"]
    await other.close()


async def test_a_block_that_raises_leaves_nothing_behind(either):
    async def work():
        async with either.write() as connection:
            await connection.execute(insert(accounts).values(**ANN))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await work()
    assert await names(either) == []


async def test_the_answer_to_a_commit_waits_for_the_disk(db):
    async with db.write() as connection:
        assert (await connection.execute(text("PRAGMA synchronous"))).scalar() == 2  # FULL
        assert (await connection.execute(text("PRAGMA journal_mode"))).scalar() == "wal"
        assert (await connection.execute(text("PRAGMA foreign_keys"))).scalar() == 1


async def test_writers_take_turns(db):
    async with db.write() as connection:
        await connection.execute(insert(accounts).values(**ANN))

    async def add_one():
        async with db.write() as connection:
            balance = (await connection.execute(select(accounts.c.balance))).scalar_one()
            await asyncio.sleep(0)  # give the others every chance to come between
            await connection.execute(update(accounts).values(balance=balance + 1))

    await asyncio.gather(*(add_one() for _ in range(30)))
    async with db.read() as connection:
        assert (await connection.execute(select(accounts.c.balance))).scalar_one() == 30


async def test_readers_do_not_wait_for_the_writer(either):
    async with either.write() as connection:
        await connection.execute(insert(accounts).values(**ANN))
        async with asyncio.timeout(5):
            assert await names(either) == []
    assert await names(either) == ["ann"]


async def test_a_read_is_one_moment(either):
    async with either.read() as connection:
        assert (await connection.execute(select(func.count()).select_from(accounts))).scalar() == 0
        async with either.write() as writing:
            await writing.execute(insert(accounts).values(**ANN))
        assert (await connection.execute(select(func.count()).select_from(accounts))).scalar() == 0


async def test_a_reader_cannot_write(either):
    with pytest.raises(StorageFailed):
        async with either.read() as connection:
            await connection.execute(insert(accounts).values(**ANN))


async def test_a_broken_rule_of_a_table_is_a_storage_error_whose_detail_is_not_for_users(either):
    with pytest.raises(StorageFailed) as caught:
        async with either.write() as connection:
            await connection.execute(insert(tasks).values(id="x"))
    assert re.search("not.null", caught.value.detail, re.IGNORECASE)
    assert not re.search("not.null", caught.value.public_message, re.IGNORECASE)
    assert caught.value.retryable


async def test_another_process_that_writes_is_waited_for_but_not_for_ever(tmp_path):
    file = tmp_path / "cleanplate.db"
    db = Database(f"sqlite+aiosqlite:///{file}", busy_seconds=0.05)
    await db.upgrade()
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageFailed, match="try again"):
            async with db.write() as connection:
                await connection.execute(insert(accounts).values(**ANN))
        other.execute("ROLLBACK")
    async with db.write() as connection:
        await connection.execute(insert(accounts).values(**ANN))
    assert await names(db) == ["ann"]
    await db.close()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite+aiosqlite://",
        "sqlite+aiosqlite:///:memory:",
        "sqlite+aiosqlite:///file:x?mode=memory&uri=true",
        "sqlite:///x.db",
        "mysql://localhost/x",
        "postgresql://localhost",
        "postgresql+psycopg://localhost/x",
        "postgresql://ann:hush@localhost:port/x",
        "not a url",
    ],
)
def test_urls_that_cannot_work_are_refused_without_repeating_a_password(url):
    with pytest.raises(StoreUrlInvalid) as caught:
        Database(url)
    assert "hush" not in f"{caught.value} {caught.value.detail} {caught.value.__cause__}"


async def test_nobody_else_can_read_the_database(db, tmp_path):
    async with db.write() as connection:
        await connection.execute(insert(accounts).values(**ANN))
    folder = tmp_path / "data"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert files["cleanplate.db"] == 0o600
    assert set(files.values()) == {0o600}


async def test_a_folder_that_was_there_keeps_its_permissions(tmp_path):
    tmp_path.chmod(0o755)
    db = Database(f"sqlite+aiosqlite:///{tmp_path / 'cleanplate.db'}")
    await db.upgrade()
    await db.close()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


async def test_a_file_that_is_no_database_is_a_clear_error(tmp_path):
    file = tmp_path / "cleanplate.db"
    file.write_bytes(b"nothing of the kind" * 1000)
    db = Database(f"sqlite+aiosqlite:///{file}")
    with pytest.raises(StorageFailed):
        await db.upgrade()
    await db.close()


async def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    db = Database(f"sqlite+aiosqlite:///{tmp_path / 'file' / 'cleanplate.db'}")
    with pytest.raises(StorageFailed, match="cannot be created"):
        await db.upgrade()
    await db.close()


async def test_a_secret_is_drawn_once(either, database_url):
    first = await either.get_or_create_secret("links")
    other = Database(database_url)
    assert await other.get_or_create_secret("links") == first
    assert await other.get_or_create_secret("something else") != first
    assert len(first) == 32
    await other.close()


async def test_work_once_begun_is_finished_although_its_caller_is_cancelled():
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    @uninterrupted
    async def work():
        begun.set()
        await go_on.wait()
        ended.set()

    caller = asyncio.create_task(work())
    await begun.wait()
    caller.cancel()
    await asyncio.sleep(0)
    assert not caller.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ended.is_set()


async def test_uninterrupted_work_gives_its_result_and_its_error():
    @uninterrupted
    async def divide(a, b):
        return a / b

    assert await divide(6, 3) == 2
    with pytest.raises(ZeroDivisionError):
        await divide(1, 0)
