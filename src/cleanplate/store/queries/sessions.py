"""Rows of sessions: browsers that are signed in with a token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from cleanplate.store.tables import accounts, sessions, tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


async def add(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Insert one."""
    await connection.execute(insert(sessions).values(**row))


async def by_hash(connection: AsyncConnection, secret_hash: str) -> RowMapping | None:
    """The token behind the session with this hash, beside its account's columns and `expires_at`."""
    query = (
        select(
            tokens,
            accounts.c.name.label("account_name"),
            accounts.c.unlimited,
            accounts.c.balance,
            accounts.c.webhook_secret,
            sessions.c.expires_at,
        )
        .select_from(sessions)
        .join(tokens, tokens.c.id == sessions.c.token_id)
        .join(accounts, accounts.c.id == tokens.c.account_id)
        .where(sessions.c.secret_hash == secret_hash)
    )
    return (await connection.execute(query)).mappings().first()


async def remove(connection: AsyncConnection, secret_hash: str) -> None:
    """Delete one."""
    await connection.execute(delete(sessions).where(sessions.c.secret_hash == secret_hash))


async def remove_expired(connection: AsyncConnection, now: float) -> None:
    """Delete those that are over."""
    await connection.execute(delete(sessions).where(sessions.c.expires_at <= now))
