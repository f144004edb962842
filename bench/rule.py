#!/usr/bin/env python3
"""Compare the fill's rule with each of its methods alone.

    python bench/rule.py [--manifest FILE]

The rule chooses by how far a pixel is from what is known: the spectral fill, the same with lent texture, or
pieces of the picture. Here every marked case of the dev set is painted in its exact mask by the rule, and by
each method wherever it can be used. Writes PSNRw and `tex` by kind to bench/QUALITY.md, with the formulas of
the set's own `score.py`.

The set is not part of the repository: when it is absent this says so and exits with status 2.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

import cleanplate
from cleanplate.engine.fill import completion, texture
from page import command, machine, today, write
from quality import MANIFEST, neighbour

if TYPE_CHECKING:
    from types import ModuleType

PAGE = Path(__file__).resolve().parent / "QUALITY.md"
NEVER = 1e6
# pixels from what is known, from which on texture is lent and from which on pieces are copied
METHODS = {
    "the rule": (texture.WIDE, completion.WIDE),
    "spectral alone": (NEVER, NEVER),
    "lent texture from 4 pixels on": (2.0, NEVER),
    "lent texture wherever it is wide": (texture.WIDE, NEVER),
    "pieces wherever it is wide": (texture.WIDE, texture.WIDE),
    "pieces from 6 pixels on": (NEVER, 3.0),
}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    options = parser.parse_args()
    if not options.manifest.exists():
        print(f"There is nothing to measure with: {options.manifest} does not exist.", file=sys.stderr)
        return 2
    cv2.setNumThreads(1)
    score = neighbour(options.manifest, "score")
    cases = [case for case in json.loads(options.manifest.read_text())["cases"] if case["kind"] != "none"]
    kinds = list(dict.fromkeys(case["kind"] for case in cases))
    lines = [f"| PSNRw / tex | {' | '.join(kinds)} | all |", "|" + " --- |" * (len(kinds) + 2)]
    for name, (texture.WIDE, completion.WIDE) in METHODS.items():
        rows = [(case["kind"], *measured(case, options.manifest.parent, score)) for case in cases]
        cells = []
        for kind in (*kinds, None):
            mine = [row[1:] for row in rows if kind in (row[0], None)]
            cells.append(" / ".join(f"{value:.2f}" for value in np.mean(mine, axis=0)))
        lines.append(f"| {name} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    text = f"`{command()}` on {today()}, {machine()}; {len(cases)} cases.\n\n" + "\n".join(lines) + "\n"
    write(PAGE, "rule", text)
    return 0


def measured(case: dict[str, str], base: Path, score: ModuleType) -> tuple[float, float]:
    """PSNR inside the mark in dB, and fine detail there over the truth's."""
    mask = np.asarray(Image.open(base / case["mask"]).convert("L")) > 127
    truth = np.asarray(Image.open(base / case["clean"]).convert("RGB")).astype(np.float32)
    made = cleanplate.remove(base / case["watermarked"], mask, mode="fill").picture.pixels.astype(np.float32)
    off = (made - truth)[mask].astype(np.float64)
    return (
        score.psnr(float(np.mean(off**2))),
        score.detail(made, mask) / max(0.05, score.detail(truth, mask)),
    )


if __name__ == "__main__":
    sys.exit(main())
