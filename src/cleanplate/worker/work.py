"""One attempt at a task: claim, fetch, remove, finish."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from cleanplate import tracing
from cleanplate.errors import CleanplateError
from cleanplate.store import BlobMissing, StorageFailed
from cleanplate.task import Outcome, result_key
from cleanplate.worker.children import asked, limits
from cleanplate.worker.errors import ChildDied, ChildFailed, ChildNotStarted, TaskTimeout

if TYPE_CHECKING:
    from cleanplate.fetch import Fetcher
    from cleanplate.settings import Settings
    from cleanplate.store import Blobs
    from cleanplate.task import Task, Tasks
    from cleanplate.worker.children import Child, Slots

log = structlog.get_logger(__name__)

BEATS_PER_LEASE = 3  # two may go astray before the task is taken away
SYNC_PRIORITY = 1
# Seconds between looks for an upload that the store does not show: seen twice in 29,000 pictures on an S3
# server that was short of time. A task must not fail for that.
LOOKS = (0.1, 0.4, 1.0)

# The server's own fault, and certainly not the picture's: the task rests and is tried again.
_SETBACKS = (ChildNotStarted, StorageFailed)


@dataclass(frozen=True, slots=True)
class _Fetched:
    """The bytes that came by URL, by the URL's place in the request, and how long that took."""

    by_url: dict[str, bytes]
    seconds: float


