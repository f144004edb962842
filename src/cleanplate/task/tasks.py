"""Tasks: accepted durably, claimed with a fence, finished or refunded exactly once."""

from __future__ import annotations

import re
import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from cleanplate import metrics, tracing
from cleanplate.account import bookkeeping
from cleanplate.errors import CleanplateError
from cleanplate.store import StorageFailed, uninterrupted
from cleanplate.store.queries import batches as batch_rows
from cleanplate.store.queries import deliveries as delivery_rows
from cleanplate.store.queries import tasks as task_rows
from cleanplate.task import batches, life, measures
from cleanplate.task.acceptance import Acceptance, Repeated
from cleanplate.task.callback import read_callback, repeat_callback
from cleanplate.task.errors import (
    BatchNotFound,
    TaskCancelled,
    TaskEnded,
    TaskNotFound,
    TransitionRefused,
)
from cleanplate.task.listing import Page
from cleanplate.task.ports import AGAIN, DELIVER, RUN_TASK
from cleanplate.task.purge import Purge, Purged
from cleanplate.task.record import Failure, State, Task
from cleanplate.task.rows import changes, from_row, priority
from cleanplate.task.standing import read_standing
from cleanplate.task.turns import urgency

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from cleanplate import settings
    from cleanplate.account import Caller
    from cleanplate.store import Blobs, Database
    from cleanplate.task.batches import Batch, NewBatch, Picture
    from cleanplate.task.callback import Callback
    from cleanplate.task.listing import Choice
    from cleanplate.task.ports import Completions, Wakeups
    from cleanplate.task.record import Outcome, Request
    from cleanplate.task.standing import Standing

log = structlog.get_logger(__name__)

