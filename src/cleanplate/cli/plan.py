"""What is read, and where each answer goes: files, patterns and folders → a list of jobs.

An answer keeps its picture's name. Its ending follows its format, which is known for certain only when the
picture has been cleaned (a GIF that is changed becomes a PNG, an untouched one stays), so a job names every
place that its answer may take. Two jobs never share one.
"""

from __future__ import annotations

import glob
import os
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from cleanplate.cli.errors import UsageInvalid
from cleanplate.picture import extension, output_format, sniff

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STDIO = Path("-")
PARTS = ".part"  # ending of a file that is still being written
SUFFIXES: dict[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "BMP": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
    "GIF": (".gif",),
    "AVIF": (".avif",),
    "JPEG2000": (".jp2", ".j2k", ".jpx", ".jpf", ".jpc", ".j2c"),
    "HEIF": (".heic", ".heif", ".hif"),
}
KNOWN = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
SNIFFED_BYTES = 256


@dataclass(frozen=True, slots=True)
class Job:
    """One picture to be cleaned.

    Attributes:
        source: the picture; `-` is standard input.
        target: where the answer goes, but for its ending; `-` is standard output.
        relative: the picture's place in the tree, by which masks are found and answers are named.
        exact: whether the answer goes to `target` whatever its format.
        appends: whether another ending is put behind the name instead of in place of the old one, because
            another picture wants the shorter name.
    """

    source: Path
    target: Path
    relative: Path
    exact: bool = False
    appends: bool = False

    def output(self, format_: str) -> Path:
        """Where an answer of this format goes: its usual endings are kept, any other is replaced."""
        if self.exact or self.target.suffix.lower() in SUFFIXES[format_]:
            return self.target
        ending = f".{extension(format_)}"
        if self.appends or self.target.suffix.lower() not in KNOWN:
            return self.target.with_name(self.target.name + ending)
        return self.target.with_suffix(ending)

    def outputs(self, asked_format: str | None) -> set[Path]:
        """Every place that the answer may take."""
        return {self.output(format_) for format_ in _formats(self.source, asked_format)} or {self.target}


@dataclass(frozen=True, slots=True)
class Plan:
    """The jobs in order, whether the answers go into a folder, and how many other files were passed over."""

    jobs: tuple[Job, ...]
    into_folder: bool
    others: int = 0


def make_plan(inputs: Sequence[str], out: str, asked_format: str | None) -> Plan:
    """Find the pictures and say where each answer goes.

    Args:
        inputs: files, folders, patterns, or `-` alone.
        out: a file, a folder, or `-`.
        asked_format: the canonical name of the answer's format; None keeps each picture's own.

    Raises:
        UsageInvalid: what was asked for cannot be meant.
    """
    if "-" in inputs or out == "-":
        return Plan((_streamed(inputs, out),), into_folder=False)
    named = [entry for given in inputs for entry in _expand(given)]
    target = Path(out)
    single = len(inputs) == 1 and len(named) == 1 and not named[0].is_dir() and named[0] == Path(inputs[0])
    if single and not target.is_dir() and not out.endswith(("/", os.sep)):
        return Plan((Job(named[0], target, Path(named[0].name), exact=True),), into_folder=False)
    if target.exists() and not target.is_dir():
        raise UsageInvalid(f"{out} is a file, and several answers need a folder: give another -o.")

    jobs: dict[Path, Job] = {}
    others = 0
    for given in inputs:
        for source, relative in _pictures(given, target, alone=len(inputs) == 1):
            if relative is None:
                others += 1
            else:
                jobs.setdefault(Path(os.path.realpath(source)), Job(source, target / relative, relative))
    return Plan(tuple(_apart(list(jobs.values()), target, asked_format)), into_folder=True, others=others)


def _streamed(inputs: Sequence[str], out: str) -> Job:
    if len(inputs) != 1:
        raise UsageInvalid("Standard input or output takes one picture: give one IN.")
    source = Path(inputs[0])
    target = Path(out)
    if out != "-" and (target.is_dir() or out.endswith("/")):
        raise UsageInvalid("Standard input has no name: give -o a file, or - for standard output.")
    if source != STDIO and source.is_dir():
        raise UsageInvalid("A folder cannot be written to standard output: give -o a folder.")
    return Job(source, target, Path("picture" if source == STDIO else source.name), exact=True)


