"""Rows of idempotency keys: what a caller's own name for a request has made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from cleanplate.store.queries.insert import insert_if_absent
from cleanplate.store.tables import idempotency

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


async def find(connection: AsyncConnection, account_id: str, key: str) -> RowMapping | None:
    """The row of an account's key."""
    query = select(idempotency).where(idempotency.c.account_id == account_id, idempotency.c.key == key)
    return (await connection.execute(query)).mappings().first()


async def add_if_absent(
    connection: AsyncConnection,
    *,
    account_id: str,
    key: str,
    fingerprint: str,
    subject_id: str,
    expires_at: float,
) -> None:
    """Insert a key unless the account has it already."""
    await insert_if_absent(
        connection,
        idempotency,
        {
            "account_id": account_id,
            "key": key,
            "fingerprint": fingerprint,
            "subject_id": subject_id,
            "expires_at": expires_at,
        },
    )


async def remove_expired(
    connection: AsyncConnection, now: float, *, account_id: str | None = None, key: str | None = None
) -> None:
    """Delete keys that are past their time: all, or only this one."""
    query = delete(idempotency).where(idempotency.c.expires_at <= now)
    if account_id is not None:
        query = query.where(idempotency.c.account_id == account_id, idempotency.c.key == key)
    await connection.execute(query)
