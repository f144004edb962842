"""What is counted and timed of tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleanplate import metrics
from cleanplate.store.queries import tasks as task_rows
from cleanplate.task.pace import seconds_a_task
from cleanplate.task.record import State

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from cleanplate.task.record import Task


async def set_gauges(connection: AsyncConnection, now: float) -> None:
    """Bring the gauges up to date: what is queued and running, since when, and how much work it is."""
    counts, oldest = await task_rows.unfinished(connection)
    seconds = await seconds_a_task(connection)
    for state in (State.QUEUED, State.RUNNING):
        metrics.unfinished.labels(state.value).set(counts.get(state.value, 0))
    metrics.backlog_seconds.set(counts.get(State.QUEUED.value, 0) * seconds)
    metrics.oldest_seconds.set(0 if oldest is None else max(0.0, now - oldest))


def count_ended(task: Task) -> None:
    """Count and time a task that has ended."""
    code = "done" if task.failure is None else task.failure.code
    metrics.results.labels(task.request.dialect, code).inc()
    metrics.credits_settled.labels("charged" if task.failure is None else "refunded").inc(
        task.request.credits
    )
    if task.started_at is not None and task.finished_at is not None:
        metrics.wait_seconds.observe(max(0.0, task.started_at - task.created_at))
        metrics.work_seconds.labels(code).observe(max(0.0, task.finished_at - task.started_at))