def _expand(given: str) -> list[Path]:
    """The files and folders that an argument names; one that is not there names itself."""
    path = Path(given)
    if path.exists() or not glob.has_magic(given):
        return [path]
    matches = sorted(glob.glob(given, recursive=True))  # noqa: PTH207  # a pattern may be absolute
    if not matches:
        raise UsageInvalid(f"No file matches {given!r}: check the pattern.")
    return [Path(match) for match in matches]


def _pictures(given: str, out: Path, *, alone: bool) -> Iterator[tuple[Path, Path | None]]:
    """Each picture that an argument names with its place in the tree; None in its stead for other files."""
    entries = _expand(given)
    base = _fixed_part(given) if entries != [Path(given)] else None
    for entry in entries:
        if entry.is_dir():
            if base is not None:
                if "**" in given:  # its files match by themselves
                    continue
                prefix = entry.relative_to(base)
            else:
                prefix = Path() if alone else Path(entry.resolve().name)
            for found in _walk(entry, out):
                yield found, prefix / found.relative_to(entry) if _is_picture(found) else None
        elif base is None:
            yield entry, Path(entry.name)  # named: cleaned, or said to be no picture
        else:
            yield entry, entry.relative_to(base) if _is_picture(entry) else None


def _fixed_part(pattern: str) -> Path:
    """The folder that a pattern is relative to: its parts before the first with a wildcard."""
    fixed: list[str] = []
    for part in Path(pattern).parts:
        if glob.has_magic(part):
            break
        fixed.append(part)
    return Path(*fixed)


def _walk(folder: Path, out: Path) -> Iterator[Path]:
    """All files below a folder, in order; hidden ones, and the answers when they go inside it, are not."""
    inside = out.resolve()
    skips_out = inside != folder.resolve()
    for parent, folders, files in os.walk(folder):
        here = Path(parent)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and not (skips_out and (here / name).resolve() == inside)
        )
        yield from (
            here / name for name in sorted(files) if not name.startswith(".") and (here / name).is_file()
        )


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in KNOWN or _sniffed(path) is not None


def _sniffed(path: Path) -> str | None:
    if not path.is_file():  # a pipe can be read only once
        return None
    try:
        with path.open("rb") as file:
            return sniff(file.read(SNIFFED_BYTES))
    except OSError:
        return None


def _formats(source: Path, asked_format: str | None) -> set[str]:
    """The formats that an answer may have."""
    if asked_format is not None:
        return {asked_format}
    own = _sniffed(source)
    if own is None:
        return set()
    return {own, output_format(own), output_format(own, alpha=True)}


def _apart(jobs: list[Job], out: Path, asked_format: str | None) -> list[Job]:
    """Give every job places of its own, by rules that do not depend on which others are there already.

    First those whose ending may change keep their whole name before it (`a.gif` → `a.gif.png` beside
    `a.png`); then pictures of one name get the folders that they came from before it.
    """
    apart = [
        replace(job, appends=True) if clashes and not job.exact else job
        for job, clashes in _with_clashes(jobs, asked_format)
    ]
    for depth in range(1, 1 + max((len(job.source.resolve().parts) for job in apart), default=0)):
        marked = list(_with_clashes(apart, asked_format))
        if not any(clashes for _, clashes in marked):
            break
        apart = [_deeper(job, out, depth) if clashes else job for job, clashes in marked]
    return apart


def _with_clashes(jobs: list[Job], asked_format: str | None) -> Iterator[tuple[Job, bool]]:
    places = [job.outputs(asked_format) for job in jobs]
    taken = Counter(place for several in places for place in several)
    for job, several in zip(jobs, places, strict=True):
        yield job, any(taken[place] > 1 for place in several)


def _deeper(job: Job, out: Path, depth: int) -> Job:
    """The job with `depth` of its folders before its name."""
    parents = job.source.resolve().parent.parts[-depth:]
    relative = Path(*(part for part in parents if part != os.sep), job.source.name)
    return replace(job, target=out / relative, relative=relative)
