"""The four verbs in order: find, undo, fill, compose."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, get_args

import cv2
import numpy as np

from cleanplate.engine.compose import compose
from cleanplate.engine.crops import window
from cleanplate.engine.errors import ModeUnknown
from cleanplate.engine.fill import TILE, fill, fill_with
from cleanplate.engine.find import find, parts
from cleanplate.engine.undo import undo

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

    from cleanplate.engine.mark import Mark
    from cleanplate.models import Painter

Mode = Literal["auto", "undo", "fill"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class Filled:
    """One piece of the picture that was painted.

    Attributes:
        box: (x, y, width, height) of the piece, in pixels.
        method: what painted it: "spectral"; "spectral with texture" where a hole is more than 20 pixels
            across; "patches" where it is more than 80 across;
            "spectral, brisk" where there is so much to paint that it would take minutes otherwise; or the
            name of the network that someone chose.
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
        found: the marks, as they are known after the fit.
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
    sensitivity: float = 0.5,
    lossy: bool = True,
    tile: int = TILE,
    bleed: int = 0,
    painter: Painter | None = None,
) -> Cleaned:
    """Find marks, undo what shines through, fill what is hidden.

    Args:
        pixels: (H, W, 1) or (H, W, 3), uint8 or uint16; not changed.
        alpha: (H, W) of the same dtype, or None.
        region: (H, W), where the user says the mark is; None is nowhere in particular.
        mode: "auto" undoes the marks that were found and fills what they hide. Of a region, each part in
            which nothing was found is filled as a whole: the user pointed at it, so it must go. "undo" never
            invents pixels. "fill" paints the whole region, or without one all of what was found.
        sensitivity: in 0..1, how readily something is taken for a mark, see `find`.
        lossy: whether the picture has been through a lossy encoder.
        tile: longest side of a painted piece, in pixels.
        bleed: how far a mark's colour has run over its edge in pixels, see `fill`.
        painter: the network that someone chose to paint with; None leaves it to `fill`.

    Raises:
        ModeUnknown: for any other mode.
        NothingToPaintFrom: the whole picture would have to be painted.
    """
    if mode not in MODES:
        raise ModeUnknown(detail=f"mode {mode!r}")
    clock = _Clock()
    found: tuple[Mark, ...] = ()
    if region is None or mode != "fill":
        with clock.running("find"):
            found = find(pixels, region, sensitivity)

    answer = pixels
    undone = hidden = np.zeros(pixels.shape[:2], bool)
    marks = found
    with clock.running("undo"):
        if found and mode != "fill":
            answer = pixels.copy()
            back = undo(answer, found, region, lossy=lossy, painting=mode != "undo")
            undone, hidden = back.area, back.hidden
            marks = tuple(mark for mark in back.marks if mark.area.any())  # of some, a fit leaves nothing
            del back

    fills: list[Filled] = []
    with clock.running("fill"):
        paint = _to_paint(found, undone, hidden, region, mode)
        del hidden  # a byte a pixel, while painting needs its own
        if paint.any():
            answer = pixels.copy() if answer is pixels else answer
            pieces = (
                fill(answer, paint, alpha, tile=tile, bleed=bleed)
                if painter is None
                else fill_with(painter, answer, paint, alpha, bleed=bleed)
            )
            for painted in pieces:
                with clock.running("compose"):
                    compose(answer, painted)
                fills.append(Filled(painted.box, painted.method, int(np.count_nonzero(painted.area))))
    area = undone | paint
    return Cleaned(answer if area.any() else pixels, area, marks, tuple(fills), clock.seconds)


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
    found: tuple[Mark, ...],
    undone: NDArray[np.bool_],
    hidden: NDArray[np.bool_],
    region: NDArray[np.bool_] | None,
    mode: Mode,
) -> NDArray[np.bool_]:
    """The pixels that have to be painted, (H, W)."""
    if mode == "undo":
        return np.zeros_like(hidden)
    if mode == "fill":
        return _covered(found, hidden.shape) if region is None else region
    if region is None:
        return hidden
    return _to_paint_of(region, undone, hidden)


def _covered(found: tuple[Mark, ...], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The pixels of all marks, (H, W)."""
    covered = np.zeros(shape, bool)
    for mark in found:
        covered[window(mark.box)] |= mark.area
    return covered


def _to_paint_of(
    region: NDArray[np.bool_], undone: NDArray[np.bool_], hidden: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """What is hidden in a region, and the parts of it in which there is no mark, (H, W)."""
    x, y, width, height = cv2.boundingRect(region.view(np.uint8))
    paint = np.zeros(region.shape, bool)  # takes no memory where it is not touched, as zeros_like would
    if width:
        # Labels are four bytes a pixel: not for all of a picture of a hundred megapixels.
        here = window((x, y, width, height))
        labels = parts(region[here])
        fruitful = np.zeros(int(labels.max()) + 1, bool)
        fruitful[labels[(undone[here] | hidden[here]) & region[here]]] = True
        paint[here] = hidden[here] | region[here] & ~fruitful[labels]
    return paint
