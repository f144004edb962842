"""Batches: many pictures asked for together, each of them a task of its own.

A batch has no state: it is as far as its tasks are. Its webhook is called when the last of them has ended;
the delivery belongs to that task.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cleanplate.store.queries import batches as batch_rows
from cleanplate.task import life
from cleanplate.task.keys import source_key
from cleanplate.task.record import Source, State

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from cleanplate.task.record import Request, Task


def _nothing() -> bytes:
    return b""


def _no_counts() -> dict[State, int]:
    return {}


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a batch that is submitted.

    Attributes:
        name: as its result is to be called.
        url: where it is; None: `read` gives its bytes, one picture at a time, in a thread.
    """

    name: str
    url: str | None = None
    read: Callable[[], bytes] = _nothing


@dataclass(frozen=True, slots=True)
class NewBatch:
    """What is wanted for all of a batch's pictures together.

    Attributes:
        webhook: where to say that all have ended, or None.
        base_url: public base of the server as seen at submit.
        metadata: the caller's own.
        fingerprint: SHA-256 of all that was asked for.
    """

    webhook: str | None
    base_url: str
    metadata: Mapping[str, Any]
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Pictures that were accepted together. Times are Unix seconds.

    Attributes:
        id: UUID version 4.
        account_id: who asked; nobody else may see it.
        pictures: how many.
        webhook: where to say that all have ended.
        base_url: public base of the server as seen at submit.
        metadata: the caller's own.
        created_at: when it was accepted.
        expires_at: from then on nobody can ask for it.
        counts: how many of its tasks are in which state.
    """

    id: str
    account_id: str
    pictures: int
    webhook: str | None
    base_url: str
    metadata: Mapping[str, Any]
    created_at: float
    expires_at: float
    counts: Mapping[State, int] = field(default_factory=_no_counts)

    @property
    def ended(self) -> bool:
        """Whether every task is done or failed."""
        return self.counts.get(State.DONE, 0) + self.counts.get(State.FAILED, 0) >= self.pictures


def accept(account_id: str, asked: NewBatch, pictures: int, now: float, keep_seconds: float) -> Batch:
    """A new batch."""
    return Batch(
        id=str(uuid.uuid4()),
        account_id=account_id,
        pictures=pictures,
        webhook=asked.webhook,
        base_url=asked.base_url,
        metadata=asked.metadata,
        created_at=now,
        expires_at=now + keep_seconds,
    )


def task_of(batch: Batch, request: Request, picture: Picture, now: float) -> Task:
    """The task of one of its pictures."""
    task_id = str(uuid.uuid4())
    source = (
        Source("blob", source_key(task_id, "source")) if picture.url is None else Source("url", picture.url)
    )
    wanted = replace(request, source=source, name=picture.name, callback_url=None)
    task = life.accept(task_id, batch.account_id, wanted, now, batch.expires_at - now)
    return replace(task, batch_id=batch.id)


async def add(connection: AsyncConnection, batch: Batch) -> None:
    """Insert a batch."""
    await batch_rows.add(
        connection,
        {
            "id": batch.id,
            "account_id": batch.account_id,
            "pictures": batch.pictures,
            "webhook": batch.webhook,
            "base_url": batch.base_url,
            "metadata": dict(batch.metadata),
            "created_at": batch.created_at,
            "expires_at": batch.expires_at,
        },
    )


async def read(connection: AsyncConnection, batch_id: str) -> Batch | None:
    """The batch with this id, whosesoever it is, with how far it is."""
    row = await batch_rows.find(connection, batch_id)
    if row is None:
        return None
    counts = await batch_rows.counts(connection, batch_id)
    return Batch(**row, counts={State(state): number for state, number in counts.items()})


async def webhook_due(connection: AsyncConnection, batch_id: str) -> str | None:
    """The batch's webhook when the caller's transaction has just ended its last task, else None."""
    row = await batch_rows.lock(connection, batch_id)
    if row is None or row["webhook"] is None:
        return None
    counts = await batch_rows.counts(connection, batch_id)
    left = counts.get("queued", 0) + counts.get("running", 0)
    return None if left else row["webhook"]
