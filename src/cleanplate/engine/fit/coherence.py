"""Which level is where nothing tells it: that of what is beside it, as far as no edge is in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from cleanplate.engine.values import channel_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cleanplate.engine.fit.evidence import Level

CHANGE = 4.0  # log-likelihood that a change of level costs where the picture shows no edge
EDGE = 0.6  # of what two levels differ by: an edge of that strength explains a change of level
FREE = 0.05  # of the cost is left there


def coherent(
    said: NDArray[np.float32],
    seen: NDArray[np.float32],
    guess: NDArray[np.float32],
    area: NDArray[np.bool_],
    found: Sequence[Level],
) -> NDArray[np.float32]:
    """Log-likelihoods of the levels, (K, H, W), each with what those along its row and column say.

    The paths of semi-global matching (H. Hirschmüller, "Stereo Processing by Semiglobal Matching and Mutual
    Information", PAMI 2008) in four directions; two levels may follow each other cheaply where the picture
    has an edge as strong as they differ by.

    Args:
        said: (K, H, W) float32, log-likelihood of each level, 0 where nothing tells it.
        seen: (H, W, C) float32, 0..255.
        guess: (H, W, C), with the mark painted over.
        area: (H, W), the mark; outside it the answer is -inf.
        found: the K levels.
    """
    x, y, width, height = cv2.boundingRect(area.view(np.uint8))
    cut = np.s_[y : y + height, x : x + width]
    inside, there, values = area[cut], guess[cut], seen[cut]
    kernel = np.ones((3, 3), np.uint8)
    steep = (cv2.dilate(values, kernel) - cv2.erode(values, kernel)).reshape(values.shape)
    steep = np.sqrt(channel_mean(steep * steep))
    count = len(found)
    price = np.zeros((count, count, *inside.shape), np.float32)
    for a in range(count):
        for b in range(a + 1, count):
            light = (found[a].light - found[b].light).astype(np.float32)
            apart = np.float32(found[a].through - found[b].through) * there + light
            apart = np.sqrt(channel_mean(apart * apart)) + np.float32(1e-3)
            price[a, b] = price[b, a] = CHANGE * np.clip(1 - steep / (EDGE * apart), FREE, 1)
    cost = np.where(inside, -said[:, *cut], 0).astype(np.float32)
    total = -3 * cost
    for turn in (False, True):
        c, p, i = (cost, price, inside) if not turn else (cost.swapaxes(1, 2), price.swapaxes(2, 3), inside.T)
        down = _swept(c, p, i) + _swept(c[:, ::-1], p[:, :, ::-1], i[::-1])[:, ::-1]
        total += down.swapaxes(1, 2) if turn else down
    answer = np.full(said.shape, -np.inf, np.float32)
    answer[:, *cut] = np.where(inside, -total, -np.inf)
    return answer


def _swept(
    cost: NDArray[np.float32], price: NDArray[np.float32], inside: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """What each pixel costs with the cheapest way to it from above, (K, H, W)."""
    answer = cost.copy()
    for row in range(1, cost.shape[1]):
        before = answer[:, row - 1]
        dear = np.minimum(price[:, :, row], price[:, :, row - 1])
        best = (before[None] + dear).min(axis=1) - before.min(axis=0)
        answer[:, row] += best * inside[row - 1]
    return answer
