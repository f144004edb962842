"""One picture: read, cleaned, written whole or not at all. Runs in any process."""

from __future__ import annotations

import json
import os
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Any

from cleanplate.cli.errors import (
    InputMissing,
    InputUnreadable,
    MemoryShort,
    OutputExists,
    OutputIsInput,
    OutputMisnamed,
    OutputUnwritable,
    RegionFileMissing,
    Unforeseen,
)
from cleanplate.cli.networks import Networks
from cleanplate.cli.plan import KNOWN, PARTS, STDIO, Job
from cleanplate.errors import CleanplateError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cleanplate.engine import Mode, Removal
    from cleanplate.engine.report import Described
    from cleanplate.region import Region
    from cleanplate.region.rectangles import Anchor, Unit


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done with every picture.

    Attributes:
        rectangles: (x, y, width, height) each; empty without any.
        unit: what their numbers count.
        anchor: the corner of the picture from which they count.
        mask, smear: a file for all pictures, or a folder with one for each under the picture's own path.
        mode, sensitivity: as `cleanplate.remove` takes them.
        networks: what every process that cleans is told of networks before it does.
        format: of the answers; None keeps each picture's own.
        quality: 95..100 for lossy formats; None chooses.
        history: whether an edit is noted in the XMP history.
        overwrite: whether an answer that is there already is replaced, even the picture itself.
        found: where the mask of what was removed goes: a file, or a folder when `into_folder`.
        found_json: where the marks that were found are described: a file, or a folder when `into_folder`.
        into_folder: whether the answers go into a folder.
        part: what the names of unfinished files contain, so that whoever started this can find them.
    """

    rectangles: tuple[tuple[float, float, float, float], ...] = ()
    unit: Unit = "pixel"
    anchor: Anchor = "top-left"
    mask: Path | None = None
    smear: Path | None = None
    mode: Mode = "auto"
    sensitivity: float = 0.5
    networks: Networks = field(default_factory=Networks)
    format: str | None = None
    quality: int | None = None
    history: bool = True
    overwrite: bool = False
    found: Path | None = None
    found_json: Path | None = None
    into_folder: bool = False
    part: str = ""

    def beside(self, job: Job) -> Iterator[tuple[Path, str]]:
        """The files that are asked for beside a job's answer: where each goes, and its ending.

        In a folder each has the name of its picture with the ending behind it.
        """
        for place, ending in ((self.found, ".png"), (self.found_json, ".json")):
            if place is not None:
                named = job.relative.with_name(job.relative.name + ending)
                yield place / named if self.into_folder else place, ending


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one picture; `error` is one line for a person, None when all is well.

    `found` are the marks that were found, as `engine.report` describes them.
    """

    path: str
    output: str | None = None
    changed: bool = False
    skipped: bool = False
    box: tuple[int, int, int, int] | None = None
    found: list[Described] = field(default_factory=list["Described"])
    fills: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    seconds: float = 0.0
    error: str | None = None
    code: str | None = None

    @classmethod
    def failed(cls, job: Job, error: CleanplateError, seconds: float = 0.0) -> Report:
        """The report of a picture that was not cleaned."""
        return cls(str(job.source), seconds=seconds, error=error.public_message, code=error.code)


def done_already(job: Job, order: Order) -> Path | None:
    """The answer of an earlier run: it is there, and not older than its picture.

    Answers are written under another name and then renamed, so one that is there is whole.
    """
    if order.overwrite or job.exact:
        return None
    with suppress(OSError):
        made_of = job.source.stat().st_mtime_ns
        for output in sorted(job.outputs(order.format)):
            with suppress(OSError):
                if output.stat().st_mtime_ns >= made_of and not _same(output, job.source):
                    return output
    return None


def clean(job: Job, order: Order) -> Report:
    """Clean one picture. Whatever goes wrong is in the report."""
    started = perf_counter()
    try:
        return _clean(job, order, started)
    except CleanplateError as error:
        failure = error
    except MemoryError:
        failure = MemoryShort()
    except Exception as error:  # noqa: BLE001  # one picture's defect must not stop the others
        failure = Unforeseen(
            f"{type(error).__name__}: {error} (unexpected: CLEANPLATE_DEBUG=1 shows where; please report it)"
        )
        failure.__cause__ = error
    if os.environ.get("CLEANPLATE_DEBUG"):
        traceback.print_exception(failure)
    return Report.failed(job, failure, perf_counter() - started)