class Work:
    """Takes tasks and works on them, one in each slot.

    Args:
        name: of this worker, for the logs.
        tasks: where tasks are claimed and settled.
        blobs: where uploads are and results go.
        fetcher: for sources that are URLs.
        slots: the children that clean.
        settings: limits, seconds and how results are encoded.
    """

    def __init__(
        self, name: str, tasks: Tasks, blobs: Blobs, fetcher: Fetcher, slots: Slots, settings: Settings
    ) -> None:
        self._name = name
        self._tasks = tasks
        self._blobs = blobs
        self._fetcher = fetcher
        self._slots = slots
        self._settings = settings
        self._downloads = asyncio.Semaphore(settings.worker.downloads)
        self._attempts: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def run_task(self, task_id: str) -> None:
        """Claim a task and work on it, if there is anything to do.

        Returns when the attempt is over; or already when it has begun to download, so that a slow host keeps
        no slot from other tasks.
        """
        begun = tracing.now()
        task = await self._tasks.claim(task_id, self._name)
        if task is None:
            return
        if self._stopping:  # since it was asked for
            await self._tasks.hand_back(task)
            return
        aside = asyncio.Event()
        attempt = asyncio.create_task(self._traced(task, aside, begun))
        self._attempts.add(attempt)
        attempt.add_done_callback(self._attempts.discard)
        attempt.add_done_callback(lambda _: aside.set())
        await aside.wait()

    async def drain(self, seconds: float) -> None:
        """Let what runs finish; what has not after `seconds` is stopped and handed back, without blame."""
        self._stopping = True
        if self._attempts:
            await asyncio.wait(self._attempts, timeout=seconds)
        stopped = list(self._attempts)
        for attempt in stopped:
            attempt.cancel()
        await asyncio.gather(*stopped, return_exceptions=True)

    async def _traced(self, task: Task, aside: asyncio.Event, begun: float) -> None:
        """The attempt as a part of the trace of the request that submitted the task."""
        parent = task.request.trace
        tracing.past("wait", task.created_at, begun - task.created_at, parent=parent)
        with tracing.span("attempt", kind="consumer", parent=parent, started=begun) as span:
            span.note(task=task.id, attempt=task.attempt, dialect=task.request.dialect, worker=self._name)
            tracing.past("claim", begun, tracing.now() - begun)
            if span.trace_id is not None:
                structlog.contextvars.bind_contextvars(trace=span.trace_id)
            await self._attempt(task, aside)

    async def _attempt(self, task: Task, aside: asyncio.Event) -> None:
        structlog.contextvars.bind_contextvars(
            task=task.id, attempt=task.attempt, request_id=task.request.request_id
        )
        cleaning = asyncio.create_task(self._clean(task, aside))
        beating = asyncio.create_task(self._beat(task))
        try:
            await asyncio.wait({cleaning, beating}, return_when=asyncio.FIRST_COMPLETED)
            if cleaning.done():
                with tracing.span("finish"):
                    await self._settle(task, cleaning)
            else:
                log.warning("task taken away")
        except asyncio.CancelledError:
            await _stopped(cleaning)
            handed_back = await self._tasks.hand_back(task)
            log.info("task handed back", accepted=handed_back)
            raise
        except Exception:
            # Its lease ends, and the sweep brings it to someone who can.
            log.exception("task not settled")
        finally:
            await _stopped(cleaning)
            await _stopped(beating)

    async def _beat(self, task: Task) -> None:
        """Renew the lease again and again; returns when it is lost, at once when the task has ended."""
        while not await self._tasks.ended(task, self._settings.task.lease_seconds / BEATS_PER_LEASE):
            try:
                if not await self._tasks.extend(task):
                    return
            except StorageFailed as error:
                log.warning("lease not renewed", detail=error.detail)

    async def _settle(self, task: Task, cleaning: asyncio.Task[Outcome]) -> None:
        """Write down how the attempt ended, unless the task is someone else's by now."""
        try:
            outcome = cleaning.result()
        except (
            ChildDied
        ) as error:  # the picture's fault, or not: it is tried again as often as `max_losses` says
            accepted = await self._tasks.lose(task)
            log.warning("attempt lost", code=error.code, detail=error.detail, accepted=accepted)
        except _SETBACKS as error:
            accepted = await self._tasks.set_back(task, error)
            log.warning("attempt set back", code=error.code, detail=error.detail, accepted=accepted)
        except CleanplateError as error:
            accepted = await self._tasks.fail(task, error)
            # Without a code of its own it is a defect, and not the picture's fault.
            level = log.error if error.code == CleanplateError.code else log.info
            level("task failed", code=error.code, detail=error.detail, accepted=accepted)
        except Exception:
            log.exception("attempt broke")
            await self._tasks.set_back(task, ChildFailed())
        else:
            accepted = await self._tasks.finish(task, outcome)
            if not accepted:
                await self._blobs.delete([outcome.result_key])
            log.info("task done", changed=outcome.changed, work_ms=outcome.work_ms, accepted=accepted)

    async def _clean(self, task: Task, aside: asyncio.Event) -> Outcome:
        async with AsyncExitStack() as waiting:
            if any(source.kind == "url" for source in task.request.sources):
                # Kept until there is a slot: it also bounds how many downloads wait in memory.
                await waiting.enter_async_context(self._downloads)
                aside.set()
            fetched = await self._fetch(task)
            async with self._slots.take(SYNC_PRIORITY if task.request.sync else 0) as child:
                await waiting.aclose()
                return await self._remove(task, fetched, child)

    async def _fetch(self, task: Task) -> _Fetched:
        by_url: dict[str, bytes] = {}
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._settings.task.work_seconds):
                for source in task.request.sources:
                    if source.kind == "url":
                        by_url[source.value] = await self._fetch_one(source.value)
        except TimeoutError as error:
            raise TaskTimeout from error
        return _Fetched(by_url, time.monotonic() - started if by_url else 0.0)

    async def _fetch_one(self, url: str) -> bytes:
        with tracing.span("fetch", kind="client") as span:
            got = await self._fetcher.get(url, self._settings.picture.max_bytes)
            span.note(bytes=len(got.data))
            return got.data

    async def _uploaded(self, key: str) -> bytes:
        """What was uploaded: it was stored before the task was accepted, whatever the store says at first."""
        for pause in LOOKS:
            with suppress(BlobMissing):
                return await self._blobs.get(key)
            log.warning("upload not to be seen", key=key)
            await asyncio.sleep(pause)
        return await self._blobs.get(key)

    async def _remove(self, task: Task, fetched: _Fetched, child: Child) -> Outcome:
        section = self._settings.picture
        request = {
            "operation": "remove",
            "limits": limits(section),
            "region": asked(task.request.region),
            "mode": task.request.mode,
            "sensitivity": task.request.sensitivity,
            "format": task.request.format,
            "for_browsers": task.request.for_browsers,
            "quality": task.request.quality or section.jpeg_quality,
            "history": section.history,
        }
        bodies = [
            fetched.by_url[source.value] if source.kind == "url" else await self._uploaded(source.value)
            for source in task.request.sources
        ]
        left = max(0.0, self._settings.task.work_seconds - fetched.seconds)
        with tracing.span("child") as span:
            begun = tracing.now()
            answer, made = await child.request(
                request, bodies, seconds=left, decode_seconds=section.decode_seconds
            )
            span.note(pid=child.pid, bytes=len(bodies[0]), changed=answer["changed"])
            for step, seconds in answer["timings"].items():  # one after the other, in this order
                tracing.past(step, begun, seconds)
                begun += seconds
        [result] = bodies[:1] if answer["same"] else made
        key = result_key(task.id, task.attempt, answer["extension"])
        with tracing.span("store") as span:
            span.note(bytes=len(result))
            await self._blobs.put(key, result, answer["media_type"])
        return _outcome(key, answer, fetched.seconds)


def _outcome(key: str, answer: dict[str, Any], download_seconds: float) -> Outcome:
    return Outcome(
        result_key=key,
        format=answer["format"],
        extension=answer["extension"],
        media_type=answer["media_type"],
        width=answer["width"],
        height=answer["height"],
        box=tuple(answer["box"]) if answer["box"] else None,
        download_ms=download_seconds * 1000,
        work_ms=answer["work_ms"],
        changed=answer["changed"],
        found=answer["found"],
        fills=answer["fills"],
        timings=answer["timings"],
    )


async def _stopped(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
