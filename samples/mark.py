"""Draws the watermark of `lake.jpg`: `python samples/mark.py PHOTO samples/lake.jpg`."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

WIDTH = 1000
OPACITY = 0.75
TEXT, PLACE, SCALE, STROKE = "SAMPLE", (40, 508), 1.9, 5


def mark(photo: Image.Image) -> Image.Image:
    """The photograph, 1000 pixels wide, with the mark drawn on it."""
    photo = photo.convert("RGB").resize(
        (WIDTH, round(photo.height * WIDTH / photo.width)), Image.Resampling.LANCZOS
    )
    pixels = np.asarray(photo).astype(np.float32)
    stroke = np.zeros(pixels.shape[:2], np.uint8)
    cv2.putText(stroke, TEXT, PLACE, cv2.FONT_HERSHEY_DUPLEX, SCALE, 255, STROKE, cv2.LINE_AA)
    alpha = (stroke.astype(np.float32) / 255 * OPACITY)[..., None]
    return Image.fromarray(np.rint(pixels * (1 - alpha) + 255 * alpha).astype(np.uint8))


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    mark(Image.open(source)).save(target, quality=88)
