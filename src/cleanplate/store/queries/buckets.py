"""Rows of token buckets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select, update

from cleanplate.store.queries.insert import insert_if_absent
from cleanplate.store.tables import buckets

if TYPE_CHECKING:
    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


async def lock(connection: AsyncConnection, bucket_id: str, *, level: float, now: float) -> RowMapping:
    """The bucket with this id, made at `level` when there is none; nobody else changes it meanwhile."""
    await insert_if_absent(connection, buckets, {"id": bucket_id, "level": level, "at": now})
    query = select(buckets).where(buckets.c.id == bucket_id).with_for_update()
    return (await connection.execute(query)).mappings().one()


async def fill(connection: AsyncConnection, bucket_id: str, *, level: float, now: float) -> None:
    """Write down its level; only after `lock`."""
    await connection.execute(update(buckets).where(buckets.c.id == bucket_id).values(level=level, at=now))
