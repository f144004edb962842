"""The copies of a repeated mark: taking each out of the picture, laying one back over all of them."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

DENSER = 1.25  # samples of a cell to a pixel of the picture: copies lie at different fractions of a pixel


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

    def __init__(self, steps: NDArray[np.float64], shape: tuple[int, int]) -> None:
        self.steps = steps
        self.shape = shape
        lengths = np.hypot(steps[0], steps[1]) * DENSER
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

    def _matrix(self, place: tuple[int, int]) -> NDArray[np.float64]:
        """From a cell's samples (column, row, 1) to the picture's pixels (x, y)."""
        corner = self.steps @ np.array(place, float)
        return np.column_stack([self.steps[:, 0] / self.columns, self.steps[:, 1] / self.rows, corner])

    def inside(self, place: tuple[int, int]) -> NDArray[np.bool_]:
        """(rows, columns): which samples of a copy lie in the picture."""
        matrix = self._matrix(place)
        row, column = np.ogrid[0 : self.rows, 0 : self.columns]
        x = matrix[0, 0] * column + matrix[0, 1] * row + matrix[0, 2]
        y = matrix[1, 0] * column + matrix[1, 1] * row + matrix[1, 2]
        height, width = self.shape
        return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)

    def take(
        self, image: NDArray[Any], place: tuple[int, int], way: int = cv2.INTER_CUBIC
    ) -> NDArray[np.float32]:
        """The samples of one copy, (rows, columns[, C]), of an (H, W[, C]) float32 image; 0 outside of it."""
        return np.asarray(
            cv2.warpAffine(
                image,
                self._matrix(place),
                (self.columns, self.rows),
                flags=way | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REPLICATE,
            ),
            np.float32,
        )

    @cached_property
    def _phase(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """For each pixel of the picture, the column and the row of the cell that it shows."""
        height, width = self.shape
        inverse = np.linalg.inv(self.steps)
        y, x = np.ogrid[0:height, 0:width]
        first, second = (inverse[k, 0] * x + inverse[k, 1] * y for k in range(2))
        return (
            ((first - np.floor(first)) * self.columns).astype(np.float32),
            ((second - np.floor(second)) * self.rows).astype(np.float32),
        )

    def lay(self, cell: NDArray[np.float32], way: int = cv2.INTER_CUBIC) -> NDArray[np.float32]:
        """The (H, W[, C]) picture that shows a (rows, columns[, C]) cell everywhere."""
        rim = 4
        wrapped = cv2.copyMakeBorder(cell, rim, rim, rim, rim, cv2.BORDER_WRAP)
        column, row = self._phase
        return np.asarray(cv2.remap(wrapped, column + rim, row + rim, way), np.float32)
