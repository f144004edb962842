"""Painting a hole from coarse to fine.

Shrinking a picture shrinks its holes: at some scale even a wide one is a pixel or two across and the mean of
its surroundings is a fair guess. Each finer scale starts from that guess and puts in what it alone can see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from cleanplate.engine.collaborative import Alike, collaborate
from cleanplate.engine.spectral import Pass, refine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

BAND = (
    16  # pixels: deeper than a block inside the hole nothing known is in sight, and the coarse guess stands
)
SEEN = 0.2  # the least part of a coarse pixel that must be known for it to count as known
NARROW = 16.0  # pixels from what is known: in strokes up to twice as wide, blocks that are alike are of use
SMALLEST = 8  # pixels a side of the coarsest scale


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard each scale is worked on.

    Attributes:
        luma: passes for brightness, or for a grey picture.
        chroma: passes for the two chromas: smoother by nature, they need a third of the work.
        texture: whether wide holes are lent texture.
        alike: how blocks that are alike help with the brightness of narrow parts, at each scale, after the
            passes.
        alike_chroma: the same for the chromas, at the finest scale, by the blocks that are alike in
            brightness.
    """

    luma: tuple[Pass, ...]
    chroma: tuple[Pass, ...]
    texture: bool
    alike: Alike | None = None
    alike_chroma: Alike | None = None


# From fine to coarse: long edges and regular texture show in large blocks alone. Where a hole is narrow,
# blocks that are alike then make crisp again what these have put in.
FULL = Effort(
    luma=(
        Pass(8, 4, (40.0, 20.0, 10.0), 1.7),
        Pass(16, 4, (30.0, 21.0, 14.4, 10.0), 1.7),
        Pass(32, 8, (24.0, 16.0, 11.0, 8.0), 1.7),
        Pass(64, 32, (20.0, 13.0, 9.0, 6.0), 1.7),
    ),
    chroma=(Pass(8, 4, (30.0, 15.5, 8.0)), Pass(16, 8, (14.0, 8.0))),
    texture=True,
    alike=Alike((60.0, 49.0, 40.0, 32.0, 26.0, 21.5, 17.5, 14.3, 11.6, 9.5)),
    alike_chroma=Alike((40.0, 30.0, 22.0, 16.0, 12.0, 9.0)),
)
BRISK = Effort(luma=(Pass(8, 4, (40.0, 20.0, 10.0)),), chroma=(Pass(8, 4, (15.0,)),), texture=False)


def paint_colours(
    values: NDArray[np.float32],
    known: NDArray[np.float32],
    effort: Effort,
    *,
    wanted: NDArray[np.bool_] | None = None,
    bleed: int = 0,
) -> NDArray[np.float32]:
    """`paint` brightness and chroma, each as it needs.

    Args:
        values: (H, W, C) working values.
        known: as of `paint`.
        effort: how hard to work.
        wanted: as of `paint`.
        bleed: how many pixels round a hole are not to be trusted in their chroma.
    """
    luma = paint(values[..., :1], known, effort.luma, wanted, effort.alike)
    if values.shape[2] == 1:
        return luma
    if bleed:
        clean = cv2.erode(known, np.ones((2 * bleed + 1, 2 * bleed + 1), np.uint8), borderValue=1)
        known = np.asarray(clean if clean.any() else known, np.float32)
    chroma = paint(values[..., 1:], known, effort.chroma, wanted)
    if effort.alike_chroma is not None:
        hole = known < SEEN
        narrow = hole & ~_wide(_depth(hole))
        if wanted is not None:
            narrow &= wanted
        collaborate(chroma, narrow, effort.alike_chroma, luma[..., 0])
    return np.concatenate([luma, chroma], axis=2)


def paint(
    values: NDArray[np.float32],
    known: NDArray[np.float32],
    passes: Sequence[Pass],
    wanted: NDArray[np.bool_] | None = None,
    alike: Alike | None = None,
) -> NDArray[np.float32]:
    """Paint what is not known.

    Args:
        values: (H, W, C), in 0..255; what it holds where nothing is known does not matter.
        known: (H, W), 0..1: which part of each pixel is known.
        passes: how each scale is refined, none leaves it blurred.
        wanted: (H, W), the part of the holes that is needed in full quality; None is all.
        alike: how blocks that are alike are used in narrow parts, after the passes; None is not at all.

    Returns:
        `values` with the holes painted; known pixels are as they were.
    """
    hole = known < SEEN
    if not hole.any():
        return values
    painted = values.copy()
    if hole.all():
        painted[hole] = values.mean(axis=(0, 1))
        return painted
    smaller, share = halved(values, np.where(hole, np.float32(0), known))
    if min(hole.shape) <= SMALLEST or share.max() < SEEN:  # smaller still, nothing would count as known
        painted[hole] = values[~hole].mean(axis=0)
        return painted
    painted[hole] = doubled(paint(smaller, share, passes, None, alike), hole.shape)[hole]
    depth = _depth(hole)
    near = hole & (depth <= BAND)
    if wanted is not None:
        near &= wanted
    refine(painted, near, passes)
    if alike is not None:
        collaborate(painted, near & ~_wide(depth), alike)
    return painted


def _depth(hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How far each pixel is from what is known, in pixels."""
    return np.asarray(cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, 3), np.float32)


def _wide(depth: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a hole, given by its depths, is not narrow."""
    deep = depth > NARROW
    if not deep.any():
        return deep
    side = 2 * int(NARROW) + 3
    return cv2.dilate(deep.view(np.uint8), np.ones((side, side), np.uint8)) > 0


def halved(
    values: NDArray[np.float32], known: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Means of 2 × 2 pixels that count each by how far it is known."""
    height, width = known.shape
    odd = ((0, height % 2), (0, width % 2))
    weights = np.pad(known, odd)
    sums = np.pad(values * known[..., None], (*odd, (0, 0)))
    weight = _quarter(weights)
    return np.asarray(_quarter(sums) / np.maximum(weight, 1e-6)[..., None], np.float32), weight


def _quarter(values: NDArray[np.float32]) -> NDArray[np.float32]:
    total = values[::2, ::2] + values[1::2, ::2] + values[::2, 1::2] + values[1::2, 1::2]
    return total * np.float32(0.25)


def doubled(values: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Bilinear enlargement by two, cut to (H, W)."""
    height, width = values.shape[:2]
    large = np.asarray(
        cv2.resize(values, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR), np.float32
    )
    return large.reshape(2 * height, 2 * width, -1)[: shape[0], : shape[1]]
