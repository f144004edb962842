"""Pictures cleaned in processes of their own, so that one which kills its process harms no other."""

from __future__ import annotations

import os
import signal
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from cleanplate.cli.cleaning import Order, Report, clean, unfinished
from cleanplate.cli.errors import MemoryShort, ProcessDied

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from cleanplate.cli.plan import Job

_SPAWN = get_context("spawn")  # OpenCV's threads do not survive a fork


@dataclass(slots=True)
class _Hand:
    """One process of the crew, and the job that it is at."""

    process: SpawnProcess
    line: Connection
    job: Job | None = None


def clean_all(jobs: Sequence[Job], order: Order, hands: int) -> Iterator[Report]:
    """Clean pictures side by side; reports come as the pictures are done.

    Closing the iterator, or an interruption, ends the processes and leaves no unfinished file.

    Args:
        jobs: what to clean.
        order: how.
        hands: processes, at least one.
    """
    waiting = deque(jobs)
    count = min(hands, len(jobs))
    threads = max(1, (os.cpu_count() or 1) // max(1, count))
    crew = [_hire(order, threads) for _ in range(count)]
    try:
        for hand in crew:
            _give(hand, waiting)
        while busy := {hand.line: hand for hand in crew if hand.job is not None}:
            for line in wait(list(busy)):
                hand = busy[line]  # pyright: ignore[reportArgumentType]  # what went in comes out
                job = hand.job
                if job is None:
                    continue
                try:
                    report: Report = hand.line.recv()
                except (EOFError, OSError):
                    report = _loss(hand, job, order)
                    crew.remove(hand)
                    hand = _hire(order, threads)
                    crew.append(hand)
                _give(hand, waiting)
                yield report
    finally:
        _dismiss(crew, order)


def _hire(order: Order, threads: int) -> _Hand:
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_work, args=(theirs, order, threads), daemon=True)
    # Ctrl-C reaches every process of the terminal; only the one that was started decides what it means.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, before)
    theirs.close()
    return _Hand(process, ours)


def _give(hand: _Hand, waiting: deque[Job]) -> None:
    hand.job = None
    if waiting:
        job = waiting.popleft()
        hand.job = job
        with suppress(OSError):  # it has died meanwhile: its line says so when it is listened to
            hand.line.send(job)


def _work(line: Connection, order: Order, threads: int) -> None:
    """What a process of the crew does: one job after the other, until nobody is there to give any."""
    import cv2

    cv2.setNumThreads(threads)
    order.networks.configure(threads)
    with suppress(EOFError, OSError):
        while True:
            line.send(clean(line.recv(), order))


def _loss(hand: _Hand, job: Job, order: Order) -> Report:
    """The report of a picture whose process has ended under it."""
    hand.process.join()
    hand.line.close()
    _forget_unfinished(job, order)
    if hand.process.exitcode == -signal.SIGKILL:
        return Report.failed(
            job, MemoryShort("Its process was killed, maybe for lack of memory: try --jobs 1.")
        )
    name = f"status {hand.process.exitcode}"
    if hand.process.exitcode is not None and hand.process.exitcode < 0:
        name = signal.Signals(-hand.process.exitcode).name
    return Report.failed(job, ProcessDied(f"Its process broke down ({name}): please report it."))


def _dismiss(crew: list[_Hand], order: Order) -> None:
    for hand in crew:
        hand.line.close()
        if hand.job is not None:
            hand.process.kill()
    for hand in crew:
        hand.process.join()
        if hand.job is not None:
            _forget_unfinished(hand.job, order)


def _forget_unfinished(job: Job, order: Order) -> None:
    for output in (*job.outputs(order.format), job.target):
        with suppress(OSError):
            unfinished(output, order.part).unlink()
    for place, _ in order.beside(job):
        with suppress(OSError):
            unfinished(place, order.part).unlink()
