"""What lettering on a strip does to what is had back beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from cleanplate.engine.fit.painting import sketched, usual_error

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of what a lossy encoder is usually off by: beside sharp letters, and far from them (measured, bench/UNDO.md)
BESIDE, FAR = 2.2, 0.55
REACH = 4.5  # pixels over which the one falls off to the other
ISLAND = 150  # pixels of a part amid what is painted that may be there by mistake
FOREIGN = 6.0  # times what a painting is usually off by: such a part is there by mistake


def ringing(lettering: NDArray[np.bool_]) -> NDArray[np.float32]:
    """By how much more a lossy encoder is off around sharp letters than elsewhere, (H, W).

    What is left of a block's edges when its coefficients are rounded is spread over all of the block; taking
    a strip off amplifies it.
    """
    apart = cv2.distanceTransform((~lettering).view(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(FAR + (BESIDE - FAR) * np.exp(-apart / REACH), np.float32)


def islands(
    seen: NDArray[np.float32],
    photo: NDArray[np.float32],
    area: NDArray[np.bool_],
    back: NDArray[np.bool_],
    busy: NDArray[np.float32],
) -> NDArray[np.bool_]:
    """Few pixels amid what is painted that nothing around goes on to: letters taken for photo, (H, W).

    Args:
        seen: (H, W, C) float32, 0..255, the picture.
        photo: (H, W, C), with the mark taken off.
        area: (H, W), the mark.
        back: (H, W), the pixels of it that are had back; the others are painted.
        busy: (H, W), how much the picture around changes from pixel to pixel.
    """
    known = (~area | back).view(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(known, connectivity=8)
    labels = np.asarray(labels, np.intp)
    small = back & (stats[:, cv2.CC_STAT_AREA] <= ISLAND)[labels]
    if not small.any():
        return small
    hole = area & (~back | small)
    around = sketched(np.where((area & ~hole)[..., None], photo, seen).astype(np.float32), hole)
    label, usual = labels[small], usual_error(busy, hole)[small]
    off = (photo - around)[small]
    sums = np.stack([np.bincount(label, channel, len(stats)) for channel in off.T])
    count = np.maximum(np.bincount(label, minlength=len(stats)), 1)
    strange = np.sqrt(np.mean(sums**2, axis=0)) / count
    expected = np.bincount(label, usual, len(stats)) / count
    return small & (strange > FOREIGN * expected)[labels]
