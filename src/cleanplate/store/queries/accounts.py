"""Rows of accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from cleanplate.store.queries.insert import insert_if_absent
from cleanplate.store.tables import accounts, tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


async def ensure(
    connection: AsyncConnection, *, account_id: str, name: str, webhook_secret: str, now: float
) -> RowMapping:
    """The account of this name, made unlimited and empty when there is none."""
    await insert_if_absent(
        connection,
        accounts,
        {
            "id": account_id,
            "name": name,
            "unlimited": True,
            "balance": 0,
            "used": 0,
            "webhook_secret": webhook_secret,
            "created_at": now,
        },
    )
    return (await connection.execute(select(accounts).where(accounts.c.name == name))).mappings().one()


async def by_name(connection: AsyncConnection, name: str) -> RowMapping | None:
    """The account of this name."""
    return (await connection.execute(select(accounts).where(accounts.c.name == name))).mappings().first()


async def by_id(connection: AsyncConnection, account_id: str) -> RowMapping | None:
    """The account with this id."""
    return (await connection.execute(select(accounts).where(accounts.c.id == account_id))).mappings().first()


async def lock(connection: AsyncConnection, account_id: str) -> RowMapping:
    """The account with this id, which nobody else changes until the transaction ends."""
    # FOR NO KEY UPDATE: inserting a task shares the account's key, and under FOR UPDATE two submits that
    # have both done so would wait for each other for ever. On SQLite the writer is alone anyway.
    query = select(accounts).where(accounts.c.id == account_id).with_for_update(key_share=True)
    return (await connection.execute(query)).mappings().one()


async def set_credits(
    connection: AsyncConnection, account_id: str, *, unlimited: bool, balance: int, used: int
) -> None:
    """Write down what the ledger says; only after `lock`, in the transaction that adds the ledger's row."""
    await connection.execute(
        update(accounts)
        .where(accounts.c.id == account_id)
        .values(unlimited=unlimited, balance=balance, used=used)
    )


async def listed(connection: AsyncConnection) -> Sequence[RowMapping]:
    """All accounts by name, each with its number of good `tokens` and when one was `last_used_at`."""
    held = (
        select(
            tokens.c.account_id,
            func.count().label("tokens"),
            func.max(tokens.c.last_used_at).label("last_used_at"),
        )
        .where(tokens.c.revoked_at.is_(None))
        .group_by(tokens.c.account_id)
        .subquery()
    )
    query = (
        select(accounts, func.coalesce(held.c.tokens, 0).label("tokens"), held.c.last_used_at)
        .outerjoin(held, held.c.account_id == accounts.c.id)
        .order_by(accounts.c.name)
    )
    return (await connection.execute(query)).mappings().all()
