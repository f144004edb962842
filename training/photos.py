"""Windows on training photos at many scales."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

TRAIN = ("clic2025", "cid22", "elementary", "pop-os", "budgie")
VALIDATE = ("cid22-validation",)
SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


@dataclass(frozen=True, slots=True)
class Window:
    """A square crop of a scaled photo, and where it lies in it.

    `pixels` is (S, S, 3) float32 RGB in 0..255; `width`, `height` are the whole picture's, `left`, `top` the
    crop's corner in it: marks are sized and placed by the picture, not by the crop.
    """

    pixels: np.ndarray
    width: int
    height: int
    left: int
    top: int

    @property
    def side(self) -> int:
        return self.pixels.shape[0]


def read(path: Path) -> np.ndarray:
    """RGB uint8 pixels of a picture file."""
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise FileNotFoundError(f"not a picture: {path}")
    return np.ascontiguousarray(pixels[..., ::-1])


class Photos:
    """All photos of some folders, held decoded (about 0.5 GiB for the training ones)."""

    def __init__(self, root: Path, folders: tuple[str, ...] = TRAIN) -> None:
        paths = [
            p for name in folders for p in sorted((root / name).iterdir()) if p.suffix.lower() in SUFFIXES
        ]
        if not paths:
            raise FileNotFoundError(f"no photos below {root}: {', '.join(folders)}")
        self.names = [p.name for p in paths]
        self.all = [read(p) for p in paths]
        large = np.array([max(p.shape) > 800 for p in self.all])
        # Large photos give more different windows than small ones: three times their share.
        weights = np.where(large, 3.0, 1.0)
        self._shares = weights / weights.sum()

    def window(self, rng: np.random.Generator, side: int) -> Window:
        photo = self.all[int(rng.choice(len(self.all), p=self._shares))]
        rows, columns = photo.shape[:2]
        long_side = float(np.exp(rng.uniform(np.log(380), np.log(1600))))
        scale = min(long_side / max(rows, columns), 1.0 if rng.random() < 0.8 else 1.3)
        scale = max(scale, (side + 1) / min(rows, columns))
        width, height = int(columns * scale), int(rows * scale)
        left, top = (int(rng.integers(0, span - side + 1)) for span in (width, height))
        if rng.random() < 0.8:  # most encoders' blocks start at the picture's corner
            left, top = left // 16 * 16, top // 16 * 16
        x0, y0 = int(left / scale), int(top / scale)
        reach = max(8, round(side / scale))
        part = photo[y0 : y0 + reach, x0 : x0 + reach]
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        pixels = cv2.resize(part, (side, side), interpolation=way)
        if rng.random() < 0.5:
            pixels = pixels[:, ::-1]
            left = width - side - left
        return Window(_graded(rng, pixels), width, height, left, top)


def _graded(rng: np.random.Generator, pixels: np.ndarray) -> np.ndarray:
    """Other exposure, contrast, white balance, saturation, sharpness and noise, within what photos have."""
    out = pixels.astype(np.float32)
    if rng.random() < 0.6:
        gains = rng.normal(1, 0.04, 3) * rng.normal(1, 0.08)
        out = (out - 128) * float(np.clip(rng.normal(1, 0.12), 0.6, 1.4)) + 128 + float(rng.normal(0, 12))
        out = out * gains.astype(np.float32)
    if rng.random() < 0.25:
        grey = out @ np.array([0.299, 0.587, 0.114], np.float32)
        share = 0.0 if rng.random() < 0.3 else float(rng.uniform(0.2, 1.4))
        out = grey[..., None] + (out - grey[..., None]) * share
    if rng.random() < 0.12:
        out = cv2.GaussianBlur(out, (0, 0), float(rng.uniform(0.5, 2.5)))
    if rng.random() < 0.15:
        out = out + rng.normal(0, rng.uniform(1, 7), (*out.shape[:2], 3 if rng.random() < 0.5 else 1)).astype(
            np.float32
        )
    return np.clip(out, 0, 255).astype(np.float32)
