from __future__ import annotations

import asyncio
import base64
import re

import pytest
from sqlalchemy import select

from cleanplate import settings
from cleanplate.account import (
    AccountNotFound,
    Accounts,
    CreditsInvalid,
    LedgerConflict,
    NameInvalid,
    Quota,
    TokenInvalid,
    TokenMissing,
    TokenNotFound,
    bookkeeping,
    read_account,
)
from cleanplate.store import StorageFailed, tables


async def test_a_token_opens_its_account(accounts):
    token, secret = await accounts.create_token("ann", "laptop")
    caller = await accounts.authenticate(secret)
    assert caller.account.name == "ann"
    assert (caller.token.id, caller.token.name, caller.admin) == (token.id, "laptop", False)


async def test_a_secret_looks_as_documented_and_each_is_new(accounts):
    secrets = {(await accounts.create_token())[1] for _ in range(5)}
    assert len(secrets) == 5
    for secret in secrets:
        assert re.fullmatch(r"cp_[A-Za-z0-9_-]{43}", secret)


async def test_the_secret_is_kept_nowhere(accounts, db):
    token, secret = await accounts.create_token()
    async with db.read() as connection:
        [row] = (await connection.execute(select(tables.tokens))).all()
    assert secret[9:] not in repr(row)
    assert secret[9:] not in repr(token)
    assert token.prefix == secret[:8]


async def test_no_token_is_another_error_than_a_wrong_one(accounts):
    for nothing in (None, ""):
        with pytest.raises(TokenMissing):
            await accounts.authenticate(nothing)
    _, secret = await accounts.create_token()
    for wrong in ("x", "cp_", secret[:-1], secret + "x", secret.swapcase(), "ä", "\ud800", "x" * 100_000):
        with pytest.raises(TokenInvalid):
            await accounts.authenticate(wrong)


async def test_a_revoked_token_is_refused_at_once_and_the_others_go_on(accounts, clock):
    token, secret = await accounts.create_token("ann")
    _, other = await accounts.create_token("ann")
    await accounts.authenticate(secret)
    revoked = await accounts.revoke_token(token.id)
    assert revoked.revoked_at == clock.now
    with pytest.raises(TokenInvalid, match="revoked"):
        await accounts.authenticate(secret)
    assert (await accounts.authenticate(other)).account.name == "ann"


async def test_a_token_can_be_revoked_by_its_prefix_and_twice(accounts, clock):
    token, _ = await accounts.create_token()
    first = await accounts.revoke_token(token.prefix)
    clock.now += 10
    assert (await accounts.revoke_token(token.prefix)).revoked_at == first.revoked_at
    with pytest.raises(TokenNotFound):
        await accounts.revoke_token("cp_nobod")


async def test_a_prefix_that_two_tokens_share_revokes_neither(accounts, monkeypatch):
    monkeypatch.setattr("cleanplate.account.accounts.PREFIX_LENGTH", 3)
    _, one = await accounts.create_token()
    await accounts.create_token()
    with pytest.raises(TokenNotFound, match="More than one"):
        await accounts.revoke_token("cp_")
    assert await accounts.authenticate(one)


async def test_only_an_admin_token_is_admin(accounts, open_accounts):
    _, secret = await accounts.create_token("ops", admin=True)
    assert (await accounts.authenticate(secret)).admin
    assert not (await open_accounts.authenticate(None)).admin


async def test_without_required_tokens_everyone_is_the_default_account(open_accounts):
    first = await open_accounts.authenticate(None)
    assert (first.account.name, first.token) == ("default", None)
    assert (await open_accounts.authenticate("whatever the client was set to")).account == first.account


async def test_without_required_tokens_a_token_still_counts(open_accounts):
    token, secret = await open_accounts.create_token("ann")
    assert (await open_accounts.authenticate(secret)).account.name == "ann"
    await open_accounts.revoke_token(token.id)
    with pytest.raises(TokenInvalid):
        await open_accounts.authenticate(secret)


async def test_many_first_callers_make_one_default_account(open_accounts):
    callers = await asyncio.gather(*(open_accounts.authenticate(None) for _ in range(10)))
    assert len({caller.account.id for caller in callers}) == 1


async def test_tokens_are_listed_with_their_accounts(accounts, clock):
    first, _ = await accounts.create_token("ann", "one")
    clock.now += 1
    second, _ = await accounts.create_token("bob", "two")
    listed = await accounts.list_tokens()
    assert [(token.id, account.name) for token, account in listed] == [(first.id, "ann"), (second.id, "bob")]
    assert [token.id for token, _ in await accounts.list_tokens("bob")] == [second.id]
    with pytest.raises(AccountNotFound):
        await accounts.list_tokens("nobody")


