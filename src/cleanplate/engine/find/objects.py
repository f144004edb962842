"""What the network saw, grouped into objects: the letters of a word are one, and so is a banner."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from cleanplate.engine.crops import window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cleanplate.engine.crops import Box
    from cleanplate.engine.find.sight import Sight

SMALLEST = 12  # pixels of the smallest area that may be part of an object, such as a full stop
REACHES = (2, 4, 8, 16)  # pixels by which areas of more and more thickness reach out to their neighbours
BEST = 50  # pixels of an object that say how probable it is at its best


@dataclass(frozen=True, slots=True)
class Object:
    """Areas that belong together, at the scale of the sight.

    Attributes:
        box: (x, y, width, height).
        area: (height, width) boolean, its pixels.
        best: the mean probability of its most probable pixels.
    """

    box: Box
    area: NDArray[np.bool_]
    best: float

    @property
    def half(self) -> float:
        """Half the probability of its best pixels."""
        return self.best / 2

    def core(self, sight: Sight) -> NDArray[np.bool_]:
        """Its pixels that are at least half as probable as its best ones, (height, width)."""
        return self.area & (sight.probability[window(self.box)] >= self.half)


def objects(sight: Sight, likely: NDArray[np.bool_]) -> list[Object]:
    """Group what was seen.

    Args:
        sight: what the network says.
        likely: (h, w), the pixels that may belong to a mark.

    Returns:
        The objects, whose areas together are `likely` but for specks.
    """
    count, labelled, measured, _ = cv2.connectedComponentsWithStats(likely.view(np.uint8), connectivity=8)
    labels, stats = np.asarray(labelled, np.int32), np.asarray(measured, np.int32)
    counts = stats[:, cv2.CC_STAT_AREA] >= SMALLEST
    counts[0] = False  # what is not likely
    if count < 2 or not counts.any():
        return []
    groups = _together(labels, stats, counts)
    return [
        _object(sight, labels, stats, np.flatnonzero(groups == group))
        for group in range(1, int(groups.max()) + 1)
    ]


def _together(
    labels: NDArray[np.int32], stats: NDArray[np.int32], counts: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """For each area the number of the object that it is part of, from 1 on; 0 for those that do not count.

    An area reaches out to its neighbours by a part of its own thickness: letters stand closer to each other
    than they are high.
    """
    sides = np.minimum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    reach = np.searchsorted(3 * np.array(REACHES[1:]), sides, side="right")
    reached = np.zeros(labels.shape, np.uint8)
    for step, by in enumerate(REACHES):
        mine = (counts & (reach == step))[labels]
        if mine.any():
            kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * by + 1, 2 * by + 1))
            reached |= np.asarray(cv2.dilate(mine.view(np.uint8), kernel), np.uint8)
    parts = np.asarray(cv2.connectedComponents(reached, connectivity=8)[1], np.int32)
    groups = np.zeros(counts.size, np.int32)
    inside = counts[labels]
    groups[labels[inside]] = parts[inside]
    kept = np.unique(groups[counts])
    return np.asarray((np.searchsorted(kept, groups) + 1) * counts, np.int32)


def _object(
    sight: Sight, labels: NDArray[np.int32], stats: NDArray[np.int32], members: NDArray[np.intp]
) -> Object:
    left, top, width, height = stats[members, :4].T
    x, y = int(left.min()), int(top.min())
    box = (x, y, int((left + width).max()) - x, int((top + height).max()) - y)
    place = window(box)
    area = np.isin(labels[place], members)
    return Object(box, area, best(sight.probability[place][area]))


def best(probability: NDArray[np.float32]) -> float:
    """The mean of the most probable pixels."""
    if probability.size > BEST:
        probability = np.partition(probability, -BEST)[-BEST:]
    return float(probability.mean()) if probability.size else 0.0


def log_odds(probability: float) -> float:
    """Of a probability in 0..1, within -9.2..9.2."""
    held = min(max(probability, 1e-4), 1 - 1e-4)
    return float(np.log(held / (1 - held)))
