"""The copies of a repeated mark: taking each out of the picture, laying one back over all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from cleanplate.engine.crops import Box

DENSER = 1.25  # samples of a cell to a pixel of the picture: copies lie at different fractions of a pixel
MARGIN = 4  # pixels around a copy that cubic interpolation may ask for
BAND = 256  # rows that are laid at a time


class Copies:
    """A picture cut along a lattice.

    A cell is one period of the lattice, sampled along its two steps: (rows, columns) values that go on from
    their last to their first. What is folded from all copies is such a cell, so is what is laid over them.

    Attributes:
        steps: (2, 2), the lattice's steps as columns.
        shape: (height, width) of the picture.
        rows: samples of a cell along the second step.
        columns: samples of a cell along the first step.
        places: which cells reach into the picture, as (first, second) steps from its corner.
    """

    def __init__(self, steps: NDArray[np.float64], shape: tuple[int, int], denser: float = DENSER) -> None:
        self.steps = steps
        self.shape = shape
        lengths = np.hypot(steps[0], steps[1]) * denser
        self.columns, self.rows = (max(8, math.ceil(float(v))) for v in lengths)
        self.places = list(self._places())

    def _places(self) -> Iterator[tuple[int, int]]:
        height, width = self.shape
        corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], float)
        counts = corners @ np.linalg.inv(self.steps).T
        low, high = np.floor(counts.min(0)).astype(int), np.ceil(counts.max(0)).astype(int)
        unit = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], float)
        for i in range(low[0], high[0] + 1):
            for j in range(low[1], high[1] + 1):
                own = (unit + np.array((i, j))) @ self.steps.T
                if (
                    (own.max(0) > 0).all()
                    and (own.min(0) < (width - 1, height - 1)).all()
                    and self.inside((i, j)).any()
                ):
                    yield i, j

    def _matrix(self, place: tuple[int, int], rim: int = 0) -> NDArray[np.float64]:
        """From a cell's samples (column, row, 1) to the picture's pixels (x, y)."""
        across, down = self.steps[:, 0] / self.columns, self.steps[:, 1] / self.rows
        corner = self.steps @ np.array(place, float) - rim * (across + down)
        return np.column_stack([across, down, corner])

    def inside(self, place: tuple[int, int], rim: int = 0) -> NDArray[np.bool_]:
        """(rows, columns) and `rim` more on all sides: which samples of a copy lie in the picture."""
        matrix = self._matrix(place, rim)
        row, column = np.ogrid[0 : self.rows + 2 * rim, 0 : self.columns + 2 * rim]
        x = matrix[0, 0] * column + matrix[0, 1] * row + matrix[0, 2]
        y = matrix[1, 0] * column + matrix[1, 1] * row + matrix[1, 2]
        height, width = self.shape
        return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)

    def take(
        self, image: NDArray[Any], place: tuple[int, int], way: int = cv2.INTER_CUBIC, rim: int = 0
    ) -> NDArray[np.float32]:
        """The samples of one copy of an (H, W[, C]) image, its nearest ones outside of it.

        Returns:
            (rows, columns[, C]), with `rim` samples of the neighbours on all sides.
        """
        matrix = self._matrix(place, rim)
        size = (self.columns + 2 * rim, self.rows + 2 * rim)
        corners = matrix @ np.array([[0, size[0], 0, size[0]], [0, 0, size[1], size[1]], [1, 1, 1, 1]], float)
        low = np.floor(corners.min(1)).astype(int) - MARGIN
        high = np.ceil(corners.max(1)).astype(int) + MARGIN
        height, width = self.shape
        left, top = (int(np.clip(low[k], 0, (width, height)[k] - 1)) for k in range(2))
        part = image[top : max(high[1], top + 1), left : max(high[0], left + 1)]
        matrix[:, 2] -= (left, top)
        return np.asarray(
            cv2.warpAffine(
                np.asarray(part, np.float32),
                matrix,
                size,
                flags=way | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            ),
            np.float32,
        )

    def fold(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """The (rows, columns) mean of all copies of an (H, W) float32 image; 0 where none lies in it."""
        total = np.zeros((self.rows, self.columns), np.float32)
        count = np.zeros_like(total)
        for place in self.places:
            inside = self.inside(place)
            total += self.take(image, place, cv2.INTER_LINEAR) * inside
            count += inside
        return np.asarray(total / np.maximum(count, 1), np.float32)

    def lay(
        self, cell: NDArray[np.float32], box: Box | None = None, way: int = cv2.INTER_CUBIC
    ) -> NDArray[np.float32]:
        """The picture that shows a (rows, columns[, C]) cell everywhere, or the (h, w[, C]) part in `box`."""
        rim = 4
        wrapped = cv2.copyMakeBorder(cell, rim, rim, rim, rim, cv2.BORDER_WRAP)
        left, top, width, height = box or (0, 0, self.shape[1], self.shape[0])
        inverse = np.linalg.inv(self.steps)
        laid = np.empty((height, width, *cell.shape[2:]), np.float32)
        for start in range(0, height, BAND):
            y, x = np.ogrid[top + start : top + min(start + BAND, height), left : left + width]
            first, second = (inverse[k, 0] * x + inverse[k, 1] * y for k in range(2))
            column = ((first - np.floor(first)) * self.columns + rim).astype(np.float32)
            row = ((second - np.floor(second)) * self.rows + rim).astype(np.float32)
            band = np.asarray(cv2.remap(wrapped, column, row, way), np.float32)
            laid[start : start + BAND] = band.reshape(laid[start : start + BAND].shape)
        return laid


@dataclass(frozen=True, slots=True)
class Stack:
    """Some copies, lying on each other.

    Attributes:
        copies: what they are copies of.
        rim: samples of the neighbours that each has around it.
        seen: (N, rows + 2 rim, columns + 2 rim, C) float32 in 0..255.
        inside: the same without C, bool: what lies in the picture.
    """

    copies: Copies
    rim: int
    seen: NDArray[np.float32]
    inside: NDArray[np.bool_]

    @classmethod
    def of(cls, copies: Copies, pixels: NDArray[Any], places: list[tuple[int, int]], rim: int) -> Stack:
        """The copies at some places of (H, W, C) uint8 or uint16 pixels."""
        scale = np.float32(255.0 / np.iinfo(pixels.dtype).max)
        side = (copies.rows + 2 * rim, copies.columns + 2 * rim)
        seen = np.empty((len(places), *side, pixels.shape[2]), np.float32)
        for own, place in zip(seen, places, strict=True):
            own[...] = copies.take(pixels, place, rim=rim).reshape(own.shape) * scale
        inside = np.stack([copies.inside(place, rim) for place in places])
        return cls(copies, rim, seen, inside)

    def around(self, cell: NDArray[Any]) -> NDArray[Any]:
        """A (rows, columns) cell with the rim that goes on on all sides."""
        return np.pad(cell, self.rim, mode="wrap")

    def own(self, values: NDArray[Any]) -> NDArray[Any]:
        """(N, rows + 2 rim, columns + 2 rim, ...) without the rim."""
        rim = self.rim
        return values[:, rim:-rim, rim:-rim] if rim else values


def spread(copies: Copies, luma: NDArray[np.float32], most: int) -> list[tuple[int, int]]:
    """Up to `most` copies that tell most: each part of the cell on quiet ground, dark and bright.

    Args:
        copies: all of them.
        luma: (H, W) float32 in 0..255.
        most: how many are chosen.

    Returns:
        Their places, the most telling first.
    """
    if len(copies.places) <= most:
        return copies.places
    fine = luma - cv2.GaussianBlur(luma, (0, 0), 2.0)
    unrest = cv2.GaussianBlur(np.asarray(fine * fine, np.float32), (0, 0), 4.0) + np.float32(1.0)
    soft = np.asarray(cv2.GaussianBlur(luma, (0, 0), 8.0), np.float32)
    parts = 8  # of a cell, along each step
    low, high = (float(v) for v in np.quantile(soft, (1 / 3, 2 / 3)))
    grid = (np.arange(parts) + 0.5) / parts
    first, second = np.meshgrid(grid, grid)
    said = np.zeros((len(copies.places), 3, parts * parts), np.float32)
    height, width = copies.shape
    for own, place in zip(said, copies.places, strict=True):
        x, y = copies.steps @ np.stack([first.ravel() + place[0], second.ravel() + place[1]])
        here = (x >= 0) & (y >= 0) & (x < width) & (y < height)
        column, row = x[here].astype(int), y[here].astype(int)
        tone = soft[row, column]
        own[(tone > low).astype(int) + (tone > high), np.flatnonzero(here)] = 1 / unrest[row, column]
    level = 0.25 * float(said.sum(1).mean())
    chosen: list[int] = []
    total = np.full(said.shape[1:], level, np.float32)
    left = np.ones(len(said), bool)
    for _ in range(most):
        gain = np.where(left, np.log1p(said / total).sum((1, 2)), -1.0)
        best = int(np.argmax(gain))
        chosen.append(best)
        left[best] = False
        total += said[best]
    return [copies.places[k] for k in chosen]