TASK_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class Tasks:
    """The tasks of this server. The table is the truth; wake-ups and completions only carry hints.

    Every method that changes something runs to its end even when its caller is cancelled.

    Args:
        db: upgraded.
        blobs: for what is uploaded.
        wakeups: told what there is to do.
        completions: told what has ended.
        settings: the section `task`.
        slots: how many tasks this process works on at the same time, to tell how long one waits; 0: none.
        clock: Unix seconds.
    """

    def __init__(
        self,
        db: Database,
        blobs: Blobs,
        wakeups: Wakeups,
        completions: Completions,
        settings: settings.Task,
        *,
        slots: int = 1,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._db = db
        self._blobs = blobs
        self._wakeups = wakeups
        self._completions = completions
        self._settings = settings
        self._clock = clock
        self._acceptance = Acceptance(db, blobs, settings, slots=slots, clock=clock)
        self._purge = Purge(db, blobs, settings.keep_seconds, settings.audit_seconds)

    @uninterrupted
    async def submit(
        self, caller: Caller, request: Request, uploads: Mapping[str, bytes], key: str | None = None
    ) -> Task:
        """Accept a task: when this returns, it survives the loss of power.

        Args:
            caller: whose credits pay.
            request: its blob sources name an upload (`Source("blob", "source")`).
            uploads: `"source"` and `"region"`, as far as the request names them.
            key: the caller's own name for this request (an idempotency key).

        Returns:
            the task, queued; its blob sources name blobs. If the account has sent the very same request under
            this key before: the task that was made then, as it is now.

        Raises:
            IdempotencyConflict: another request was sent under this key.
            QueueFull: too much is waiting already: in all, or before it when its client waits. (On PostgreSQL
                those who come at the same moment may pass together: the bound is to keep waits short.)
            AccountBusy: the account has as many unfinished tasks as it may.
            CreditsInsufficient: the account cannot pay.
            StorageFailed: nothing was accepted; try again.
        """
        with tracing.span("accept", kind="producer"):
            try:
                task = await self._acceptance.task(caller, request, uploads, key)
            except Repeated as repeated:
                return await self.get(caller.account.id, repeated.subject_id)
        metrics.accepted.labels(task.request.dialect).inc()
        await self._wake(task)
        return task

    @uninterrupted
    async def submit_batch(
        self,
        caller: Caller,
        request: Request,
        pictures: Sequence[Picture],
        asked: NewBatch,
        key: str | None = None,
    ) -> Batch:
        """Accept many pictures, all or none of them; see `submit`.

        Args:
            caller: whose credits pay for all of them.
            request: what is wanted for each; its source is not looked at.
            pictures: at least one.
            asked: what is wanted for all of them together.
            key: the caller's own name for this request.

        Raises:
            IdempotencyConflict, QueueFull, AccountBusy, CreditsInsufficient, StorageFailed: as `submit`.
        """
        with tracing.span("accept", kind="producer") as span:
            span.note(pictures=len(pictures))
            try:
                batch, tasks = await self._acceptance.batch(caller, request, pictures, asked, key)
            except Repeated as repeated:
                return await self.batch(caller.account.id, repeated.subject_id)
        metrics.accepted.labels(request.dialect).inc(len(tasks))
        await self._wake(*tasks)
        return batch

    async def batch(self, account_id: str, batch_id: str) -> Batch:
        """Read one's own batch, with how far it is.

        Raises:
            BatchNotFound: also for another account's, a malformed or an expired id.
        """
        async with self._db.read() as connection:
            found = await batches.read(connection, batch_id)
        if found is None or found.account_id != account_id or found.expires_at <= self._clock():
            raise BatchNotFound
        return found

    async def batch_of(self, task: Task) -> Batch:
        """The batch that a task belongs to, for its callback: also when nobody can ask for it any more.

        Raises:
            BatchNotFound: it has been purged, or the task belongs to none.
        """
        async with self._db.read() as connection:
            found = task.batch_id and await batches.read(connection, task.batch_id)
        if not found:
            raise BatchNotFound
        return found

    async def tasks_of(self, batch: Batch) -> list[Task]:
        """The tasks of a batch, in the order in which their pictures were sent."""
        async with self._db.read() as connection:
            return [from_row(row) for row in await batch_rows.tasks_of(connection, batch.id)]

    async def cancel_batch(self, account_id: str, batch_id: str) -> Batch:
        """End what of one's own batch is not done yet, and refund it.

        Raises:
            BatchNotFound: as `batch`.
        """
        for task in await self.tasks_of(await self.batch(account_id, batch_id)):
            if not task.state.final:
                with suppress(TaskEnded, TaskNotFound):
                    await self.cancel(account_id, task.id)
        return await self.batch(account_id, batch_id)

    async def get(self, account_id: str, task_id: str) -> Task:
        """Read one's own task.

        Raises:
            TaskNotFound: also for another account's, a malformed or an expired id.
        """
        if not TASK_ID.fullmatch(task_id):
            raise TaskNotFound
        async with self._db.read() as connection:
            row = await task_rows.find(connection, task_id)
        if row is None or row["account_id"] != account_id or row["expires_at"] <= self._clock():
            raise TaskNotFound
        return from_row(row)

    async def listed(self, account_id: str, choice: Choice) -> Page:
        """One's own tasks, the newest first, a page at a time."""
        now = self._clock()
        async with self._db.read() as connection:
            rows = await task_rows.listed(
                connection,
                account_id,
                now=now,
                limit=choice.limit + 1,
                state=choice.state,
                since=choice.since,
                until=choice.until,
                after=choice.after,
                batch_id=choice.batch_id,
            )
        tasks = tuple(from_row(row) for row in rows[: choice.limit])
        more = len(rows) > choice.limit
        return Page(tasks, (tasks[-1].created_at, tasks[-1].id) if more else None)

    async def callback(self, account_id: str, task_id: str) -> Callback | None:
        """What became of the callback of one's own task; None: it has none, or has not ended yet.

        Raises:
            TaskNotFound: as `get`.
        """
        await self.get(account_id, task_id)
        async with self._db.read() as connection:
            return await read_callback(connection, task_id)

    @uninterrupted
    async def call_again(self, account_id: str, task_id: str) -> Callback | None:
        """Have the callback of one's own task made once more, now; None: it has none.

        Raises:
            TaskNotFound: as `get`.
        """
        await self.get(account_id, task_id)
        async with self._db.write() as connection:
            delivery_id = await repeat_callback(connection, task_id, self._clock())
        if delivery_id is not None:
            await self._hint(DELIVER, [(delivery_id, 0)])
        return await self.callback(account_id, task_id)

    async def changed(self, account_id: str, since: float, limit: int) -> list[Task]:
        """One's own tasks that were accepted, begun or ended since then, the last accepted first."""
        async with self._db.read() as connection:
            rows = await task_rows.changed(connection, account_id, since, self._clock(), limit)
        return [from_row(row) for row in rows]

    @uninterrupted
    async def cancel(self, account_id: str, task_id: str) -> Task:
        """End one's own task before it is done, and refund it; who works on it stops.

        Raises:
            TaskNotFound: as `get`.
            TaskEnded: it is done or failed. One that was cancelled may be cancelled again.
        """
        await self.get(account_id, task_id)
        now = self._clock()
        await self._move(task_id, lambda it: life.cancel(it, now))
        task = await self.get(account_id, task_id)
        if task.failure is None or task.failure.code != TaskCancelled.code:
            raise TaskEnded
        return task

    async def ended(self, task: Task, seconds: float) -> bool:
        """Wait until the task has ended, whoever ended it, but no longer than `seconds`; whether it has."""
        with self._completions.watch(task.id) as watch:
            return await self._has_ended(task.id) or await watch.wait(
                seconds
            )  # maybe before anybody listened

    async def wait(self, account_id: str, task_id: str, seconds: float) -> Task:
        """Read one's own task as soon as it has ended, or as it is after `seconds`.

        Raises:
            TaskNotFound: as `get`.
        """
        with self._completions.watch(task_id) as watch:
            task = await self.get(account_id, task_id)
            if task.state.final or seconds <= 0:
                return task
            await watch.wait(seconds)
        return await self.get(account_id, task_id)

    @uninterrupted
    async def claim(self, task_id: str, worker_id: str) -> Task | None:
        """Take a task to work on it.

        One whose worker has fallen silent is taken away from it (which counts as a loss). One that has been
        lost too often or has expired is failed and refunded instead.

        Returns:
            the task, running; its `attempt` is the fence. None: there is nothing to do, or someone does it.
        """
        now = self._clock()

        lease, most = self._settings.lease_seconds, self._settings.max_losses
        task = await self._move(task_id, lambda it: life.take(it, now, worker_id, lease, most))
        return task if task is not None and task.state is State.RUNNING else None

    @uninterrupted
    async def extend(self, task: Task) -> bool:
        """Renew the lease of a claimed task; False: it was taken away, stop working on it."""
        now = self._clock()
        seconds = self._settings.lease_seconds
        return await self._move(task.id, lambda it: life.extend(it, task.attempt, now, seconds)) is not None

    @uninterrupted
    async def finish(self, task: Task, outcome: Outcome) -> bool:
        """Make it done and charge for it; False: it is no longer this attempt's, remove the result blob."""
        now = self._clock()
        return await self._move(task.id, lambda it: life.finish(it, task.attempt, now, outcome)) is not None

    @uninterrupted
    async def fail(self, task: Task, failure: CleanplateError | Failure) -> bool:
        """Make it failed and refund; False: it is no longer this attempt's."""
        now = self._clock()
        why = Failure.of(failure) if isinstance(failure, CleanplateError) else failure
        return await self._move(task.id, lambda it: life.fail(it, task.attempt, now, why)) is not None

    @uninterrupted
    async def lose(self, task: Task) -> bool:
        """The child died over it: queue it again; after `max_losses` fail (`worker_crashed`) and refund it.

        Returns:
            False: it is no longer this attempt's.
        """
        now = self._clock()
        most = self._settings.max_losses
        return await self._move(task.id, lambda it: life.lose(it, task.attempt, now, most)) is not None

    @uninterrupted
    async def set_back(self, task: Task, why: CleanplateError) -> bool:
        """The server itself kept it from being done: queue it again, to rest for the next of `retry_seconds`.

        After the last of them fail it with this error, and refund it.

        Returns:
            False: it is no longer this attempt's.
        """
        now, failure, pauses = self._clock(), Failure.of(why), self._settings.retry_seconds
        step = await self._move(task.id, lambda it: life.set_back(it, task.attempt, now, failure, pauses))
        if step is not None:
            metrics.setbacks.labels(why.code).inc()
        return step is not None

    @uninterrupted
    async def hand_back(self, task: Task) -> bool:
        """Queue it again without blame (shutdown); False: it is no longer this attempt's."""
        return await self._move(task.id, lambda it: life.hand_back(it, task.attempt)) is not None

    async def sweep(self) -> list[str]:
        """Wake every queued task that is due, every running one whose lease has ended, every due delivery.

        Wake-ups may be lost: with the process, in a queue that was full, by a revived worker. This makes up
        for all of it.

        Returns:
            the ids of tasks and deliveries that were woken.
        """
        now = self._clock()
        async with self._db.read() as connection:
            rows = [*await task_rows.queued(connection, now), *await task_rows.overdue(connection, now)]
            due = await delivery_rows.due(connection, now)
        await self._hint(RUN_TASK, [(row["id"], urgency(row["priority"], row["turn"])) for row in rows])
        await self._hint(DELIVER, [(row["id"], AGAIN if row["attempts"] else 0) for row in due])
        return [row["id"] for row in (*rows, *due)]

    async def purge(self) -> Purged:
        """Fail and refund what expired unfinished; remove rows and blobs of what expired, and stray blobs.

        The row of an expired task stays until its callback is settled, at most twice `keep_seconds`; nobody
        can ask for it. The ledger stays for ever.
        """
        now = self._clock()
        async with self._db.read() as connection:
            unfinished = await task_rows.expired_unfinished(connection, now)
        failed = [await self._expire(task_id, now) for task_id in unfinished]
        removed, blobs = await self._purge.run(now)
        return Purged(expired=sum(failed), removed=removed, blobs=blobs)

    async def depth(self) -> int:
        """How many tasks are queued or running."""
        async with self._db.read() as connection:
            return await task_rows.count_unfinished(connection)

    async def standing(self) -> Standing:
        """How the service stands: what waits, who works, what was done of late."""
        async with self._db.read() as connection:
            return await read_standing(connection, self._clock())

    async def measure(self) -> None:
        """Bring the gauges up to date: what is queued and running, since when, and how much work it is."""
        async with self._db.read() as connection:
            await measures.set_gauges(connection, self._clock())

    @uninterrupted
    async def _expire(self, task_id: str, now: float) -> bool:
        return await self._move(task_id, lambda it: life.expire(it, now)) is not None

    async def _has_ended(self, task_id: str) -> bool:
        """Whether it is known to have ended; a database that does not answer says nothing."""
        try:
            async with self._db.read() as connection:
                row = await task_rows.find(connection, task_id)
        except StorageFailed:
            return False
        return row is None or State(row["state"]).final

    async def _move(self, task_id: str, step: Callable[[Task], Task]) -> Task | None:
        """Take one step in a task's life, with all that it entails, in one transaction; then tell others.

        Returns:
            the task afterwards; None: there is no such task, or `step` refused.
        """
        async with self._db.write() as connection:
            row = await task_rows.lock(connection, task_id)
            if row is None:
                return None
            before = from_row(row)
            try:
                after = step(before)
            except TransitionRefused as refusal:
                log.debug("transition refused", task=task_id, detail=refusal.detail)
                return None
            if not await task_rows.change(
                connection, task_id, fence=before.attempt, state=before.state.value, values=changes(after)
            ):
                return (
                    None  # cannot be while the row is locked; the fence stands in the statement all the same
                )
            delivery_id = await self._settle(connection, after) if after.state.final else None
        await self._tell(after, delivery_id)
        return after

    async def _settle(self, connection: AsyncConnection, task: Task) -> str | None:
        """Charge or refund a task that has just ended, and note the callback to be made."""
        now = self._clock()
        if task.state is State.DONE:
            await bookkeeping.capture(connection, task.account_id, task.id, now)
        else:
            await bookkeeping.release(connection, task.account_id, task.id, now)
        url = task.request.callback_url
        if task.batch_id is not None:
            url = await batches.webhook_due(connection, task.batch_id)
        if url is None:
            return None
        delivery_id = str(uuid.uuid4())
        await delivery_rows.add(connection, delivery_id=delivery_id, task_id=task.id, url=url, now=now)
        return delivery_id

    async def _tell(self, task: Task, delivery_id: str | None) -> None:
        """Say what has just been made durable to whom it may concern."""
        if task.state is State.QUEUED:
            await self._wake(task, delay=0.0 if task.next_at is None else task.next_at - self._clock())
        elif task.state.final:
            measures.count_ended(task)
            await self._announce(task.id)
            if delivery_id is not None:
                await self._hint(DELIVER, [(delivery_id, 0)])
            await self._drop(source.value for source in task.request.sources if source.kind == "blob")

    async def _announce(self, task_id: str) -> None:
        try:
            await self._completions.announce(task_id)
        except Exception:  # as in `_hint`: those who wait read the task again in the end
            log.warning("an ended task could not be announced", task=task_id, exc_info=True)

    async def _wake(self, *tasks: Task, delay: float = 0.0) -> None:
        wishes = [(task.id, urgency(priority(task.request), task.turn)) for task in tasks]
        await self._hint(RUN_TASK, wishes, delay)

    async def _hint(self, entry: str, wishes: Sequence[tuple[str, int]], delay: float = 0.0) -> None:
        """Wake someone. What is durable is not undone by a wake-up that fails: the sweep repeats it."""
        try:
            await self._wakeups.wake_all(entry, wishes, delay=delay)
        except Exception:  # whatever the engine raises, the task is accepted
            log.warning("wake-ups failed; the sweep will repeat them", entry=entry, exc_info=True)

    async def _drop(self, keys: Iterable[str]) -> None:
        """Remove blobs that nobody needs any more, as well as possible: the purge removes what is left."""
        try:
            await self._blobs.delete(keys)
        except CleanplateError as error:
            log.warning("blobs were not removed; the purge will", detail=error.detail)
