"""A compact bank of pre-rendered letterings and icons, so that drawing a mark costs no font or SVG work.

`python -m training.bank --icons DIR --out training/out/bank` renders every usable font below the
font folders in the scripts it has, and a choice of the icons below DIR (the unpacked npm packages
`lucide-static`, `@tabler/icons` and `simple-icons`). Fonts of the benchmark are left out.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training import words

# Families that the benchmark's DEV set is drawn with: never trained on, so that DEV judges unseen fonts.
HELD_OUT = (
    "dejavu", "roboto-", "robotocondensed", "opensans", "cabin-", "linlibertine", "linbiolinum", "yanone",
    "quicksand", "lobster.", "dancingscript", "dseg", "courier prime", "courierprime", "wqy-microhei",
)  # fmt: skip
UNSUITED = ("emoji", "math", "symbol", "mathjax", "braille", "signwriting", "lastresort", "music", "barcode")
HEIGHTS = ((40, 0.35), (72, 0.45), (144, 0.2))  # em sizes letterings are rendered at, with their shares
ICON_SIDE = 128


@dataclass(frozen=True, slots=True)
class Bank:
    """Alpha layers (uint8) of letterings and icons, one after another in a flat array.

    `boxes` is (N, 3): offset, height, width; `letterings` and `icons` are the indices to draw from.
    """

    pixels: np.ndarray
    boxes: np.ndarray
    letterings: np.ndarray
    icons: np.ndarray

    @classmethod
    def load(cls, folder: Path, part: str = "train") -> Bank:
        """The "train" or "validate" part: a twentieth of the fonts and icons is kept for validation."""
        boxes = np.load(folder / "boxes.npy")
        facts = json.loads((folder / "bank.json").read_text())
        index = np.arange(len(boxes))
        # letterings of one font lie side by side, so whole fonts are kept apart but at the seams
        apart = (index // 24 % 20 == 7) == (part == "validate")
        words_end = facts["letterings"]
        pixels = np.load(folder / "pixels.npy", mmap_mode="r")
        return cls(pixels, boxes, index[apart & (index < words_end)], index[apart & (index >= words_end)])

    def layer(self, index: int) -> np.ndarray:
        offset, height, width = (int(v) for v in self.boxes[index])
        return np.asarray(self.pixels[offset : offset + height * width]).reshape(height, width)

    def lettering(self, rng: np.random.Generator) -> np.ndarray:
        return self.layer(int(rng.choice(self.letterings)))

    def icon(self, rng: np.random.Generator) -> np.ndarray:
        return self.layer(int(rng.choice(self.icons)))


def _suits(path: Path) -> bool:
    label = path.name.lower().replace("_", "-")
    return path.suffix.lower() in {".ttf", ".otf", ".ttc"} and not any(
        k in label for k in (*HELD_OUT, *UNSUITED)
    )


def _scripts_of(font: ImageFont.FreeTypeFont) -> list[str]:
    """Scripts that the font really draws: sampled letters differ from the missing glyph and each other."""
    missing = bytes(font.getmask("\U000e0fff"))
    found = []
    for script, ranges in words.SCRIPTS.items():
        points = [lo + (hi - lo) * k // 5 for lo, hi in ranges for k in range(6)]
        masks = {bytes(font.getmask(chr(p))) for p in points}
        if missing not in masks and b"" not in masks and len(masks) >= min(5, len(set(points)) - 1):
            found.append(script)
    return found


def _complete(font: ImageFont.FreeTypeFont, text: str) -> bool:
    """Whether the font has every letter: a missing one is drawn as a box."""
    missing = {bytes(font.getmask(sign)) for sign in ("\uffff", "\U000e0fff")}
    return all(bytes(font.getmask(sign)) not in missing for sign in set(text) if not sign.isspace())


def _render(font: ImageFont.FreeTypeFont, text: str, spacing: float) -> np.ndarray | None:
    if not _complete(font, text):
        return None
    if spacing > 0:
        text = ("\u2009" if spacing < 0.5 else " ").join(text)
    left, top, right, bottom = font.getbbox(text)
    width, height = right - left, bottom - top
    if not (6 <= height <= 400 and 4 <= width <= 1600):
        return None
    canvas = Image.new("L", (int(width) + 4, int(height) + 4), 0)
    ImageDraw.Draw(canvas).text((2 - left, 2 - top), text, fill=255, font=font)
    layer = np.asarray(canvas)
    ink = float(layer.mean()) / 255
    return layer if 0.01 < ink < 0.9 else None


def letterings(folders: list[Path], per_font: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Lines of text in every usable font, `per_font` for each of at most three of its scripts."""
    layers: list[np.ndarray] = []
    paths = sorted(p for folder in folders for p in folder.rglob("*") if p.is_file() and _suits(p))
    for path in paths:
        try:
            scripts = _scripts_of(ImageFont.truetype(str(path), 24))
        except (OSError, ValueError):  # broken or bitmap-only fonts are of no use here
            continue
        others = [s for s in scripts if s not in {"latin", "latin_extra"}]
        rng.shuffle(others)
        chosen = (["latin", "latin"] if "latin" in scripts else []) + others[:1]
        for script in chosen:
            for _ in range(per_font):
                em = int(rng.choice([h for h, _ in HEIGHTS], p=[s for _, s in HEIGHTS]))
                text = words.latin(rng) if script == "latin" else words.foreign(rng, script)
                notices = words.notices_of(script)
                if notices and rng.random() < 0.3:
                    text = notices[rng.integers(len(notices))]
                spacing = float(rng.random()) if script == "latin" and rng.random() < 0.08 else 0.0
                try:
                    layer = _render(ImageFont.truetype(str(path), em), text, spacing)
                except (OSError, ValueError):
                    continue
                if layer is not None:
                    layers.append(layer)
    return layers


