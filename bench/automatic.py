#!/usr/bin/env python3
"""Score cleanplate when it has to find the mark itself, beside two loose regions and what others reach.

    python bench/automatic.py [--manifest FILE] [--asks auto,rect,smear,mask] [--layers DIR] [--fsr PYTHON]

Runs over a set of marked photos whose truth is known: asked automatically, with rectangles, with a brush
smear and with the mark's exact mask; beside it doing nothing, Telea's fill of the same region and of the
exact mask, with `--fsr` and a Python that has opencv-contrib-python-headless also frequency selective
reconstruction, and the bound of undoing when the exact marks are in `--layers` (`oracle_mix`). Without these
two the rows recorded with the set are quoted, if there are any. The set's `score.py` judges. Each process has
one thread and does a part of the cases; a run that was cut off goes on where it stopped (`--fresh` starts
over).

Prints the tables, and writes them into bench/AUTOMATIC.md when a whole set was run; pictures and scores stay
in `bench/out/automatic/`. `--per-kind N` takes the first cases of each kind only, to try something.

The sets are not part of the repository. When one is absent this says so and exits with status 2.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

from page import command, machine, today, write
from quality import KINDS, MANIFEST, neighbour
from runs import HERE, Run, engine_state, run

OUT = HERE / "out" / "automatic"
PAGE = HERE / "AUTOMATIC.md"
WAYS = {"auto": "automatic", "rect": "rectangles", "smear": "smear", "mask": "exact mask", "-": "-"}
NEEDED = (
    ("auto", "F1", "f1", 0.72),
    ("auto", "PSNRw", "psnrw", 23.0),
    ("rect", "PSNRw", "psnrw", 24.0),
    ("smear", "PSNRw", "psnrw", 24.0),
)
NUMBERS = (
    ("PSNRw", "psnrw", "{:.2f}"), ("PSNR", "psnr", "{:.2f}"), ("left", "left", "{:.3f}"),
    ("tex", "tex", "{:.2f}"), ("hurt %", "hurt", "{:.2f}"), ("F1", "f1", "{:.3f}"), ("IoU", "iou", "{:.3f}"),
)  # fmt: skip


def main() -> int:
    options = arguments()
    if not options.manifest.is_file():
        print(f"The set is not here: {options.manifest} does not exist.", file=sys.stderr)
        print("Point --manifest at a set's manifest.json; bench/second.py makes one.", file=sys.stderr)
        return 2
    document = json.loads(options.manifest.read_text())
    cases = chosen(document["cases"], options.per_kind, options.kinds)
    out = OUT / document["name"]
    if options.fresh:
        shutil.rmtree(out, ignore_errors=True)
    rows = [measured(method, ask, cases, options, out) for method, ask in plan(options)]
    rows += quoted(document["name"], options)
    text = tables(document["name"], cases, rows)
    print(text)
    out.mkdir(parents=True, exist_ok=True)
    (out / "tables.md").write_text(text)
    if len(cases) == len(document["cases"]) and not options.dry:
        write(PAGE, document["name"], text)
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument(
        "--asks", type=lambda text: text.split(","), default=["auto", "rect", "smear", "mask"]
    )
    parser.add_argument("--layers", type=Path, help="where the set's exact marks are")
    parser.add_argument("--fsr", help="a Python that has opencv-contrib-python-headless")
    parser.add_argument("--jobs", type=int, default=2, help="processes, of one thread each")
    parser.add_argument("--per-kind", type=int, help="only the first so many cases of each kind")
    parser.add_argument("--kinds", type=lambda text: text.split(","), help="only these")
    parser.add_argument("--fresh", action="store_true", help="throw earlier results of this set away")
    parser.add_argument("--dry", action="store_true", help="leave bench/AUTOMATIC.md as it is")
    return parser.parse_args()


def chosen(
    cases: list[dict[str, Any]], per_kind: int | None, kinds: list[str] | None
) -> list[dict[str, Any]]:
    taken: dict[str, int] = {}
    few: list[dict[str, Any]] = []
    for case in cases:
        taken[case["kind"]] = taken.get(case["kind"], 0) + 1
        if (not kinds or case["kind"] in kinds) and (not per_kind or taken[case["kind"]] <= per_kind):
            few.append(case)
    return few


def plan(options: argparse.Namespace) -> list[tuple[str, str]]:
    """What is run: method and way of asking."""
    asks = options.asks
    rows = [("nothing", "-")] + [("cleanplate", ask) for ask in asks]
    rows += [("telea5", ask) for ask in asks if ask in {"rect", "smear"}] + [("telea5", "mask")]
    rows += [("fsr_fast", "mask")] if options.fsr else []
    rows += [("oracle_mix", "mask")] if options.layers else []
    return rows


def measured(
    method: str, ask: str, cases: list[dict[str, Any]], options: argparse.Namespace, out: Path
) -> dict[str, Any]:
    """One row of the table: the score's report, and the cost."""
    folder = out / f"{method}-{ask}".rstrip("-")
    asked = Run(
        method,
        "mask" if ask == "-" else ask,
        options.manifest,
        folder,
        options.layers,
        options.fsr if method == "fsr_fast" else sys.executable,
    )
    ids = {case["id"] for case in cases}
    told = run(asked, sorted(ids), options.jobs)
    report = neighbour(options.manifest, "score").score(folder, options.manifest, ids=ids)
    pixels = {case["id"]: case["width"] * case["height"] / 1e6 for case in cases}
    seconds = sum(one.get("seconds", 0.0) for one in told.values())
    crashed = sorted(name for name, one in told.items() if "crash" in one)
    refused = sorted(name for name, one in told.items() if "refused" in one)
    (folder / "score.json").write_text(json.dumps(report, indent=1) + "\n")
    print(
        f"{WAYS[ask]} {method}: {len(ids)} cases, {seconds:.0f} s of processor", file=sys.stderr, flush=True
    )
    return {
        "method": method, "ask": ask, "report": report, "rate": seconds / sum(pixels.values()),
        "crashed": crashed, "refused": refused,
    }  # fmt: skip


