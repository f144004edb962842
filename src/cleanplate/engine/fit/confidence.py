"""How sure it is that a mark, as it was fitted, is better taken off than painted over.

What was had back must go on in what surrounds the mark: the means of the two, on either side of the mark's
border, are compared. What they differ by beyond what the photo itself changes by over that distance is the
fit's error, and it is weighed against what a painting would usually be off by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from cleanplate.engine.fit.painting import busyness

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIDE = 7  # pixels a side of a window in which both sides of the border are averaged
SOME = 4.0  # pixels of either side that a window must hold
NATURAL = 4.0  # pixels: the middles of the two sides of a window lie about so far apart
MOST = 60.0  # levels: no window counts for more


def confidence(
    seen: NDArray[np.float32],
    photo: NDArray[np.float32],
    opacity: NDArray[np.float32],
    clear: NDArray[np.bool_],
    usual: NDArray[np.float32],
    own: NDArray[np.float32],
) -> float:
    """Between 0 and 1; 0.5 where the fit and a painting are expected to be off by the same.

    Args:
        seen: (H, W, C) float32, 0..255, the picture.
        photo: (H, W, C), what was had back.
        opacity: (H, W), 0 outside the mark.
        clear: (H, W), the mark's pixels that were had back at all.
        usual: (H, W), what a painting is usually off by.
        own: (H, W), what noise leaves of what was had back.
    """
    inside = clear & (opacity > 0.7 * np.median(opacity[clear])) if clear.any() else clear
    if not inside.any():  # nothing was had back, or the fit came to no mark at all
        return 0.0
    outside = opacity <= 0
    busy = busyness(seen, outside)
    wrong = across(seen, photo, inside, outside, busy)
    fit = wrong + float((own[inside] ** 2).mean())
    painting = float((usual[inside] ** 2).mean())
    return painting / (painting + fit)


def across(
    seen: NDArray[np.float32],
    photo: NDArray[np.float32],
    inside: NDArray[np.bool_],
    outside: NDArray[np.bool_],
    busy: NDArray[np.float32],
) -> float:
    """Mean square of what the two sides of a mark's border differ by, beyond what is natural."""
    within, count = _mean(photo, inside)
    around, others = _mean(seen, outside)
    both = inside & (count * SIDE**2 >= SOME) & (others * SIDE**2 >= SOME)
    if not both.any():
        return 0.0
    off = np.minimum(np.abs(within - around)[both], MOST)
    natural = (NATURAL * busy[both]) ** 2
    return max(float((off**2).mean() - natural.mean()), 0.0)


def _mean(
    values: NDArray[np.float32], where: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    weight = where.astype(np.float32)
    share = np.asarray(cv2.blur(weight, (SIDE, SIDE)), np.float32)
    total = np.asarray(cv2.blur(values * weight[..., None], (SIDE, SIDE)), np.float32).reshape(values.shape)
    return np.asarray(total / np.maximum(share, 1e-6)[..., None], np.float32), share
