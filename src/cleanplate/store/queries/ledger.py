"""Rows of the ledger: only ever added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from cleanplate.store.tables import ledger

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


async def add(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Insert one entry."""
    await connection.execute(insert(ledger).values(**row))


async def add_all(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert many entries at once."""
    await connection.execute(insert(ledger), [dict(row) for row in rows])


async def of_task(connection: AsyncConnection, task_id: str) -> Sequence[RowMapping]:
    """The entries of one task, oldest first."""
    query = select(ledger).where(ledger.c.task_id == task_id).order_by(ledger.c.id)
    return (await connection.execute(query)).mappings().all()


async def of_account(connection: AsyncConnection, account_id: str) -> Sequence[RowMapping]:
    """The entries of one account, oldest first."""
    query = select(ledger).where(ledger.c.account_id == account_id).order_by(ledger.c.id)
    return (await connection.execute(query)).mappings().all()
