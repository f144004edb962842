"""Rows of deliveries: one callback to be made for one task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, or_, select, update

from cleanplate.store.tables import deliveries, tasks, tries

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection


async def add(connection: AsyncConnection, *, delivery_id: str, task_id: str, url: str, now: float) -> None:
    """Insert a pending delivery that is due at once."""
    await connection.execute(
        insert(deliveries).values(
            id=delivery_id, task_id=task_id, url=url, state="pending", attempts=0, next_at=now, created_at=now
        )
    )


async def find(connection: AsyncConnection, delivery_id: str) -> RowMapping | None:
    """The delivery with this id."""
    return (
        (await connection.execute(select(deliveries).where(deliveries.c.id == delivery_id)))
        .mappings()
        .first()
    )


async def of_task(connection: AsyncConnection, task_id: str) -> RowMapping | None:
    """The delivery of this task."""
    query = select(deliveries).where(deliveries.c.task_id == task_id)
    return (await connection.execute(query)).mappings().first()


async def change(
    connection: AsyncConnection, delivery_id: str, *, attempts: int, values: Mapping[str, Any]
) -> bool:
    """Change a delivery if it is still pending after `attempts` tries.

    Returns:
        False: it is not (another worker was faster), and nothing was changed.
    """
    query = (
        update(deliveries)
        .where(
            deliveries.c.id == delivery_id, deliveries.c.state == "pending", deliveries.c.attempts == attempts
        )
        .values(**values)
        .returning(deliveries.c.id)
    )
    return (await connection.execute(query)).first() is not None


async def add_try(
    connection: AsyncConnection,
    delivery_id: str,
    *,
    number: int,
    at: float,
    status: int | None,
    error: str | None,
) -> None:
    """Note down what came of one try."""
    await connection.execute(
        insert(tries).values(delivery_id=delivery_id, number=number, at=at, status=status, error=error)
    )


async def tries_of(connection: AsyncConnection, delivery_id: str) -> Sequence[RowMapping]:
    """The tries of a delivery, the first first."""
    query = select(tries).where(tries.c.delivery_id == delivery_id).order_by(tries.c.number)
    return (await connection.execute(query)).mappings().all()


async def due(connection: AsyncConnection, now: float) -> Sequence[RowMapping]:
    """Id and number of tries of the pending deliveries whose next one is due."""
    query = select(deliveries.c.id, deliveries.c.attempts).where(
        deliveries.c.state == "pending", deliveries.c.next_at <= now
    )
    return (await connection.execute(query)).mappings().all()


async def pending_of(connection: AsyncConnection, task_ids: Collection[str]) -> set[str]:
    """Those of `task_ids` (a few hundred at most) whose callback, or whose batch's, is still to be made."""
    called_for = select(deliveries.c.task_id).where(deliveries.c.state == "pending")
    batches = select(tasks.c.batch_id).where(tasks.c.id.in_(called_for), tasks.c.batch_id.is_not(None))
    query = select(tasks.c.id).where(
        tasks.c.id.in_(task_ids), or_(tasks.c.id.in_(called_for), tasks.c.batch_id.in_(batches))
    )
    return set((await connection.execute(query)).scalars().all())


async def make_due(connection: AsyncConnection, delivery_id: str, now: float) -> bool:
    """Have a settled delivery made once more; the numbers of its tries go on.

    Returns:
        False: it is pending already, and nothing was changed.
    """
    query = (
        update(deliveries)
        .where(deliveries.c.id == delivery_id, deliveries.c.state != "pending")
        .values(state="pending", next_at=now)
        .returning(deliveries.c.id)
    )
    return (await connection.execute(query)).first() is not None
