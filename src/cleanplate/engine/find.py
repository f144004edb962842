"""Finding marks in a picture: what the network sees, made into objects, and what repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from cleanplate.engine.mark import VISIBLE, Kind, Mark
from cleanplate.engine.repetition import find_repeated
from cleanplate.engine.sight import see

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["VISIBLE", "Kind", "Mark", "find"]

LEAST_SIDE = 24  # pixels of a picture's side under which nobody could read a mark in it
LOW, HIGH = 0.3, 0.8
SMALLEST = 60
HIDES = 0.85


def find(
    pixels: NDArray[Any], within: NDArray[np.bool_] | None = None, sensitivity: float = 0.5
) -> tuple[Mark, ...]:
    """Find the watermarks of a picture.

    Args:
        pixels: (H, W, 1) or (H, W, 3), uint8 or uint16.
        within: (H, W), look only where this is true; None looks everywhere.
        sensitivity: in 0..1: how readily something is taken for a mark. 0.5 leaves photos without a mark
            alone, 0 takes only what is certain, 1 whatever may be one. Inside `within` less is asked for, as
            somebody says that there is a mark.

    Returns:
        The marks, most confident first. No pixel is in two of them.
    """
    if min(pixels.shape[:2]) < LEAST_SIDE:
        return ()
    sight = see(pixels)
    height, width = pixels.shape[:2]
    likely = cv2.resize(sight.probability, (width, height), interpolation=cv2.INTER_LINEAR)
    repeated = find_repeated(pixels, likely=np.asarray(likely, np.float32))
    marks: list[Mark] = []
    taken = np.zeros((height, width), bool)
    if repeated is not None:
        mark = repeated.mark()
        marks.append(Mark(mark.box, mark.opacity, mark.colour, mark.confidence, "tiled"))
        x, y, w, h = mark.box
        taken[y : y + h, x : x + w] |= cv2.dilate(mark.area.view(np.uint8), np.ones((5, 5))).astype(bool)
    low, high = LOW, HIGH
    if within is not None:
        low, high = 0.2, 0.4
        likely = np.where(within, likely, 0)
    area = (likely > low) & ~taken
    area = cv2.dilate(area.view(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~taken
    if within is not None:
        area &= within
    count, labels, stats, _ = cv2.connectedComponentsWithStats(area.view(np.uint8), connectivity=8)
    peaks = np.zeros(count)
    np.maximum.at(peaks, labels.ravel(), np.asarray(likely, np.float64).ravel())
    opacity = np.asarray(cv2.resize(sight.opacity, (width, height)))
    colour = np.asarray(cv2.resize(sight.colour, (width, height))) * np.float32(
        np.iinfo(pixels.dtype).max / 255
    )
    if pixels.shape[2] == 1:
        colour = colour.mean(2, keepdims=True)
    for label in range(1, count):
        x, y, w, h, size = (int(v) for v in stats[label])
        if size < SMALLEST or peaks[label] < high:
            continue
        window = np.s_[y : y + h, x : x + w]
        own = labels[window] == label
        alpha = np.where(own, np.maximum(opacity[window], 2 * VISIBLE), 0).astype(np.float32)
        kind: Kind = "opaque" if np.median(alpha[own]) > HIDES else "see-through"
        marks.append(Mark((x, y, w, h), alpha, colour[window].astype(np.float32), float(peaks[label]), kind))
    return tuple(sorted(marks, key=lambda mark: -mark.confidence))
