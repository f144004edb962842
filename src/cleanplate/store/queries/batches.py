"""Rows of batches, and of the tasks that belong to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, exists, func, insert, select

from cleanplate.store.queries.tasks import UNFINISHED
from cleanplate.store.tables import batches, tasks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


async def add(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Insert one."""
    await connection.execute(insert(batches).values(**row))


async def find(connection: AsyncConnection, batch_id: str) -> RowMapping | None:
    """The batch with this id."""
    return (await connection.execute(select(batches).where(batches.c.id == batch_id))).mappings().first()


async def lock(connection: AsyncConnection, batch_id: str) -> RowMapping | None:
    """The same; of those who end its tasks at the same moment only one goes on at a time."""
    query = select(batches).where(batches.c.id == batch_id).with_for_update()
    return (await connection.execute(query)).mappings().first()


async def counts(connection: AsyncConnection, batch_id: str) -> dict[str, int]:
    """How many of its tasks are in which state."""
    query = select(tasks.c.state, func.count()).where(tasks.c.batch_id == batch_id).group_by(tasks.c.state)
    return {row[0]: row[1] for row in (await connection.execute(query)).all()}


async def tasks_of(connection: AsyncConnection, batch_id: str) -> Sequence[RowMapping]:
    """Its tasks in the order in which they were asked for."""
    query = select(tasks).where(tasks.c.batch_id == batch_id).order_by(tasks.c.turn)
    return (await connection.execute(query)).mappings().all()


async def count_unfinished(connection: AsyncConnection) -> int:
    """How many tasks of all batches are queued or running."""
    query = (
        select(func.count())
        .select_from(tasks)
        .where(tasks.c.state.in_(UNFINISHED), tasks.c.batch_id.is_not(None))
    )
    return (await connection.execute(query)).scalar_one()


async def remove_expired(connection: AsyncConnection, now: float) -> None:
    """Delete those that are past their time and have no tasks any more."""
    left = exists().where(tasks.c.batch_id == batches.c.id)
    await connection.execute(delete(batches).where(batches.c.expires_at <= now, ~left))
