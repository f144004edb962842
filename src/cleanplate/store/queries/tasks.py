"""Rows of tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, delete, func, insert, or_, select, tuple_, update

from cleanplate.store.tables import tasks

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from sqlalchemy import RowMapping
    from sqlalchemy.ext.asyncio import AsyncConnection

UNFINISHED = ("queued", "running")
FINISHED = ("done", "failed")


async def add(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Insert one task."""
    await connection.execute(insert(tasks).values(**row))


async def add_all(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert many at once."""
    await connection.execute(insert(tasks), [dict(row) for row in rows])


async def find(connection: AsyncConnection, task_id: str) -> RowMapping | None:
    """The task with this id."""
    return (await connection.execute(select(tasks).where(tasks.c.id == task_id))).mappings().first()


async def listed(
    connection: AsyncConnection,
    account_id: str,
    *,
    now: float,
    limit: int,
    state: str | None = None,
    since: float | None = None,
    until: float | None = None,
    after: tuple[float, str] | None = None,
    batch_id: str | None = None,
) -> Sequence[RowMapping]:
    """An account's tasks that have not expired, the newest first.

    Args:
        connection: the transaction.
        account_id: whose.
        now: what expires by now is left out.
        limit: most rows.
        state: only these.
        since: accepted then or later.
        until: accepted before.
        after: `created_at` and `id` of the last one that is known already.
        batch_id: only those of this batch.
    """
    query = select(tasks).where(tasks.c.account_id == account_id, tasks.c.expires_at > now)
    if state is not None:
        query = query.where(tasks.c.state == state)
    if batch_id is not None:
        query = query.where(tasks.c.batch_id == batch_id)
    if since is not None:
        query = query.where(tasks.c.created_at >= since)
    if until is not None:
        query = query.where(tasks.c.created_at < until)
    if after is not None:
        query = query.where(tuple_(tasks.c.created_at, tasks.c.id) < tuple_(*after))
    query = query.order_by(tasks.c.created_at.desc(), tasks.c.id.desc()).limit(limit)
    return (await connection.execute(query)).mappings().all()


async def lock(connection: AsyncConnection, task_id: str) -> RowMapping | None:
    """The task with this id, which nobody else changes until the transaction ends."""
    query = select(tasks).where(tasks.c.id == task_id).with_for_update()  # SQLite: the writer is alone anyway
    return (await connection.execute(query)).mappings().first()


async def change(
    connection: AsyncConnection, task_id: str, *, fence: int, state: str, values: Mapping[str, Any]
) -> bool:
    """Change a task if it is still at attempt `fence` and in `state`.

    Returns:
        False: it is not, and nothing was changed.
    """
    query = (
        update(tasks)
        .where(tasks.c.id == task_id, tasks.c.attempt == fence, tasks.c.state == state)
        .values(**values)
        .returning(tasks.c.id)
    )
    return (await connection.execute(query)).first() is not None


async def count_unfinished(connection: AsyncConnection) -> int:
    """How many tasks are queued or running, those of batches not counted."""
    query = (
        select(func.count())
        .select_from(tasks)
        .where(tasks.c.state.in_(UNFINISHED), tasks.c.batch_id.is_(None))
    )
    return (await connection.execute(query)).scalar_one()


async def count_ahead(connection: AsyncConnection, priority: int, turn: int) -> int:
    """How many queued tasks go before one of this priority and turn that comes now."""
    query = (
        select(func.count())
        .select_from(tasks)
        .where(
            tasks.c.state == "queued",
            or_(tasks.c.priority > priority, and_(tasks.c.priority == priority, tasks.c.turn <= turn)),
        )
    )
    return (await connection.execute(query)).scalar_one()


async def count_unfinished_of(connection: AsyncConnection, account_id: str) -> int:
    """How many tasks of an account are queued or running."""
    query = (
        select(func.count())
        .select_from(tasks)
        .where(tasks.c.account_id == account_id, tasks.c.state.in_(UNFINISHED))
    )
    return (await connection.execute(query)).scalar_one()


async def last_turn(connection: AsyncConnection, account_id: str, *, batched: bool) -> int | None:
    """The highest turn among an account's unfinished tasks: those of its batches, or the others."""
    query = select(func.max(tasks.c.turn)).where(
        tasks.c.state.in_(UNFINISHED),
        tasks.c.account_id == account_id,
        tasks.c.batch_id.is_not(None) if batched else tasks.c.batch_id.is_(None),
    )
    return (await connection.execute(query)).scalar_one()


async def turn_served(connection: AsyncConnection) -> int:
    """The lowest turn that waits; when nothing does, the highest that is worked on.

    What rests after a setback was served in its turn.
    """
    waiting = tasks.c.state == "queued", tasks.c.next_at.is_(None)
    waits = select(func.min(tasks.c.turn)).where(*waiting).scalar_subquery()
    works = select(func.max(tasks.c.turn)).where(tasks.c.state == "running").scalar_subquery()
    return (await connection.execute(select(func.coalesce(waits, works, 0)))).scalar_one()


async def unfinished(connection: AsyncConnection) -> tuple[dict[str, int], float | None]:
    """How many tasks are in which unfinished state, and when the oldest queued one was accepted."""
    query = (
        select(tasks.c.state, func.count(), func.min(tasks.c.created_at))
        .where(tasks.c.state.in_(UNFINISHED))
        .group_by(tasks.c.state)
    )
    rows = (await connection.execute(query)).all()
    return {row[0]: row[1] for row in rows}, next((row[2] for row in rows if row[0] == "queued"), None)


async def changed(
    connection: AsyncConnection, account_id: str, since: float, now: float, limit: int
) -> Sequence[RowMapping]:
    """An account's tasks that were accepted, begun or ended since then, the last accepted first."""
    query = (
        select(tasks)
        .where(
            tasks.c.account_id == account_id,
            tasks.c.expires_at > now,
            or_(tasks.c.created_at >= since, tasks.c.started_at >= since, tasks.c.finished_at >= since),
        )
        .order_by(tasks.c.created_at.desc(), tasks.c.id.desc())
        .limit(limit)
    )
    return (await connection.execute(query)).mappings().all()


async def states_by_account(connection: AsyncConnection) -> Sequence[RowMapping]:
    """How many tasks each account has in each state: `account_id`, `state`, `tasks`."""
    query = select(tasks.c.account_id, tasks.c.state, func.count().label("tasks")).group_by(
        tasks.c.account_id, tasks.c.state
    )
    return (await connection.execute(query)).mappings().all()


async def at_work(connection: AsyncConnection) -> Sequence[RowMapping]:
    """Who works: `worker`, how many `tasks`, since when (`started_at`), how long at least (`lease_until`)."""
    query = (
        select(
            tasks.c.worker,
            func.count().label("tasks"),
            func.min(tasks.c.started_at).label("started_at"),
            func.min(tasks.c.lease_until).label("lease_until"),
        )
        .where(tasks.c.state == "running")
        .group_by(tasks.c.worker)
        .order_by(tasks.c.worker)
    )
    return (await connection.execute(query)).mappings().all()


async def ended_since(connection: AsyncConnection, since: float) -> Sequence[RowMapping]:
    """How many tasks have ended since then, by `state`, and the mean `seconds` of their last attempt."""
    query = (
        select(
            tasks.c.state,
            func.count().label("tasks"),
            func.avg(tasks.c.finished_at - tasks.c.started_at).label("seconds"),
        )
        .where(tasks.c.finished_at >= since)
        .group_by(tasks.c.state)
    )
    return (await connection.execute(query)).mappings().all()


async def mean_seconds(connection: AsyncConnection, latest: int) -> float | None:
    """How long the last attempt took, on the average of the `latest` tasks that are done; None: none are."""
    query = (
        select(tasks.c.finished_at - tasks.c.started_at)
        .where(tasks.c.state == "done")
        .order_by(tasks.c.finished_at.desc())
        .limit(latest)
    )
    seconds = (await connection.execute(query)).scalars().all()
    return sum(seconds) / len(seconds) if seconds else None


async def count_running(connection: AsyncConnection) -> int:
    """How many tasks are running."""
    query = select(func.count()).select_from(tasks).where(tasks.c.state == "running")
    return (await connection.execute(query)).scalar_one()


async def queued(connection: AsyncConnection, now: float) -> Sequence[RowMapping]:
    """Id, priority and turn of every queued task that does not rest, the ones to do first first."""
    query = (
        select(tasks.c.id, tasks.c.priority, tasks.c.turn)
        .where(tasks.c.state == "queued", or_(tasks.c.next_at.is_(None), tasks.c.next_at <= now))
        .order_by(tasks.c.priority.desc(), tasks.c.turn, tasks.c.created_at)
    )
    return (await connection.execute(query)).mappings().all()


async def overdue(connection: AsyncConnection, now: float) -> Sequence[RowMapping]:
    """Id, priority and turn of every running task whose lease has ended."""
    query = select(tasks.c.id, tasks.c.priority, tasks.c.turn).where(
        tasks.c.state == "running", tasks.c.lease_until <= now
    )
    return (await connection.execute(query)).mappings().all()


async def expired_unfinished(connection: AsyncConnection, now: float) -> Sequence[str]:
    """Ids of the tasks that are past their time and have not ended."""
    query = select(tasks.c.id).where(tasks.c.expires_at <= now, tasks.c.state.in_(UNFINISHED))
    return (await connection.execute(query)).scalars().all()


async def expired_finished(connection: AsyncConnection, now: float) -> Sequence[str]:
    """Ids of the tasks that are past their time and have ended."""
    query = select(tasks.c.id).where(tasks.c.expires_at <= now, tasks.c.state.in_(FINISHED))
    return (await connection.execute(query)).scalars().all()


async def known(connection: AsyncConnection, ids: Collection[str]) -> set[str]:
    """Those of `ids` (a few hundred at most) that are tasks."""
    query = select(tasks.c.id).where(tasks.c.id.in_(ids))
    return set((await connection.execute(query)).scalars().all())


async def unfinished_of(connection: AsyncConnection, ids: Collection[str]) -> set[str]:
    """Those of `ids` (a few hundred at most) that are queued or running."""
    query = select(tasks.c.id).where(tasks.c.id.in_(ids), tasks.c.state.in_(UNFINISHED))
    return set((await connection.execute(query)).scalars().all())


async def remove(connection: AsyncConnection, ids: Collection[str]) -> None:
    """Delete the tasks (a few hundred at most) and their deliveries."""
    await connection.execute(delete(tasks).where(tasks.c.id.in_(ids)))
