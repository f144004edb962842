"""The last look at a mark that was had back: which of a pixel's possible photos is most likely the true one.

Under a mark of known levels a pixel's photo lies between a few candidates, whatever share of it each level
covers: what is seen, what is left with each level taken off whole, and what the fit and the painting made of
it. For if seen = (1 - Σ s α) · photo + Σ s α · colour, with shares s of 0 to 1 that add up to 1 with the bare
part, the photo is a mean of these candidates with weights of 0 to 1. The fit weighs each pixel alone; edges
and outlines of strokes go on, specks do not. So a small U-Net (O. Ronneberger, P. Fischer, T. Brox, "U-Net",
MICCAI 2015), trained by `training.refine` on what this very engine came to, says the weights.

Un-blending makes noise louder, the encoder's most of all, and all those candidates are as noisy: so what the
fit made of a pixel's neighbourhood is offered too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from cleanplate.engine.crops import crops, window
from cleanplate.engine.fit.axes import along
from cleanplate.engine.values import channel_mean
from cleanplate.models import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cleanplate.engine.fit.evidence import Level

MODEL = "refine"
STRIDE = 8  # pixels that the network's picture has to be a multiple of
TILE = 256  # pixels a side of what is looked at at once: bounds the memory
CONTEXT = 24  # pixels of surroundings that it is shown
LEVELS = 3  # of a mark, the most common first, whose candidates are offered
SOFT = (0.9, 2.2)  # pixels: how wide a neighbourhood is
CANDIDATES = 4 + LEVELS + 1 + len(SOFT)
PLANES = 12 + 8 * LEVELS + 12
THIN = 0.12  # of the photo: what less of it would make of a pixel is no candidate
BRIGHT = 110.0  # levels: a mark brighter than this has dark outlines and shadows, if any
OTHER = 60.0  # levels: another colour
DEEPEST = 6.0  # pixels
DEEP = (5.0, 9.0)  # pixels from the border: between these what the fit says of a neighbourhood begins to hold
WHOLE = 5.0  # pixels: how wide that is
HEARD = 0.02  # how much a pixel that is not trusted tells its neighbours


@dataclass(frozen=True, slots=True)
class Clues:
    """What a fit came to, all over the same box.

    Attributes:
        seen: (H, W, C) float32 in 0..255.
        area: (H, W) boolean, the mark.
        values: (H, W, C) float32 in 0..255, what the fit makes of it: in part had back, in part painted.
        painting: (H, W, C) float32 in 0..255, what would be painted from what surrounds the mark.
        doubts: (H, W, C) float32, levels that this is usually off by along each axis of colour (`axes`).
        through: (H, W) float32 in 0..1, 1 - α as fitted.
        light: (H, W, C) float32, α · colour in 0..255.
        error: (H, W) float32, levels that what was had back may be off by.
        trust: (H, W) float32 in 0..1, how much the fit believes that.
        coverage: (H, W) float32 in 0..1, what the mark covers of each pixel, by its outline alone.
        depth: (H, W) float32, pixels to the nearest outside of the mark.
        label: (H, W) integers, the likeliest level, -1 outside.
        solid: (H, W) boolean, nothing but that level.
        stray: (H, W) boolean, explained by none.
        odds: (H, W) float32, log-odds of being the mark's; 0 where that was not asked.
        levels: the mark's, the most common first.
        lossy: whether the picture has been through a lossy encoder.
    """

    seen: NDArray[np.float32]
    area: NDArray[np.bool_]
    values: NDArray[np.float32]
    painting: NDArray[np.float32]
    doubts: NDArray[np.float32]
    through: NDArray[np.float32]
    light: NDArray[np.float32]
    error: NDArray[np.float32]
    trust: NDArray[np.float32]
    coverage: NDArray[np.float32]
    depth: NDArray[np.float32]
    label: NDArray[np.int16]
    solid: NDArray[np.bool_]
    stray: NDArray[np.bool_]
    odds: NDArray[np.float32]
    levels: Sequence[Level]
    lossy: bool

    def cut(self, place: tuple[slice, slice]) -> Clues:
        """The same over a part of the box."""
        planes = {name: getattr(self, name)[place] for name in ARRAYS}
        return Clues(**planes, levels=self.levels, lossy=self.lossy)


ARRAYS = tuple(name for name in Clues.__slots__ if name not in {"levels", "lossy"})


def refined(clues: Clues) -> NDArray[np.float32]:
    """The photo inside the mark's area as it most likely was, (H, W, C) in 0..255; as seen outside."""
    answer = np.where(clues.area[..., None], clues.values, clues.seen)
    for crop in crops(clues.area, TILE, CONTEXT):
        part = clues.cut(window(crop.reach))
        height, width = part.area.shape
        beyond = ((0, 0), (0, -height % STRIDE), (0, -width % STRIDE))
        said = load(MODEL).run(np.pad(told(part), beyond)[None])[0, :, :height, :width]
        colours = 255 * said.transpose(1, 2, 0)
        if clues.seen.shape[2] == 1:
            colours = colours.mean(axis=2, keepdims=True)
        core = (crop.core[0] - crop.reach[0], crop.core[1] - crop.reach[1], *crop.core[2:])
        place, inner = window(crop.core), window(core)
        answer[place] = np.where(part.area[inner][..., None], colours[inner], answer[place])
    return np.clip(_held(clues, answer), 0, 255).astype(np.float32)


