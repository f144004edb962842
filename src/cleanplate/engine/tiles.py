"""A mark tile by tile: each is fitted, or divided out, with its surroundings and beside those before it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from cleanplate.engine.crops import crops, grown, window
from cleanplate.engine.fit import Hint, Recovery, inverted, recover
from cleanplate.engine.mark import VISIBLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from cleanplate.engine.crops import Box
    from cleanplate.engine.fit import Level
    from cleanplate.engine.mark import Mark

CONTEXT = 40  # pixels of surroundings that a mark is fitted in
RIM = 2  # pixels that a mark may reach beyond the box in which it was found
TILE = 640  # pixels a side of what is fitted at once: bounds the memory
TELLING = 3  # tiles that tell the levels of a mark which is larger than one
MOST_LEVELS = 4
SAME = (0.04, 12.0)  # opacity, and levels of colour, that two levels may differ by to be one


def inverted_by_tile(pixels: NDArray[Any], mark: Mark, lossy: bool) -> Iterator[tuple[Box, Recovery]]:
    """As `fitted_by_tile`, with the opacity and the colour that the mark came with."""
    taken = np.zeros(pixels.shape[:2], bool)
    scale = np.float32(255.0 / np.iinfo(pixels.dtype).max)
    plain = mark.colour.ndim == 1
    for x, y, width, height in (crop.core for crop in crops(mark.area, TILE, 0)):
        core = (x + mark.box[0], y + mark.box[1], width, height)
        reach = grown(core, CONTEXT, pixels.shape[1], pixels.shape[0])
        free = ~taken[window(reach)]
        opacity = laid(mark, mark.opacity, reach)
        back = inverted(
            np.asarray(pixels[window(reach)] * scale, np.float32),
            opacity * (free & (opacity > VISIBLE)),
            (mark.colour if plain else laid(mark, mark.colour, reach)) * scale,
            lossy=lossy,
        )
        place = window((core[0] - reach[0], core[1] - reach[1], core[2], core[3]))
        taken[window(core)] = True
        yield core, _cut(back, place, free[place])


def fitted_by_tile(pixels: NDArray[Any], mark: Mark, lossy: bool) -> Iterator[tuple[Box, Recovery]]:
    """A mark's parts, (x, y, width, height) in the picture, and what is had back of each.

    A mark larger than a tile is fitted tile by tile, with the levels that a few of its tiles tell. What is
    yielded has to be written before the next is asked for: the next is fitted beside it.
    """
    height, width = pixels.shape[:2]
    cores = _cores(mark, width, height)
    levels: tuple[Level, ...] = ()
    sure = 0.0
    likely = _likely(mark)
    taken = np.zeros((height, width), bool)
    if len(cores) > 1:
        told = sorted(cores, key=lambda core: -float(laid(mark, mark.opacity, core).sum()))[:TELLING]
        answers = [Part(pixels, mark, core, likely, taken).recovered(lossy, brief=True) for core in told]
        levels = _together([back.levels for back in answers])
        sure = max(back.confidence for back in answers)  # of the levels, so of every tile
    for core in cores:
        part = Part(pixels, mark, core, likely, taken)
        back = _cut(part.recovered(lossy, levels), part.place, ~taken[window(core)])
        taken[window(core)] = True
        yield core, replace(back, confidence=max(back.confidence, sure))


def parts(pixels: NDArray[Any], mark: Mark) -> list[Part]:
    """What the fit is given of a mark, tile by tile."""
    height, width = pixels.shape[:2]
    taken = np.zeros((height, width), bool)
    return [Part(pixels, mark, core, _likely(mark), taken) for core in _cores(mark, width, height)]


def _cores(mark: Mark, width: int, height: int) -> list[Box]:
    """The tiles of a mark, in a picture of that size."""
    box = grown(mark.box, RIM, width, height)
    wider = np.asarray(cv2.dilate(laid(mark, mark.area, box).view(np.uint8), np.ones((3, 3))), np.uint8)
    return [
        (core[0] + box[0], core[1] + box[1], core[2], core[3])
        for core in (crop.core for crop in crops(wider > 0, TILE, 0))
    ]


class Part:
    """A mark's part in one tile with its surroundings, as the fit takes it.

    Attributes:
        reach: (x, y, width, height) in the picture.
        place: where the tile itself is in it.
        seen: (height, width, C) float32, 0..255.
        area: (height, width) boolean, where the mark may be.
        hint: what its finder says; None where the area is exact.
    """

    def __init__(
        self,
        pixels: NDArray[Any],
        mark: Mark,
        core: Box,
        likely: NDArray[np.float32],
        taken: NDArray[np.bool_],
    ) -> None:
        reach = self.reach = grown(core, CONTEXT, pixels.shape[1], pixels.shape[0])
        self.place = window((core[0] - reach[0], core[1] - reach[1], core[2], core[3]))
        scale = np.float32(255.0 / np.iinfo(pixels.dtype).max)
        self.seen = np.asarray(pixels[window(reach)] * scale, np.float32)
        free = ~taken[window(reach)]  # from the rest the mark has been taken off already
        opacity = laid(mark, mark.opacity, reach) * free
        self.area = opacity > VISIBLE
        self.hint = None if mark.exact else Hint(laid(mark, likely, reach) * free, opacity)

    def recovered(self, lossy: bool, known: Sequence[Level] = (), *, brief: bool = False) -> Recovery:
        return recover(self.seen, self.area, lossy=lossy, hint=self.hint, known=known, brief=brief)


def laid(mark: Mark, values: NDArray[Any], box: Box) -> NDArray[Any]:
    """Values over a mark's box as values over another box, 0 beyond the mark's."""
    there = np.zeros((box[3], box[2], *values.shape[2:]), values.dtype)
    x, y = mark.box[0] - box[0], mark.box[1] - box[1]
    left, top = max(0, x), max(0, y)
    right, bottom = min(box[2], x + mark.box[2]), min(box[3], y + mark.box[3])
    if right > left and bottom > top:
        there[top:bottom, left:right] = values[top - y : bottom - y, left - x : right - x]
    return there


def _cut(back: Recovery, place: tuple[slice, slice], fresh: NDArray[np.bool_]) -> Recovery:
    """The part of a recovery in `place`, and of that what is `fresh`: nothing is undone twice."""
    return replace(
        back,
        values=back.values[place],
        opacity=back.opacity[place] * fresh,
        light=back.light[place] * fresh[..., None],
        trust=back.trust[place],
        hidden=back.hidden[place] & fresh,
        odds=back.odds[place],
    )


def _together(told: Sequence[Sequence[Level]]) -> tuple[Level, ...]:
    """The levels of a mark from those of some of its tiles, the most common first."""
    found: list[Level] = []
    for rank in range(MOST_LEVELS):
        for level in (levels[rank] for levels in told if rank < len(levels)):
            alike = (
                abs(one.opacity - level.opacity) < SAME[0]
                and np.abs(one.colour - level.colour).max() < SAME[1]
                for one in found
            )
            if not any(alike):
                found.append(level)
    return tuple(found[:MOST_LEVELS])


def _likely(mark: Mark) -> NDArray[np.float32]:
    """How probable it is that each pixel is the mark's; without a finder's word, from its opacity."""
    if mark.likely is not None:
        return mark.likely
    if not mark.area.any():
        return mark.opacity
    usual = float(np.percentile(mark.opacity[mark.area], 80))
    return np.asarray(np.clip(0.2 + mark.opacity / usual, 0, 1) * mark.area, np.float32)
