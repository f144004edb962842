"""The four verbs in order: find, undo, fill, compose."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from cleanplate.engine.errors import ModeUnknown
from cleanplate.engine.fill import TILE, Filled, fill
from cleanplate.engine.find import Mark, find
from cleanplate.engine.undo import undo

if TYPE_CHECKING:
    from numpy.typing import NDArray

Mode = Literal["auto", "undo", "fill"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What the pipeline answers.

    Attributes:
        pixels: (H, W, C); the very array that was given where nothing was removed.
        area: (H, W) boolean, the pixels that were removed.
        found: the marks that were found.
        fills: what was painted, and how.
        timings: seconds by step.
    """

    pixels: NDArray[Any]
    area: NDArray[np.bool_]
    found: tuple[Mark, ...]
    fills: tuple[Filled, ...]
    timings: dict[str, float]


def clean(
    pixels: NDArray[Any],
    alpha: NDArray[Any] | None,
    region: NDArray[np.bool_] | None,
    mode: Mode,
    *,
    tile: int = TILE,
) -> Cleaned:
    """Find marks, undo what shines through, fill what is hidden.

    Args:
        pixels: (H, W, 1) or (H, W, 3), uint8 or uint16; not changed.
        alpha: (H, W) of the same dtype, or None.
        region: (H, W), where the user says the mark is; None is nowhere in particular.
        mode: "auto" undoes the marks that were found and fills what they hide, and fills the whole region where
            nothing was found in it: the user pointed at it, so it must go. "undo" never invents pixels. "fill"
            paints the whole region, or without one all of what was found.
        tile: longest side of a painted piece, in pixels.

    Raises:
        ModeUnknown: for any other mode.
        NothingToPaintFrom: the whole picture would have to be painted.
    """
    if mode not in MODES:
        raise ModeUnknown(detail=f"mode {mode!r}")
    timings: dict[str, float] = {}
    started = perf_counter()
    found = find(pixels, region)
    timings["find"] = perf_counter() - started

    started = perf_counter()
    answer = pixels
    undone = hidden = np.zeros(pixels.shape[:2], bool)
    if found and mode != "fill":
        answer = pixels.copy()
        back = undo(answer, found, region)
        undone, hidden = back.area, back.hidden
    timings["undo"] = perf_counter() - started

    started = perf_counter()
    paint = _to_paint(pixels, found, hidden, region, mode)
    fills: tuple[Filled, ...] = ()
    if paint.any():
        answer = pixels.copy() if answer is pixels else answer
        fills = fill(answer, paint, alpha, tile=tile)
    timings["fill"] = perf_counter() - started
    return Cleaned(answer, undone | paint, found, fills, timings)


def _to_paint(
    pixels: NDArray[Any],
    found: tuple[Mark, ...],
    hidden: NDArray[np.bool_],
    region: NDArray[np.bool_] | None,
    mode: Mode,
) -> NDArray[np.bool_]:
    """The pixels that have to be painted, (H, W)."""
    nothing = np.zeros(pixels.shape[:2], bool)
    if mode == "undo":
        return nothing
    if mode == "fill" and region is None:
        for mark in found:
            x, y, width, height = mark.box
            nothing[y : y + height, x : x + width] |= mark.area
        return nothing
    if region is not None and (mode == "fill" or not found):
        return region
    return hidden
