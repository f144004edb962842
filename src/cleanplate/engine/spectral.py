"""Restoring a hole from overlapping blocks whose spectra are sparse.

The method is O. G. Guleryuz', "Nonlinear approximation based image recovery using adaptive sparse
reconstructions and iterated denoising" (IEEE Transactions on Image Processing 15, 2006): natural pictures
need few coefficients of a local cosine transform, and a wrong guess inside a hole shows up as many small
ones. So every block that touches the hole is transformed, its small coefficients are dropped, and the hole
takes the mean of what the blocks then say, in which a block counts the more the more of it is known; known
pixels are never moved. Repeated with a falling threshold, edges and periodic texture grow into the hole from
both sides.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

UNKNOWN = 0.05  # what a block without any known pixel counts; one without a hole counts one and that


@dataclass(frozen=True, slots=True)
class Pass:
    """One round of iterations.

    Attributes:
        block: side of the square blocks, in pixels.
        hop: distance between neighbouring blocks, in pixels; divides `block`.
        thresholds: in grey levels of 0..255, one an iteration; smaller coefficients are dropped.
        step: how far an iteration goes, 1 = to what the blocks say, more = further (over-relaxation); the
            last one always goes there.
    """

    block: int
    hop: int
    thresholds: tuple[float, ...]
    step: float = 1.0


def refine(values: NDArray[np.float32], hole: NDArray[np.bool_], passes: Sequence[Pass]) -> None:
    """Improve the values inside `hole`, in place.

    Args:
        values: (H, W, C), in 0..255, with a first guess inside the hole.
        hole: (H, W); nothing outside of it is changed.
        passes: the rounds to make, in order.
    """
    if not hole.any():
        return
    for one in passes:
        blocks = _Blocks(hole, one.block, one.hop)
        for channel in range(values.shape[2]):
            values[hole, channel] = blocks.restore(values[..., channel], one)


class _Blocks:
    """The blocks that touch a hole, and where each pixel of the hole lies in them."""

    def __init__(self, hole: NDArray[np.bool_], block: int, hop: int) -> None:
        self.block = block
        # A block's length all round lets blocks hang over the border; the hop makes the last of them fit.
        self.border = (block, block + hop)
        padded = np.pad(hole, self.border)
        hidden = counted(padded, block)[::hop, ::hop]
        rows, columns = np.nonzero(hidden)
        self.rows, self.columns = rows * hop, columns * hop
        known = (1 - hidden[rows, columns] / block**2 + UNKNOWN).astype(np.float32)
        number = np.full(hidden.shape, -1, np.int32)
        number[rows, columns] = np.arange(rows.size, dtype=np.int32)

        ys, xs = np.nonzero(padded)
        across = block // hop
        places = np.empty((ys.size, across * across), np.int32)
        weights = np.empty(places.shape, np.float32)
        window = np.hanning(block + 2)[1:-1].astype(np.float32)  # trust a block most in its middle
        for i, (up, left) in enumerate(np.ndindex(across, across)):
            row, column = ys // hop - up, xs // hop - left
            y, x = ys - row * hop, xs - column * hop
            which = number[row, column]
            places[:, i] = which * (block * block) + y * block + x
            weights[:, i] = window[y] * window[x] * known[which]
        self.places = places
        self.weights = weights / weights.sum(axis=1, keepdims=True)

    def restore(self, plane: NDArray[np.float32], how: Pass) -> NDArray[np.float32]:
        """The hole's values after one iteration a threshold, in the order of `plane[hole]`."""
        padded = cv2.copyMakeBorder(plane, *self.border, *self.border, cv2.BORDER_REFLECT_101)
        windows = sliding_window_view(padded, (self.block, self.block))
        blocks = windows[self.rows, self.columns]
        transform = cosines(self.block)
        inside = self.places[:, 0]  # each pixel of the hole, in one of the blocks that hold it
        mean = np.empty(0, np.float32)
        for number, threshold in enumerate(how.thresholds):
            # Products of small matrices: one large one would wake the linear algebra library's threads, which
            # fight with those of other workers (measured: 60 times slower beside a busy neighbour).
            spectrum = transform @ blocks @ transform.T
            keep = np.abs(spectrum) > threshold
            keep[:, 0, 0] = True  # the block's mean
            spectrum *= keep
            said = (transform.T @ spectrum @ transform).ravel()[self.places]
            mean = np.einsum("ij,ij->i", said, self.weights)
            if how.step != 1 and number < len(how.thresholds) - 1:
                before = blocks.ravel()[inside]
                mean = before + np.float32(how.step) * (mean - before)
            blocks.ravel()[self.places] = mean[:, None]
        return mean


def counted(area: NDArray[np.bool_], block: int) -> NDArray[np.int32]:
    """How many pixels of an area each block holds, (H - block + 1, W - block + 1) by where it begins."""
    sums = cv2.integral(area.view(np.uint8))
    in_rows = sums[block:] - sums[:-block]
    return np.asarray(in_rows[:, block:] - in_rows[:, :-block], np.int32)


@cache
def cosines(block: int) -> NDArray[np.float32]:
    """The orthonormal DCT-II as a matrix, (coefficients, pixels)."""
    k, i = np.mgrid[:block, :block]
    matrix = np.sqrt(2.0 / block) * np.cos(np.pi * (2 * i + 1) * k / (2 * block))
    matrix[0] /= np.sqrt(2.0)
    return np.asarray(matrix, np.float32)
