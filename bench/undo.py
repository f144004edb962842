"""Undoing alone: the exact mask is given and nothing else. Writes the table of bench/UNDO.md.

    python bench/undo.py MANIFEST [--grow N] [--kinds a,b] [--layers DIR]

MANIFEST is that of a set of marked pictures with their truth (`../shared/bench/dev/manifest.json`); with the
exact marks of its pictures in DIR the bound of undoing, `oracle_mix`, is added. `--grow` gives a mask that is
so many pixels too large, or too small where it is negative.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from time import perf_counter

import cv2
import numpy as np
from PIL import Image

from cleanplate.engine.fit import recover
from cleanplate.engine.pyramid import FULL, paint_colours
from cleanplate.engine.values import picture_values, working_values

NOISE, FILL_ERROR = {"jpeg": 5.0, "png": 0.5}, 24.0


def psnr(values: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    wrong = (np.rint(values).clip(0, 255) - truth)[mask]
    return min(60.0, float(10 * np.log10(255.0**2 / max(1e-9, (wrong**2).mean()))))


def resized(mask: np.ndarray, by: int) -> np.ndarray:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(by) + 1,) * 2)
    change = cv2.dilate if by > 0 else cv2.erode
    return change(mask.astype(np.uint8), kernel) > 0


def filled(seen: np.ndarray, hole: np.ndarray) -> np.ndarray:
    painted = paint_colours(working_values(seen.astype(np.uint8)), (~hole).astype(np.float32), FULL)
    return picture_values(painted, np.dtype(np.uint8))


def oracle(seen: np.ndarray, fill: np.ndarray, layer: Path, noise: float) -> np.ndarray:
    exact = np.load(layer)
    alpha = exact["alpha"][..., None]
    raw = np.clip((seen - exact["rgb"]) / np.maximum(1 - alpha, 1e-3), 0, 255)
    weight = (1 - alpha) ** 2 / ((1 - alpha) ** 2 + (noise / FILL_ERROR) ** 2)
    return weight * raw + (1 - weight) * fill


def measured(case: dict, base: Path, grow: int, layers: Path | None) -> tuple[list[float], float]:
    seen = np.asarray(Image.open(base / case["watermarked"]).convert("RGB")).astype(np.float32)
    truth = np.asarray(Image.open(base / case["clean"]).convert("RGB")).astype(np.float32)
    mask = np.asarray(Image.open(base / case["mask"]).convert("L")) > 127
    given = resized(mask, grow) if grow else mask
    fill = filled(seen, given)
    started = perf_counter()
    back = recover(seen, given, lossy=case["format"] == "jpeg")
    seconds = perf_counter() - started
    row = [psnr(fill, truth, mask), psnr(back.values, truth, mask)]
    if layers:
        row.append(psnr(oracle(seen, fill, layers / f"{case['id']}.npz", NOISE[case["format"]]), truth, mask))
    return row, seconds / (mask.size / 1e6)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--grow", type=int, default=0)
    parser.add_argument("--kinds")
    parser.add_argument("--layers", type=Path)
    asked = parser.parse_args()
    if not asked.manifest.is_file():
        print(f"no such set: {asked.manifest}", file=sys.stderr)
        return 1
    cv2.setNumThreads(1)
    rows: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
    times, worse = [], []
    for case in json.loads(asked.manifest.read_text())["cases"]:
        if case["kind"] == "none" or (asked.kinds and case["kind"] not in asked.kinds.split(",")):
            continue
        row, seconds = measured(case, asked.manifest.parent, asked.grow, asked.layers)
        times.append(seconds)
        for form in (case["format"], "all"):
            rows[case["kind"], form].append(row)
        if row[1] < row[0] - 0.5:
            worse.append(f"{case['id']} {row[0]:.1f} → {row[1]:.1f}")
    print("| kind | encoding | n | fill | fit + undo |" + (" oracle_mix |" if asked.layers else ""))
    print("|---|---|---|---|---|" + ("---|" if asked.layers else ""))
    for (kind, form), some in sorted(rows.items()):
        means = " | ".join(f"{value:.2f}" for value in np.mean(some, axis=0))
        print(f"| {kind} | {form} | {len(some)} | {means} |")
    print(f"\n{np.mean(times):.1f} s/MP; {len(worse)} of {len(times)} 0.5 dB under fill: {'; '.join(worse)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