async def test_the_last_use_is_noted_but_not_for_every_request(accounts, clock):
    _, secret = await accounts.create_token("ann")

    async def use():
        await accounts.authenticate(secret)
        await accounts.aclose()
        [(token, _)] = await accounts.list_tokens("ann")
        return token.last_used_at

    assert (await accounts.list_tokens("ann"))[0][0].last_used_at is None
    first = clock.now
    assert await use() == first
    clock.now = first + 59
    assert await use() == first
    clock.now = first + 60
    assert await use() == first + 60


async def test_noting_the_last_use_does_not_hold_up_the_request(accounts, db):
    _, secret = await accounts.create_token("ann")
    async with db.write(), asyncio.timeout(5):  # the writer's turn is taken
        assert (await accounts.authenticate(secret)).account.name == "ann"


@pytest.mark.parametrize("name", ["", " ann", "ann ", "a\nb", "a" * 101])
async def test_names_that_cannot_be_read_are_refused(accounts, name):
    with pytest.raises(NameInvalid):
        await accounts.create_token(name)


async def test_a_token_needs_no_name_but_not_any_will_do(accounts):
    assert (await accounts.create_token("ann", ""))[0].name == ""
    with pytest.raises(NameInvalid):
        await accounts.create_token("ann", "a\0b")


async def test_an_account_is_unlimited_until_its_first_grant(accounts):
    await accounts.create_token("ann")
    ann = await accounts.get("ann")
    assert ann.unlimited
    assert await accounts.quota(ann.id) == Quota(limit=None, usage=0, remaining=None)
    assert await accounts.grant("ann", 5) == Quota(limit=5, usage=0, remaining=5)
    assert await accounts.grant("ann", 3) == Quota(limit=8, usage=0, remaining=8)
    assert not (await accounts.get("ann")).unlimited


async def test_what_is_held_and_what_is_charged_counts_as_used(accounts, db):
    await accounts.create_token("ann")
    ann = await accounts.get("ann")
    await accounts.grant("ann", 10)
    async with db.write() as connection:
        for task in ("t1", "t2", "t3"):
            await bookkeeping.hold(connection, ann.id, [task], 2, 1.0)
        await bookkeeping.capture(connection, ann.id, "t1", 2.0)
        await bookkeeping.release(connection, ann.id, "t2", 2.0)
    assert await accounts.quota(ann.id) == Quota(limit=10, usage=4, remaining=6)
    async with db.read() as connection:
        entries = await bookkeeping.of_account(connection, ann.id)
    assert sum(entry.amount for entry in entries) == 6


async def test_the_credits_of_a_task_are_held_and_charged_once(accounts, db):
    await accounts.create_token("ann")
    ann = await accounts.get("ann")
    await accounts.grant("ann", 10)
    async with db.write() as connection:
        await bookkeeping.hold(connection, ann.id, ["t1"], 2, 1.0)
    with pytest.raises(StorageFailed):
        async with db.write() as connection:
            await bookkeeping.hold(connection, ann.id, ["t1"], 2, 1.0)
    async with db.write() as connection:
        await bookkeeping.capture(connection, ann.id, "t1", 2.0)
    for settle in (bookkeeping.capture, bookkeeping.release):
        with pytest.raises(LedgerConflict):
            async with db.write() as connection:
                await settle(connection, ann.id, "t1", 2.0)
    assert await accounts.quota(ann.id) == Quota(limit=10, usage=2, remaining=8)


async def test_credits_are_granted_only_to_who_is_known(accounts):
    with pytest.raises(AccountNotFound):
        await accounts.grant("nobody", 5)
    with pytest.raises(AccountNotFound):
        await accounts.quota("no such id")
    assert (await accounts.grant("default", 5)).remaining == 5  # there from the start


@pytest.mark.parametrize("units", [0, -5])
async def test_a_grant_is_positive(accounts, units):
    await accounts.create_token("ann")
    with pytest.raises(CreditsInvalid):
        await accounts.grant("ann", units)
    assert (await accounts.get("ann")).unlimited


async def test_grants_at_the_same_time_all_count(accounts):
    await accounts.create_token("ann")
    await asyncio.gather(*(accounts.grant("ann", 1) for _ in range(20)))
    assert (await accounts.get("ann")).balance == 20


async def test_callbacks_of_an_account_are_signed_with_a_secret_of_its_own(accounts, db):
    ann, _ = await accounts.create_token("ann")
    await accounts.create_token("bob")
    secrets = {(await accounts.get(name)).webhook_secret for name in ("ann", "bob")}
    assert len(secrets) == 2
    for secret in secrets:
        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    async with db.read() as connection:
        assert (await read_account(connection, ann.account_id)).webhook_secret in secrets
        assert await read_account(connection, "no such id") is None


async def test_a_secret_is_not_shown_by_accident(accounts):
    await accounts.create_token("ann")
    ann = await accounts.get("ann")
    assert ann.webhook_secret not in repr(ann)


async def test_another_process_sees_the_same_accounts(accounts, db, clock):
    _, secret = await accounts.create_token("ann")
    other = Accounts(db, settings.Account(), clock=clock)
    assert (await other.authenticate(secret)).account.name == "ann"
    await other.aclose()
