"""What only a server does: many writers, processes that hang, restarts."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text

from cleanplate import settings
from cleanplate.account import Accounts, CreditsInsufficient, bookkeeping
from cleanplate.store import Database, StorageFailed


@pytest.fixture
async def db(postgres_url):
    database = Database(postgres_url, busy_seconds=2, connections=8)
    yield database
    await database.close()


async def test_credits_are_never_oversold_however_many_hold_them_at_once(db, postgres_url):
    """From two processes' pools, each transaction on a connection of its own."""
    other = Database(postgres_url, connections=8)
    accounts = Accounts(db, settings.Account())
    account = await accounts.get("default")
    await accounts.grant("default", 10)

    async def hold(number):
        async with (db if number % 2 else other).write() as connection:
            await bookkeeping.hold(connection, account.id, [f"task-{number}"], 1, 1.0)

    answers = await asyncio.gather(*(hold(number) for number in range(40)), return_exceptions=True)

    assert [
        answer for answer in answers if answer is not None and type(answer) is not CreditsInsufficient
    ] == []
    assert answers.count(None) == 10
    async with db.read() as connection:
        entries = await bookkeeping.of_account(connection, account.id)
    assert sum(entry.amount for entry in entries) == 0
    assert (await accounts.get("default")).balance == 0
    await other.close()


async def test_a_process_that_hangs_in_a_transaction_does_not_keep_its_locks(db):
    """As one that is stopped, or cut off from the network."""
    accounts = Accounts(db, settings.Account())
    account = await accounts.get("default")

    async def grant_and_hang():
        async with db.write() as hanging:
            await bookkeeping.grant(hanging, account.id, 5, 1.0)
            async with db.write() as connection:  # waits for the lock until the server ends the other one
                await bookkeeping.grant(connection, account.id, 7, 1.0)

    with pytest.raises(StorageFailed):
        await grant_and_hang()
    assert (await accounts.get("default")).balance == 7


async def test_a_lock_is_not_waited_for_for_ever(postgres_url):
    db = Database(postgres_url)
    account = await Accounts(db, settings.Account()).get("default")

    async def come_late():
        async with db.write() as connection:
            await connection.execute(text("SET LOCAL lock_timeout = 50"))
            await bookkeeping.grant(connection, account.id, 7, 1.0)

    async with db.write() as connection:
        await bookkeeping.grant(connection, account.id, 5, 1.0)
        with pytest.raises(StorageFailed, match="try again"):
            await come_late()
    await db.close()


async def test_connections_that_the_server_has_ended_are_made_anew(db, postgres):
    assert len(await db.get_or_create_secret("x")) == 32
    postgres.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cleanplate'"
    )
    assert len(await db.get_or_create_secret("x")) == 32


async def test_a_server_that_is_not_there_is_a_storage_error_without_the_password():
    db = Database("postgresql://ann:hush@127.0.0.1:1/x", busy_seconds=1)
    with pytest.raises(StorageFailed) as caught:
        await db.upgrade()
    assert caught.value.retryable
    assert "hush" not in f"{caught.value} {caught.value.detail}"
    with pytest.raises(StorageFailed):
        async with db.read():
            pass
    await db.close()


async def test_a_database_that_does_not_exist_is_a_storage_error(postgres):
    db = Database(postgres.url("nowhere"))
    for use in (db.read, db.write):
        with pytest.raises(StorageFailed):
            async with use():
                pass
    await db.close()
