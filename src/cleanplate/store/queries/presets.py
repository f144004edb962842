"""Rows of presets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, or_, select

from cleanplate.store.queries.insert import insert_if_absent
from cleanplate.store.tables import presets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


async def add_if_absent(connection: AsyncConnection, row: Mapping[str, Any]) -> bool:
    """Insert one; False: the account has one of this name."""
    await insert_if_absent(connection, presets, row)
    query = select(presets.c.id).where(presets.c.id == row["id"])
    return (await connection.execute(query)).first() is not None


async def find(connection: AsyncConnection, account_id: str, id_or_name: str) -> RowMapping | None:
    """The account's preset with this id, or else of this name."""
    query = select(presets).where(
        presets.c.account_id == account_id, or_(presets.c.id == id_or_name, presets.c.name == id_or_name)
    )
    rows = (await connection.execute(query)).mappings().all()
    return next((row for row in rows if row["id"] == id_or_name), rows[0] if rows else None)


async def listed(connection: AsyncConnection, account_id: str) -> Sequence[RowMapping]:
    """The account's presets by name."""
    query = select(presets).where(presets.c.account_id == account_id).order_by(presets.c.name)
    return (await connection.execute(query)).mappings().all()


async def count(connection: AsyncConnection, account_id: str) -> int:
    """How many the account has."""
    query = select(func.count()).select_from(presets).where(presets.c.account_id == account_id)
    return (await connection.execute(query)).scalar_one()


async def remove(connection: AsyncConnection, preset_id: str) -> None:
    """Delete one."""
    await connection.execute(delete(presets).where(presets.c.id == preset_id))