def _clean(job: Job, order: Order, started: float) -> Report:
    from cleanplate.engine import remove
    from cleanplate.engine.report import seen
    from cleanplate.picture import encode

    if job.exact and job.target != STDIO and job.target.exists() and not order.overwrite:
        raise OutputIsInput if _same(job.target, job.source) else OutputExists
    removal = remove(_read(job.source), _region(job, order), order.mode, sensitivity=order.sensitivity)
    output = _write(job, order, removal)
    found = seen(removal)
    for place, ending in order.beside(job):
        data = encode(removal.mask(), "PNG") if ending == ".png" else json.dumps(found, indent=1).encode()
        _write_whole(place, data, order.part)
    return Report(
        path=str(job.source),
        output=str(output),
        changed=removal.changed,
        box=removal.box,
        found=found,
        fills=[{"box": fill.box, "method": fill.method, "pixels": fill.pixels} for fill in removal.fills],
        seconds=round(perf_counter() - started, 4),
    )


def _read(source: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if source == STDIO else source.read_bytes()
    except FileNotFoundError as error:
        raise InputMissing from error
    except IsADirectoryError as error:
        raise InputUnreadable("This is a folder: give it beside -o with a folder.") from error
    except OSError as error:
        raise InputUnreadable(f"The file cannot be read: {error.strerror}.") from error


def _region(job: Job, order: Order) -> Region | None:
    from cleanplate.region import Mask, Rectangles, Smear

    if order.rectangles:
        return Rectangles.of(order.rectangles, order.unit, order.anchor)
    if order.mask is not None:
        return _painted(Mask, _beside(order.mask, job))
    if order.smear is not None:
        return _painted(Smear, _beside(order.smear, job))
    return None


@lru_cache(maxsize=1)
def _painted(kind: Any, path: Path) -> Region:
    """A mask or a smear; the last one is remembered, because usually one serves all pictures."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputUnreadable(f"{path} cannot be read: {error.strerror}.") from error
    return kind.from_bytes(data)


def _beside(given: Path, job: Job) -> Path:
    """The mask of a job: the one file, or the one of the job's name, whatever its ending, in the folder."""
    if not given.is_dir():
        return given
    exact = given / job.relative
    if exact.is_file():
        return exact
    for suffix in sorted(KNOWN):
        for candidate in (exact.with_suffix(suffix), exact.with_name(exact.name + suffix)):
            if candidate.is_file():
                return candidate
    raise RegionFileMissing(f"There is no {exact.with_suffix('.png')}: each picture needs one of its name.")


def _write(job: Job, order: Order, removal: Removal) -> Path:
    from cleanplate.picture import extension, written_format

    ending_names = _format_of_name(job)
    asked = order.format or ending_names
    written = written_format(removal.picture, asked)
    if ending_names not in (None, written):
        fitting = job.target.with_suffix(f".{extension(written)}")
        raise OutputMisnamed(
            f"What is written is {written}, and {job.target} says otherwise: name it {fitting}."
        )
    output = job.target if job.target == STDIO else job.output(written)
    if output != STDIO and not order.overwrite and output.exists():
        if _same(output, job.source):
            raise OutputIsInput
        if job.exact:
            raise OutputExists
    history: dict[str, Any] = {} if order.history else {"history": None}
    data = removal.encode(asked, order.quality, **history)
    if output == STDIO:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        _write_whole(output, data, order.part)
    return output


def _format_of_name(job: Job) -> str | None:
    """The format that a named output asks for by its ending; None when it says nothing."""
    from cleanplate.cli.plan import SUFFIXES

    if not job.exact or job.target == STDIO:
        return None
    ending = job.target.suffix.lower()
    return next((name for name, suffixes in SUFFIXES.items() if ending in suffixes), None)


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


def unfinished(output: Path, part: str) -> Path:
    """The name under which a file is written before it is whole."""
    return output.with_name(f".{output.name}.{part}{PARTS}")


def _write_whole(output: Path, data: bytes, part: str) -> None:
    """Write under another name, then rename: whoever looks sees the old file, the new one, or none."""
    writing = unfinished(output, part)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        try:
            writing.write_bytes(data)
            writing.replace(output)
        finally:
            writing.unlink(missing_ok=True)
    except OSError as error:
        raise OutputUnwritable(f"{output} cannot be written: {error.strerror}.") from error
