"""Accepting work: blobs first, then one transaction with rows, credits and the caller's key; or nothing."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from cleanplate import tracing
from cleanplate.account import bookkeeping
from cleanplate.errors import CleanplateError
from cleanplate.store import StorageFailed
from cleanplate.store.queries import audit as audit_rows
from cleanplate.store.queries import batches as batch_rows
from cleanplate.store.queries import tasks as task_rows
from cleanplate.task import batches, life, pace, repeats, trail
from cleanplate.task.errors import AccountBusy, QueueFull
from cleanplate.task.keys import source_key
from cleanplate.task.record import Source, State
from cleanplate.task.rows import priority, to_row
from cleanplate.task.turns import next_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from cleanplate import settings
    from cleanplate.account import Caller
    from cleanplate.store import Blobs, Database
    from cleanplate.task.batches import Batch, NewBatch, Picture
    from cleanplate.task.record import Request, Task

log = structlog.get_logger(__name__)

STORED_TOGETHER = 8  # pictures of a batch: each waits for the disk most of its time


class Repeated(Exception):
    """The account has sent this very request under its key before; `subject_id` is what it made then."""

    def __init__(self, subject_id: str) -> None:
        super().__init__(subject_id)
        self.subject_id = subject_id


class Acceptance:
    """Accepts tasks and batches; what they are woken with, and what becomes of them, is `Tasks`' business.

    Args:
        db: upgraded.
        blobs: for what is uploaded.
        settings: the section `task`.
        slots: how many tasks this process works on at the same time; 0: others do.
        clock: Unix seconds.
    """

    def __init__(
        self,
        db: Database,
        blobs: Blobs,
        settings: settings.Task,
        *,
        slots: int,
        clock: Callable[[], float],
    ) -> None:
        self._db = db
        self._blobs = blobs
        self._settings = settings
        self._slots = slots
        self._clock = clock

    async def task(
        self, caller: Caller, request: Request, uploads: Mapping[str, bytes], key: str | None
    ) -> Task:
        """Accept one, as `Tasks.submit` says.

        Raises:
            Repeated: it was accepted before.
        """
        request = replace(request, credits=self._settings.credits, trace=tracing.traceparent())
        now, account_id = self._clock(), caller.account.id
        named = None if key is None else repeats.Key(key, repeats.fingerprint(request, uploads))
        async with self._db.read() as connection:  # before 50 MB are written for nothing
            await self._refuse_known(connection, account_id, named, now)
            await self._refuse_when_full(connection)
            await self._refuse_when_late(connection, account_id, request)
        task_id = str(uuid.uuid4())
        wanted = _with_keys(request, task_id, uploads)
        task = life.accept(task_id, account_id, wanted, now, self._settings.keep_seconds)
        try:
            for upload, data in uploads.items():
                await self._blobs.put(source_key(task_id, upload), data)
            asked_for = (
                uploads[request.source.value] if request.source.kind == "blob" else request.source.value
            )
            digest = await asyncio.to_thread(trail.digest, asked_for)
            async with self._db.write() as connection:
                await self._take_key(connection, account_id, named, task_id, now, task.expires_at)
                await self._refuse_when_full(connection)
                await self._refuse_when_busy(connection, account_id, 1)
                task = replace(task, turn=await next_turn(connection, account_id))
                await self._refuse_when_late(connection, account_id, request, task.turn)
                await task_rows.add(connection, to_row(task))
                await bookkeeping.hold(connection, account_id, [task_id], request.credits, now)
                await audit_rows.add_all(connection, [trail.entry(caller, task, digest)])
        except BaseException as error:
            await self._drop([source_key(task_id, upload) for upload in uploads], error)
            raise
        return task

    async def batch(
        self,
        caller: Caller,
        request: Request,
        pictures: Sequence[Picture],
        asked: NewBatch,
        key: str | None,
    ) -> tuple[Batch, list[Task]]:
        """Accept many, as `Tasks.submit_batch` says.

        Raises:
            Repeated: they were accepted before.
        """
        request = replace(request, credits=self._settings.credits, trace=tracing.traceparent())
        now, account_id = self._clock(), caller.account.id
        named = None if key is None else repeats.Key(key, asked.fingerprint)
        async with self._db.read() as connection:
            await self._refuse_known(connection, account_id, named, now)
            await self._refuse_batch_when_full(connection, len(pictures))
        batch = batches.accept(account_id, asked, len(pictures), now, self._settings.batch_keep_seconds)
        tasks = [batches.task_of(batch, request, picture, now) for picture in pictures]
        keys = [source_key(task.id, "source") for task in tasks]
        try:
            digests = await self._all_stored(pictures, keys)
            async with self._db.write() as connection:
                await self._take_key(connection, account_id, named, batch.id, now, batch.expires_at)
                await self._refuse_batch_when_full(connection, len(pictures))
                await self._refuse_when_busy(connection, account_id, len(pictures))
                first = await next_turn(connection, account_id, batched=True)
                tasks = [replace(task, turn=first + place) for place, task in enumerate(tasks)]
                await batches.add(connection, batch)
                await task_rows.add_all(connection, [to_row(task) for task in tasks])
                ids = [task.id for task in tasks]
                await bookkeeping.hold(connection, account_id, ids, request.credits, now)
                entries = zip(tasks, digests, strict=True)
                await audit_rows.add_all(connection, [trail.entry(caller, *one) for one in entries])
        except BaseException as error:
            await self._drop(keys, error)
            raise
        return replace(batch, counts={State.QUEUED: len(tasks)}), tasks

    async def _all_stored(self, pictures: Sequence[Picture], keys: Sequence[str]) -> list[str]:
        """Store the pictures of a batch, a few at a time; what the audit trail calls them.

        The first that fails is raised, when no other is being written any more: what is there can be removed.
        """
        places = asyncio.Semaphore(STORED_TOGETHER)
        failed = False

        async def one(picture: Picture, blob_key: str) -> str:
            nonlocal failed
            async with places:
                if failed:  # all of them or none
                    return ""
                try:
                    return await self._stored(picture, blob_key)
                except BaseException:
                    failed = True
                    raise

        each = [one(picture, blob_key) for picture, blob_key in zip(pictures, keys, strict=True)]
        digests = await asyncio.gather(*each, return_exceptions=True)
        for digest in digests:
            if isinstance(digest, BaseException):
                raise digest
        return [str(digest) for digest in digests]

    async def _stored(self, picture: Picture, blob_key: str) -> str:
        """Store a picture of a batch, unless it comes by URL; what the audit trail calls it."""
        if picture.url is not None:
            return trail.digest(picture.url)
        data = await asyncio.to_thread(picture.read)
        await self._blobs.put(blob_key, data)
        return await asyncio.to_thread(trail.digest, data)

    async def _refuse_known(
        self, connection: AsyncConnection, account_id: str, key: repeats.Key | None, now: float
    ) -> None:
        known = key and await repeats.known(connection, account_id, key, now)
        if known is not None:
            raise Repeated(known)

    async def _take_key(
        self,
        connection: AsyncConnection,
        account_id: str,
        key: repeats.Key | None,
        subject_id: str,
        now: float,
        expires_at: float,
    ) -> None:
        if key is not None:
            owner = await repeats.take(connection, account_id, key, subject_id, now, expires_at)
            if owner != subject_id:
                raise Repeated(owner)

    async def _refuse_when_full(self, connection: AsyncConnection) -> None:
        depth = await task_rows.count_unfinished(connection)
        missing = depth + 1 - self._settings.max_queued  # places
        if missing > 0:
            raise QueueFull(retry_after=await self._when(connection, missing))

    async def _refuse_batch_when_full(self, connection: AsyncConnection, pictures: int) -> None:
        depth = await batch_rows.count_unfinished(connection)
        missing = depth + pictures - self._settings.max_batched
        if missing > 0:
            raise QueueFull(retry_after=await self._when(connection, missing))

    async def _refuse_when_late(
        self, connection: AsyncConnection, account_id: str, request: Request, turn: int | None = None
    ) -> None:
        """Refuse what would be done, and charged, for a client who has given up by then.

        Its wait is what the latest tasks took, times as many as have their turn before it, shared by those
        who work (`pace.at_a_time`). Before any task was done nothing is known, and nobody refused.
        """
        most = self._settings.max_wait_seconds
        if most == 0 or not _is_waited_for(request):
            return
        turn = await next_turn(connection, account_id) if turn is None else turn
        ahead = await task_rows.count_ahead(connection, priority(request), turn)
        seconds = await pace.measured_seconds(connection) if ahead else None
        if seconds is None:
            return
        wait = seconds * ahead / await pace.at_a_time(connection, self._slots)
        if wait > most:
            raise QueueFull(retry_after=pace.whole(wait - most))

    async def _refuse_when_busy(self, connection: AsyncConnection, account_id: str, more: int) -> None:
        most = self._settings.max_per_account
        if most and await task_rows.count_unfinished_of(connection, account_id) + more > most:
            raise AccountBusy(retry_after=await self._when(connection, 1))

    async def _when(self, connection: AsyncConnection, missing: int) -> int:
        """In how many seconds as many places are free, with all who work on this database."""
        slots = await pace.at_a_time(connection, self._slots)
        return pace.retry_after(await pace.seconds_a_task(connection), missing, slots)

    async def _drop(self, keys: Sequence[str], why: BaseException) -> None:
        """Remove the blobs of what was not accepted, as well as possible: the purge removes what is left.

        When the storage has failed, what was asked for may have been accepted all the same, with only the
        answer lost; then they stay, and the purge sees what they are.
        """
        if isinstance(why, StorageFailed):
            return
        try:
            await self._blobs.delete(keys)
        except CleanplateError as error:
            log.warning("blobs were not removed; the purge will", detail=error.detail)


def _is_waited_for(request: Request) -> bool:
    """Whether whoever sent it soon gives up: on the line, or asking on and on, as the vendors' clients do."""
    return request.sync or request.dialect != "native"


def _with_keys(request: Request, task_id: str, uploads: Mapping[str, bytes]) -> Request:
    """The request with the keys of its blobs in place of the names of its uploads."""
    named = {source.value for source in request.sources if source.kind == "blob"}
    if named != set(uploads):
        raise ValueError(f"The request names the uploads {sorted(named)}, and there are {sorted(uploads)}.")

    def keyed(source: Source) -> Source:
        return Source("blob", source_key(task_id, source.value)) if source.kind == "blob" else source

    region = request.region
    if region is not None and region.source is not None:
        region = replace(region, source=keyed(region.source))
    return replace(request, source=keyed(request.source), region=region)
