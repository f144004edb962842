"""Painting what is truly hidden, crop by crop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from cleanplate.engine.compose import compose
from cleanplate.engine.crops import Box, Crop, crops, window
from cleanplate.engine.errors import NothingToPaintFrom

if TYPE_CHECKING:
    from numpy.typing import NDArray

TILE = 512
CONTEXT = 64


@dataclass(frozen=True, slots=True)
class Filled:
    """One crop that was painted.

    Attributes:
        box: (x, y, width, height) of the crop's painted part, in pixels.
        method: what painted it.
        pixels: how many pixels were painted.
    """

    box: Box
    method: str
    pixels: int


def fill(
    pixels: NDArray[Any],
    area: NDArray[np.bool_],
    alpha: NDArray[Any] | None = None,
    *,
    tile: int = TILE,
) -> tuple[Filled, ...]:
    """Paint `area` in place from what surrounds it; no other pixel is written.

    Args:
        pixels: (H, W, 1) or (H, W, 3), uint8 or uint16, writeable.
        area: (H, W), what to paint.
        alpha: (H, W); what is fully transparent in it is not painted from.
        tile: longest side of a crop's painted part in pixels; memory grows with its square, not with the picture.

    Returns:
        What was painted, in the order of painting.

    Raises:
        NothingToPaintFrom: the area is the whole picture.
    """
    if area.all():
        raise NothingToPaintFrom
    usable = ~area if alpha is None else ~area & (alpha > 0)
    if not usable.any():
        usable = ~area
    todo = area.copy()
    return tuple(_fill_crop(pixels, todo, usable, crop) for crop in crops(area, tile, CONTEXT))


def _fill_crop(
    pixels: NDArray[Any], todo: NDArray[np.bool_], usable: NDArray[np.bool_], crop: Crop
) -> Filled:
    core, reach = window(crop.core), window(crop.reach)
    seen = pixels[reach]
    hole = ~usable[reach]
    painted = np.stack(
        [
            cv2.inpaint(np.ascontiguousarray(seen[..., channel]), hole.view(np.uint8), 3, cv2.INPAINT_NS)
            for channel in range(seen.shape[2])
        ],
        axis=-1,
    )
    mine = todo[core].copy()
    ys, xs = crop.core[1] - crop.reach[1], crop.core[0] - crop.reach[0]
    compose(pixels[core], painted[ys : ys + crop.core[3], xs : xs + crop.core[2]], mine)
    todo[core] = False
    usable[core] |= mine
    return Filled(crop.core, "navier-stokes", int(mine.sum()))
