"""Painting what is truly hidden, crop by crop.

The cost follows the area that is painted, and the memory follows the tile: an area larger than a tile is
first painted as a whole at a scale at which it fits, and then tile by tile, each continuing its painted
neighbours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from cleanplate.engine.crops import Box, Crop, crops, grown, window
from cleanplate.engine.errors import NothingToPaintFrom
from cleanplate.engine.fill.completion import Completion
from cleanplate.engine.fill.guess import Guess
from cleanplate.engine.fill.texture import lend_texture, wide_part
from cleanplate.engine.pyramid import BRISK, FULL, paint_colours
from cleanplate.engine.values import picture_values, working_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

TILE = 512
CONTEXT = 64  # pixels of surroundings that a crop is painted from
MARGIN = 16  # pixels beyond a core that are painted in full quality too: its last pixels must see good ones
DEEP = 32  # pixels: so far inside an area larger than a tile, the guess made for the whole of it stands
MUCH = 2_000_000  # pixels to paint from which on it is done briskly: seconds would become minutes
METHOD = "spectral"
METHOD_BRISK = "spectral, brisk"
METHOD_WIDE = "spectral with texture"
METHOD_PATCHES = "patches"
COPY = 384  # pixels of the longest side of the copy on which wide parts are completed


@dataclass(frozen=True, slots=True)
class Painted:
    """One crop that was painted, and is still to be composed.

    Attributes:
        box: (x, y, width, height) of the crop in the picture.
        values: (height, width, C) float32 in the picture's own range, not rounded.
        area: (height, width) boolean, the pixels that were painted.
        method: what painted them: `METHOD`, `METHOD_WIDE` or `METHOD_PATCHES` where some of it is wide,
            `METHOD_BRISK` where there is much to paint.
    """

    box: Box
    values: NDArray[np.float32]
    area: NDArray[np.bool_]
    method: str


def fill(
    pixels: NDArray[Any],
    area: NDArray[np.bool_],
    alpha: NDArray[Any] | None = None,
    *,
    tile: int = TILE,
    bleed: int = 0,
) -> Iterator[Painted]:
    """Paint `area` from what surrounds it, crop by crop.

    Each crop must be composed into `pixels` before the next is asked for, which continues it.

    Args:
        pixels: (H, W, 1) or (H, W, 3), uint8 or uint16.
        area: (H, W), what to paint.
        alpha: (H, W); what is fully transparent has no colour that anyone chose, and is not painted from.
        tile: longest side of the part of a crop that is painted, in pixels; memory grows with its square.
        bleed: how many pixels round the area the mark's colour has run into, because the picture was stored
            with its chroma at half resolution; colour, but not brightness, is then taken from further away.

    Yields:
        What was painted. Together the crops' areas are `area`, and no pixel is in two of them.

    Raises:
        NothingToPaintFrom: the area is the whole picture.
    """
    if area.all():
        raise NothingToPaintFrom
    usable = ~area if alpha is None else ~area & (alpha > 0)
    if not usable.any():
        usable = ~area
    canvas = _Canvas(pixels, usable, area.copy(), tile, bleed)
    for crop in crops(area, tile, CONTEXT):
        painted = canvas.paint(crop)
        if painted is not None:
            yield painted
            canvas.composed(painted)


class _Canvas:
    """A picture that is being painted, with what is left to do."""

    def __init__(
        self,
        pixels: NDArray[Any],
        usable: NDArray[np.bool_],
        todo: NDArray[np.bool_],
        tile: int,
        bleed: int,
    ) -> None:
        self.pixels, self.usable, self.todo, self.tile, self.bleed = pixels, usable, todo, tile, bleed
        self.effort = FULL if np.count_nonzero(todo) <= MUCH else BRISK
        self.guesses: dict[Box, Guess] = {}
        self.completions: dict[Box, Completion] = {}

    def paint(self, crop: Crop) -> Painted | None:
        """Paint what a crop's core still has to do."""
        mine = self.todo[window(crop.core)].copy()
        if not mine.any():
            return None
        reach = window(crop.reach)
        values = working_values(self.pixels[reach])
        unknown = ~self.usable[reach]
        if unknown.all():
            unknown = self.todo[reach].copy()  # what is transparent will do, where there is nothing else
        known = ~unknown
        patched = self._complete(crop, values, known)
        if crop.group != crop.core:
            self._guess_depths(crop, values, known)
        wanted = _inside(crop, MARGIN)
        painted = paint_colours(
            values, known.astype(np.float32), self.effort, wanted=wanted, bleed=self.bleed
        )
        method = METHOD if self.effort.texture else METHOD_BRISK
        wide = wide_part(~known) & wanted
        if self.effort.texture and wide.any():
            painted = lend_texture(painted, ~known, wide)
            method = METHOD_WIDE
        if patched:
            method = METHOD_PATCHES
        x, y = crop.core[0] - crop.reach[0], crop.core[1] - crop.reach[1]
        core = painted[y : y + crop.core[3], x : x + crop.core[2]]
        return Painted(crop.core, picture_values(core, self.pixels.dtype), mine, method)

    def composed(self, painted: Painted) -> None:
        """From now on, what was painted may be painted from."""
        core = window(painted.box)
        self.todo[core] = False
        self.usable[core] |= painted.area

    def _complete(self, crop: Crop, values: NDArray[np.float32], known: NDArray[np.bool_]) -> bool:
        """Take the wide parts as they were completed, in place; whether there are any."""
        if crop.group not in self.completions:
            around = max(CONTEXT, min(crop.group[2:]))
            box = grown(crop.group, around, self.usable.shape[1], self.usable.shape[0])
            self.completions = {crop.group: Completion(self.pixels, self.usable, self.todo, box, COPY)}
        made, there = self.completions[crop.group].at(crop.reach)
        there &= ~known
        values[there] = made[there]
        known |= there
        return bool(there.any())

    def _guess_depths(self, crop: Crop, values: NDArray[np.float32], known: NDArray[np.bool_]) -> None:
        """Take what lies deep inside a large area as its guess has it, in place."""
        depth = cv2.distanceTransform((~known).view(np.uint8), cv2.DIST_L2, 3)
        deep = ~known if not known.any() else depth > DEEP
        if deep.any():
            if crop.group not in self.guesses:
                self.guesses = {crop.group: self._guess(crop.group)}
            values[deep] = self.guesses[crop.group].at(crop.reach)[deep]
            known |= deep

    def _guess(self, group: Box) -> Guess:
        height, width = self.usable.shape
        box = grown(group, max(CONTEXT, max(group[2:]) // 8), width, height)
        if not self.usable[window(box)].any():
            box = (0, 0, width, height)
        return Guess(self.pixels, self.usable, box, self.tile, self.effort)


def _inside(crop: Crop, margin: int) -> NDArray[np.bool_]:
    """(h, w) of the reach: the core with a margin."""
    inside = np.zeros((crop.reach[3], crop.reach[2]), bool)
    left, top = crop.core[0] - crop.reach[0], crop.core[1] - crop.reach[1]
    bottom, right = top + crop.core[3] + margin, left + crop.core[2] + margin
    inside[max(0, top - margin) : bottom, max(0, left - margin) : right] = True
    return inside
