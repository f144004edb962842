"""Cutting an area into crops, so that the cost of filling follows the area and not the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

CELL = 16  # pixels a side of the coarse grid on which neighbouring parts are grouped

Box = tuple[int, int, int, int]  # x, y, width, height in pixels


@dataclass(frozen=True, slots=True)
class Crop:
    """One piece of work.

    Attributes:
        core: (x, y, width, height), the part of the picture whose holes this crop paints.
        reach: (x, y, width, height), the core with the context that it is painted from.
    """

    core: Box
    reach: Box


def crops(area: NDArray[np.bool_], tile: int, context: int) -> Iterator[Crop]:
    """Cut `area` into crops whose cores together hold all of it.

    Parts of the area that lie close together (tiled text has thousands of letters) share a crop, found on a
    grid of cells; a group larger than `tile` is cut up, and each piece is shrunk to the cells it really needs.
    Cores may overlap where groups interlock, so whoever paints keeps track of what is still to be done.

    Args:
        area: (H, W), what is to be painted.
        tile: longest side of a core, in pixels.
        context: how far round a core the painter may look, in pixels.

    Yields:
        Crops group by group, within a group from top to bottom and left to right.
    """
    height, width = area.shape
    for cells, left, top in _groups(area):
        for x, y, w, h in _pieces(cells, max(1, tile // CELL)):
            x0, y0 = (left + x) * CELL, (top + y) * CELL
            core = (x0, y0, min(w * CELL, width - x0), min(h * CELL, height - y0))
            yield Crop(core, grown(core, context, width, height))


def grown(box: Box, by: int, width: int, height: int) -> Box:
    """`box` with `by` pixels added on every side, cut at the picture's borders."""
    x0, y0 = max(0, box[0] - by), max(0, box[1] - by)
    x1, y1 = min(width, box[0] + box[2] + by), min(height, box[1] + box[3] + by)
    return x0, y0, x1 - x0, y1 - y0


def window(box: Box) -> tuple[slice, slice]:
    """The index of `box` into an array of (H, W, …)."""
    x, y, w, h = box
    return slice(y, y + h), slice(x, x + w)


def _groups(area: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.bool_], int, int]]:
    """Connected groups of occupied cells: (cells, left, top), in cells."""
    height, width = area.shape
    rows = np.logical_or.reduceat(area, np.arange(0, height, CELL), axis=0)
    cells = np.logical_or.reduceat(rows, np.arange(0, width, CELL), axis=1)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(cells.view(np.uint8), connectivity=8)
    for label in range(1, count):
        x, y, w, h = (int(value) for value in stats[label, :4])
        yield labels[y : y + h, x : x + w] == label, x, y


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
