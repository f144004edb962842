"""How the service stands: what waits, who works, what was done of late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleanplate.store.queries import tasks as task_rows
from cleanplate.task.record import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

LATE_SECONDS = 3_600.0  # what "of late" means


@dataclass(frozen=True, slots=True)
class Working:
    """A worker that is at something.

    Attributes:
        name: host and process.
        tasks: how many it works on.
        since: when it began the first of them, Unix seconds.
        heard_until: until when at least one of them need not be given up, Unix seconds.
    """

    name: str
    tasks: int
    since: float
    heard_until: float


@dataclass(frozen=True, slots=True)
class Standing:
    """The tasks of all accounts at one moment.

    Attributes:
        unfinished: how many are queued and running.
        oldest: when the one that waits longest was accepted, Unix seconds; None: none waits.
        ended: how many were done and failed in the last hour, as far as they are still kept.
        seconds: what one took on average then; None: none was done.
        workers: who works.
        by_account: for each account's id, how many of its tasks are in which state.
    """

    unfinished: Mapping[State, int]
    oldest: float | None
    ended: Mapping[State, int]
    seconds: float | None
    workers: tuple[Working, ...]
    by_account: Mapping[str, Mapping[State, int]]


async def read_standing(connection: AsyncConnection, now: float) -> Standing:
    """How the service stands now."""
    counts, oldest = await task_rows.unfinished(connection)
    ended = {State(row["state"]): row for row in await task_rows.ended_since(connection, now - LATE_SECONDS)}
    by_account: dict[str, dict[State, int]] = {}
    for row in await task_rows.states_by_account(connection):
        by_account.setdefault(row["account_id"], {})[State(row["state"])] = row["tasks"]
    return Standing(
        unfinished={state: counts.get(state.value, 0) for state in (State.QUEUED, State.RUNNING)},
        oldest=oldest,
        ended={state: ended[state]["tasks"] if state in ended else 0 for state in (State.DONE, State.FAILED)},
        seconds=ended[State.DONE]["seconds"] if State.DONE in ended else None,
        workers=tuple(
            Working(row["worker"] or "", row["tasks"], row["started_at"], row["lease_until"])
            for row in await task_rows.at_work(connection)
        ),
        by_account=by_account,
    )
