"""`cleanplate remove`: files, patterns, folders, or standard input."""

from __future__ import annotations

import math
import os
import signal
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import typer

from cleanplate.cli import options  # noqa: TC001  # Typer reads annotations at run time
from cleanplate.cli.errors import OutputIsInput, UsageInvalid

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path
    from types import FrameType

    from cleanplate.cli.cleaning import Order, Report
    from cleanplate.cli.plan import Job, Plan
    from cleanplate.region.rectangles import Anchor, Rectangles, Unit

TERMINATED = 143


def remove(
    inputs: options.Inputs,
    out: options.Out,
    rectangle: options.Rectangle = None,
    mask: options.Mask = None,
    smear: options.Smear = None,
    preset: options.Preset = None,
    account: options.Account = "default",
    mode: options.Mode = "auto",
    sensitivity: options.Sensitivity = 0.5,
    model: options.Model = None,
    format: options.Format = None,  # noqa: A002  # the word users expect
    quality: options.Quality = None,
    found: options.Found = None,
    found_json: options.FoundJson = None,
    as_json: options.AsJson = False,
    jobs: options.Jobs = None,
    no_history: options.NoHistory = False,
    overwrite: options.Overwrite = False,
) -> None:
    """Take the watermark off pictures. Folders keep their tree, and a second run does only what is left."""
    from cleanplate.cli.cleaning import Order
    from cleanplate.cli.networks import chosen
    from cleanplate.cli.plan import make_plan
    from cleanplate.picture.formats import named

    if sum(bool(given) for given in (rectangle, mask, smear, preset)) > 1:
        raise UsageInvalid(
            "Give one of --rectangle, --mask, --smear and --preset: each says where the mark is."
        )
    if not 0.0 <= sensitivity <= 1.0:  # nor is it, when it is not a number
        raise UsageInvalid("--sensitivity must be a number from 0 to 1.")
    asked_format = named(format) if format else None
    plan = make_plan(inputs, out, asked_format)
    rectangles, unit = read_rectangles(rectangle or [])
    anchor: Anchor = "top-left"
    if preset is not None:
        rectangles, unit, anchor = _read_preset(preset, account)
    order = Order(
        rectangles=rectangles,
        unit=unit,
        anchor=anchor,
        mask=_existing(mask),
        smear=_existing(smear),
        mode=mode,
        sensitivity=sensitivity,
        networks=chosen(model),
        format=asked_format,
        quality=quality,
        history=not no_history,
        overwrite=overwrite,
        found=found,
        found_json=found_json,
        into_folder=plan.into_folder,
        part=str(os.getpid()),
    )
    if not overwrite:
        _spare_inputs(plan, asked_format)
    order.networks.configure()
    order.networks.check()
    before = signal.signal(signal.SIGTERM, _end)
    try:
        raise typer.Exit(_carry_out(plan, order, jobs or os.cpu_count() or 1, as_json=as_json))
    finally:
        signal.signal(signal.SIGTERM, before)


def read_rectangles(
    given: Sequence[str],
) -> tuple[tuple[tuple[float, float, float, float], ...], Unit]:
    """Read `X,Y,W,H` arguments and tell their unit.

    They are fractions when they are written with %, or when no number is above 1 and at least one has a
    decimal point; otherwise pixels.

    Raises:
        UsageInvalid: one is not four numbers, or they do not have one unit.
    """
    rectangles: list[tuple[float, float, float, float]] = []
    units: set[Unit] = set()
    for text in given:
        parts = [part.strip() for part in text.split(",")]
        percent = [part.endswith("%") for part in parts]
        try:
            x, y, width, height = (float(part.rstrip("%")) for part in parts)
        except ValueError:
            raise UsageInvalid(f"--rectangle {text!r} is not four numbers X,Y,W,H.") from None
        numbers = (x, y, width, height)
        if not all(math.isfinite(number) for number in numbers) or width <= 0 or height <= 0:
            raise UsageInvalid(f"--rectangle {text!r}: width and height must be greater than 0.")
        if any(percent) and not all(percent):
            raise UsageInvalid(f"--rectangle {text!r}: write all four numbers with %, or none.")
        if all(percent):
            numbers = (x / 100, y / 100, width / 100, height / 100)
        fractions = all(percent) or ("." in text and max(numbers) <= 1)
        units.add("fraction" if fractions else "pixel")
        rectangles.append(numbers)
    if len(units) > 1:
        raise UsageInvalid("Give all rectangles in pixels, or all as fractions.")
    return tuple(rectangles), units.pop() if units else "pixel"


def _read_preset(
    name: str, account: str
) -> tuple[tuple[tuple[float, float, float, float], ...], Unit, Anchor]:
    """What an account keeps under this name, here, in the database of the settings in force."""
    from asyncio import run

    from cleanplate.cli.assembly import opened_presets
    from cleanplate.settings import load

    async def read() -> Rectangles:
        async with opened_presets(load(), account) as (presets, account_id):
            return (await presets.get(account_id, name)).region

    region = run(read())
    sides = tuple((one.x, one.y, one.width, one.height) for one in region.items)
    return sides, region.unit, region.anchor


def _spare_inputs(plan: Plan, asked_format: str | None) -> None:
    """Refuse a plan by which an answer would replace a picture that is to be read."""
    sources = {os.path.realpath(job.source) for job in plan.jobs}
    for job in plan.jobs:
        for output in job.outputs(asked_format):
            if str(output) != "-" and os.path.realpath(output) in sources:
                raise OutputIsInput(f"{output} would be replaced: give another -o, or --overwrite.")


def _existing(path: Path | None) -> Path | None:
    if path is not None and not path.exists():
        raise UsageInvalid(f"There is no {path}: check the path.")
    return path


def _end(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(TERMINATED)  # so that everything is put away on the way out


def _carry_out(plan: Plan, order: Order, hands: int, *, as_json: bool) -> int:
    from cleanplate.cli.cleaning import STDIO
    from cleanplate.cli.telling import Teller

    results = sys.stderr if any(job.target == STDIO for job in plan.jobs) else sys.stdout
    with Teller(len(plan.jobs), as_json=as_json, results=results, each=not plan.into_folder) as teller:
        try:
            with closing(_reports(plan, order, hands)) as reports:
                for report in reports:
                    teller.tell(report)
        except KeyboardInterrupt:
            _say(f"stopped after {teller.told} of {len(plan.jobs)}; the same command goes on from there")
            return 128 + signal.SIGINT
    if plan.into_folder:
        _say(teller.sum_up(plan.others))
    return 1 if teller.failed else 0


def _reports(plan: Plan, order: Order, hands: int) -> Generator[Report]:
    from cleanplate.cli.cleaning import Report, clean, done_already

    left: list[Job] = []
    for job in plan.jobs:
        output = done_already(job, order)
        if output is None:
            left.append(job)
        else:
            yield Report(str(job.source), str(output), skipped=True)
    if plan.into_folder and len(left) > 1:
        from cleanplate.cli.crew import clean_all

        yield from clean_all(left, order, hands)
    else:
        for job in left:
            yield clean(job, order)


def _say(line: str) -> None:
    print(f"cleanplate: {line}", file=sys.stderr, flush=True)
