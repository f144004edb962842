#!/usr/bin/env python3
"""Make sheets of pictures before and after, to be looked at.

    python bench/sheet.py                  # bench/sheet.jpg: marks drawn here on openly licensed photos (CC0)
    python bench/sheet.py --manifest FILE  # bench/out/sheet-set.jpg: ten cases of a set, chosen by a seed
    python bench/sheet.py --results FOLDER --manifest FILE [--out FILE]
                                           # thirty of what automatic.py left in FOLDER: ten worst by
                                           # `left`, ten worst by `hurt`, ten by chance; beside each the
                                           # truth and what was taken for the mark

The photos and the sets are not part of the repository; when they are absent this says so and exits with
status 2. The sheet of a set stays in `bench/out/`, because its photos are not ours to publish, unless
`--out` says where.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

import cleanplate

HERE = Path(__file__).resolve().parent
PHOTOS = HERE.parent.parent / "shared" / "photos" / "budgie"
WIDTH, HEIGHT, LABEL = 480, 320, 18
KINDS = ("translucent-logo", "tiled-text", "corner-opaque", "banner")
ASKS = ("mask", "rect", "smear")
SMALL = 300, 220  # of one picture on the sheet of thirty
MOST = 3_000_000


@dataclass(frozen=True)
class Case:
    """A marked file, where its mark is, and what to write under it."""

    label: str
    data: bytes
    region: Any


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, default=PHOTOS, help="a folder of openly licensed JPEGs")
    parser.add_argument("--manifest", type=Path, help="of a bench set")
    parser.add_argument("--results", type=Path, help="what automatic.py left of the set")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--seed", type=int, default=2026)
    options = parser.parse_args()
    for needed in (options.manifest or options.photos, options.results):
        if needed and not needed.exists():
            print(f"The pictures are not here: {needed} does not exist.", file=sys.stderr)
            return 2
    if options.results:
        out = options.out or HERE / "out" / "sheet-automatic.jpg"
        save(judged(options.results, options.manifest, options.seed), out)
        return 0
    if options.manifest:
        cases, out = of_set(options.manifest, options.seed), HERE / "out" / "sheet-set.jpg"
    else:
        cases, out = drawn(options.photos, options.seed), HERE / "sheet.jpg"
    save(sheet(cases), options.out or out)
    return 0


def save(page: Image.Image, out: Path) -> None:
    """As a JPEG of at most MOST bytes."""
    out.parent.mkdir(parents=True, exist_ok=True)
    for quality in (86, 80, 72, 64):
        page.save(out, "JPEG", quality=quality, optimize=True)
        if out.stat().st_size <= MOST:
            break
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB")


def of_set(manifest: Path, seed: int) -> list[Case]:
    """Ten cases: the kinds in turn, the ways of asking in turn, the case of each by chance."""
    rng = np.random.default_rng(seed)
    rows = json.loads(manifest.read_text())["cases"]
    cases: list[Case] = []
    for number in range(10):
        kind, ask = KINDS[number % len(KINDS)], ASKS[number % len(ASKS)]
        of_kind = [row for row in rows if row["kind"] == kind]
        row = of_kind[int(rng.integers(len(of_kind)))]
        base = manifest.parent
        if ask == "mask":
            region = cleanplate.Mask.from_bytes((base / row["mask"]).read_bytes())
        elif ask == "smear":
            region = cleanplate.Smear.from_bytes((base / row["smear"]).read_bytes())
        else:
            parts = tuple(cleanplate.Rectangle(**rectangle) for rectangle in row["rectangles"])
            region = cleanplate.Rectangles(parts)
        label = f"{row['id']} {kind}, asked with {ask}"
        cases.append(Case(label, (base / row["watermarked"]).read_bytes(), region))
    return cases


def drawn(photos: Path, seed: int) -> list[Case]:
    """Ten photos, each with a mark of one of the four kinds or a date, as a JPEG."""
    rng = np.random.default_rng(seed)
    paths = sorted(photos.glob("*.jpg"))
    kinds = (*KINDS, "date")
    cases: list[Case] = []
    for number, path in enumerate(paths[int(index)] for index in rng.permutation(len(paths))[:10]):
        kind, ask = kinds[number % len(kinds)], ASKS[(number + number // len(kinds)) % len(ASKS)]
        photo = ImageOps.fit(
            Image.open(path).convert("RGB"), (WIDTH * 2, HEIGHT * 2), Image.Resampling.LANCZOS
        )
        opacity = mark(kind, photo.size)
        colour = np.array([255, 150, 40] if kind == "date" else [255, 255, 255], np.float32)
        values = np.asarray(photo, np.float32)
        marked = Image.fromarray(np.rint(values + opacity[..., None] * (colour - values)).astype(np.uint8))
        file = BytesIO()
        marked.save(file, "JPEG", quality=90, subsampling="4:2:0")
        cases.append(
            Case(f"{path.stem}: {kind}, asked with {ask}", file.getvalue(), asked(opacity > 0.02, ask))
        )
    return cases


def mark(kind: str, size: tuple[int, int]) -> np.ndarray:
    """The opacity of a mark, (height, width) in 0..1."""
    width, height = size
    layer = Image.new("L", size, 0)
    draw = ImageDraw.Draw(layer)
    if kind == "translucent-logo":
        draw.ellipse((380, 200, 500, 320), outline=255, width=12)
        draw.text((300, 330), "Aurelia Prints", fill=255, font=ImageFont.load_default(44))
        strength = 0.5
    elif kind == "tiled-text":
        for line, top in enumerate(range(20, height, 90)):
            for left in range(-(line % 2) * 110, width, 220):
                draw.text((left, top), "preview", fill=255, font=ImageFont.load_default(34))
        strength = 0.35
    elif kind == "corner-opaque":
        draw.rounded_rectangle((width - 210, height - 70, width - 20, height - 20), 10, fill=255)
        strength = 0.95
    elif kind == "banner":
        draw.rectangle((0, height - 150, width, height - 80), fill=255)
        strength = 0.7
    else:
        draw.text((width - 260, height - 70), "'26 11 21", fill=255, font=ImageFont.load_default(46))
        strength = 0.9
    return np.asarray(layer, np.float32) / 255 * strength


def asked(area: np.ndarray, ask: str) -> Any:
    """The region that a user would send for this area."""
    if ask == "mask":
        return cleanplate.Mask(area)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (31, 31))
    smeared = cv2.morphologyEx(area.view(np.uint8), cv2.MORPH_CLOSE, brush)
    if ask == "smear":
        return cleanplate.Mask(smeared > 0)
    _, _, boxes, _ = cv2.connectedComponentsWithStats(smeared)  # one round each word
    return cleanplate.Rectangles(tuple(cleanplate.Rectangle(*map(float, box[:4])) for box in boxes[1:]))


def sheet(cases: list[Case]) -> Image.Image:
    """Two pairs a row, before beside after."""
    rows = -(-len(cases) // 2)
    page = Image.new("RGB", (4 * WIDTH + 20, rows * (HEIGHT + LABEL)), "white")
    draw = ImageDraw.Draw(page)
    for number, case in enumerate(cases):
        x, y = (number % 2) * (2 * WIDTH + 20), (number // 2) * (HEIGHT + LABEL)
        before = Image.open(BytesIO(case.data)).convert("RGB")
        after = Image.open(BytesIO(cleanplate.remove(case.data, case.region).encode("PNG"))).convert("RGB")
        for place, picture in enumerate((before, after)):
            picture.thumbnail((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
            page.paste(picture, (x + place * WIDTH, y + LABEL))
        draw.text(
            (x + 4, y + 2), f"{number + 1}. {case.label}", fill="black", font=ImageFont.load_default(13)
        )
    return page


def judged(results: Path, manifest: Path, seed: int) -> Image.Image:
    """Thirty cases of a scored run: before, after, the truth, and what was taken for the mark."""
    scores = {row["id"]: row for row in json.loads((results / "score.json").read_text())["cases"]}
    cases = {case["id"]: case for case in json.loads(manifest.read_text())["cases"]}
    chosen = thirty(scores, seed)
    width, height = SMALL
    page = Image.new("RGB", (8 * width + 20, -(-len(chosen) // 2) * (height + LABEL)), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    for number, (why, name) in enumerate(chosen):
        case, score = cases[name], scores[name]
        x, y = (number % 2) * (4 * width + 20), (number // 2) * (height + LABEL)
        paths = (
            manifest.parent / case["watermarked"],
            results / f"{name}.png",
            manifest.parent / case["clean"],
            results / f"{name}.mask.png",
        )
        for place, path in enumerate(paths):
            picture = Image.open(path).convert("RGB")
            picture.thumbnail((width - 4, height), Image.Resampling.LANCZOS)
            page.paste(picture, (x + place * width, y + LABEL))
        told = [f"{number + 1}. {name} {case['kind']} ({case['style'] or 'as it is'}); {why}"]
        for title, key in (("PSNRw", "psnrw"), ("left", "left"), ("hurt %", "hurt"), ("F1", "f1")):
            told += [f"{title} {score[key]:.2f}"] if score.get(key) is not None else []
        draw.text((x + 4, y + 2), ", ".join(told), fill="black", font=font)
    return page


def thirty(scores: dict[str, dict[str, Any]], seed: int) -> list[tuple[str, str]]:
    """Why, and which case: the ten with most left, ten others most hurt, ten others by chance."""
    marked = [name for name, score in scores.items() if score["kind"] != "none"]
    left = sorted(marked, key=lambda name: -scores[name]["left"])[:10]
    hurt = sorted((name for name in scores if name not in left), key=lambda name: -scores[name]["hurt"])[:10]
    rest = [name for name in scores if name not in {*left, *hurt}]
    drawn = np.random.default_rng(seed).permutation(len(rest))[:10]
    return (
        [("most left", name) for name in left]
        + [("most hurt", name) for name in hurt]
        + [("by chance", rest[int(index)]) for index in drawn]
    )


if __name__ == "__main__":
    sys.exit(main())
