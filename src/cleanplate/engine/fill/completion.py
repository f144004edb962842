"""The wide parts of an area, completed with pieces of the picture at its full scale.

What is to be copied from where is found on a copy that is shrunk to a bounded size; the pixels themselves are
the picture's own. So the cost of a hole is bounded, however large the picture is, and its texture is sharp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from cleanplate.engine.crops import window
from cleanplate.engine.fill.guess import shrunken
from cleanplate.engine.fill.patches import REACH, matched
from cleanplate.engine.fit.painting import busyness, usual_error
from cleanplate.engine.pyramid import BRISK, paint_colours
from cleanplate.engine.values import working_values

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cleanplate.engine.crops import Box
    from cleanplate.engine.fill.patches import Matches

WIDE = 40.0  # pixels from the nearest known one: nearer, an average is the better by far, and hardly fog
SHARP = 2.5  # how quickly a match counts less than another that is nearer
KNOWN = 0.999  # part of a shrunken pixel that is known, when it may be copied
FINEST = 2  # pixels a side of what one of the copy stands for: matches at full scale prefer what is smooth
ROUGH = 8.0  # levels that a guess is usually off by, where it is kept to half
STILL = 0.5  # levels a pixel: where the surroundings change no more, brightness can be carried on
AT_ONCE = 50_000  # pixels that are copied at once: bounds the memory
SOME = 0.01  # part of one that is to be painted, when it is completed


class Completion:
    """What the wide parts of an area look like, readable at any place."""

    def __init__(
        self,
        pixels: NDArray[Any],
        usable: NDArray[np.bool_],
        todo: NDArray[np.bool_],
        box: Box,
        side: int,
    ) -> None:
        """Match the wide parts of `todo` with what is usable in `box`.

        Args:
            pixels: (H, W, C), uint8 or uint16: the picture.
            usable: (H, W), which of its pixels may be copied.
            todo: (H, W), what is to be painted.
            box: (x, y, width, height), the area with its surroundings.
            side: about the longest side of the copy that is searched, in pixels.
        """
        self.pixels, self.box = pixels, box
        self.scale = max(FINEST, -(-max(box[2:]) // side))
        here = window(box)
        self.hole = _wide(_share(todo[here], self.scale), WIDE / self.scale)
        self.matches = None
        if self.hole.any():
            values, known = shrunken(pixels[here], usable[here], self.scale)
            guess = paint_colours(values, known, BRISK)
            sure = known > KNOWN
            self.matches = matched(guess, self.hole, sure, *_faith(guess, self.hole, sure))

    def at(self, box: Box) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """What another box of the picture looks like.

        Returns:
            (h, w, C) working values, and (h, w), where there are any: in the wide parts of the area.
        """
        channels = self.pixels.shape[2]
        values = np.zeros((box[3], box[2], channels), np.float32)
        there = np.zeros(values.shape[:2], bool)
        if self.matches is None:
            return values, there
        down, right = box[1] - self.box[1], box[0] - self.box[0]
        rows = np.clip((np.arange(box[3]) + down) // self.scale, -1, self.hole.shape[0])
        columns = np.clip((np.arange(box[2]) + right) // self.scale, -1, self.hole.shape[1])
        hole = np.pad(self.hole, 1)[np.ix_(rows + 1, columns + 1)]
        at = np.nonzero(hole)
        for first in range(0, at[0].size, AT_ONCE):
            some = at[0][first : first + AT_ONCE], at[1][first : first + AT_ONCE]
            told, weight = self._copied(self.matches, some[0] + down, some[1] + right)
            values[some], there[some] = told, weight > 0
        return values, there

    def _copied(
        self, matches: Matches, rows: NDArray[np.intp], columns: NDArray[np.intp]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """What N places of the own box look like, (N, C), and how much that counts, (N,).

        Each takes the mean of what the nine nearest matches say, the nearest most: most of them agree, and
        where pieces meet they blend.
        """
        height, width = self.hole.shape
        total = np.zeros((rows.size, self.pixels.shape[2]), np.float32)
        count = np.zeros(rows.size, np.float32)
        own = window(self.box)
        part = self.pixels[own]
        # next to the picture's border there are no matches: the nearest will do
        middle_row = np.clip(rows // self.scale, REACH, height - REACH - 1)
        middle_column = np.clip(columns // self.scale, REACH, width - REACH - 1)
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                cell = middle_row + down, middle_column + right
                source = matches.rows[cell], matches.columns[cell]
                y = rows + (source[0] - cell[0]) * self.scale
                x = columns + (source[1] - cell[1]) * self.scale
                apart = np.square((rows + 0.5) / self.scale - (cell[0] + 0.5)) + np.square(
                    (columns + 0.5) / self.scale - (cell[1] + 0.5)
                )
                far = np.minimum(apart, 8.0)  # a border's pixels may lie further from the nearest match
                weight = matches.weight[cell] * np.exp(-SHARP * far).astype(np.float32)
                weight *= (y >= 0) & (x >= 0) & (y < part.shape[0]) & (x < part.shape[1])
                seen = part[np.clip(y, 0, part.shape[0] - 1), np.clip(x, 0, part.shape[1] - 1)]
                total += weight[:, None] * (working_values(seen[None])[0] + matches.shift[cell])
                count += weight
        return total / np.maximum(count, np.finfo(np.float32).tiny)[:, None], count


def _faith(
    guess: NDArray[np.float32], hole: NDArray[np.bool_], known: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far the brightness of a guess is to be believed, and to be kept to, (H, W) in 0..1 each.

    In a sky it is off by less than any piece of another part of it; where much is going on, it is fog.
    """
    busy = busyness(guess, known)
    usual = usual_error(busy, hole)
    believed, kept = STILL**4 / (STILL**4 + busy**4), ROUGH**2 / (ROUGH**2 + usual**2)
    return np.asarray(believed, np.float32), np.asarray(kept, np.float32)


def _wide(share: NDArray[np.float32], deep: float) -> NDArray[np.bool_]:
    """The parts of an area that are deeper than so many pixels of the copy, up to their rim; (H, W).

    Args:
        share: (H, W), which part of each of the copy's pixels is in the area. Strokes that are narrower than
            these cover none of them as a whole.
        deep: may be less than one.
    """
    whole = share > KNOWN
    middle = cv2.distanceTransform(whole.view(np.uint8), cv2.DIST_L2, 3) > deep
    if not middle.any():
        return np.zeros_like(whole)
    side = 2 * int(np.ceil(deep)) + 3
    near = cv2.dilate(middle.view(np.uint8), np.ones((side, side), np.uint8)) > 0
    return np.asarray(near & (share > SOME), np.bool_)


def _share(area: NDArray[np.bool_], scale: int) -> NDArray[np.float32]:
    """Which part of each `scale` × `scale` square is in an area, a few rows of squares at a time."""
    height, width = area.shape
    columns = np.arange(0, width, scale, dtype=np.intp)
    wide = np.minimum(scale, width - columns)
    shares: list[NDArray[np.float32]] = []
    for top in range(0, height, scale):
        rows = area[top : top + scale]
        count = np.add.reduceat(rows.sum(axis=0, dtype=np.int32), columns)
        shares.append(np.asarray(count / (rows.shape[0] * wide), np.float32))
    return np.stack(shares)
