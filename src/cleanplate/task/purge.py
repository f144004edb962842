"""Removing what has expired: rows and blobs of ended tasks, and blobs that belong to no task."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from cleanplate.store.queries import audit as audit_rows
from cleanplate.store.queries import batches as batch_rows
from cleanplate.store.queries import deliveries as delivery_rows
from cleanplate.store.queries import idempotency as key_rows
from cleanplate.store.queries import tasks as task_rows
from cleanplate.task.keys import RESULTS, SOURCES, folders, task_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cleanplate.store import Blobs, Database

BATCH = 500  # ids in one statement; SQLite takes up to 32,766
YOUNGEST_STRAY = 600  # seconds; a submit that has stored its blobs surely has its row by then


@dataclass(frozen=True, slots=True)
class Purged:
    """What one purge did.

    Attributes:
        expired: tasks that had not ended in time and were failed.
        removed: rows of tasks removed.
        blobs: blobs removed.
    """

    expired: int
    removed: int
    blobs: int


class Purge:
    """Removes; safe to stop anywhere, the next run goes on."""

    def __init__(self, db: Database, blobs: Blobs, keep_seconds: float, audit_seconds: float) -> None:
        self._db = db
        self._blobs = blobs
        self._keep_seconds = keep_seconds
        self._audit_seconds = audit_seconds

    async def run(self, now: float) -> tuple[int, int]:
        """Remove what has expired.

        Returns:
            how many rows of tasks, and how many blobs, were removed.
        """
        async with self._db.read() as connection:
            ended = await task_rows.expired_finished(connection, now)
        removed = blobs = 0
        for ids in _batches(ended):
            # Blobs before rows: the other way round, a crash between would leave blobs that nothing names.
            blobs += await self._remove_blobs(ids)
            removed += await self._remove_rows(ids, now)
        async with self._db.write() as connection:
            await key_rows.remove_expired(connection, now)
            await batch_rows.remove_expired(connection, now)
            await audit_rows.remove_older(connection, now - self._audit_seconds)
        return removed, blobs + await self._remove_strays(now)

    async def _remove_blobs(self, task_ids: Iterable[str]) -> int:
        keys = [
            blob.key
            for task_id in task_ids
            for folder in folders(task_id)
            async for blob in self._blobs.list(folder)
        ]
        await self._blobs.delete(keys)
        return len(keys)

    async def _remove_rows(self, task_ids: list[str], now: float) -> int:
        async with self._db.write() as connection:
            pending = await delivery_rows.pending_of(connection, task_ids)
            # A callback still to be made needs its task, and a batch's tells how many of its tasks are done;
            # but not for ever, should it never be settled.
            late = set(await task_rows.expired_finished(connection, now - self._keep_seconds))
            gone = [task_id for task_id in task_ids if task_id not in pending or task_id in late]
            await task_rows.remove(connection, gone)
        return len(gone)

    async def _remove_strays(self, now: float) -> int:
        """Remove blobs of submits that crashed and of attempts that came too late."""
        oldest_kept = now - max(self._keep_seconds, YOUNGEST_STRAY)
        old: dict[str, list[str]] = {}
        for folder in (SOURCES, RESULTS):
            async for blob in self._blobs.list(folder):
                if blob.written_at < oldest_kept:
                    old.setdefault(task_of(blob.key), []).append(blob.key)
        removed = 0
        for ids in _batches(old):
            async with self._db.read() as connection:
                known = await task_rows.known(connection, ids)
            strays = [key for task_id in ids if task_id not in known for key in old[task_id]]
            await self._blobs.delete(strays)
            removed += len(strays)
        return removed


def _batches(ids: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(ids)
    while batch := list(islice(rest, BATCH)):
        yield batch
