"""Restoring narrow holes from blocks that are alike.

After K. Dabov, A. Foi, V. Katkovnik and K. Egiazarian, "Image denoising by sparse 3-D transform-domain
collaborative filtering" (IEEE Transactions on Image Processing 16, 2007): along an edge, and wherever a
texture comes again, blocks are nearly the same, and a stack of them needs far fewer coefficients of a cosine
transform along its sides and a Haar transform through it than each of them by itself. What a hole was wrongly
painted with is not in all of them. There it is noise that is taken away; here, as in `spectral`, the hole
takes what the blocks then say, again and again with a falling threshold, and known pixels are never moved.

Each round goes further than the blocks say (over-relaxation, as of linear equations: D. M. Young, 1954): it
takes about half as many.

Colours are stacked as brightness says, whose edges are the sharper (the same authors, "Color image denoising
via sparse 3D collaborative filtering with grouping constraint in luminance-chrominance space", ICIP 2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from cleanplate.engine.spectral import UNKNOWN, cosines, counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 8  # pixels a side
HOP = 4  # pixels between the blocks that others are looked for
REGION = 192  # pixels a side that are worked on at once: bounds the memory
AT_ONCE = 64  # stacks that are transformed at once: what they hold stays in a processor's cache
FAR = 1e4  # levels: what lies beyond the border is like nothing


@dataclass(frozen=True, slots=True)
class Alike:
    """How blocks that are alike are looked for and used.

    Attributes:
        thresholds: in grey levels of 0..255, one a round; smaller coefficients are dropped.
        reach: how far to look for like blocks, in pixels.
        count: blocks in a stack; a power of two.
        step: how far a round goes, 1 = to what the blocks say; the last one always does.
    """

    thresholds: tuple[float, ...]
    reach: int = 8
    count: int = 16
    step: float = 1.9


def collaborate(
    values: NDArray[np.float32],
    hole: NDArray[np.bool_],
    how: Alike,
    guide: NDArray[np.float32] | None = None,
) -> None:
    """Improve the values inside `hole`, in place.

    Args:
        values: (H, W, C), a range of 256 each, with a good guess inside the hole.
        hole: (H, W); nothing outside of it is changed.
        how: what to look for, and how long to go on.
        guide: (H, W), in 0..255: by it like blocks are found, for all channels; None is each by itself.
    """
    more = how.reach + BLOCK
    for top, left in np.ndindex(*(-(-length // REGION) for length in hole.shape)):
        region = np.s_[top * REGION : (top + 1) * REGION, left * REGION : (left + 1) * REGION]
        x, y, width, height = cv2.boundingRect(np.ascontiguousarray(hole[region]).view(np.uint8))
        if not width:
            continue
        x, y = x + left * REGION, y + top * REGION
        near = np.s_[max(0, y - more) : y + height + more, max(0, x - more) : x + width + more]
        part = np.ascontiguousarray(np.moveaxis(values[near], 2, 0))
        if min(part.shape[1:]) < BLOCK:
            continue
        wanted = np.zeros(part.shape[1:], np.bool_)
        above, before = min(y, more), min(x, more)
        wanted[above : above + height, before : before + width] = hole[y : y + height, x : x + width]
        unknown = np.ascontiguousarray(hole[near])
        if guide is None:
            for plane in part:
                _improve(plane, _Stacks(plane, unknown, wanted, how), how)
        else:
            stacks = _Stacks(np.ascontiguousarray(guide[near]), unknown, wanted, how)
            for plane in part:
                _improve(plane, stacks, how)
        values[near][wanted] = part[:, wanted].T


def _improve(plane: NDArray[np.float32], stacks: _Stacks, how: Alike) -> None:
    """Improve the values that the stacks are made for, in place."""
    values = plane.reshape(-1)
    for number, threshold in enumerate(how.thresholds):
        said = stacks.said(values, threshold)
        step = np.float32(1.0 if number == len(how.thresholds) - 1 else how.step)
        values[stacks.inside] += step * (said - values[stacks.inside])


class _Stacks:
    """Every fourth block that touches what is wanted, each with those that are most like it.

    Attributes:
        inside: (N,) where the wanted pixels lie that any of these blocks covers, as indices into the part.
    """

    def __init__(
        self,
        part: NDArray[np.float32],
        hole: NDArray[np.bool_],
        wanted: NDArray[np.bool_],
        how: Alike,
    ) -> None:
        width = part.shape[1]
        hidden = counted(hole, BLOCK)
        first = np.zeros(hidden.shape, np.bool_)
        first[np.ix_(*(_every(length - BLOCK) for length in part.shape))] = True
        rows, columns = np.nonzero(first & (counted(wanted, BLOCK) > 0))
        places = _most_alike(part, rows * width + columns, how)
        within = (np.arange(BLOCK)[:, None] * width + np.arange(BLOCK)).ravel()
        self._pixels = (places[..., None] + within).astype(np.int32)  # (stacks, count, BLOCK²)
        trust = np.zeros(part.shape, np.float32)
        trust[: hidden.shape[0], : hidden.shape[1]] = 1 - hidden / BLOCK**2 + UNKNOWN
        window = np.hanning(BLOCK + 2)[1:-1].astype(np.float32)  # trust a block most in its middle
        weights = trust.ravel()[places][..., None] * np.outer(window, window).ravel()

        touched = np.flatnonzero(wanted.ravel()[self._pixels])
        pixel = self._pixels.ravel()[touched]
        order = np.argsort(pixel, kind="stable")
        self._order, pixel = touched[order], pixel[order]
        self._starts = np.flatnonzero(np.diff(pixel, prepend=-1))
        self.inside = pixel[self._starts]
        weight = weights.ravel()[self._order]
        total = np.add.reduceat(weight, self._starts)
        times = np.diff(self._starts, append=pixel.size)
        self._weights = np.asarray(weight / np.repeat(total, times), np.float32)
        self._through = _haar(how.count)
        self._restored = np.empty(self._pixels.shape, np.float32)

    def said(self, values: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
        """What the stacks say of the places `inside`, (N,); values: (H·W,)."""
        sides, through = _both_ways(), self._through
        for first in range(0, len(self._pixels), AT_ONCE):
            some = slice(first, first + AT_ONCE)
            # Many products of small matrices, as in `spectral`: one large one would wake threads.
            spectrum = through @ (values[self._pixels[some]] @ sides.T)
            keep = np.abs(spectrum) > threshold
            keep[:, 0, 0] = True  # the stack's mean
            spectrum *= keep
            np.matmul(through.T @ spectrum, sides, out=self._restored[some])
        said = self._restored.ravel()[self._order] * self._weights
        return np.asarray(np.add.reduceat(said, self._starts), np.float32)


def _every(length: int) -> NDArray[np.intp]:
    """Every `HOP`-th of so many places, and the last one."""
    return np.unique(np.append(np.arange(0, length + 1, HOP, dtype=np.intp), length))


def _most_alike(part: NDArray[np.float32], places: NDArray[np.intp], how: Alike) -> NDArray[np.intp]:
    """(N, count), the first pixels of the blocks that are most like each of N, itself first, as indices."""
    height, width = part.shape
    reach = how.reach
    side = 2 * reach + 1
    around = cv2.copyMakeBorder(part, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=FAR)
    apart = np.empty((side * side, places.size), np.float32)
    for number, (down, right) in enumerate(np.ndindex(side, side)):
        off = cv2.absdiff(part, around[down : down + height, right : right + width])
        square = cv2.boxFilter(
            cv2.multiply(off, off),
            -1,
            (BLOCK, BLOCK),
            anchor=(0, 0),
            normalize=False,
            borderType=cv2.BORDER_CONSTANT,
        )
        apart[number] = np.asarray(square, np.float32).ravel()[places]
    own = reach * side + reach
    apart[own] = -1
    apart = np.ascontiguousarray(apart.T)
    best = np.argpartition(apart, how.count - 1, axis=1)[:, : how.count]
    far = np.take_along_axis(apart, best, 1)
    order = np.argsort(far, axis=1)
    best = np.where(far < FAR**2, best, own)  # beyond the border nothing is alike
    down, right = np.divmod(np.take_along_axis(best, order, 1), side)
    return np.asarray(places[:, None] + (down - reach) * width + right - reach, np.intp)


@cache
def _both_ways() -> NDArray[np.float32]:
    """The cosine transform of a block that is written as one row, (coefficients, pixels)."""
    return np.kron(cosines(BLOCK), cosines(BLOCK))


@cache
def _haar(count: int) -> NDArray[np.float32]:
    """The orthonormal Haar transform as a matrix, (coefficients, values)."""
    matrix = np.ones((1, 1))
    while len(matrix) < count:
        means, differences = np.kron(matrix, [1, 1]), np.kron(np.eye(len(matrix)), [1, -1])
        matrix = np.concatenate([means, differences]) / np.sqrt(2)
    return np.asarray(matrix, np.float32)