def icons(folder: Path, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """A choice of the SVG icons below the folder, as alpha layers of ICON_SIDE pixels."""
    import resvg_py

    paths = sorted(p for p in folder.rglob("*.svg"))
    layers = []
    for index in rng.permutation(len(paths))[:count]:
        text = paths[index].read_text(errors="replace").replace("currentColor", "#000")
        side = ICON_SIDE if rng.random() < 0.8 else ICON_SIDE * 2
        data = resvg_py.svg_to_bytes(svg_string=text, width=side, height=side)
        layer = np.asarray(Image.open(io.BytesIO(bytes(data))).convert("RGBA"))[..., 3]
        rows, columns = np.flatnonzero(layer.max(1)), np.flatnonzero(layer.max(0))
        if len(rows) > 8 and len(columns) > 8:
            layers.append(np.ascontiguousarray(layer[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]))
    return layers


def build(
    fonts: list[Path], icon_folder: Path | None, out: Path, *, per_font: int, icon_count: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    lines = letterings(fonts, per_font, rng)
    drawn = icons(icon_folder, icon_count, rng) if icon_folder else []
    layers = lines + drawn
    sizes = np.array([layer.size for layer in layers], np.int64)
    boxes = np.column_stack(
        [np.cumsum(sizes) - sizes, [layer.shape[0] for layer in layers], [layer.shape[1] for layer in layers]]
    ).astype(np.int64)
    out.mkdir(parents=True, exist_ok=True)
    pixels = np.concatenate([layer.ravel() for layer in layers])
    np.save(out / "pixels.npy", pixels)
    np.save(out / "boxes.npy", boxes)
    facts = {
        "letterings": len(lines),
        "icons": len(drawn),
        "seed": seed,
        "sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
    }
    (out / "bank.json").write_text(json.dumps(facts, indent=1))
    print(facts, f"{pixels.nbytes / 2**20:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fonts", type=Path, nargs="*", default=[Path("/usr/share/fonts")])
    parser.add_argument("--icons", type=Path)
    parser.add_argument("--out", type=Path, default=Path("training/out/bank"))
    parser.add_argument("--per-font", type=int, default=4)
    parser.add_argument("--icon-count", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=71)
    asked = parser.parse_args()
    build(
        asked.fonts,
        asked.icons,
        asked.out,
        per_font=asked.per_font,
        icon_count=asked.icon_count,
        seed=asked.seed,
    )


if __name__ == "__main__":
    main()
