"""Masks and smears: pictures in which someone painted what should go → marked pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from cleanplate.picture import Limits, Picture, decode
from cleanplate.picture.limits import GENEROUS
from cleanplate.region.errors import RegionEmpty, RegionInvalid, RegionSizeMismatch

if TYPE_CHECKING:
    from numpy.typing import NDArray

THRESHOLD = 128
"""Luminance and alpha from which a mask's pixel counts as white: JPEG masks are never pure."""

NEAR_BLACK, NEAR_WHITE = 24, 231
"""A smear's pixel with all channels at most or at least this is black or white, with JPEG noise on it."""

_ASPECT_TOLERANCE = 0.01
_MASK_EMPTY = "The mask is empty: paint what should be removed white."
_SMEAR_EMPTY = (
    "The smear marks nothing: paint what should be removed in a colour, such as red; "
    "black and white mark nothing."
)
_ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """White is removed, black is kept.

    Attributes:
        values: (H, W) bool, or uint8 with 128 and above marked (or 1, where nothing is above 1).

    Raises:
        RegionInvalid: for another shape or dtype.
    """

    values: NDArray[Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _as_bool(self.values))

    @classmethod
    def from_bytes(cls, data: bytes, limits: Limits = GENEROUS) -> Mask:
        """Read a mask from an encoded picture, upright by its own EXIF orientation.

        Marked is a luminance of 128 and above with an alpha of 128 and above. Where nothing is marked that
        way and the picture is see-through somewhere, the holes are what is marked.

        Raises:
            PictureUnreadable and the other errors of `cleanplate.picture.decode`.
            RegionEmpty: when nothing is marked.
        """
        picture = decode(data, limits)
        marked = _luminance(picture) >= THRESHOLD
        alpha = None if picture.alpha is None else _eight_bits(picture.alpha)
        if alpha is not None:
            opaque = alpha >= THRESHOLD
            marked &= opaque
            if not marked.any():
                marked = ~opaque
        if not marked.any():
            raise RegionEmpty(_MASK_EMPTY)
        return cls(marked)

    def rasterize(self, width: int, height: int) -> NDArray[np.bool_]:
        """The marked pixels of a picture of the given size, (height, width).

        Raises:
            RegionSizeMismatch: when the mask has another shape than the picture.
            RegionEmpty: when nothing is marked.
        """
        return _rasterized(self.values, width, height, "mask", _MASK_EMPTY)


@dataclass(frozen=True, slots=True, eq=False)
class Smear:
    """What was painted in any colour is removed; pure black and pure white leave the picture alone.

    Attributes:
        values: (H, W) bool, true where a colour was painted.

    Raises:
        RegionInvalid: for another shape or dtype.
    """

    values: NDArray[Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", _as_bool(self.values))

    @classmethod
    def from_bytes(cls, data: bytes, limits: Limits = GENEROUS) -> Smear:
        """Read a smear from an encoded picture, upright by its own EXIF orientation.

        A pixel is left alone when all its channels are at most 24, or all at least 231, or its alpha is 0.

        Raises:
            PictureUnreadable and the other errors of `cleanplate.picture.decode`.
            RegionEmpty: when no colour was painted.
        """
        picture = decode(data, limits)
        marked = np.empty((picture.height, picture.width), np.bool_)
        for top in range(0, picture.height, _ROWS_AT_ONCE):
            rows = slice(top, top + _ROWS_AT_ONCE)
            colours = _eight_bits(picture.pixels[rows])
            marked[rows] = (colours.max(axis=2) > NEAR_BLACK) & (colours.min(axis=2) < NEAR_WHITE)
            if picture.alpha is not None:
                marked[rows] &= picture.alpha[rows] > 0
        if not marked.any():
            raise RegionEmpty(_SMEAR_EMPTY)
        return cls(marked)

    def rasterize(self, width: int, height: int) -> NDArray[np.bool_]:
        """The marked pixels of a picture of the given size, (height, width).

        Raises:
            RegionSizeMismatch: when the smear has another shape than the picture.
            RegionEmpty: when nothing is marked.
        """
        return _rasterized(self.values, width, height, "smear", _SMEAR_EMPTY)


def _as_bool(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.ndim != 2 or 0 in values.shape:
        raise RegionInvalid(f"A mask's array must be (height, width), not {values.shape}.")
    if values.dtype == np.bool_:
        return values
    if values.dtype != np.uint8:
        raise RegionInvalid(f"A mask's array must be bool or uint8, not {values.dtype}.")
    return values > 0 if values.max() == 1 else values >= THRESHOLD


def _eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    return values if values.dtype == np.uint8 else (values >> 8).astype(np.uint8)


def _luminance(picture: Picture) -> NDArray[np.uint8]:
    """Luma of ITU-R BT.601, (H, W) in 8 bits."""
    pixels = _eight_bits(picture.pixels)
    if picture.grey:
        return pixels[..., 0]
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)


def _rasterized(
    values: NDArray[np.bool_], width: int, height: int, name: str, empty: str
) -> NDArray[np.bool_]:
    """The marked pixels at the picture's size; `empty` says what to do when there are none."""
    area = _scaled(values, width, height, name)
    if not area.any():
        raise RegionEmpty(empty)
    return area


def _scaled(values: NDArray[np.bool_], width: int, height: int, name: str) -> NDArray[np.bool_]:
    """The marked pixels at another size of the same shape.

    A larger one repeats them; in a smaller one each pixel that holds anything marked is: no stroke is lost.
    """
    own_height, own_width = values.shape
    if (own_width, own_height) == (width, height):
        return values
    own, wanted = own_width * height, own_height * width  # equal where the aspects are
    if abs(own - wanted) > _ASPECT_TOLERANCE * max(own, wanted):
        raise RegionSizeMismatch(
            f"The {name} is {own_width} × {own_height} pixels and the picture {width} × {height}: "
            f"send a {name} of the picture's size, or of the same shape."
        )
    largest = max(width, own_width), max(height, own_height)  # one side may grow while the other shrinks
    larger = cv2.resize(values.view(np.uint8), largest, interpolation=cv2.INTER_NEAREST_EXACT)
    if largest == (width, height):
        return np.asarray(larger, np.uint8).view(np.bool_)
    # in floats, because as bytes a small share would be rounded to nothing
    shares = cv2.resize(larger.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(shares) > 0
