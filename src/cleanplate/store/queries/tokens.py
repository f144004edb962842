"""Rows of tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, or_, select, update

from cleanplate.store.tables import accounts, tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import RowMapping, Select
    from sqlalchemy.ext.asyncio import AsyncConnection


def _with_account() -> Select[Any]:
    return select(
        tokens,
        accounts.c.name.label("account_name"),
        accounts.c.unlimited,
        accounts.c.balance,
        accounts.c.webhook_secret,
    ).join(accounts, accounts.c.id == tokens.c.account_id)


async def add(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Insert one token."""
    await connection.execute(insert(tokens).values(**row))


async def by_hash(connection: AsyncConnection, secret_hash: str) -> RowMapping | None:
    """The token with this hash, beside its account's columns."""
    query = _with_account().where(tokens.c.secret_hash == secret_hash)
    return (await connection.execute(query)).mappings().first()


async def listed(connection: AsyncConnection, account_id: str | None) -> Sequence[RowMapping]:
    """All tokens, of one account or of all, oldest first, each beside its account's columns."""
    query = _with_account().order_by(tokens.c.created_at, tokens.c.id)
    if account_id is not None:
        query = query.where(tokens.c.account_id == account_id)
    return (await connection.execute(query)).mappings().all()


async def called(connection: AsyncConnection, id_or_prefix: str) -> Sequence[RowMapping]:
    """The tokens with this id or prefix."""
    query = select(tokens).where(or_(tokens.c.id == id_or_prefix, tokens.c.prefix == id_or_prefix))
    return (await connection.execute(query)).mappings().all()


async def revoke(connection: AsyncConnection, token_id: str, now: float) -> RowMapping:
    """Refuse the token from now on, or from when it was first revoked."""
    await connection.execute(
        update(tokens).where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None)).values(revoked_at=now)
    )
    return (await connection.execute(select(tokens).where(tokens.c.id == token_id))).mappings().one()


async def touch(connection: AsyncConnection, token_id: str, now: float) -> None:
    """Note that the token was used."""
    await connection.execute(update(tokens).where(tokens.c.id == token_id).values(last_used_at=now))
