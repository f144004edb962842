"""`Deliveries`: one callback each, tried until a receiver has taken it or every pause has been waited out."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from cleanplate import metrics, tracing
from cleanplate.errors import CleanplateError
from cleanplate.notify.places import Places, host_of
from cleanplate.notify.signature import signed_headers
from cleanplate.store import uninterrupted
from cleanplate.store.queries import accounts as account_rows
from cleanplate.store.queries import deliveries as delivery_rows
from cleanplate.task.ports import AGAIN, DELIVER
from cleanplate.task.rows import read_task

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cleanplate import settings
    from cleanplate.fetch import Body, Fetcher
    from cleanplate.store import Database
    from cleanplate.task import Task, Wakeups

log = structlog.get_logger(__name__)

LEASE_GRACE_SECONDS = 5.0  # beside the time of the try itself: rendering, and noting down what came of it


@dataclass(frozen=True, slots=True)
class Try:
    """One claimed try: the `number`-th of a delivery, counted from 1; the number is the fence."""

    delivery_id: str
    number: int
    url: str
    task: Task
    secret: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a try: the receiver's `status`, or why there is none (`error`; `detail` for the log)."""

    status: int | None = None
    error: str | None = None
    detail: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether the receiver has taken the callback."""
        return self.status is not None and 200 <= self.status < 300


class Deliveries:
    """Makes callbacks: at least once, never twice at the same time, whatever is restarted in between.

    A delivery is claimed by counting its tries and moving `next_at` behind the longest that a try may take:
    until then nobody else takes it, afterwards anybody may. So a process that dies in the middle delays its
    callback and loses nothing. Receivers tell repetitions by `webhook-id` or by the task's id.

    Args:
        db: upgraded.
        fetcher: makes the request, behind the same guard as downloads.
        render: the body: the JSON that the dialect's own query answers for the task.
        settings: the section `notify`.
        wakeups: asked for the next try. A wake-up may be lost, the sweep finds every due delivery.
        clock: Unix seconds.
    """

    def __init__(
        self,
        db: Database,
        fetcher: Fetcher,
        render: Callable[[Task], Awaitable[bytes | Body]],
        settings: settings.Notify,
        wakeups: Wakeups,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._db = db
        self._fetcher = fetcher
        self._render = render
        self._settings = settings
        self._wakeups = wakeups
        self._clock = clock
        self._turn = asyncio.Semaphore(settings.parallel)
        self._places = Places(settings.per_host or max(1, settings.parallel // 4))

    async def deliver(self, delivery_id: str) -> None:
        """Make one try, if one is due, and arrange for the next where it fails.

        Nothing that the receiver does is an error here: it is noted in the delivery and logged. While its
        host has all the places that one host may have, a delivery stays due and is not tried: it is woken as
        soon as one of them is free, and in any case by the sweep.

        Raises:
            StorageFailed: the database failed; the delivery is tried again when its claim has run out.
        """
        if self._places.waits(delivery_id):
            return
        async with self._db.read() as connection:
            row = await delivery_rows.find(connection, delivery_id)
        if row is None:
            return
        host = host_of(row["url"])
        if not self._places.take(host, delivery_id, first=row["attempts"] == 0):
            return
        try:
            async with self._turn:
                await self._try(delivery_id)
        finally:
            self._places.leave(host)
        following = self._places.following(host)
        if following is not None:
            other, first = following
            await self._wakeups.wake(DELIVER, other, priority=0 if first else AGAIN)

    async def _try(self, delivery_id: str) -> None:
        claimed = await self._claim(delivery_id)
        if claimed is None:
            return
        with tracing.span("deliver", kind="consumer", parent=claimed.task.request.trace) as span:
            span.note(task=claimed.task.id, delivery=delivery_id, attempt=claimed.number)
            try:
                answer = await self._attempt(claimed)
            except asyncio.CancelledError:
                # Shutdown: whoever starts next need not wait for the claim to run out.
                await self._change(claimed, {"next_at": self._clock()})
                raise
            span.tell({"http.response.status_code": answer.status})
            if not answer.accepted:
                span.blame(str(answer.status or "callback_failed"))
            await self._settle(claimed, answer)

    @uninterrupted
    async def _claim(self, delivery_id: str) -> Try | None:
        now = self._clock()
        async with self._db.write() as connection:
            row = await delivery_rows.find(connection, delivery_id)
            if row is None or row["state"] != "pending":
                return None
            early = row["next_at"] - now
            number: int = row["attempts"] + 1
            claim = {"attempts": number, "next_at": now + self._settings.seconds + LEASE_GRACE_SECONDS}
            if early <= 0 and await delivery_rows.change(
                connection, delivery_id, attempts=row["attempts"], values=claim
            ):
                task = await read_task(connection, row["task_id"])
                account = task and await account_rows.by_id(connection, task.account_id)
                if task is not None and account is not None:
                    return Try(delivery_id, number, row["url"], task, account["webhook_secret"])
        if early > 0:  # someone else is at it, or the wake-up came before its time
            priority = AGAIN if row["attempts"] else 0
            await self._wakeups.wake(DELIVER, delivery_id, priority=priority, delay=early)
        return None

    async def _attempt(self, claimed: Try) -> Answer:
        try:
            body = await self._render(claimed.task)
            headers = await signed_headers(claimed.delivery_id, body, claimed.secret, self._clock())
            status = await self._fetcher.post(claimed.url, body, headers, self._settings.seconds)
        except CleanplateError as error:
            return Answer(error=error.public_message, detail=error.detail)
        except (
            Exception
        ):  # a defect of ours must use up its tries like a defect of theirs, not go on for ever
            log.exception("callback broke", delivery=claimed.delivery_id, task=claimed.task.id)
            return Answer(error="The callback could not be made.")
        return Answer(status, None if 200 <= status < 300 else f"The receiver answered with status {status}.")

    @uninterrupted
    async def _settle(self, claimed: Try, answer: Answer) -> None:
        pause = None if answer.accepted else self._pause_after(claimed.number)
        state = "delivered" if answer.accepted else "failed" if pause is None else "pending"
        values: dict[str, Any] = {"state": state, "last_status": answer.status, "last_error": answer.error}
        if pause is not None:
            values["next_at"] = self._clock() + pause
        ours = await self._change(claimed, values, answer)
        self._log(claimed, answer, state if ours else "overtaken", pause)
        if ours and pause is not None:
            await self._wakeups.wake(DELIVER, claimed.delivery_id, priority=AGAIN, delay=pause)

    @uninterrupted
    async def _change(self, claimed: Try, values: dict[str, Any], answer: Answer | None = None) -> bool:
        async with self._db.write() as connection:
            ours = await delivery_rows.change(
                connection, claimed.delivery_id, attempts=claimed.number, values=values
            )
            if ours and answer is not None:
                await delivery_rows.add_try(
                    connection,
                    claimed.delivery_id,
                    number=claimed.number,
                    at=self._clock(),
                    status=answer.status,
                    error=answer.error,
                )
        return ours

    def _pause_after(self, number: int) -> float | None:
        """Seconds between this failed try and the next; None: it was the last."""
        pauses = self._settings.retry_seconds
        return pauses[number - 1] if number <= len(pauses) else None

    def _log(self, claimed: Try, answer: Answer, state: str, pause: float | None) -> None:
        metrics.deliveries.labels(state).inc()
        write = log.warning if state == "failed" else log.info
        write(
            "callback tried",
            delivery=claimed.delivery_id,
            task=claimed.task.id,
            request_id=claimed.task.request.request_id,
            attempt=claimed.number,
            state=state,
            status=answer.status,
            error=answer.error,
            detail=answer.detail,
            next_in=pause,
        )
