"""Some paintings of the same hole, each by another rule, for a network to choose from.

None is best everywhere: continued frequencies know texture; fluid flow (M. Bertalmio and others,
"Navier-Stokes, fluid dynamics, and image and video inpainting", CVPR 2001) and the fast march (A. Telea, "An
image inpainting technique based on the fast marching method", 2004) know smooth places and the border of a
picture; and straight lines across the hole know edges.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

COUNT = 4
RANGE = np.array([0, 127, 127], np.float32)  # added to working values, it brings them into 0..255
FLUID, MARCH = 3, 5  # pixels: how far round each place the two look
AXES = ((0, 1), (1, 0), (1, 1), (1, -1), (1, 2), (1, -2), (2, 1), (2, -1))  # rows, columns of a step
UNLIKE = 8.0  # levels by which two ends of a line may differ, to count half as far away as they are
LONG = 4.0  # pixels of a line that make it count as much less


def candidates(
    painted: NDArray[np.float32], hole: NDArray[np.bool_], *, bleed: int = 0
) -> NDArray[np.float32]:
    """Paint a hole in `COUNT` ways.

    Args:
        painted: (H, W, 3), luma in 0..255 and two chromas in -127..128 (`values.working_values`), the hole
            painted by `pyramid.paint_colours`.
        hole: (H, W), what was painted.
        bleed: how many pixels round the hole are not to be trusted in their chroma.

    Returns:
        (COUNT, H, W, 3): as given, fluid, march, lines. Outside the hole all as given.
    """
    wider = _grown(hole, bleed) if bleed else hole
    if wider.all():
        wider = hole
    rounded = np.clip(np.rint(painted + RANGE), 0, 255).astype(np.uint8)
    answer = np.repeat(painted[None], COUNT, axis=0)
    lines = _Lines(hole)
    for part, unknown in ((slice(0, 1), hole), (slice(1, 3), wider)):
        levels = np.ascontiguousarray(rounded[..., 0] if part.start == 0 else rounded)
        mask = unknown.view(np.uint8)
        for place, reach, way in ((1, FLUID, cv2.INPAINT_NS), (2, MARCH, cv2.INPAINT_TELEA)):
            done = np.asarray(cv2.inpaint(levels, mask, reach, way), np.float32).reshape(*hole.shape, -1)
            levels_of = done[..., part] - RANGE[part] if done.shape[2] > 1 else done
            answer[place][..., part][hole] = levels_of[hole]
        lines = lines if unknown is hole else _Lines(unknown)
        answer[3][..., part][hole] = lines.painted(painted[..., part])[hole]
    return answer


class _Lines:
    """The straight lines through each place of a hole, from one known pixel to another."""

    def __init__(self, hole: NDArray[np.bool_]) -> None:
        x, y, width, height = cv2.boundingRect(hole.view(np.uint8))
        rim = 2  # the longest step: where a line leaves this box, it has met a known pixel or the border
        top, left = max(0, y - rim), max(0, x - rim)
        self._box = slice(top, y + height + rim), slice(left, x + width + rim)
        hole = hole[self._box]
        self._places = np.nonzero(hole)
        self._axes: list[tuple[NDArray[np.int32], ...]] = []
        for axis in AXES:
            both = [_ends(hole, (way * axis[0], way * axis[1])) for way in (1, -1)]
            self._axes.append(tuple(values[self._places] for one in both for values in one))

    def painted(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """(H, W, C): each place between the ends of its lines; short lines with like ends count most."""
        answer = values.copy()
        inner = answer[self._box]
        flat = inner.reshape(-1, values.shape[2])
        costs: list[NDArray[np.float32]] = []
        between: list[NDArray[np.float32]] = []
        for axis, (one, steps, other, more) in zip(AXES, self._axes, strict=True):
            step = np.float32(np.hypot(*axis))
            first, second = flat[one], flat[other]
            near, far = steps * step, more * step
            length = near + far
            between.append((first * far[:, None] + second * near[:, None]) / np.maximum(length, 1)[:, None])
            unlike = np.abs(first - second).mean(axis=1)
            seen = (one >= 0) & (other >= 0)
            costs.append(np.where(seen, unlike / UNLIKE + length / LONG, np.inf).astype(np.float32))
        cost = np.stack(costs)
        least = cost.min(axis=0)
        told = np.isfinite(least)
        weights = np.exp(-(cost - np.where(told, least, 0)))
        total = np.maximum(weights.sum(axis=0), 1e-9)
        mixed = np.einsum("an,anc->nc", weights, np.stack(between)) / total[:, None]
        ys, xs = self._places
        inner[ys[told], xs[told]] = mixed[told]
        return answer


def _ends(hole: NDArray[np.bool_], step: tuple[int, int]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """For each place the first known pixel against a direction, as an index, and how many steps off it is.

    -1 where there is none. The picture is sheared so that the direction runs down the columns.
    """
    down, right = step
    if abs(down) != 1:  # turned, so that each step is one row
        places, steps = _ends(hole.T, (right, down))
        rows, columns = np.divmod(places, hole.shape[0])
        return np.where(places < 0, -1, columns * hole.shape[1] + rows).T, steps.T
    if down < 0:
        places, steps = _ends(hole[::-1], (1, right))
        rows, columns = np.divmod(places, hole.shape[1])
        back = (hole.shape[0] - 1 - rows) * hole.shape[1] + columns
        return np.where(places < 0, -1, back)[::-1], steps[::-1]
    height, width = hole.shape
    shear = abs(right) * (height - 1)
    rows = np.arange(height, dtype=np.int32)
    offset = rows * right if right < 0 else rows * right - shear
    columns = np.arange(width, dtype=np.int32)
    sheared = np.full((height, width + shear), -1, np.int32)
    place = rows[:, None], columns - offset[:, None]
    sheared[place] = np.where(hole, -1, rows[:, None])
    last = np.maximum.accumulate(sheared, axis=0, out=sheared)[place]
    steps = rows[:, None] - last
    return np.where(last < 0, -1, last * width + columns - steps * right).astype(np.int32), steps


def _grown(area: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    return cv2.dilate(area.view(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)).astype(bool)
