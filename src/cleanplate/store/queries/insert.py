"""Inserting what may be there already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Table
    from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_if_absent(connection: AsyncConnection, table: Table, values: Mapping[str, Any]) -> None:
    """Insert a row unless a unique constraint says that it is there already."""
    if connection.dialect.name == "postgresql":
        await connection.execute(postgresql.insert(table).values(**values).on_conflict_do_nothing())
    else:
        await connection.execute(sqlite.insert(table).values(**values).on_conflict_do_nothing())
