"""Rows of the audit trail: added, read, and forgotten when their time is over; never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from cleanplate.store.tables import accounts, audit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


async def add_all(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert entries."""
    await connection.execute(insert(audit), [dict(row) for row in rows])


async def listed(
    connection: AsyncConnection, since: float, account_id: str | None
) -> AsyncIterator[RowMapping]:
    """The entries from then on, the oldest first, each with its account's name; of one account or of all."""
    query = (
        select(audit, accounts.c.name.label("account"))
        .join(accounts, accounts.c.id == audit.c.account_id)
        .where(audit.c.at >= since)
        .order_by(audit.c.at, audit.c.id)
    )
    if account_id is not None:
        query = query.where(audit.c.account_id == account_id)
    async for row in (await connection.stream(query)).mappings():
        yield row


async def remove_older(connection: AsyncConnection, than: float) -> None:
    """Forget entries from before then."""
    await connection.execute(delete(audit).where(audit.c.at < than))
