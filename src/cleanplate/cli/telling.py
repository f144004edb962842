"""Says how a removal goes: lines of JSON, a line a picture or an error, a progress bar, a sum at the end."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from cleanplate.cli.cleaning import Report

PATIENCE_SECONDS = 1.0  # before a progress bar appears
LOG_SECONDS = 10.0  # between two lines of progress where there is no terminal


class Teller:
    """Tells of reports as they come, and counts them.

    Args:
        total: how many reports will come.
        as_json: whether each is a line of JSON.
        results: where lines of JSON go.
        each: whether a line for a person says what became of each picture, not only of those that failed.
    """

    def __init__(self, total: int, *, as_json: bool, results: TextIO, each: bool = False) -> None:
        self._total = total
        self._as_json = as_json
        self._results = results
        self._each = each and not as_json
        self._started = self._said = time.monotonic()
        self._bar: tuple[Progress, TaskID] | None = None
        self.cleaned = self.untouched = self.skipped = self.failed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar[0].stop()

    @property
    def told(self) -> int:
        """How many reports have come."""
        return self.cleaned + self.untouched + self.skipped + self.failed

    def tell(self, report: Report) -> None:
        """Take one report."""
        if report.error is not None:
            self.failed += 1
        elif report.skipped:
            self.skipped += 1
        elif report.changed:
            self.cleaned += 1
        else:
            self.untouched += 1
        if self._as_json:
            print(json.dumps(asdict(report), ensure_ascii=False), file=self._results, flush=True)
        if report.error is not None and not (self._as_json and self._results is sys.stderr):
            self._say(f"cleanplate: {report.path}: {report.error}")
        elif self._each:
            self._say(f"cleanplate: {report.path}: {in_words(report)}")
        self._progress()

    def sum_up(self, others: int) -> str:
        """One line for a person."""
        counted = [
            (self.cleaned, "cleaned"),
            (self.untouched, "left as they are (no watermark found)"),
            (self.skipped, "done before (--overwrite does them again)"),
            (self.failed, "failed"),
        ]
        parts = [f"{count} {name}" for count, name in counted if count]
        if others:
            parts.append(f"{others} other file{'s' if others > 1 else ''} left alone")
        return ", ".join(parts) or "no pictures found"

    def _say(self, line: str) -> None:
        if self._bar is not None:
            self._bar[0].console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def _progress(self) -> None:
        if self._total < 2:
            return
        now = time.monotonic()
        if self._bar is not None:
            progress, task = self._bar
            progress.update(task, completed=self.told)
        elif sys.stderr.isatty():
            if now - self._started >= PATIENCE_SECONDS:
                self._bar = _draw(self._total, self.told)
        elif now - self._said >= LOG_SECONDS:
            self._said = now
            print(f"cleanplate: {self.told} of {self._total}", file=sys.stderr, flush=True)


def in_words(report: Report) -> str:
    """What became of a picture that did not fail, for a person."""
    marks = _counted(report)
    if report.skipped:
        return "done before (--overwrite does it again)"
    if report.changed:
        return f"{marks} removed" if marks else "the region was painted over"
    if marks:
        return f"{marks} found and left as it is, because --mode undo paints nothing"
    return "no watermark found, left as it is (try --sensitivity 0.8, or point at it with --rectangle)"


def _counted(report: Report) -> str:
    """Such as "2 see-through marks and 1 opaque mark"; empty without any."""
    counts = Counter(mark["kind"] for mark in report.found)
    return " and ".join(
        f"{count} {kind} mark{'s' if count > 1 else ''}" for kind, count in counts.most_common()
    )


def _draw(total: int, told: int) -> tuple[Progress, TaskID]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    progress = Progress(
        TextColumn("cleaning"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("pictures,"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=Console(stderr=True),
    )
    progress.start()
    return progress, progress.add_task("cleaning", total=total, completed=told)
