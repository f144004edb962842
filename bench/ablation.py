#!/usr/bin/env python3
"""What each part of the engine is worth when it has to find the mark itself.

    python bench/ablation.py [--manifest FILE] [--per-kind N]

Three engines over a set of marked photos, asked automatically: the network alone, with its opacity and colour
un-blended as they are; with the fit of each mark; and with repetition as well, which is the product. The
first two are made here by taking parts out (`runs.py`); the product has no such switches. Runs are resumable,
and the product's is that of `automatic.py`.

Prints a table, and writes it into bench/AUTOMATIC.md when a whole set was run.

The sets are not part of the repository. When one is absent this says so and exits with status 2.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from automatic import OUT, PAGE, chosen, measured
from page import command, machine, today, write
from quality import KINDS, MANIFEST
from runs import OURS, engine_state

TITLES = {"network": "network alone", "network+fit": "+ fit", "cleanplate": "+ repetition"}
STEPS = ("find", "undo", "fill")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--jobs", type=int, default=2, help="processes, of one thread each")
    parser.add_argument("--per-kind", type=int, help="only the first so many cases of each kind")
    parser.add_argument("--dry", action="store_true", help="leave bench/AUTOMATIC.md as it is")
    parser.set_defaults(layers=None, fsr=None)
    options = parser.parse_args()
    if not options.manifest.is_file():
        print(f"The set is not here: {options.manifest} does not exist.", file=sys.stderr)
        return 2
    document = json.loads(options.manifest.read_text())
    cases = chosen(document["cases"], options.per_kind, None)
    out = OUT / document["name"]
    methods = ("nothing", *OURS)
    rows = [measured(name, "-" if name == "nothing" else "auto", cases, options, out) for name in methods]
    text = table(cases, rows[0]["report"], rows[1:], out)
    print(text)
    if len(cases) == len(document["cases"]) and not options.dry:
        write(PAGE, f"ablation, {document['name']}", text)
    return 0


def table(cases: list[dict[str, Any]], nothing: dict[str, Any], rows: list[dict[str, Any]], out: Path) -> str:
    head = ["engine", *KINDS, "all marked", "F1", "left", "hurt %", "untouched", "s/MP", *STEPS]
    lines = [
        f"`{command()}` on {today()}, {machine()};",
        f"{len(cases)} photos, engine {engine_state()}. By kind: PSNRw / F1.",
        "`s/MP`: of the processor, all in all; `find`, `undo`, `fill`: on the clock.",
        "",
        "| " + " | ".join(head) + " |",
        "|" + " --- |" * len(head),
    ]
    groups = [nothing["kinds"].get(kind) for kind in KINDS]
    cells = [f"{group['psnrw']:.2f}" if group else "" for group in groups]
    cells += [f"{nothing['marked']['psnrw']:.2f}", "", "1.000", "0.00", "100 %", *[""] * (1 + len(STEPS))]
    lines.append("| nothing | " + " | ".join(cells) + " |")
    lines += [line(row, cases, out) for row in rows]
    return "\n".join(lines) + "\n"


def line(row: dict[str, Any], cases: list[dict[str, Any]], out: Path) -> str:
    report, marked = row["report"], row["report"]["marked"]
    groups = [report["kinds"].get(kind) for kind in KINDS]
    cells = [f"{group['psnrw']:.2f} / {group['f1']:.3f}" if group else "" for group in groups]
    cells += [f"**{marked['psnrw']:.2f}**", f"{marked['f1']:.3f}", f"{marked['left']:.3f}"]
    cells += [f"{marked['hurt']:.2f}", f"{100 * report['none']['same']:.0f} %" if report["none"] else ""]
    folder = out / f"{row['method']}-auto"
    told = [json.loads((folder / f"{case['id']}.json").read_text()) for case in cases]
    pixels = sum(case["width"] * case["height"] for case in cases) / 1e6
    steps = [np.sum([one.get("steps", {}).get(step, 0.0) for one in told]) / pixels for step in STEPS]
    cells += [f"{row['rate']:.2f}", *(f"{seconds:.2f}" for seconds in steps)]
    return f"| {TITLES[row['method']]} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
