"""Cutting an area into crops, so that the cost of filling follows the area and not the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Box = tuple[int, int, int, int]  # x, y, width, height in pixels
CELL = 16  # pixels a side of the coarse grid on which neighbouring parts are grouped


@dataclass(frozen=True, slots=True)
class Crop:
    """One piece of work.

    Attributes:
        core: the part of the picture whose holes are painted.
        reach: the core with the context that it is painted from.
        group: what this is a piece of: the core itself, or the whole of an area that is larger than a tile.
    """

    core: Box
    reach: Box
    group: Box


def crops(area: NDArray[np.bool_], tile: int, context: int) -> list[Crop]:
    """Cut `area` into crops whose cores together hold all of it.

    Parts of the area that lie close together (tiled text has thousands of letters) share a crop, found on a
    grid of cells; small groups near each other are put together, a group larger than `tile` is cut up, and
    every piece is shrunk to the cells it really needs. Cores may overlap where groups interlock, so whoever
    paints keeps track of what is still to be done.

    Args:
        area: (H, W), what is to be painted.
        tile: longest side of a core, in pixels; at least one cell.
        context: how far round a core the painter may look, in pixels.

    Returns:
        The crops, in a fixed order.
    """
    height, width = area.shape
    most = max(1, tile // CELL)
    answer: list[Crop] = []
    for left, top, cells in _groups(area, most):
        group = _in_pixels((left, top, cells.shape[1], cells.shape[0]), width, height)
        for x, y, w, h in _pieces(cells, most):
            core = _in_pixels((left + x, top + y, w, h), width, height)
            answer.append(Crop(core, grown(core, context, width, height), group))
    return answer


def grown(box: Box, by: int, width: int, height: int) -> Box:
    """`box` with `by` pixels added on every side, cut at the picture's borders."""
    x0, y0 = max(0, box[0] - by), max(0, box[1] - by)
    x1, y1 = min(width, box[0] + box[2] + by), min(height, box[1] + box[3] + by)
    return x0, y0, x1 - x0, y1 - y0


def window(box: Box) -> tuple[slice, slice]:
    """The index of `box` into an array of (H, W, …)."""
    x, y, w, h = box
    return slice(y, y + h), slice(x, x + w)


def _in_pixels(cells: Box, width: int, height: int) -> Box:
    x, y = cells[0] * CELL, cells[1] * CELL
    return x, y, min(cells[2] * CELL, width - x), min(cells[3] * CELL, height - y)


def _groups(area: NDArray[np.bool_], most: int) -> list[tuple[int, int, NDArray[np.bool_]]]:
    """Groups of occupied cells, as (left, top, cells) in cells.

    A connected group of more than half a tile stands alone. Smaller ones share a group with those whose
    middle is in the same half-tile square, so that their common box is never larger than a tile.
    """
    height, width = area.shape
    rows = np.logical_or.reduceat(area, np.arange(0, height, CELL, dtype=np.intp), axis=0)
    occupied = np.logical_or.reduceat(rows, np.arange(0, width, CELL, dtype=np.intp), axis=1)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(occupied.view(np.uint8), connectivity=8)
    half = max(1, most // 2)
    homes: dict[tuple[int, ...], list[int]] = {}
    for label in range(1, count):
        x, y, w, h = (int(value) for value in stats[label, :4])
        small = w <= half and h <= half
        home = ((y + h // 2) // half, (x + w // 2) // half) if small else (-label,)
        homes.setdefault(home, []).append(label)
    answer: list[tuple[int, int, NDArray[np.bool_]]] = []
    for members in homes.values():
        boxes = stats[members]
        left, top = int(boxes[:, 0].min()), int(boxes[:, 1].min())
        right, bottom = int((boxes[:, 0] + boxes[:, 2]).max()), int((boxes[:, 1] + boxes[:, 3]).max())
        answer.append((left, top, np.isin(labels[top:bottom, left:right], members)))
    return answer


def _pieces(cells: NDArray[np.bool_], most: int) -> Iterator[Box]:
    """Cut a group into even pieces of at most `most` cells a side, each shrunk to its occupied cells."""
    for y0, y1 in _even(cells.shape[0], most):
        for x0, x1 in _even(cells.shape[1], most):
            ys, xs = np.nonzero(cells[y0:y1, x0:x1])
            if ys.size:
                left, top = int(xs.min()), int(ys.min())
                yield x0 + left, y0 + top, int(xs.max()) - left + 1, int(ys.max()) - top + 1


def _even(length: int, most: int) -> Iterator[tuple[int, int]]:
    parts = -(-length // most)
    for part in range(parts):
        yield part * length // parts, (part + 1) * length // parts
