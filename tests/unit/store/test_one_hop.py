"""Statements on SQLite that make one change of threads: what SQLAlchemy is answered is as before."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from cleanplate.store import Database, StorageFailed
from cleanplate.store.one_hop import AT_ONCE, OneHopConnection

COUNTED = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :most) SELECT i FROM n"


@pytest.fixture
async def db(tmp_path):
    made = Database(f"sqlite+aiosqlite:///{tmp_path}/x.db")
    async with made.write() as connection:
        await connection.execute(text("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"))
    yield made
    await made.close()


@pytest.mark.parametrize("most", [1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 3 * AT_ONCE])
async def test_every_row_is_fetched_however_many_there_are(db, most):
    async with db.read() as connection:
        rows = (await connection.execute(text(COUNTED), {"most": most})).scalars().all()
    assert rows == list(range(1, most + 1))


@pytest.mark.parametrize("most", [0, 10, 2 * AT_ONCE + 7])
async def test_rows_are_streamed_one_after_the_other(db, most):
    seen = []
    async with db.read() as connection:
        async for (number,) in await connection.stream(text(COUNTED + " WHERE :most > 0"), {"most": most}):
            seen.append(number)
    assert seen == list(range(1, most + 1))


async def test_a_stream_that_is_left_keeps_nobody_from_writing(db):
    async with db.write() as connection:
        await connection.execute(text(f"INSERT INTO t (id) {COUNTED}"), {"most": 3 * AT_ONCE})
    async with db.read() as connection:
        async for _ in await connection.stream(text("SELECT id FROM t")):
            break
    async with db.write() as connection:
        assert (await connection.execute(text("DELETE FROM t"))).rowcount == 3 * AT_ONCE


async def test_what_a_statement_did_is_told(db):
    async with db.write() as connection:
        added = await connection.execute(text("INSERT INTO t (name) VALUES ('a')"))
        assert added.lastrowid == 1
        await connection.execute(text("INSERT INTO t (name) VALUES (:name)"), [{"name": "b"}, {"name": "c"}])
        changed = await connection.execute(
            text("UPDATE t SET name = name || '!' WHERE id > 1 RETURNING name")
        )
        assert sorted(changed.scalars()) == ["b!", "c!"]
        nothing = await connection.execute(text("UPDATE t SET name = 'x' WHERE id > 9"))
        assert nothing.rowcount == 0


async def test_an_error_undoes_the_transaction_and_leaves_the_connection_good(db):
    async def twice():
        async with db.write() as connection:
            await connection.execute(text("INSERT INTO t (name) VALUES ('a')"))
            await connection.execute(text("INSERT INTO t (name) VALUES ('a')"))

    with pytest.raises(StorageFailed):
        await twice()
    async with db.write() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM t"))).scalar_one() == 0
        await connection.execute(text("INSERT INTO t (name) VALUES ('a')"))


async def test_a_transaction_waits_for_its_statements_and_for_being_kept(db, monkeypatch):
    """Not for its beginning, and not for the end of one that only read: throughput stands on it."""
    hops = 0
    inner = OneHopConnection._execute

    async def counted(self, *arguments, **named):
        nonlocal hops
        hops += 1
        return await inner(self, *arguments, **named)

    async with db.read() as connection:  # opens it
        await connection.execute(text("SELECT 1"))
    monkeypatch.setattr(OneHopConnection, "_execute", counted)
    async with db.read() as connection:
        await connection.execute(text("SELECT id, name FROM t"))
    assert hops == 1
    async with db.write() as connection:
        await connection.execute(text("INSERT INTO t (name) VALUES ('a')"))
    assert hops == 3


async def test_a_reader_sees_what_was_kept_before_it_began(db):
    """Though the end of the transaction before it was not waited for."""
    for number in range(1, 50):
        async with db.write() as connection:
            await connection.execute(text("INSERT INTO t (name) VALUES (:name)"), {"name": str(number)})
        async with db.read() as connection:
            counted = (await connection.execute(text("SELECT count(*) FROM t"))).scalar_one()
            await connection.execute(text("SELECT max(id) FROM t"))
        assert counted == number


async def test_a_reader_sees_one_moment(db):
    async with db.read() as connection:
        before = (await connection.execute(text("SELECT count(*) FROM t"))).scalar_one()
        async with db.write() as other:
            await other.execute(text("INSERT INTO t (name) VALUES ('a')"))
        assert (await connection.execute(text("SELECT count(*) FROM t"))).scalar_one() == before == 0


async def test_a_transaction_in_which_nothing_happens_is_none(db):
    for _ in range(3):
        async with db.read():
            pass
        async with db.write():
            pass
    with pytest.raises(ValueError, match="changed my mind"):
        async with db.write():
            raise ValueError("changed my mind")
    async with db.write() as connection:
        await connection.execute(text("INSERT INTO t (name) VALUES ('a')"))
    async with db.read() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM t"))).scalar_one() == 1


async def test_what_is_left_by_an_error_is_undone(db):
    async def left(transaction):
        async with transaction as connection:
            await connection.execute(text("SELECT 1"))
            if transaction is writing:
                await connection.execute(text("INSERT INTO t (name) VALUES ('a')"))
            raise ValueError

    for _ in range(2):
        writing = db.write()
        for transaction in (writing, db.read()):
            with pytest.raises(ValueError):  # noqa: PT011  # raised three lines above
                await left(transaction)
        async with db.read() as connection:
            assert (await connection.execute(text("SELECT count(*) FROM t"))).scalar_one() == 0


async def test_readers_do_not_wait_for_each_other(db):
    async def one():
        async with db.read() as connection:
            return (await connection.execute(text(COUNTED), {"most": 50})).scalars().all()

    assert await asyncio.gather(*(one() for _ in range(20))) == [list(range(1, 51))] * 20
