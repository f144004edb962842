"""Where exactly a mark is, when that is known only roughly.

A finder's area is a blob around the strokes. Once the mark's levels are known, each pixel of the blob is
asked what explains it better: the photo, or the photo under one of the levels. What that says, and what the
finder thought of the pixel, is judged by a network (`belonging`), since strokes have shapes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from cleanplate.engine.fit.axes import busy_along
from cleanplate.engine.fit.belonging import Clues, log_odds
from cleanplate.engine.fit.evidence import Evidence, Level
from cleanplate.engine.fit.levels import levels
from cleanplate.engine.fit.painting import sketched, usual_error

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cleanplate.engine.fit.hint import Hint

LIKELY = 0.5  # probability from which on pixels tell a mark's levels
ENOUGH = 60  # pixels of that kind; with fewer, all are asked
FAINT = 0.03  # opacity of a level that is no mark at all
ROUNDS = 2  # the second paints a smaller hole: what the first found to be photo is known then
FAR = 6.0  # log-likelihood: no pixel may say more for or against a mark
KEPT = -0.5  # log-odds over which a pixel may be the mark's
SPECK = 8  # pixels of the smallest part of a mark
UNSURE = 0.4  # what coverage may be off by where a pixel may as well be photo
DEEP = 8.0  # pixels: further inside, no painting tells anything


@dataclass(frozen=True, slots=True)
class Outline:
    """A mark's place.

    Attributes:
        area: (H, W), the pixels that it may touch.
        odds: (H, W) float32, log-odds of a pixel being the mark's.
    """

    area: NDArray[np.bool_]
    odds: NDArray[np.float32]


def outlined(
    seen: NDArray[np.float32],
    area: NDArray[np.bool_],
    hint: Hint,
    noise: float,
    known: Sequence[Level] = (),
) -> Outline | None:
    """Find a mark's strokes in a loose area; None where nothing in it looks like a mark.

    Args:
        seen: (H, W, C) float32, 0..255.
        area: (H, W), where the mark may be.
        hint: what the finder says of each pixel.
        noise: what storing the picture may have moved a value by, in levels.
        known: the mark's levels, where they have been told from another part of it.
    """
    rng = np.random.default_rng(1)
    asked = _grown(area)
    core = area & (hint.probability > LIKELY)
    if np.count_nonzero(core) < ENOUGH:
        core = area
    hole, odds = area, np.zeros(area.shape, np.float32)
    found = list(known)
    nothing = _nothing(seen)
    for _ in range(ROUNDS):
        guess = sketched(seen, hole)
        error = usual_error(busy_along(seen, ~hole), hole)
        if not found:
            _, parts = cv2.connectedComponents(core.view(np.uint8), connectivity=8)
            told = levels(
                _evidence(seen, guess, error, core, noise), parts[core].astype(np.intp), rng, [nothing]
            )
            found = [one for one in told if one is not nothing and one.opacity > FAINT]
            if not found:
                return None
        said = _said(seen, guess, error, asked, noise, found)
        said[_depth(hole) > DEEP] = 0
        odds = log_odds(Clues(seen, guess, error, hole, asked, said, hint, found, noise))
        hole = _parts((odds > KEPT) & asked)
        if not hole.any():
            return None
    return Outline(hole, odds)


def unsure(
    outline: Outline, coverage: NDArray[np.float32], doubt: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What a mark covers of each pixel, where it is not certain that it is there, and how far that is off."""
    open_ = np.exp(-np.abs(outline.odds) / 1.5)
    even = 1 / (1 + np.exp(-np.clip(outline.odds, -50, 50)))
    return (
        np.asarray((1 - open_) * coverage + open_ * even, np.float32),
        np.asarray(np.hypot(doubt, UNSURE * open_), np.float32),
    )


def _said(
    seen: NDArray[np.float32],
    guess: NDArray[np.float32],
    error: NDArray[np.float32],
    asked: NDArray[np.bool_],
    noise: float,
    found: Sequence[Level],
) -> NDArray[np.float32]:
    """Log-likelihood of a pixel being under any of the levels over that of being photo, (H, W)."""
    evidence = _evidence(seen, guess, error, asked, noise)
    marked = np.logaddexp.reduce([np.maximum(evidence.likelihood(one), -20.0) for one in found], axis=0)
    said = np.zeros(asked.shape, np.float32)
    said[asked] = np.clip(marked - np.maximum(evidence.likelihood(_nothing(seen)), -20.0), -FAR, FAR)
    return said


def _nothing(seen: NDArray[np.float32]) -> Level:
    """The level of where there is no mark."""
    dark: NDArray[np.float64] = np.zeros(int(seen.shape[2]), np.float64)
    return Level(1.0, dark)


def _evidence(
    seen: NDArray[np.float32],
    guess: NDArray[np.float32],
    error: NDArray[np.float32],
    chosen: NDArray[np.bool_],
    noise: float,
) -> Evidence:
    count = np.count_nonzero(chosen)
    return Evidence.told(
        seen[chosen],
        guess[chosen],
        error[chosen],
        np.ones(count),
        np.full(count, 0.05),
        max(noise, 2.0),
    )


def _parts(mark: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What is connected, without its specks."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mark.view(np.uint8), connectivity=8)
    kept = stats[:, cv2.CC_STAT_AREA] >= SPECK
    kept[0] = False
    return kept[np.asarray(labels, np.intp)]


def _grown(area: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return cv2.dilate(area.view(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)


def _depth(area: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.asarray(cv2.distanceTransform(area.view(np.uint8), cv2.DIST_L2, 3), np.float32)
