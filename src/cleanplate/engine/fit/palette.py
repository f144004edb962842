"""Which colours a photo has beside a mark: what may be under it where no painting tells.

Deep inside a mark a painting is a guess by the mark's rim; a beam, a window or a face that lies there is a
surprise to it. But what it is made of mostly shows elsewhere in the picture too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cleanplate.engine.fit.axes import along

if TYPE_CHECKING:
    from numpy.typing import NDArray

STEPS = (14.0, 9.0, 9.0)  # levels along each axis of colour that are not told apart
CELLS = (34, 42, 42)  # cells of that size in all
ZERO = (0, 21, 21)  # the cell of black
SOFT = np.array([0.06, 0.24, 0.4, 0.24, 0.06])  # of a cell's count, what it and its neighbours are given
NEW = 0.02  # share of what is under a mark whose colour is nowhere beside it
FEWEST = 500  # pixels that tell a palette
WORTH = 2 / 3  # errors along the three axes go together (`evidence.DIMENSIONS`): so much of each counts


@dataclass(frozen=True, slots=True)
class Palette:
    """How common colours are in a photo.

    Attributes:
        said: `CELLS` float32, the logarithm of the share of a cell's colours per level along two axes.
    """

    said: NDArray[np.float32]

    @classmethod
    def of(cls, seen: NDArray[np.float32], known: NDArray[np.bool_]) -> Palette | None:
        """That of some pixels of a picture, (H, W, C) of 0..255; None of few, or where there is no colour."""
        if seen.shape[2] != 3 or np.count_nonzero(known) < FEWEST:
            return None
        cells = np.ravel_multi_index(_cells(along(seen[known])), CELLS)
        common = np.bincount(cells, minlength=int(np.prod(CELLS))).reshape(CELLS).astype(float)
        reach = len(SOFT) // 2
        for axis in range(3):
            wide = np.pad(common, [(reach, reach) if k == axis else (0, 0) for k in range(3)])
            common = np.zeros(CELLS)
            for k, weight in enumerate(SOFT):
                common += weight * wide.take(range(k, k + CELLS[axis]), axis)
        share = (1 - NEW) * common / common.sum() + NEW / common.size
        return cls((np.log(2 * np.pi) + WORTH * np.log(share / np.prod(STEPS))).astype(np.float32))

    def at(self, colours: NDArray[Any]) -> NDArray[np.float32]:
        """How common colours are that are told along the axes, (N, 3): (N,)."""
        return self.said[_cells(colours)]


def _cells(colours: NDArray[Any]) -> tuple[NDArray[np.intp], ...]:
    cells = np.rint(colours / np.array(STEPS, np.float32)).astype(np.intp) + ZERO
    return tuple(np.clip(cells, 0, np.array(CELLS) - 1).T)
