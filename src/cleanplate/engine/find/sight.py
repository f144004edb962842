"""What the network sees: for each pixel, whether a mark is there, how opaque it is, and of which colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from cleanplate.models import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from cleanplate.engine.crops import Box

MODEL = "find"
WORKING = 1_400_000  # pixels of the largest picture that is looked at as it is
TILE = 704  # pixels of the side of what the network is given at once: bounds the memory
SEAM = 64  # pixels by which tiles overlap; what the network says of either blends over them
# Sizes at which a picture is looked at again; what is a mark looks like one at any size, other things do not
SMALLER, LARGER = 0.7, 1.4
LARGEST = 750_000  # pixels of the largest picture that is looked at enlarged
STRIDE = 32  # the network takes multiples of so many pixels
PLANES = 5


@dataclass(frozen=True, slots=True)
class Sight:
    """What the network says of a picture, at the scale at which it looked.

    Attributes:
        probability: (h, w) float32 in 0..1, that a mark covers the pixel; the mean of looks at some sizes.
        apart: (h, w) float32 in 0..1, the deviation of what these looks say.
        opacity: (h, w) float32 in 0..1, how much of the pixel is the mark.
        colour: (h, w, 3) float32 in 0..255, of the mark.
        pixels: (h, w, 1) or (h, w, 3) uint8, the picture that was looked at.
    """

    probability: NDArray[np.float32]
    apart: NDArray[np.float32]
    opacity: NDArray[np.float32]
    colour: NDArray[np.float32]
    pixels: NDArray[np.uint8]

    @property
    def shape(self) -> tuple[int, int]:
        return self.probability.shape[0], self.probability.shape[1]


def see(pixels: NDArray[Any], most: int = WORKING) -> Sight:
    """Look at a picture, or at a crop of one.

    Args:
        pixels: (H, W, 1) or (H, W, 3), uint8 or uint16.
        most: pixels of the largest picture that is looked at as it is; a larger one is shrunk to so many.
    """
    seen = _shrunk(pixels, min(1.0, float(np.sqrt(most / (pixels.shape[0] * pixels.shape[1])))))
    size = seen.shape[0], seen.shape[1]
    planes = _looked(seen)
    looks = [planes[0]]
    for scale in (SMALLER, LARGER):
        if min(size) * scale >= STRIDE and size[0] * size[1] * scale**2 <= (LARGEST if scale > 1 else most):
            again = _looked(_scaled(seen, scale))[0]
            looks.append(
                np.asarray(cv2.resize(again, size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
            )
    probability, apart = (np.asarray(said(looks, axis=0), np.float32) for said in (np.mean, np.std))
    colour = np.ascontiguousarray(planes[2:].transpose(1, 2, 0)) * np.float32(255)
    return Sight(probability, apart, planes[1], colour, _bytes(seen))


def _looked(seen: NDArray[Any]) -> NDArray[np.float32]:
    """(5, h, w) in 0..1: what the network says of a picture, tile by tile."""
    height, width = seen.shape[:2]
    total = np.zeros((PLANES, height, width), np.float32)
    weight = np.zeros((height, width), np.float32)
    for x, y, w, h in _tiles(height, width):
        near = _ramp(h, y > 0, y + h < height)[:, None] * _ramp(w, x > 0, x + w < width)
        total[:, y : y + h, x : x + w] += _planes(seen[y : y + h, x : x + w]) * near
        weight[y : y + h, x : x + w] += near
    total /= weight
    return total


def _bytes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    return pixels if pixels.dtype == np.uint8 else np.asarray(pixels >> 8, np.uint8)


def _shrunk(pixels: NDArray[Any], scale: float) -> NDArray[Any]:
    return pixels if scale == 1.0 else _scaled(pixels, scale)


def _scaled(pixels: NDArray[Any], scale: float) -> NDArray[Any]:
    height, width = (max(1, round(side * scale)) for side in pixels.shape[:2])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=way)).reshape(height, width, -1)


def _planes(seen: NDArray[Any]) -> NDArray[np.float32]:
    """(5, h, w) in 0..1 of an (h, w, C) picture of any size."""
    height, width = seen.shape[:2]
    values = np.asarray(seen * np.float32(1.0 / np.iinfo(seen.dtype).max), np.float32)
    below, right = -height % STRIDE, -width % STRIDE
    padded = np.asarray(
        cv2.copyMakeBorder(values, 0, below, 0, right, cv2.BORDER_REFLECT_101), np.float32
    ).reshape(height + below, width + right, -1)
    colours = np.broadcast_to(padded, (*padded.shape[:2], 3)).transpose(2, 0, 1)
    return load(MODEL).run(np.ascontiguousarray(colours)[None])[0, :, :height, :width]


def _tiles(height: int, width: int) -> Iterator[Box]:
    """Even tiles that overlap by a seam and together are the whole."""
    for y0, y1 in _spans(height):
        for x0, x1 in _spans(width):
            yield x0, y0, x1 - x0, y1 - y0


def _spans(length: int) -> Iterator[tuple[int, int]]:
    count = max(1, -(-(length - SEAM) // (TILE - SEAM)))
    step = (length - SEAM) / count
    for part in range(count):
        yield round(part * step), min(length, round((part + 1) * step) + SEAM)


def _ramp(length: int, rises: bool, falls: bool) -> NDArray[np.float32]:
    """Weights along a tile's side: less towards the sides on which it has neighbours."""
    ramp = np.ones(length, np.float32)
    edge = (np.arange(SEAM, dtype=np.float32) + 0.5) / SEAM
    if rises:
        ramp[:SEAM] = edge
    if falls:
        ramp[-SEAM:] = np.minimum(ramp[-SEAM:], edge[::-1])
    return ramp
