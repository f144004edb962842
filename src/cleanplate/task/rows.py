"""Tasks to rows of the table and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from cleanplate.store.queries import tasks as task_rows
from cleanplate.task.record import Failure, Outcome, Request, State, Task

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

# Unknown keys are ignored and new fields have defaults, so that rows of other versions can be read.
_REQUEST = TypeAdapter(Request)
_OUTCOME = TypeAdapter(Outcome)
_FAILURE = TypeAdapter(Failure)


async def read_task(connection: AsyncConnection, task_id: str) -> Task | None:
    """The task with this id, whosesoever it is, in the caller's transaction."""
    row = await task_rows.find(connection, task_id)
    return None if row is None else from_row(row)


def dump_request(request: Request) -> dict[str, Any]:
    """A request as JSON can hold it."""
    return _REQUEST.dump_python(request, mode="json")


def to_row(task: Task) -> dict[str, Any]:
    """All columns of a task."""
    return {
        "id": task.id,
        "account_id": task.account_id,
        "priority": priority(task.request),
        "turn": task.turn,
        "batch_id": task.batch_id,
        "created_at": task.created_at,
        "expires_at": task.expires_at,
        "request": dump_request(task.request),
        **changes(task),
    }


def changes(task: Task) -> dict[str, Any]:
    """The columns that a transition may change."""
    return {
        "state": task.state.value,
        "attempt": task.attempt,
        "losses": task.losses,
        "setbacks": task.setbacks,
        "next_at": task.next_at,
        "worker": task.worker,
        "lease_until": task.lease_until,
        "started_at": task.started_at,
        "finished_at": task.finished_at,
        "outcome": None if task.outcome is None else _OUTCOME.dump_python(task.outcome, mode="json"),
        "failure": None if task.failure is None else _FAILURE.dump_python(task.failure, mode="json"),
    }


def from_row(row: Mapping[Any, Any]) -> Task:
    """The task that a row describes."""
    return Task(
        id=row["id"],
        account_id=row["account_id"],
        request=_REQUEST.validate_python(row["request"]),
        state=State(row["state"]),
        attempt=row["attempt"],
        losses=row["losses"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        expires_at=row["expires_at"],
        lease_until=row["lease_until"],
        worker=row["worker"],
        outcome=None if row["outcome"] is None else _OUTCOME.validate_python(row["outcome"]),
        failure=None if row["failure"] is None else _FAILURE.validate_python(row["failure"]),
        turn=row["turn"],
        batch_id=row["batch_id"],
        setbacks=row["setbacks"],
        next_at=row["next_at"],
    )


def priority(request: Request) -> int:
    """Higher goes first: someone who waits on the line before someone who will ask later."""
    return 1 if request.sync else 0
