"""Judging what the network saw: how sure it is that an object is a watermark and not a part of the photo.

The network judges pixels. What tells a mark from a sign on a wall is often a property of the whole: lettering
of one colour, evenly opaque, with edges sharper than the photo's, and where in the picture it stands. So
each object is described by a few numbers, and a forest of small trees (gradient boosting, J. Friedman:
"Greedy function approximation", Annals of Statistics 29, 2001), fitted by `training.judgement` to what these
very weights see, says how sure it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from cleanplate.engine.crops import grown, window
from cleanplate.engine.find.objects import log_odds
from cleanplate.models import find, load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cleanplate.engine.find.objects import Object
    from cleanplate.engine.find.sight import Sight

MODEL = "judge"
MOST = 48  # objects that are judged, the most probable: of hundreds nearly all are nothing
RING = 4  # pixels around an object that it is compared with
FEATURES = (
    "best",  # log-odds of its most probable pixels
    "mean",  # log-odds of the mean probability of all of its pixels
    "low",  # log-odds of the lower quartile
    "high",  # log-odds of the upper quartile
    "likely",  # share of its pixels that are more likely a mark's than not
    "apart",  # how far the looks at different sizes are apart in it, on average
    "size",  # decimal logarithm of its number of pixels
    "full",  # share of its box that its core takes
    "aspect",  # logarithm of width over height
    "width",  # of its box, as a share of the picture's
    "height",
    "aside",  # distance of its box from the nearer side of the picture, as a share of the width
    "above",  # from the nearer of top and bottom, as a share of the height
    "opacity",  # mean, as the network tells it
    "opacities",  # deviation of it
    "tints",  # deviation of the mark's colour, as the network tells it
    "colours",  # logarithm of the deviation of what is seen in it
    "contrast",  # logarithm of how far what is seen in it is from what is seen around it
    "edge",  # how much steeper its edge is than its surroundings, as a difference of logarithms
    "flat",  # how much steeper its inside is than its edge
    "parts",  # logarithm of the number of its parts
    "active",  # decimal logarithm of the share of the picture that all objects take
    "objects",  # square root of their number
    "other",  # log-odds of the most probable pixels of the best other object
)
NOTHING = -5.0  # log-odds that stand for no other object


def judge(seen: Sequence[Object], sight: Sight) -> NDArray[np.float32]:
    """How sure each object is a watermark, in 0..1, (N,); 0 for those that are not among the likeliest."""
    sure = np.zeros(len(seen), np.float32)
    order = np.argsort([-each.best for each in seen])[:MOST]
    if order.size:
        said = load(MODEL).run(features(seen, sight, order))[:, 1].clip(1e-6, 1 - 1e-6)
        odds = said / (1 - said) * np.float32(np.exp(find(MODEL).bias))
        sure[order] = odds / (1 + odds)
    return sure


def features(seen: Sequence[Object], sight: Sight, which: NDArray[np.intp]) -> NDArray[np.float32]:
    """What the objects `which` are judged by, (N, F) float32, in the order of `FEATURES`."""
    steepness = _steepness(sight.pixels)
    share = sum(int(np.count_nonzero(each.area)) for each in seen) / sight.probability.size
    bests = np.array([each.best for each in seen])
    rows: list[list[float]] = []
    for index in map(int, which):
        others = np.delete(bests, index)
        other = log_odds(float(others.max())) if others.size else NOTHING
        said, looks = _said(seen[index], sight), _looks(seen[index], sight, steepness)
        rows.append([*said, *looks, float(np.log10(share)), float(np.sqrt(bests.size)), other])
    return np.array(rows, np.float32).reshape(-1, len(FEATURES))


def _said(each: Object, sight: Sight) -> list[float]:
    """What the network says of an object, and where it is."""
    rows, columns = sight.shape
    x, y, width, height = each.box
    place = window(each.box)
    probability = sight.probability[place][each.area]
    core = each.core(sight)
    low, high = np.quantile(probability, (0.25, 0.75))
    opacity, tint = sight.opacity[place][core], sight.colour[place][core]
    return [
        log_odds(each.best),
        log_odds(float(probability.mean())),
        log_odds(float(low)),
        log_odds(float(high)),
        float((probability > 0.5).mean()),
        float(sight.apart[place][core].mean()),
        float(np.log10(probability.size)),
        float(core.mean()),
        float(np.log(width / height)),
        width / columns,
        height / rows,
        min(x, columns - x - width) / columns,
        min(y, rows - y - height) / rows,
        float(opacity.mean()),
        float(opacity.std()),
        float(tint.std(0).mean()) / 255,
    ]


def _looks(each: Object, sight: Sight, steepness: NDArray[np.float32]) -> list[float]:
    """What the picture looks like in an object, at its edge and around it."""
    box = grown(each.box, RING + 2, sight.shape[1], sight.shape[0])
    left, top = each.box[0] - box[0], each.box[1] - box[1]
    core = np.zeros((box[3], box[2]), np.uint8)
    core[top : top + each.box[3], left : left + each.box[2]] = each.core(sight)
    kernel, wide = np.ones((3, 3), np.uint8), np.ones((2 * RING + 1, 2 * RING + 1), np.uint8)
    ring = (cv2.dilate(core, wide) > 0) & (cv2.dilate(core, kernel) == 0)
    inner = cv2.erode(core, kernel) > 0
    inside = core > 0
    seen, steep = sight.pixels[window(box)], np.log1p(steepness[window(box)])
    own = seen[inside].astype(np.float32)
    around = seen[ring].astype(np.float32) if ring.any() else own
    edge = float(steep[inside & ~inner].mean())
    return [
        float(np.log1p(own.std(0).mean())),
        float(np.log1p(np.abs(own.mean(0) - around.mean(0)).mean())),
        edge - (float(steep[ring].mean()) if ring.any() else edge),
        (float(steep[inner].mean()) if inner.any() else edge) - edge,
        float(np.log1p(cv2.connectedComponents(core)[0] - 1)),
    ]


def _steepness(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How much the luma changes from pixel to pixel, (h, w), in levels."""
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if pixels.shape[2] == 3 else pixels[..., 0]
    across, down = (cv2.Sobel(luma, cv2.CV_32F, dx, 1 - dx) for dx in (1, 0))
    return np.asarray(cv2.magnitude(across, down) / 4, np.float32)
