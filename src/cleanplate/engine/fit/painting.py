"""A painting of what may be under a mark, and how far it can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from cleanplate.engine.pyramid import BRISK, FULL, Effort, paint_colours
from cleanplate.engine.values import channel_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Measured: the usual error of a painting by distance from what is known and by how busy the surroundings are
LEAST, SLOPE, START, GROWTH, MOST = 0.6, 0.5, 0.6, 0.4, 70.0
MUCH = 100_000  # pixels to paint from which on it is done briskly
WINDOW = 6.0  # pixels: how far around a place its busyness is taken from
FAR = 30.0


def painted(
    values: NDArray[np.float32], hole: NDArray[np.bool_], effort: Effort | None = None
) -> NDArray[np.float32]:
    """Paint a hole in (H, W, C) of 0..255, with all care unless there is much of it or an effort is given."""
    if effort is None:
        effort = FULL if np.count_nonzero(hole) <= MUCH else BRISK
    known = (~hole).astype(np.float32)
    values = np.clip(values, 0, 255)
    if values.shape[2] != 3:
        return paint_colours(values, known, effort)
    split = np.asarray(cv2.cvtColor(values, cv2.COLOR_RGB2YCrCb), np.float32)
    done = paint_colours(split, known, effort)
    return np.asarray(cv2.cvtColor(done, cv2.COLOR_YCrCb2RGB), np.float32)


def finished(
    seen: NDArray[np.float32], photo: NDArray[np.float32], area: NDArray[np.bool_], hole: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Paint what of a mark was not had back, with all care, from what surrounds it and what was.

    Args:
        seen: (H, W, C), 0..255.
        photo: (H, W, C), what was had back.
        area: (H, W), the mark.
        hole: (H, W), the part of it to paint.
    """
    known = np.where((area & ~hole)[..., None], photo, seen).astype(np.float32)
    return painted(known, hole)


def sketched(values: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Paint a hole in a fraction of the time, not quite as well."""
    exact = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    done = cv2.inpaint(exact, hole.view(np.uint8) * np.uint8(255), 3, cv2.INPAINT_NS)
    return np.where(hole[..., None], done.reshape(values.shape), values).astype(np.float32)


def busyness(values: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Length of the known pixels' gradient in levels a pixel, averaged around every place, (H, W)."""
    luma = channel_mean(values)
    across = np.asarray(cv2.Sobel(luma, cv2.CV_32F, 1, 0, scale=1 / 8), np.float32)
    down = np.asarray(cv2.Sobel(luma, cv2.CV_32F, 0, 1, scale=1 / 8), np.float32)
    inner = cv2.erode(known.view(np.uint8), np.ones((3, 3), np.uint8), borderValue=1).astype(np.float32)
    if not inner.any():
        inner = known.astype(np.float32)
    power, weight = (across**2 + down**2) * inner, inner
    near_power, near_weight = _spread(power, WINDOW, 2), _spread(weight, WINDOW, 2)
    far_power, far_weight = _spread(power, FAR, 8), _spread(weight, FAR, 8)
    return np.sqrt((near_power + 1e-3 * far_power) / (near_weight + 1e-3 * far_weight + 1e-9))


def _spread(plane: NDArray[np.float32], sigma: float, by: int) -> NDArray[np.float32]:
    """A wide blur, made on a plane that is `by` times smaller."""
    height, width = plane.shape
    small = (max(1, width // by), max(1, height // by))
    shrunk = cv2.resize(plane, small, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(shrunk, (0, 0), sigma / by)
    return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def usual_error(busy: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    """What a painting of the hole may be off by, in levels, (H, W); outside it the least there is.

    With (H, W, C) of busyness the answer is (H, W, C).
    """
    depth = np.asarray(cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, 5), np.float32)
    if busy.ndim > depth.ndim:
        depth = depth[..., None]
    return np.minimum(LEAST + SLOPE * busy * (START + GROWTH * depth), MOST).astype(np.float32)
