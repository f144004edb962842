from __future__ import annotations

import asyncio
import re
import sqlite3
from contextlib import closing

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from cleanplate.store import Database, StorageFailed
from cleanplate.store.database import migrations
from cleanplate.store.tables import metadata
from cleanplate.task import read_task

FILLED = ("accounts", "tokens", "ledger", "tasks", "deliveries", "secrets")
FIRST_RELEASE = """
INSERT INTO accounts VALUES ('a1', 'ann', 0, 4, 1, 'whsec_x', 1.0);
INSERT INTO tokens VALUES ('k1', 'a1', 'first', 'cp_12345', 'hash', 1, 1.0, NULL, NULL);
INSERT INTO ledger VALUES (1, 'a1', NULL, 'grant', 5, 5, 1.0), (2, 'a1', 't1', 'hold', 1, -1, 2.0),
  (3, 'a1', 't1', 'release', 1, 1, 3.0), (4, 'a1', 't2', 'hold', 1, -1, 3.0);
INSERT INTO tasks VALUES
  ('t1', 'a1', 'failed', 0, 1, 0, NULL, NULL, 2.0, 2.5, 3.0, 3600.0,
   '{"dialect": "kaze", "operation": "submit_watermark_removal", "source": {"kind": "url", "value": "http://x/"}}',
   NULL, '{"code": "fetch_failed", "message": "No."}'),
  ('t2', 'a1', 'queued', 0, 0, 0, NULL, NULL, 3.0, NULL, NULL, 3600.0,
   '{"dialect": "gptge", "operation": "watermark", "source": {"kind": "url", "value": "http://y/"}}',
   NULL, NULL);
INSERT INTO deliveries VALUES ('d1', 't1', 'http://z/', 'delivered', 1, 3.0, 200, NULL, 3.0);
INSERT INTO secrets VALUES ('links', x'00', 1.0);
"""


BETWEEN_LINES = r"\s*\n\s*|, (?=[a-z_]+ [A-Z])"


def schema(file):
    """Every table and index as SQLite keeps it, whatever the order of the lines.

    A column that was added later stands behind the others, on the same line.
    """
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {
        name: sorted(line.strip().rstrip(",") for line in re.sub(BETWEEN_LINES, "\n", sql).splitlines())
        for name, sql in rows
        if name != "alembic_version"
    }


async def test_the_migrations_lead_to_the_tables_of_the_code(either):
    def differences(connection):
        return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)

    async with either.write() as connection:
        assert await connection.run_sync(differences) == []


async def test_checks_and_partial_indexes_agree_too(db, tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'made.db'}")
    metadata.create_all(engine)
    engine.dispose()
    made = schema(tmp_path / "made.db")
    assert "ledger_settled_once" in made
    assert schema(tmp_path / "data" / "cleanplate.db") == made


async def test_upgrading_again_changes_nothing(db, tmp_path):
    before = schema(tmp_path / "data" / "cleanplate.db")
    await db.upgrade()
    assert schema(tmp_path / "data" / "cleanplate.db") == before


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_two_processes_may_upgrade_at_once(kind, url, request):
    if kind == "postgresql":
        url = request.getfixturevalue("empty_postgres_url")
    one, two = Database(url, busy_seconds=20), Database(url, busy_seconds=20)
    await asyncio.gather(one.upgrade(), two.upgrade())
    assert len(await one.get_or_create_secret("x")) == 32
    await one.close()
    await two.close()


@pytest.mark.parametrize("held", ["BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
async def test_a_new_file_that_somebody_holds_is_waited_for(url, tmp_path, held):
    """SQLite's own waiting does not hold for the change to a write-ahead log."""
    file = tmp_path / "data" / "cleanplate.db"
    file.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(file, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE of_another (a)")
        other.execute(held)
        other.execute("SELECT * FROM of_another").fetchall()
        release = asyncio.get_running_loop().call_later(0.5, other.execute, "COMMIT")
        db = Database(url, busy_seconds=20)
        await db.upgrade()
        assert release.when() <= asyncio.get_running_loop().time()  # and not before it was let go
    await db.close()


async def test_a_new_file_that_nobody_lets_go_of_is_an_error(url, tmp_path):
    file = tmp_path / "data" / "cleanplate.db"
    file.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("CREATE TABLE of_another (a)")
        other.execute("BEGIN IMMEDIATE")
        db = Database(url, busy_seconds=0.3)
        with pytest.raises(StorageFailed):
            await db.upgrade()
    await db.close()


async def at_level(db, level, oldest):
    """As a newer version leaves a database whose tables versions from `oldest` on can work with."""
    async with db.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = :level"), {"level": level})
        await connection.execute(text("UPDATE compatibility SET oldest = :oldest"), {"oldest": oldest})


@pytest.mark.parametrize(("level", "oldest"), [("9999", "9999"), ("of the future", "0001")])
async def test_a_database_of_a_newer_version_is_refused(either, level, oldest):
    await at_level(either, level, oldest)
    with pytest.raises(StorageFailed, match="another version"):
        await either.upgrade()


async def test_a_database_of_a_newer_version_that_bears_with_this_one_is_worked_on(either):
    """As in a rolling upgrade, when a process of the version before is started again."""
    await at_level(either, "9999", "0008")
    await either.upgrade()
    assert len(await either.get_or_create_secret("x")) == 32
    async with either.read() as connection:
        level = await connection.execute(text("SELECT version_num FROM alembic_version"))
        assert level.scalar() == "9999"


async def test_the_way_back_leaves_nothing_on_postgresql_either(postgres_url):
    db = Database(postgres_url)
    async with db.write() as connection:
        await connection.run_sync(lambda it: command.downgrade(migrations(it), "base"))
        left = await connection.execute(
            text("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
        )
        assert set(left.scalars()) <= {"alembic_version", "alembic_version_pkc"}
    await db.close()


async def test_the_way_back_leaves_nothing(db, tmp_path):
    async with db.write() as connection:
        await connection.run_sync(lambda it: command.downgrade(migrations(it), "base"))
    assert schema(tmp_path / "data" / "cleanplate.db") == {}


async def test_a_database_of_the_first_release_keeps_all_it_has(db, tmp_path):
    """Rows as version 0.1 wrote them are there after the upgrade, and can still be worked with."""
    file = tmp_path / "data" / "cleanplate.db"
    async with db.write() as connection:
        await connection.run_sync(lambda it: command.downgrade(migrations(it), "0001"))
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(FIRST_RELEASE)
        before = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in FILLED}
    await db.upgrade()
    with closing(sqlite3.connect(file)) as connection:
        for table, rows in before.items():
            width = len(rows[0])
            kept = [row[:width] for row in connection.execute(f"SELECT * FROM {table}").fetchall()]
            assert kept == rows
    async with db.read() as connection:
        task = await read_task(connection, "t1")
    assert task.request.source.value == "http://x/"
    assert (task.request.metadata, task.request.credits) == ({}, 1)


def test_on_postgresql_the_tables_get_types_that_suit_it():
    postgres = postgresql.dialect()
    sql = "".join(str(CreateTable(table).compile(dialect=postgres)) for table in metadata.sorted_tables)
    sql += "".join(
        str(CreateIndex(index).compile(dialect=postgres))
        for table in metadata.sorted_tables
        for index in table.indexes
    )
    assert "request JSON NOT NULL" in sql
    assert "id BIGSERIAL NOT NULL" in sql
    assert "created_at DOUBLE PRECISION NOT NULL" in sql
    assert "(task_id) WHERE kind IN ('capture', 'release')" in sql
