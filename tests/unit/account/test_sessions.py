"""Sessions end with their time, with their token, and with their user's wish."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from cleanplate.account import TokenInvalid
from cleanplate.store import tables


async def signed_in(accounts, name="ann"):
    token, secret = await accounts.create_token(name)
    return token, await accounts.sessions.begin(await accounts.authenticate(secret))


async def test_a_session_is_found_by_its_secret_alone(accounts):
    token, session = await signed_in(accounts)
    found = await accounts.sessions.find(session.secret)
    assert found.caller.token.id == token.id
    assert found.caller.account.name == "ann"
    assert await accounts.sessions.find(session.secret[:-1]) is None
    assert await accounts.sessions.find("") is None


async def test_the_proof_is_the_sessions_own(accounts):
    _, session = await signed_in(accounts)
    _, other = await signed_in(accounts, "bob")
    assert session.proven_by(session.proof)
    assert session.secret not in session.proof
    assert not session.proven_by(other.proof)
    assert not session.proven_by(None)
    assert not session.proven_by("\ud800")


async def test_it_ends_by_itself_and_is_forgotten(accounts, clock, db):
    _, session = await signed_in(accounts)
    clock.now = session.expires_at - 1
    assert await accounts.sessions.find(session.secret) is not None
    clock.now = session.expires_at
    assert await accounts.sessions.find(session.secret) is None
    await signed_in(accounts, "bob")
    async with db.read() as connection:
        kept = (await connection.execute(select(func.count()).select_from(tables.sessions))).scalar_one()
    assert kept == 1


async def test_it_ends_with_its_token(accounts):
    token, session = await signed_in(accounts)
    await accounts.revoke_token(token.id)
    assert await accounts.sessions.find(session.secret) is None


async def test_signing_out_ends_this_one_only(accounts):
    token, session = await signed_in(accounts)
    other = await accounts.sessions.begin(session.caller)
    await accounts.sessions.end(session.secret)
    await accounts.sessions.end(session.secret)
    assert await accounts.sessions.find(session.secret) is None
    assert (await accounts.sessions.find(other.secret)).caller.token.id == token.id


async def test_nobody_in_particular_cannot_sign_in(open_accounts):
    with pytest.raises(TokenInvalid):
        await open_accounts.sessions.begin(await open_accounts.authenticate(None))
