"""The life of a task as a pure state machine: (task, now, …) → the task afterwards, or `TransitionRefused`.

    queued ──claim──▶ running ──finish──▶ done
      ▲                 │ ╰──────fail───▶ failed ◀── lose, set_back (once too often), expire
      ╰── lose, set_back, hand_back     cancel: from queued or running to failed

`attempt` is the fence. Each claim raises it, and whoever acts on a running task names the attempt that is
theirs: a worker that was thought dead and comes back late names an old one, and is refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from cleanplate.task.errors import TaskCancelled, TaskExpired, TransitionRefused, WorkerCrashed
from cleanplate.task.record import Failure, State, Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cleanplate.task.record import Outcome, Request


def accept(task_id: str, account_id: str, request: Request, now: float, keep_seconds: float) -> Task:
    """A new task, waiting to be claimed."""
    return Task(
        id=task_id,
        account_id=account_id,
        request=request,
        state=State.QUEUED,
        attempt=0,
        losses=0,
        created_at=now,
        started_at=None,
        finished_at=None,
        expires_at=now + keep_seconds,
    )


def expired(task: Task, now: float) -> bool:
    """Whether nobody can ask for it any more."""
    return now >= task.expires_at


def overdue(task: Task, now: float) -> bool:
    """Whether it runs, and its worker has not been heard of in time."""
    return task.state is State.RUNNING and task.lease_until is not None and now >= task.lease_until


def rests(task: Task, now: float) -> bool:
    """Whether it was set back, and it is too soon to try it again."""
    return task.next_at is not None and now < task.next_at


def claim(task: Task, now: float, worker: str, lease_seconds: float) -> Task:
    """Begin the next attempt."""
    if task.state is not State.QUEUED or expired(task, now) or rests(task, now):
        raise TransitionRefused(detail=f"claim of a {task.state} task")
    return replace(
        task,
        state=State.RUNNING,
        next_at=None,
        attempt=task.attempt + 1,
        started_at=now,
        lease_until=now + lease_seconds,
        worker=worker,
    )


def take(task: Task, now: float, worker: str, lease_seconds: float, max_losses: int) -> Task:
    """Claim it, if need be from a worker that has fallen silent; or end it, when that was once too often."""
    if expired(task, now):
        return expire(task, now)
    if overdue(task, now):
        task = lose(task, task.attempt, now, max_losses)
        if task.state.final:
            return task
    return claim(task, now, worker, lease_seconds)


def extend(task: Task, attempt: int, now: float, lease_seconds: float) -> Task:
    """Its worker lives."""
    _must_hold(task, attempt)
    return replace(task, lease_until=now + lease_seconds)


def finish(task: Task, attempt: int, now: float, outcome: Outcome) -> Task:
    """It is done. Not after it has expired: nobody could fetch the result that they would pay for."""
    _must_hold(task, attempt)
    if expired(task, now):
        raise TransitionRefused(detail="finish of an expired task")
    return replace(task, state=State.DONE, finished_at=now, lease_until=None, worker=None, outcome=outcome)


def fail(task: Task, attempt: int, now: float, failure: Failure) -> Task:
    """It cannot be done, and trying again would not help."""
    _must_hold(task, attempt)
    return _failed(task, now, failure)


def lose(task: Task, attempt: int, now: float, max_losses: int) -> Task:
    """Its worker died over it: queued again, or failed after the `max_losses`th time."""
    _must_hold(task, attempt)
    lost = replace(task, losses=task.losses + 1)
    if lost.losses >= max_losses:
        return _failed(lost, now, Failure.of(WorkerCrashed()))
    return _queued(lost)


def set_back(task: Task, attempt: int, now: float, failure: Failure, pauses: Sequence[float]) -> Task:
    """The server itself kept it from being done: queued to rest for the next pause, failed after the last.

    Args:
        task: running.
        attempt: whose it is.
        now: Unix seconds.
        failure: what kept it.
        pauses: seconds, one for each time that it may be set back.
    """
    _must_hold(task, attempt)
    if task.setbacks >= len(pauses):
        return _failed(task, now, failure)
    return replace(_queued(task), setbacks=task.setbacks + 1, next_at=now + pauses[task.setbacks])


def hand_back(task: Task, attempt: int) -> Task:
    """Its worker stops for a reason of its own: queued again, and nobody's fault."""
    _must_hold(task, attempt)
    return _queued(task)


def cancel(task: Task, now: float) -> Task:
    """Whoever asked for it does not want it any more, whoever may be at it."""
    if task.state.final:
        raise TransitionRefused(detail=f"cancellation of a {task.state} task")
    return _failed(task, now, Failure.of(TaskCancelled()))


def expire(task: Task, now: float) -> Task:
    """Its time is over before it has ended, whoever may still be at it."""
    if task.state.final or not expired(task, now):
        raise TransitionRefused(detail=f"expiry of a {task.state} task at {now}, due at {task.expires_at}")
    return _failed(task, now, Failure.of(TaskExpired()))


def _must_hold(task: Task, attempt: int) -> None:
    if task.state is not State.RUNNING or task.attempt != attempt:
        raise TransitionRefused(detail=f"attempt {attempt} of a {task.state} task at attempt {task.attempt}")


def _queued(task: Task) -> Task:
    return replace(task, state=State.QUEUED, started_at=None, lease_until=None, worker=None)


def _failed(task: Task, now: float, failure: Failure) -> Task:
    return replace(
        task,
        state=State.FAILED,
        finished_at=now,
        lease_until=None,
        next_at=None,
        worker=None,
        failure=failure,
    )
