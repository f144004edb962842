"""Which of the pixels where a mark may be are the mark's, told by a network from what the fit knows.

Once a mark's levels are known, each pixel can be asked how far it is from the photo, as a painting guesses
it, towards the photo under one of the levels. Texture answers that at random, strokes do not; and strokes
have a shape. So a small U-Net (O. Ronneberger, P. Fischer, T. Brox, "U-Net", MICCAI 2015), trained by
`training.outline` on what this very engine is told, looks at the answers as at a picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from cleanplate.engine.crops import window
from cleanplate.engine.fit.axes import along, length
from cleanplate.engine.values import channel_mean, channel_sum
from cleanplate.models import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cleanplate.engine.fit.evidence import Level
    from cleanplate.engine.fit.hint import Hint

MODEL = "outline"
STRIDE = 8  # pixels that the network's picture has to be a multiple of
CONTEXT = 12  # pixels of surroundings that it is shown
NOWHERE = -9.0  # log-odds where nobody asks
SOFT = 0.5  # squared errors: a level that moves a pixel by less tells nothing
NEARER = 1.0  # errors by which a level may fit worse for all the opacity it explains
FAINTEST = 2.0  # levels: nothing is told more closely than this
BLURRED = 0.06  # squared share of a level that the chromas may be off by at a mark's edge
PLANES = (
    "likely",  # that the pixel is the mark's, as the finder tells it
    "opacity",  # as the finder tells it
    "said",  # how much better than the photo alone a level explains it
    "along",  # how far it is from the painting towards the most fitting level, 1 = all the way
    "beside",  # levels off that way
    "tone",  # levels to the nearest of the mark's colours
    "strange",  # levels off the painting over those that such a painting is usually off by
    "usual",  # those
    "visible",  # how far the most fitting level moves the pixel over the same
    "sign",  # whether it brightens or darkens
    "luma",  # of what is seen
    "guess",  # of what is painted
    "hole",  # where it was painted
    "asked",  # where the mark may be
)


@dataclass(frozen=True, slots=True)
class Clues:
    """What is known of a mark and its surroundings, all over the same box.

    Attributes:
        seen: (H, W, C) float32 in 0..255.
        guess: (H, W, C) float32 in 0..255, with the hole painted.
        error: (H, W, C) float32, levels that this is usually off by along each axis of colour (`axes`).
        hole: (H, W) boolean.
        asked: (H, W) boolean, where the mark may be.
        said: (H, W) float32, log-likelihood of the best levels over that of the photo alone.
        hint: what the finder says.
        levels: the mark's.
        noise: what storing the picture may have moved a value by, in levels.
    """

    seen: NDArray[np.float32]
    guess: NDArray[np.float32]
    error: NDArray[np.float32]
    hole: NDArray[np.bool_]
    asked: NDArray[np.bool_]
    said: NDArray[np.float32]
    hint: Hint
    levels: Sequence[Level]
    noise: float


def log_odds(clues: Clues) -> NDArray[np.float32]:
    """Of each pixel being the mark's, (H, W); NOWHERE where it is not asked."""
    answer = np.full(clues.asked.shape, NOWHERE, np.float32)
    x, y, width, height = shown(clues.asked)
    if not width:
        return answer
    planes = described(clues)[:, y : y + height, x : x + width]
    beyond = -height % STRIDE, -width % STRIDE
    told = load(MODEL).run(np.pad(planes, ((0, 0), (0, beyond[0]), (0, beyond[1])))[None])
    answer[window((x, y, width, height))] = told[0, 0, :height, :width]
    return np.where(clues.asked, answer, np.float32(NOWHERE)).astype(np.float32)


def shown(asked: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """(x, y, width, height) of what the network is shown; of no size where nothing is asked."""
    x, y, width, height = cv2.boundingRect(asked.view(np.uint8))
    if not width:
        return 0, 0, 0, 0
    left, top = max(0, x - CONTEXT), max(0, y - CONTEXT)
    right, bottom = min(asked.shape[1], x + width + CONTEXT), min(asked.shape[0], y + height + CONTEXT)
    return left, top, right - left, bottom - top


def described(clues: Clues) -> NDArray[np.float32]:
    """What the network is told, (P, H, W) float32 of about -2..2, in the order of `PLANES`."""
    guess, seen = along(clues.guess), along(clues.seen)
    change = seen - guess
    usual = clues.error**2 + np.float32(max(clues.noise, FAINTEST) ** 2)
    blurred = np.full(change.shape[2], BLURRED, np.float32)
    blurred[0] = 0
    share = np.full(clues.asked.shape, -2, np.float32)
    beside, tone = np.full_like(share, 1e3), np.full_like(share, 1e3)
    moved, sign = np.zeros_like(share), np.zeros_like(share)
    for level in clues.levels:
        way = np.asarray(along(level.light) - level.opacity * guess, np.float32)
        likely = 1 / (usual + blurred * way * way)
        power = channel_sum(way * way * likely)
        far = channel_sum(change * way * likely) / (power + np.float32(SOFT))
        inner = np.clip(far, 0, 1)
        apart = np.sqrt(channel_mean((change - inner[..., None] * way) ** 2 * likely))
        better = apart - NEARER * inner < beside - NEARER * np.clip(share, 0, 1)
        share, beside = np.where(better, far, share), np.where(better, apart, beside)
        moved = np.where(better, np.sqrt(power), moved)
        bright = way[..., 0]
        sign = np.where(better, bright / (np.sqrt(channel_sum(way * way)) + 1), sign)
        off = clues.seen - level.colour.astype(np.float32)
        tone = np.minimum(tone, np.sqrt(channel_mean(off * off)))
    planes = {
        "likely": clues.hint.probability,
        "opacity": clues.hint.opacity,
        "said": clues.said / 6,
        "along": np.clip(share, -1, 2),
        "beside": np.log1p(np.minimum(beside, 255)) / 2,
        "tone": np.log1p(np.minimum(tone, 255)) / 4,
        "strange": np.minimum(np.sqrt(channel_mean(change * change / usual)), 6) / 4,
        "usual": np.log1p(length(clues.error)) / 4,
        "visible": np.log1p(moved) / 2,
        "sign": sign,
        "luma": channel_mean(clues.seen) / 128 - 1,
        "guess": channel_mean(clues.guess) / 128 - 1,
        "hole": clues.hole,
        "asked": clues.asked,
    }
    return np.stack([planes[name] for name in PLANES]).astype(np.float32)
