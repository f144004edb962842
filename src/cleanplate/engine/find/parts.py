"""The parts of a user's region."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cleanplate.engine.crops import Box

NEAR = 12  # pixels by which what the user marked reaches out: the letters of a painted word belong together


def parts(region: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Which part of a user's region each pixel belongs to, (H, W), from 1 on; 0 outside.

    A part is what lies close together: a rectangle, a stroke of the brush, the letters of a painted word.
    """
    kernel = np.ones((2 * NEAR + 1, 2 * NEAR + 1), np.uint8)
    _, labels = cv2.connectedComponents(cv2.dilate(region.view(np.uint8), kernel))
    return np.asarray(labels, np.int32) * region


def boxed(labels: NDArray[np.int32]) -> list[Box]:
    """The smallest box of each part, of 1 on, in one look at all of them; each has a pixel at least."""
    y, x = np.nonzero(labels)
    part = labels[y, x] - 1
    count = int(labels.max(initial=0))
    low = np.full((2, count), max(labels.shape), np.intp)
    high = np.zeros((2, count), np.intp)
    for k, along in enumerate((x, y)):
        np.minimum.at(low[k], part, along)
        np.maximum.at(high[k], part, along + 1)
    return [
        (int(left), int(top), int(right - left), int(bottom - top))
        for left, top, right, bottom in zip(*low, *high, strict=True)
    ]
