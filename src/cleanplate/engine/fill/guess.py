"""A rough painting of an area that is larger than a tile, made at a scale at which it fits into one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from cleanplate.engine.crops import window
from cleanplate.engine.pyramid import Effort, paint_colours
from cleanplate.engine.values import working_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cleanplate.engine.crops import Box


class Guess:
    """What a large area may look like, readable at any place."""

    def __init__(
        self, pixels: NDArray[Any], usable: NDArray[np.bool_], box: Box, side: int, effort: Effort
    ) -> None:
        """Paint a shrunken copy of `box`.

        Args:
            pixels: (H, W, C), the picture.
            usable: (H, W), which of its pixels may be painted from.
            box: the area with its surroundings.
            side: about the longest side of the copy, in pixels.
            effort: how hard to work.
        """
        self.box = box
        self.scale = max(1, -(-max(box[2:]) // side))
        values, known = shrunken(pixels[window(box)], usable[window(box)], self.scale)
        self.values = paint_colours(values, known, effort)

    def at(self, box: Box) -> NDArray[np.float32]:
        """The guess for another box of the picture, as (h, w, C) working values, interpolated bilinearly."""
        step = 1.0 / self.scale
        left, top = ((box[i] - self.box[i] + 0.5) * step - 0.5 for i in (0, 1))
        placed = cv2.warpAffine(
            self.values,
            np.array([[step, 0.0, left], [0.0, step, top]]),
            (box[2], box[3]),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(placed, np.float32).reshape(box[3], box[2], -1)


def shrunken(
    pixels: NDArray[Any], usable: NDArray[np.bool_], scale: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Means of the usable pixels of each `scale` × `scale` square, and which part of it is usable.

    What a square at the right or lower edge has less of than others counts as not usable.
    A few rows of squares are taken at a time, so that no full-size copy of a large picture is made.
    """
    height, width = usable.shape
    columns = np.arange(0, width, scale, dtype=np.intp)
    values: list[NDArray[np.float32]] = []
    known: list[NDArray[np.float32]] = []
    step = scale * max(1, 64 // scale)
    for top in range(0, height, step):
        weight = usable[top : top + step].astype(np.float32)
        strip = working_values(pixels[top : top + step]) * weight[..., None]
        rows = np.arange(0, weight.shape[0], scale, dtype=np.intp)
        count = np.add.reduceat(np.add.reduceat(weight, rows, axis=0), columns, axis=1)
        total = np.add.reduceat(np.add.reduceat(strip, rows, axis=0), columns, axis=1)
        values.append(np.asarray(total / np.maximum(count, 1.0)[..., None], np.float32))
        known.append(np.asarray(count / (scale * scale), np.float32))
    return np.concatenate(values), np.concatenate(known)
