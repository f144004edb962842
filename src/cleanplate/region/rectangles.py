"""Rectangles as people and the wire give them → marked pixels."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from cleanplate.region.errors import RegionEmpty, RegionInvalid, RegionTooMany

if TYPE_CHECKING:
    from numpy.typing import NDArray

Unit = Literal["pixel", "fraction"]
Anchor = Literal["top-left", "top-right", "bottom-left", "bottom-right"]
UNITS: tuple[Unit, ...] = ("pixel", "fraction")
ANCHORS: tuple[Anchor, ...] = ("top-left", "top-right", "bottom-left", "bottom-right")

MAX_RECTANGLES = 50
_LONGEST_TEXT = 1 << 20
_KEYS = ("x", "y", "width", "height")
_FARTHEST = 1e9
"""No honest number is larger; of some that are, sums and products are no number at all."""
_ROUNDING = 1e-6
"""Pixels by which a computed edge may miss a whole one before it takes in the next: 0.1 of 1000 is 100."""


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A rectangle from its top left corner.

    Attributes:
        x, y: left and top edge; may lie outside the picture.
        width, height: greater than 0.

    Raises:
        RegionInvalid: when a number is not finite or beyond a thousand million, or width or height is not
            greater than 0.
    """

    x: float
    y: float
    width: float
    height: float

    def __post_init__(self) -> None:
        if not all(math.isfinite(value) for value in (self.x, self.y, self.width, self.height)):
            raise RegionInvalid("A rectangle's numbers must be finite.")
        if any(abs(value) > _FARTHEST for value in (self.x, self.y, self.width, self.height)):
            raise RegionInvalid(
                f"A rectangle's numbers must lie between -{_FARTHEST:,.0f} and {_FARTHEST:,.0f}."
            )
        if self.width <= 0 or self.height <= 0:
            raise RegionInvalid("A rectangle's width and height must be greater than 0.")


@dataclass(frozen=True, slots=True)
class Rectangles:
    """What lies under any of some rectangles.

    Attributes:
        items: at least one rectangle.
        unit: `"pixel"`, or `"fraction"` of the picture's width and height (0 to 1).
        anchor: the corner of the picture from which `x` and `y` count, inwards, to the rectangle's own corner
            of that name: a mark 20 pixels from the lower right edges lies there in pictures of every size.

    Raises:
        RegionInvalid: when there is no rectangle, or for an unknown unit or anchor.
    """

    items: tuple[Rectangle, ...]
    unit: Unit = "pixel"
    anchor: Anchor = "top-left"

    def __post_init__(self) -> None:
        if not self.items:
            raise RegionInvalid("There is no rectangle: send at least one.")
        if self.anchor not in ANCHORS:
            raise RegionInvalid(f"{self.anchor!r} is not a corner: use one of {', '.join(ANCHORS)}.")
        if self.unit not in UNITS:
            raise RegionInvalid(f"{self.unit!r} is not a unit of rectangles: use 'pixel' or 'fraction'.")

    @classmethod
    def parse(
        cls,
        given: str | bytes | Sequence[Any],
        max_count: int = MAX_RECTANGLES,
        unit: Unit = "pixel",
        anchor: Anchor = "top-left",
    ) -> Rectangles:
        """Read rectangles from the wire.

        Args:
            given: JSON text, or what it stands for: a list of objects with `x`, `y`, `width` and `height`,
                numbers or numeric strings.
            max_count: most rectangles accepted.
            unit: what the numbers count.
            anchor: the corner from which they count.

        Raises:
            RegionInvalid: when it is anything else.
            RegionTooMany: when there are more than `max_count`.
        """
        listed = _read_json(given) if isinstance(given, str | bytes) else given
        if isinstance(listed, str | bytes) or not isinstance(listed, Sequence):
            raise RegionInvalid
        entries = cast("Sequence[Any]", listed)
        if len(entries) > max_count:
            raise RegionTooMany(f"There are {len(entries)} rectangles, and at most {max_count} are allowed.")
        return cls(tuple(_read_rectangle(entry) for entry in entries), unit, anchor)

    @classmethod
    def of(
        cls, corners: Iterable[Sequence[float]], unit: Unit = "pixel", anchor: Anchor = "top-left"
    ) -> Rectangles:
        """Rectangles of (x, y, width, height) tuples."""
        return cls(tuple(Rectangle(*(float(value) for value in corner)) for corner in corners), unit, anchor)

    def rasterize(self, width: int, height: int) -> NDArray[np.bool_]:
        """The pixels that any rectangle touches, (height, width).

        Raises:
            RegionEmpty: when no rectangle reaches into the picture.
        """
        area = np.zeros((height, width), np.bool_)
        across, down = (width, height) if self.unit == "fraction" else (1, 1)
        for item in self.items:
            x = item.x * across
            y = item.y * down
            if self.anchor.endswith("right"):
                x = width - x - item.width * across
            if self.anchor.startswith("bottom"):
                y = height - y - item.height * down
            left, right = _span(x, item.width * across, width)
            top, bottom = _span(y, item.height * down, height)
            area[top:bottom, left:right] = True
        if not area.any():
            raise RegionEmpty(f"No rectangle lies inside the picture, which is {width} × {height} pixels.")
        return area


def _span(start: float, length: float, limit: int) -> tuple[int, int]:
    """First pixel and the one behind the last of an interval, rounded outward and clipped to the picture."""
    first = math.floor(min(max(start + _ROUNDING, 0), limit))
    last = math.ceil(min(max(start + length - _ROUNDING, 0), limit))
    return first, max(first, last)


def _read_json(text: str | bytes) -> Any:
    if len(text) > _LONGEST_TEXT:
        raise RegionInvalid("The rectangles are longer than 1 MiB of text.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RegionInvalid(detail=repr(error)) from error


def _read_rectangle(entry: Any) -> Rectangle:
    if not isinstance(entry, Mapping):
        raise RegionInvalid
    fields = cast("Mapping[str, Any]", entry)
    missing = [key for key in _KEYS if key not in fields]
    if missing:
        raise RegionInvalid(
            f"A rectangle has no {' and no '.join(missing)}: it needs x, y, width and height."
        )
    return Rectangle(*(_read_number(key, fields[key]) for key in _KEYS))


def _read_number(key: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise RegionInvalid(f"A rectangle's {key} must be a number.")
    try:
        return float(value)
    except (ValueError, OverflowError) as error:
        raise RegionInvalid(f"A rectangle's {key} must be a number.", detail=repr(error)) from error
