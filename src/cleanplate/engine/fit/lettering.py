"""What lettering on a strip does to what is had back beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from cleanplate.engine.fit.painting import sketched, usual_error
from cleanplate.engine.values import channel_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Of what a lossy encoder is usually off by: beside sharp letters, and far from them (measured, bench/UNDO.md)
BESIDE, FAR = 2.2, 0.55
REACH = 4.5  # pixels over which the one falls off to the other
LOUD = 0.75  # of what an encoder is usually off by: where it errs by more, single pixels stand out
STANDING_OUT = 0.5  # of what a pixel is expected to be off by: from here on its neighbours are asked
ISLAND = 150  # pixels of a part amid what is painted that may be there by mistake
FOREIGN = 6.0  # times what a painting is usually off by: such a part is there by mistake


def ringing(lettering: NDArray[np.bool_]) -> NDArray[np.float32]:
    """By how much more a lossy encoder is off around sharp letters than elsewhere, (H, W).

    What is left of a block's edges when its coefficients are rounded is spread over all of the block; taking
    a strip off amplifies it.
    """
    apart = cv2.distanceTransform((~lettering).view(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(FAR + (BESIDE - FAR) * np.exp(-apart / REACH), np.float32)


def despeckled(
    photo: NDArray[np.float32],
    painting: NDArray[np.float32],
    lost: NDArray[np.bool_],
    error: NDArray[np.float32],
    louder: NDArray[np.float32],
) -> NDArray[np.float32]:
    """The photo without the specks that an encoder's ringing becomes beside letters, (H, W, C).

    A pixel that stands out from the nine about it gets their median, channel by channel: what is sharper than
    that is more likely ringing there than photo.

    Args:
        photo: (H, W, C) float32, 0..255, with the mark taken off.
        painting: (H, W, C), what stands for the photo where it is lost.
        lost: (H, W), the letters themselves.
        error: (H, W), levels that the photo is expected to be off by.
        louder: (H, W), as `ringing` tells it.
    """
    known = np.where(lost[..., None], painting, photo).astype(np.float32)
    middle = np.asarray(cv2.medianBlur(known, 3), np.float32).reshape(photo.shape)
    off = np.sqrt(channel_mean((photo - middle) ** 2))
    specks = ~lost & (louder > LOUD) & (off > STANDING_OUT * error)
    return np.where(specks[..., None], middle, photo).astype(np.float32)


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