def _held(clues: Clues, answer: NDArray[np.float32]) -> NDArray[np.float32]:
    """The answer, whose neighbourhoods deep inside a mark are on the whole as bright as the fit has them.

    There is no edge near, and nothing beside the mark to compare with: what is had back is known by the level
    of the mark alone, and the look can but tell details from noise.
    """
    deep = np.clip((clues.depth - DEEP[0]) / (DEEP[1] - DEEP[0]), 0, 1) * clues.area
    if not deep.any():
        return answer
    moved = np.concatenate([(answer - clues.values) * deep[..., None], deep[..., None]], axis=2)
    moved = np.asarray(cv2.GaussianBlur(moved.astype(np.float32), (0, 0), WHOLE), np.float32)
    held = answer - deep[..., None] * moved[..., :-1] / np.maximum(moved[..., -1:], 1e-6)
    return np.asarray(held, np.float32)


def offered(levels: Sequence[Level]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Through (K,) and light (K, 3) of the levels whose candidates are offered; through 1 is none.

    Where there is room for one more, black or white as strong as the main level is offered too: outlines and
    shadows are too thin for a fit to find.
    """
    through, light = np.ones(LEVELS, np.float32), np.zeros((LEVELS, 3), np.float32)
    for k, level in enumerate(levels[:LEVELS]):
        through[k], light[k] = level.through, level.light
    if 0 < len(levels) < LEVELS:
        colours = light[: len(levels)] / np.maximum(1 - through[: len(levels), None], 0.02)
        other = 0.0 if colours[0].mean() > BRIGHT else 255.0
        if (np.abs(colours - other).max(axis=1) >= OTHER).all():
            through[len(levels)] = through[0]
            light[len(levels)] = other * (1 - through[0])
    return through, light


def told(clues: Clues) -> NDArray[np.float32]:
    """What the network is told, (`PLANES` + 3 `CANDIDATES`, H, W) float32.

    First the planes, of about -3..3. Then what each pixel's photo may be, in 0..1: the fit's last word, what
    was had back, the painting, what is seen, that with each level taken off, and what the first is around it.
    """
    photos = _photos(clues)
    colours = [one.transpose(2, 0, 1) / np.float32(255) for one in photos + _around(clues, photos[0])]
    return np.concatenate([_described(clues, photos), *colours])


def _described(clues: Clues, photos: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    own, back, painting, seen, *bare = photos
    ground = along(painting)

    def off(values: NDArray[np.float32], scale: float, most: float) -> list[NDArray[Any]]:
        return _each(np.clip((along(values) - ground) / np.float32(scale), -most, most))

    planes = [clues.area, clues.coverage * clues.area, np.minimum(clues.depth, DEEPEST) / DEEPEST]
    planes += off(seen, 64, 3) + off(back, 64, 2) + off(own, 64, 2)
    for k, (through, light) in enumerate(zip(*offered(clues.levels), strict=True)):
        there = np.float32(through < 1)
        step = there * (along(light) - (1 - through) * ground) / 128
        planes += _each(step) + [there * plane for plane in off(bare[k], 96, 2)]
        planes += [np.full(clues.area.shape, there * (1 - through)), clues.label == k]
    doubts = clues.doubts if clues.doubts.shape[2] == 3 else np.repeat(clues.doubts, 3, axis=2)
    planes += _each(np.log1p(doubts) / 4)
    planes += [
        np.log1p(clues.error) / 4,
        clues.trust,
        clues.stray,
        clues.solid,
        np.clip(clues.odds / 6, -1.5, 1.5),
        np.maximum(clues.through, 0.02),
        np.full(clues.area.shape, clues.lossy),
        channel_mean(seen) / 128 - 1,
        channel_mean(painting) / 128 - 1,
    ]
    return np.stack(planes, dtype=np.float32, casting="unsafe")


def _photos(clues: Clues) -> list[NDArray[np.float32]]:
    """The candidates, each (H, W, 3) in 0..255."""
    seen, values, painting, light = (
        one if one.shape[2] == 3 else np.repeat(one, 3, axis=2)
        for one in (clues.seen, clues.values, clues.painting, clues.light)
    )
    inside = clues.area[..., None]
    back = np.clip((seen - light) / np.maximum(clues.through, 0.02)[..., None], 0, 255)
    own, back, painting = (np.where(inside, one, seen) for one in (values, back, painting))
    photos = [own, back, painting, seen]
    for through, light_of in zip(*offered(clues.levels), strict=True):
        bare = np.clip((seen - light_of) / max(through, THIN), 0, 255)
        photos.append(bare if through < 1 else back)
    return [one.astype(np.float32) for one in photos]


def _around(clues: Clues, own: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The middle of each pixel's neighbours, and means of more of them, each as it is trusted."""
    heard = np.where(clues.area, np.maximum(clues.trust, HEARD), 1).astype(np.float32)[..., None]
    photos = [np.asarray(cv2.medianBlur(own, 3), np.float32)]
    for sigma in SOFT:
        both = cv2.GaussianBlur(np.concatenate([heard * own, heard], axis=2), (0, 0), sigma)
        photos.append(np.asarray(both[..., :3] / np.maximum(both[..., 3:], 1e-6), np.float32))
    return [np.where(clues.area[..., None], one, own) for one in photos]


def _each(values: NDArray[Any]) -> list[NDArray[Any]]:
    return [values[..., k] for k in range(values.shape[2])]
