"""Rows of the ledger: only ever added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, insert, select

from cleanplate.store.tables import ledger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


async def add_all(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert entries at once."""
    await connection.execute(insert(ledger), [dict(row) for row in rows])


async def of_task(connection: AsyncConnection, task_id: str) -> Sequence[RowMapping]:
    """The entries of one task, oldest first."""
    query = select(ledger).where(ledger.c.task_id == task_id).order_by(ledger.c.id)
    return (await connection.execute(query)).mappings().all()


async def of_account(connection: AsyncConnection, account_id: str) -> Sequence[RowMapping]:
    """The entries of one account, oldest first."""
    query = select(ledger).where(ledger.c.account_id == account_id).order_by(ledger.c.id)
    return (await connection.execute(query)).mappings().all()


async def by_day(
    connection: AsyncConnection, account_id: str, starts: Sequence[float]
) -> Sequence[RowMapping]:
    """What an account's entries add up to, by day and kind: `day`, `kind`, `units`, `entries`.

    Args:
        connection: the transaction.
        account_id: whose.
        starts: when each day begins, the first first, and when the last one ends; days are counted from 0.
    """
    day = case(*((ledger.c.created_at < end, place) for place, end in enumerate(starts[1:])))
    # Inside: PostgreSQL takes the same expression with parameters for two different ones.
    entries = (
        select(day.label("day"), ledger.c.kind, ledger.c.units)
        .where(
            ledger.c.account_id == account_id,
            ledger.c.created_at >= starts[0],
            ledger.c.created_at < starts[-1],
        )
        .subquery()
    )
    query = select(
        entries.c.day, entries.c.kind, func.sum(entries.c.units).label("units"), func.count().label("entries")
    ).group_by(entries.c.day, entries.c.kind)
    return (await connection.execute(query)).mappings().all()
