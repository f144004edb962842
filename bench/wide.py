#!/usr/bin/env python3
"""Fill holes of 10 to 35 % of a photo, and make a sheet of what came of it.

    python bench/wide.py [--photos FOLDER] [--count 40] [--seed 2026]

One hole a photo, by turns a rectangle, an ellipse, a strip from side to side and what a brush leaves, its
share of the photo drawn between 10 and 35 %. Telea, Navier-Stokes and cleanplate fill it; inside the hole
PSNR, SSIM and `tex` are taken, with the formulas of the shared benchmark's `score.py`. Writes
bench/QUALITY.md, and bench/out/wide.jpg: the hole, Navier-Stokes, cleanplate, the truth.

The photos and `score.py` are not part of the repository: when they are absent this says so and exits with
status 2.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from page import command, machine, today, write
from quality import MANIFEST, neighbour

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
PHOTOS = HERE.parent.parent / "shared" / "photos" / "cid22-validation"
PAGE, SHEET = HERE / "QUALITY.md", HERE / "out" / "wide.jpg"
LEAST, MOST = 0.10, 0.35  # of the photo
SHAPES = ("rectangle", "ellipse", "strip", "brush")
SHRUNK = 260  # pixels of the longer side on the sheet
COLUMNS = 2  # cases beside each other on the sheet
HOLE = (255, 0, 255)


@dataclass(frozen=True)
class Case:
    """A photo, (H, W, 3) uint8, and its hole, (H, W) boolean."""

    name: str
    shape: str
    photo: np.ndarray
    hole: np.ndarray


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, default=PHOTOS)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--dry", action="store_true", help="leave bench/QUALITY.md as it is")
    options = parser.parse_args()
    for needed in (options.photos, MANIFEST):
        if not needed.exists():
            print(f"There is nothing to measure with: {needed} does not exist.", file=sys.stderr)
            return 2
    cv2.setNumThreads(1)
    score = neighbour(MANIFEST, "score")
    cases = drawn(options.photos, options.count, options.seed)
    rows: dict[str, list[dict[str, float]]] = {}
    filled: dict[str, list[np.ndarray]] = {}
    for method, fill in METHODS.items():
        for case in cases:
            started = time.process_time()
            result = fill(case.photo, case.hole)
            spent = time.process_time() - started
            assert np.array_equal(result[~case.hole], case.photo[~case.hole])
            truth, made = case.photo.astype(np.float32), result.astype(np.float32)
            off = (made - truth)[case.hole].astype(np.float64)
            rows.setdefault(method, []).append(
                {
                    "psnr": score.psnr(float(np.mean(off**2))),
                    "ssim": float(score.ssim_map(made, truth)[case.hole].mean()),
                    "tex": score.detail(made, case.hole) / max(0.05, score.detail(truth, case.hole)),
                    "seconds": spent,
                    "megapixels": float(case.hole.sum()) / 1e6,
                }
            )
            filled.setdefault(method, []).append(result)
        print(method, flush=True)
    text = f"`{command()}` on {today()}, {machine()}; {len(cases)} photos.\n\n{table(rows, cases)}"
    print(text)
    if not options.dry:
        write(PAGE, "wide", text)
    SHEET.parent.mkdir(exist_ok=True)
    sheet(cases, filled, rows["cleanplate"]).save(SHEET, quality=90)
    return 0


def drawn(folder: Path, count: int, seed: int) -> list[Case]:
    """Photos by name, each with a hole."""
    draw = np.random.default_rng(seed)
    cases = []
    for number, file in enumerate(sorted(folder.glob("*.[jp][pn]g"))[:count]):
        photo = np.asarray(Image.open(file).convert("RGB"))
        shape = SHAPES[number % len(SHAPES)]
        cases.append(Case(file.stem, shape, photo, hole_of(shape, photo.shape[:2], draw)))
    return cases


def hole_of(shape: str, size: tuple[int, int], draw: np.random.Generator) -> np.ndarray:
    """(H, W) boolean, of a share between LEAST and MOST."""
    share = float(draw.uniform(LEAST, MOST))
    height, width = size
    plane = np.zeros(size, np.uint8)
    aspect = float(np.exp(draw.uniform(-0.6, 0.6)))
    area = share * height * width
    if shape == "strip":
        tall = round(share * height)
        top = int(draw.integers(0, height - tall))
        plane[top : top + tall] = 1
        return plane > 0
    if shape == "brush":
        radius = round(0.05 * (height + width))
        at = np.array([width / 2, height / 2])
        heading = float(draw.uniform(0, 2 * np.pi))
        while plane.mean() < share:
            heading += float(draw.normal(0, 0.5))
            at = at + radius * np.array([np.cos(heading), np.sin(heading)])
            if not (0 <= at[0] < width and 0 <= at[1] < height):
                at, heading = np.array([width, height]) * draw.uniform(0.3, 0.7, 2), heading + np.pi / 2
            cv2.circle(plane, (round(at[0]), round(at[1])), radius, 1, -1)
        return plane > 0
    grow = np.sqrt(4 / np.pi) if shape == "ellipse" else 1.0
    across = min(width - 2, round(np.sqrt(area * aspect) * grow))
    down = min(height - 2, round(area * grow**2 / across))
    x, y = int(draw.integers(0, width - across)), int(draw.integers(0, height - down))
    if shape == "rectangle":
        plane[y : y + down, x : x + across] = 1
    else:
        cv2.ellipse(plane, (x + across // 2, y + down // 2), (across // 2, down // 2), 0, 0, 360, 1, -1)
    return plane > 0


def by_opencv(way: int) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    def fill(photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
        made = cv2.inpaint(np.ascontiguousarray(photo), hole.astype(np.uint8), 5, way)
        return np.where(hole[..., None], made, photo)

    return fill


def by_cleanplate(photo: np.ndarray, hole: np.ndarray) -> np.ndarray:
    import cleanplate

    return cleanplate.remove(photo, hole, mode="fill").picture.pixels


METHODS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "telea5": by_opencv(cv2.INPAINT_TELEA),
    "ns5": by_opencv(cv2.INPAINT_NS),
    "cleanplate": by_cleanplate,
}


def table(rows: dict[str, list[dict[str, float]]], cases: list[Case]) -> str:
    groups = {
        **{shape: [case.shape == shape for case in cases] for shape in SHAPES},
        "all": [True for _ in cases],
    }
    lines = [
        "| PSNR / SSIM / tex | " + " | ".join(groups) + " | s / MP filled |",
        "|" + " --- |" * (len(groups) + 2),
    ]
    for method, scores in rows.items():
        cells = []
        for name, chosen in groups.items():
            mine = [one for one, taken in zip(scores, chosen, strict=True) if taken]
            psnr, ssim, tex = (float(np.mean([one[key] for one in mine])) for key in ("psnr", "ssim", "tex"))
            cell = f"{psnr:.2f} / {ssim:.3f} / {tex:.2f}"
            cells.append(f"**{cell}**" if name == "all" else cell)
        rate = sum(one["seconds"] for one in scores) / sum(one["megapixels"] for one in scores)
        lines.append(f"| {method} | " + " | ".join(cells) + f" | {rate:.1f} |")
    return "\n".join(lines) + "\n"


def sheet(
    cases: list[Case], filled: dict[str, list[np.ndarray]], scores: list[dict[str, float]]
) -> Image.Image:
    """Each case as four small pictures in a row, the worst first."""
    order = sorted(range(len(cases)), key=lambda number: scores[number]["psnr"])
    wide, high = 4 * SHRUNK + 12, SHRUNK + 18
    page = Image.new("RGB", (COLUMNS * wide, -(-len(order) // COLUMNS) * high), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    for place, number in enumerate(order):
        case = cases[number]
        left, top = place % COLUMNS * wide, place // COLUMNS * high
        holed = np.where(case.hole[..., None], np.array(HOLE, np.uint8), case.photo)
        four = (holed, filled["ns5"][number], filled["cleanplate"][number], case.photo)
        for step, pixels in enumerate(four):
            small = Image.fromarray(np.ascontiguousarray(pixels))
            small.thumbnail((SHRUNK - 4, SHRUNK))
            page.paste(small, (left + step * SHRUNK, top + 16))
        one = scores[number]
        label = (
            f"{case.name}, {case.shape}, {case.hole.mean():.0%}: {one['psnr']:.1f} dB, tex {one['tex']:.2f}"
        )
        pen.text((left, top + 1), label, fill="black", font=font)
    return page


if __name__ == "__main__":
    sys.exit(main())
