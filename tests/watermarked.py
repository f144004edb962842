"""A photograph under a see-through watermark that is easy to find: for tests of the way to the finder."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SAMPLE = Path(__file__).parents[1] / "samples/lake.jpg"
PART = (300, 240, 620, 480)  # left, top, right, bottom of what is taken of it: water and a far shore
OPACITY = 0.5
BAND = np.s_[85:155]  # the rows that the lettering is in, and some way round it


def photo() -> np.ndarray:
    """The photograph without a mark, (240, 320, 3) RGB."""
    return np.asarray(Image.open(SAMPLE).convert("RGB").crop(PART))


def opacity() -> np.ndarray:
    """How opaque the white lettering is, (240, 320), 0..`OPACITY`."""
    drawn = Image.new("L", (320, 240))
    font = ImageFont.load_default(60)
    ImageDraw.Draw(drawn).text((160, 120), "© Studio", 255, font=font, anchor="mm")
    return np.asarray(drawn, np.float32) / 255 * OPACITY


def marked() -> np.ndarray:
    """The photograph with the lettering over it."""
    through = opacity()[..., None]
    return np.rint(photo() * (1 - through) + 255 * through).astype(np.uint8)


def encoded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    """A file of these pixels."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def decoded(data: bytes) -> np.ndarray:
    """The pixels of a file, RGB."""
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def quality(pixels: np.ndarray) -> float:
    """PSNR under the lettering in decibels: 9 with it, over 25 where the photograph was had back."""
    error = pixels[opacity() > 0.02].astype(float) - photo()[opacity() > 0.02]
    return float(10 * np.log10(255**2 / np.mean(error**2)))


def is_restored(pixels: np.ndarray) -> bool:
    """Whether the lettering is gone; all that is above and below it must be as it was."""
    outside = np.ones(len(pixels), bool)
    outside[BAND] = False
    assert np.array_equal(pixels[outside], marked()[outside])
    return quality(pixels) > quality(marked()) + 12
