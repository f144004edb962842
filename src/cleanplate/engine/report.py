"""Marks in words and numbers: the form in which the command and the service tell what was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from typing_extensions import TypedDict  # before Python 3.12, pydantic does not read the one in typing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cleanplate.engine.mark import Kind, Mark
    from cleanplate.engine.removal import Removal

TYPICAL = 0.8  # the quantile of a mark's opacities that stands for all: half of a thin stroke is its edge


class Described(TypedDict):
    """One mark as JSON tells it."""

    box: tuple[int, int, int, int]  # x, y, width, height in pixels of the upright picture
    kind: Kind
    opacity: float  # 0..1, two decimals: typical of the mark's body
    colour: str  # "#rrggbb"
    confidence: float  # 0..1, two decimals


def seen(removal: Removal, most: int | None = None) -> list[Described]:
    """Describe the marks that were found, most confident first, and at most so many of them."""
    top = float(np.iinfo(removal.picture.pixels.dtype).max)
    return [described(mark, top) for mark in removal.found[:most]]


def described(mark: Mark, top: float) -> Described:
    """Describe a mark.

    Args:
        mark: as `find` or `undo` answered it.
        top: the largest value of the picture that it was found in, 255 or 65535; colours are told in 0..255.
    """
    x, y, width, height = (int(number) for number in mark.box)
    return {
        "box": (x, y, width, height),
        "kind": mark.kind,
        "opacity": round(_opacity(mark), 2),
        "colour": _hex(_colour(mark) * (255.0 / top)),
        "confidence": round(float(mark.confidence), 2),
    }


def _opacity(mark: Mark) -> float:
    inside = mark.opacity[mark.area]
    return float(np.quantile(inside, TYPICAL)) if inside.size else 0.0


def _colour(mark: Mark) -> NDArray[np.float32]:
    """The mark's colour, (C,): the median over its body where it has many."""
    if mark.colour.ndim == 1:
        return mark.colour
    body = mark.opacity >= _opacity(mark)
    return np.median(mark.colour[body], axis=0)


def _hex(colour: NDArray[np.float32]) -> str:
    levels = np.rint(colour).clip(0, 255).astype(int).tolist()
    red, green, blue = levels if len(levels) == 3 else levels[:1] * 3
    return f"#{red:02x}{green:02x}{blue:02x}"