def quoted(name: str, options: argparse.Namespace) -> list[dict[str, Any]]:
    """Rows of BASELINES.md that were not run again, for the set that it is about."""
    page = MANIFEST.parent.parent / "BASELINES.md"
    if name != "dev" or not page.is_file():
        return []
    wanted = [] if options.fsr else ["fsr_fast"]
    wanted += [] if options.layers else ["oracle_mix"]
    exact = page.read_text().split("## DEV, exact mask")[1].split("##")[0]
    rows = []
    for method in wanted:
        line = next(line for line in exact.splitlines() if re.match(rf"\| \*?{method}\*? \|", line))
        cells = [cell.strip().replace("*", "") for cell in line.strip("|").split("|")[1:]]
        pairs = [cell.split(" / ") for cell in cells[:5]]
        rows.append(
            {
                "method": f"{method} (recorded)",
                "ask": "mask",
                "cells": [pair[0] for pair in pairs] + [pairs[4][1], cells[8], cells[9], "", "", "", "", ""],
            }
        )
    return rows


def tables(name: str, cases: list[dict[str, Any]], rows: list[dict[str, Any]]) -> str:
    marked = sum(case["kind"] != "none" for case in cases)
    lines = [
        f"`{command()}` on {today()}, {machine()};",
        f"{marked} marked photos and {len(cases) - marked} without a mark; engine {engine_state()}.",
        "",
    ]
    head = ["asked", "method", *KINDS, *(title for title, _, _ in NUMBERS), "untouched", "s/MP"]
    lines += ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += [one_line(row) for row in rows]
    ours = [row for row in rows if row["method"] == "cleanplate"]
    head = ["asked", "kind", "n", "nothing", *(title for title, _, _ in NUMBERS)]
    lines += ["", "By kind (`nothing`: PSNRw of the marked photo as it is):", ""]
    lines += ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    nothing = next(row["report"] for row in rows if row["method"] == "nothing")
    for row in ours:
        for kind in (kind for kind in KINDS if kind in row["report"]["kinds"]):
            group = row["report"]["kinds"][kind]
            before = f"{nothing['kinds'][kind]['psnrw']:.2f}"
            lines.append(
                f"| {WAYS[row['ask']]} | {kind} | {group['n']} | {before} | {' | '.join(numbers(group))} |"
            )
    return "\n".join([*lines, "", *verdicts(ours, nothing), *troubles(ours)]) + "\n"


def one_line(row: dict[str, Any]) -> str:
    if "report" not in row:
        cells = row["cells"]
    else:
        report = row["report"]
        cells = [f"{report['kinds'][kind]['psnrw']:.2f}" if kind in report["kinds"] else "" for kind in KINDS]
        group = numbers(report["marked"]) if report["marked"] else [""] * len(NUMBERS)
        if row["method"] != "cleanplate":
            group[-2:] = ["", ""]  # others are told where the mark is, so they are not judged for finding it
        same = f"{100 * report['none']['same']:.0f} %" if report["none"] else ""
        cells += [f"**{group[0]}**", *group[1:], same, f"{row['rate']:.2f}" if row["rate"] else ""]
    return f"| {WAYS[row['ask']]} | {row['method']} | " + " | ".join(cells) + " |"


def numbers(group: dict[str, Any]) -> list[str]:
    return ["" if group.get(key) is None else form.format(group[key]) for _, key, form in NUMBERS]


def verdicts(ours: list[dict[str, Any]], nothing: dict[str, Any]) -> list[str]:
    """What the table says of what was asked for."""
    reports = {row["ask"]: row["report"] for row in ours}
    lines = ["Needed:", ""]
    for ask, title, key, least in NEEDED:
        if ask in reports and reports[ask]["marked"]:
            value = reports[ask]["marked"][key]
            lines.append(
                f"* {WAYS[ask]}: {title} ≥ {least:g}: {value:.3g}{'' if value >= least else ', **not met**'}"
            )
    if "auto" in reports and reports["auto"]["none"] and reports["auto"]["marked"]:
        same, hurt = reports["auto"]["none"]["same"], reports["auto"]["marked"]["hurt"]
        lines.append(
            f"* automatic: untouched ≥ 95 %: {100 * same:.0f} %{'' if same >= 0.95 else ', **not met**'}"
        )
        lines.append(f"* automatic: hurt ≤ 0.2 %: {hurt:.2f} %{'' if hurt <= 0.2 else ', **not met**'}")
    for ask, report in reports.items():
        worse = [
            kind
            for kind, group in report["kinds"].items()
            if group["psnrw"] < nothing["kinds"][kind]["psnrw"]
        ]
        lines.append(f"* {WAYS[ask]}: worse than doing nothing: {', '.join(worse) or 'no kind'}")
    return lines


def troubles(ours: list[dict[str, Any]]) -> list[str]:
    lines = [f"* {WAYS[row['ask']]}: refused: {', '.join(row['refused'])}" for row in ours if row["refused"]]
    lines += [
        f"* {WAYS[row['ask']]}: **crashed**: {', '.join(row['crashed'])}" for row in ours if row["crashed"]
    ]
    return lines


if __name__ == "__main__":
    sys.exit(main())
