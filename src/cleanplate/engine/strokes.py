"""Which of the pixels that are to be painted really belong to a mark.

A finder's area is rather too large than too small, and painting the gaps between letters is inventing what
is there to be seen. But with the whole area painted once, each pixel can be compared with its painting: the
photo is like it, as far as paintings are, and the mark is off in the direction of the mark's colours. Some
such numbers describe each pixel, and gradient boosted trees (J. Friedman, "Greedy function approximation",
Annals of Statistics 29, 2001), fitted by `training.strokes` to what this very engine sees, tell the two
apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from cleanplate.engine.fit.painting import busyness, painted, usual_error
from cleanplate.engine.pyramid import BRISK
from cleanplate.engine.values import channel_mean, channel_sum
from cleanplate.models import load

if TYPE_CHECKING:
    from numpy.typing import NDArray

MODEL = "strokes"
BELONGS = 0.15  # probability from which on a pixel is painted: a mark left standing is worse than a blur
CERTAIN = 2.0  # levels: where a painting is usually no further off than this, it is as good as the photo
REMAINS = 0.1  # share of what was to be painted that is left at least; less is no mark that is understood
FEWEST, MOST = 20, 400_000  # pixels that are looked at
CORE = 75  # percentile of likelihood and strangeness, from which on pixels show the mark's colours
DOT = 6  # pixels: fewer of the photo that stand alone in a hole are painted too
COLOURS = 3
RARE = 0.15  # share of the core that a colour must have
SOFT = 60.0  # squared levels: colours nearer than this to the photo tell nothing
FEATURES = (
    "likely",  # that the pixel is the mark's, as the network tells it
    "likely near",  # the most within two pixels
    "likely around",  # the mean within about one
    "likely here",  # over the most within eight pixels
    "opacity",  # as the network tells it
    "off",  # levels between what is seen and what was painted
    "usual",  # levels that such a painting is usually off by
    "strange",  # off over usual
    "strange near",  # the most within one pixel
    "strange around",  # the mean within about one
    "along",  # how far from the painting towards the most fitting of the mark's colours, 1 = all the way
    "along near",  # the most within one pixel
    "along nearby",  # the most within two pixels
    "along least",  # the least within one pixel
    "along around",  # the mean within about one and a half
    "beside",  # levels off that way
    "tone",  # levels to the nearest of the mark's colours
    "tone near",  # the least within one pixel
    "tone nearby",  # the least within two pixels
    "told",  # as along, for the colour that the network tells
    "depth",  # pixels from what is not to be painted
    "fitted",  # opacity as it was fitted
    "fitted near",  # the most within one pixel
    "fitted nearby",  # the most within three pixels
    "fitted around",  # the mean within about one and a half
    "outlined",  # log-odds of the pixel being the mark's, as its outline was told
    "outlined near",  # the most within one pixel
    "outlined around",  # the mean within about one and a half
    "sure",  # the confidence of the fit
    "ripple",  # levels of luma from the mean within about two pixels
    "bright",  # the same with its sign, within about four
    "vivid",  # deviation of the channels from each other
)


@dataclass(frozen=True, slots=True)
class Clues:
    """What is known of a mark and its surroundings, all over the same box.

    Attributes:
        seen: (H, W, C) float32 in 0..255.
        hole: (H, W) boolean, what is to be painted.
        likely: (H, W) float32 in 0..1, how probable it is that a pixel is the mark's.
        opacity: (H, W) float32 in 0..1, as the network tells it.
        colour: (H, W, C) float32 in 0..255, of the mark, as the network tells it.
        fitted: (H, W) float32 in 0..1, the opacity as it was fitted.
        odds: (H, W) float32, log-odds of a pixel being the mark's, as its outline was told.
        sure: in 0..1, the confidence of the fit.
    """

    seen: NDArray[np.float32]
    hole: NDArray[np.bool_]
    likely: NDArray[np.float32]
    opacity: NDArray[np.float32]
    colour: NDArray[np.float32]
    fitted: NDArray[np.float32]
    odds: NDArray[np.float32]
    sure: float


def trimmed(clues: Clues) -> NDArray[np.bool_]:
    """The part of a hole that has to be painted, (H, W)."""
    hole = clues.hole
    if not understood(hole):
        return hole
    said = described(clues)
    belongs = load(MODEL).run(said)[:, 0] > BELONGS
    belongs |= said[:, FEATURES.index("usual")] < CERTAIN
    if np.count_nonzero(belongs) < REMAINS * belongs.size:
        return hole
    photo = ~hole
    photo[hole] = ~belongs
    # a few pixels alone are chance, and would be left standing as dots
    _, labels, sizes, _ = cv2.connectedComponentsWithStats(photo.view(np.uint8), connectivity=4)
    dots = sizes[:, cv2.CC_STAT_AREA] < DOT
    return np.asarray(hole & (~photo | dots[np.asarray(labels, np.intp)]), np.bool_)


def understood(hole: NDArray[np.bool_]) -> bool:
    """Whether a hole has as many pixels as can be told apart."""
    return FEWEST <= int(np.count_nonzero(hole)) <= MOST


def described(clues: Clues) -> NDArray[np.float32]:
    """What each pixel of a hole is told by, (N, F) float32, in the order of `FEATURES`."""
    seen, hole, likely = clues.seen, clues.hole, clues.likely
    painting = painted(seen, hole, BRISK)  # as the trees know it
    usual = usual_error(busyness(seen, ~hole), hole)
    change = seen - painting
    off = channel_mean(np.abs(change))
    strange = np.where(hole, off / (usual + 1), 0).astype(np.float32)
    along, beside, tone = _towards(clues, painting, strange)
    inside = np.where(hole, along, 0).astype(np.float32)
    luma = channel_mean(seen)
    planes = {
        "likely": likely,
        "likely near": _most(likely, 2),
        "likely around": _mean(likely, 1.0),
        "likely here": likely / (_most(likely, 8) + np.float32(0.05)),
        "opacity": clues.opacity,
        "off": off,
        "usual": usual,
        "strange": strange,
        "strange near": _most(strange, 1),
        "strange around": _mean(np.minimum(strange, 6), 1.0),
        "along": along,
        "along near": _most(inside, 1),
        "along nearby": _most(inside, 2),
        "along least": -_most(-along, 1),
        "along around": _mean(inside, 1.5),
        "beside": beside,
        "tone": tone,
        "tone near": -_most(-tone, 1),
        "tone nearby": -_most(-tone, 2),
        "told": _share(change, clues.colour - painting),
        "depth": cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, 3),
        "fitted": clues.fitted,
        "fitted near": _most(clues.fitted, 1),
        "fitted nearby": _most(clues.fitted, 3),
        "fitted around": _mean(clues.fitted, 1.5),
        "outlined": clues.odds,
        "outlined near": _most(clues.odds, 1),
        "outlined around": _mean(clues.odds, 1.5),
        "sure": np.full(hole.shape, clues.sure, np.float32),
        "ripple": np.abs(luma - _mean(luma, 2.0)),
        "bright": luma - _mean(luma, 4.0),
        "vivid": _mean(np.sqrt(channel_mean((seen - luma[..., None]) ** 2)), 1.0),
    }
    return np.stack([planes[name][hole] for name in FEATURES], axis=1).astype(np.float32)


def _towards(
    clues: Clues, painting: NDArray[np.float32], strange: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """`along`, `beside` and `tone` of each pixel."""
    change = clues.seen - painting
    along = np.full(clues.hole.shape, -1, np.float32)
    beside, tone = np.full_like(along, 1e3), np.full_like(along, 1e3)
    for colour in _colours(clues, strange):
        way = colour - painting
        share = _share(change, way)
        inner = np.clip(share, 0, 1)
        apart = np.sqrt(channel_mean((change - inner[..., None] * way) ** 2))
        better = apart - 8 * inner < beside - 8 * np.clip(along, 0, 1)  # of two that fit, the more opaque
        along, beside = np.where(better, share, along), np.where(better, apart, beside)
        tone = np.minimum(tone, np.sqrt(channel_mean((clues.seen - colour) ** 2)))
    return along.astype(np.float32), beside.astype(np.float32), tone.astype(np.float32)


def _colours(clues: Clues, strange: NDArray[np.float32]) -> NDArray[np.float32]:
    """The colours of a mark's likeliest and strangest pixels, (n, C)."""
    weight = (clues.likely * np.minimum(strange, 4))[clues.hole]
    core = clues.seen[clues.hole][weight >= np.percentile(weight, CORE)]
    # the groups start as thirds by brightness: the same picture must give the same answer
    if len(core) < 2 * COLOURS:
        return core.mean(axis=0, keepdims=True)
    labels = np.empty((len(core), 1), np.int32)
    labels[np.argsort(core.mean(axis=1), kind="stable"), 0] = np.arange(len(core)) * COLOURS // len(core)
    until = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 20, 1.0)
    _, labels, centres = cv2.kmeans(
        np.ascontiguousarray(core, np.float32), COLOURS, labels, until, 1, cv2.KMEANS_USE_INITIAL_LABELS
    )
    count = np.bincount(labels.ravel(), minlength=COLOURS)
    return np.asarray(centres, np.float32)[count >= RARE * count.sum()]


def _share(change: NDArray[np.float32], way: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each change goes along a way, 1 = to its end."""
    return np.asarray(channel_sum(change * way) / (channel_sum(way * way) + SOFT), np.float32)


def _most(plane: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    return np.asarray(cv2.dilate(plane, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)), np.float32)


def _mean(plane: NDArray[np.float32], deviation: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), deviation), np.float32)
