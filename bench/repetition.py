"""Tiled marks found without learning: what is found, how well, how fast, and what is wrongly taken for one.

    python bench/repetition.py --dev SHARED/bench/dev/manifest.json --clean SHARED/photos/cid22 --out FOLDER

For each tiled case of the set the mask is saved as FOLDER/<id>.mask.png, and as FOLDER/<id>.png the picture
un-blended with what was found and nothing more, without a fit or a fill: the set's own score.py judges both.
The clean folders' photos, and the truths of the set's other cases, must not be taken for marked ones. Prints
the rows of REPETITION.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from cleanplate.engine.find.repetition import find_repeated


def pixels_of(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def judged(case: dict, base: Path, out: Path) -> tuple[bool, float]:
    """One marked case: writes what was found; returns whether, and the seconds it took."""
    pixels = pixels_of(base / case["watermarked"]).copy()
    started = time.perf_counter()
    found = find_repeated(pixels)
    seconds = time.perf_counter() - started
    mask = np.zeros(pixels.shape[:2], np.uint8)
    name, true, bare = (
        case["id"],
        pixels_of(base / case["mask"])[..., 0] > 127,
        pixels_of(base / case["clean"]),
    )
    before = psnr(pixels, bare, true)
    if found is not None:
        mark = found.mark()
        x, y, width, height = mark.box
        mask[y : y + height, x : x + width] = mark.area * 255
        window = pixels[y : y + height, x : x + width]
        opacity = np.minimum(mark.opacity, 0.85)[..., None]
        back = (window - opacity * mark.colour) / (1 - opacity)
        np.copyto(window, back.round().clip(0, 255).astype(np.uint8), where=mark.area[..., None])
    Image.fromarray(mask).save(out / f"{name}.mask.png")
    Image.fromarray(pixels).save(out / f"{name}.png")
    area = mask > 0
    f1 = 2 * (area & true).sum() / max(1, area.sum() + true.sum())
    level = float(np.percentile(found.opacity[area], 80)) if found is not None else 0.0
    print(
        f"| {name} | {case['style']} | {case['format']} | {'yes' if found else 'no'} | {case['opacity']:.2f} "
        f"| {level:.2f} | {f1:.3f} | {before:.1f} | {psnr(pixels, bare, true):.1f} | {seconds:.2f} |",
        flush=True,
    )
    return found is not None, seconds


def psnr(pixels: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    error = float(((pixels.astype(np.float64) - truth)[where] ** 2).mean())
    return min(60.0, 10 * np.log10(255**2 / max(error, 1e-9)))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dev", type=Path, required=True)
    parser.add_argument("--clean", type=Path, nargs="*", default=[])
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    if not given.dev.is_file():
        print(f"{given.dev} is not there: this bench needs the project's shared benchmark", file=sys.stderr)
        return 2
    cv2.setNumThreads(1)
    given.out.mkdir(parents=True, exist_ok=True)
    cases, base = json.loads(given.dev.read_text())["cases"], given.dev.parent
    print("| case | style | format | found | opacity | answered | F1 | PSNRw before | after | s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    results = [judged(case, base, given.out) for case in cases if case["kind"] == "tiled-text"]
    times = [seconds for _, seconds in results]
    print(f"\n{sum(found for found, _ in results)} of {len(results)} found; {np.mean(times):.2f} s each\n")
    clean = sorted({base / case["clean"] for case in cases if case["kind"] != "tiled-text"})
    clean += [path for folder in given.clean for path in sorted(folder.glob("*.jpg"))]
    alarms, seconds, area = [], 0.0, 0
    for path in clean:
        pixels = pixels_of(path)
        started = time.perf_counter()
        if find_repeated(pixels) is not None:
            alarms.append(path.name)
        seconds += time.perf_counter() - started
        area += pixels.shape[0] * pixels.shape[1]
    print(f"{len(alarms)} of {len(clean)} clean pictures taken for marked: {', '.join(alarms) or 'none'}")
    print(f"{seconds / area * 1e6:.2f} s a megapixel on them")
    return 0


if __name__ == "__main__":
    sys.exit(main())
