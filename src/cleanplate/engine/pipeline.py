"""The four verbs in order: find, undo, fill, compose."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from cleanplate.engine.compose import compose
from cleanplate.engine.errors import ModeUnknown
from cleanplate.engine.fill import TILE, fill
from cleanplate.engine.find import Mark, find
from cleanplate.engine.undo import undo

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

Mode = Literal["auto", "undo", "fill"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class Filled:
    """One piece of the picture that was painted.

    Attributes:
        box: (x, y, width, height) of the piece, in pixels.
        method: what painted it: "spectral", "spectral with texture" where a hole is wide, or "spectral,
            brisk" where there is so much to paint that it would take minutes otherwise.
        pixels: how many pixels were painted.
    """

    box: tuple[int, int, int, int]
    method: str
    pixels: int


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
    bleed: int = 0,
    lossy: bool = True,
) -> Cleaned:
    """Find marks, undo what shines through, fill what is hidden.

    Args:
        pixels: (H, W, 1) or (H, W, 3), uint8 or uint16; not changed.
        alpha: (H, W) of the same dtype, or None.
        region: (H, W), where the user says the mark is; None is nowhere in particular.
        mode: "auto" undoes the marks that were found and fills what they hide, and fills the whole region
            where nothing was found in it: the user pointed at it, so it must go. "undo" never invents pixels.
            "fill" paints the whole region, or without one all of what was found.
        tile: longest side of a painted piece, in pixels.
        bleed: how far a mark's colour has run over its edge in pixels, see `fill`.
        lossy: whether the picture has been through a lossy encoder.

    Raises:
        ModeUnknown: for any other mode.
        NothingToPaintFrom: the whole picture would have to be painted.
    """
    if mode not in MODES:
        raise ModeUnknown(detail=f"mode {mode!r}")
    clock = _Clock()
    with clock.running("find"):
        found = find(pixels, region)

    answer = pixels
    undone = hidden = np.zeros(pixels.shape[:2], bool)
    with clock.running("undo"):
        if found and mode != "fill":
            answer = pixels.copy()
            back = undo(answer, found, region, lossy=lossy)
            undone, hidden = back.area, back.hidden

    fills: list[Filled] = []
    with clock.running("fill"):
        paint = _to_paint(pixels, found, hidden, region, mode)
        if paint.any():
            answer = pixels.copy() if answer is pixels else answer
            for painted in fill(answer, paint, alpha, tile=tile, bleed=bleed):
                with clock.running("compose"):
                    compose(answer, painted)
                fills.append(Filled(painted.box, painted.method, int(np.count_nonzero(painted.area))))
    return Cleaned(answer, undone | paint, found, tuple(fills), clock.seconds)


class _Clock:
    """Seconds by step; a step inside another counts for itself only."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {"find": 0.0, "undo": 0.0, "fill": 0.0, "compose": 0.0}
        self._inner = 0.0

    @contextmanager
    def running(self, step: str) -> Generator[None]:
        outer, self._inner = self._inner, 0.0
        started = perf_counter()
        yield
        passed = perf_counter() - started
        self.seconds[step] += passed - self._inner
        self._inner = outer + passed


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
