"""Where the user says the mark is: rectangles, masks and smears → one boolean array."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from cleanplate.region.errors import RegionEmpty, RegionInvalid, RegionSizeMismatch, RegionTooMany
from cleanplate.region.mask import Mask, Smear
from cleanplate.region.rectangles import ANCHORS, MAX_RECTANGLES, UNITS, Anchor, Rectangle, Rectangles, Unit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Region: TypeAlias = Rectangles | Mask | Smear

__all__ = [
    "ANCHORS",
    "MAX_RECTANGLES",
    "UNITS",
    "Anchor",
    "Mask",
    "Rectangle",
    "Rectangles",
    "Region",
    "RegionEmpty",
    "RegionInvalid",
    "RegionSizeMismatch",
    "RegionTooMany",
    "Smear",
    "Unit",
    "rasterize",
]


def rasterize(region: Region, width: int, height: int) -> NDArray[np.bool_]:
    """The pixels that a region marks in an upright picture of the given size.

    Returns:
        (height, width) bool, true where something should be removed; at least one pixel is.

    Raises:
        RegionEmpty: when nothing is marked.
        RegionSizeMismatch: when a mask or smear has another shape than the picture.
    """
    return region.rasterize(width, height)
