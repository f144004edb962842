"""Which of a mark's levels each of its pixels is of.

A pixel alone tells little where the photo is lively. But an outline is as wide everywhere, a shadow falls to
one side, and what is deep inside a letter is the letter: which level is where goes with how far it is from
there to the mark's border, one way and another. Each mark teaches itself such a rule: the levels' shares, as
the pixels tell them, are regressed on these distances, and what that comes to is added to what the pixels say
(self-training, as in H. Scudder, "Probability of error of some adaptive pattern-recognition machines", IEEE
Transactions on Information Theory 1965).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from cleanplate.engine.fit.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cleanplate.engine.fit.evidence import Level
    from cleanplate.engine.fit.shape import Setting

WORST = -20.0  # log-likelihood: a pixel says no more than that against a level
OWN = 0.5  # how much a pixel says of itself, beside the mean of its neighbourhood
FARTHEST = 8  # pixels, as far as distances to the border are told apart
WAYS = ((0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1))  # down and right
LOOKS = 3  # rounds of rule and labels
STIFF = 20.0  # pixels: so many must speak for a distance before it counts half
SELDOM = 0.02  # the least share that a rule gives a level anywhere
SAMPLE = 20000  # pixels that a rule is told by
SEED = 20261122


def likelihoods(
    here: Setting, guess: NDArray[np.float32], error: NDArray[np.float32], found: Sequence[Level]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Log-likelihood of each level at each pixel, `WORST` or more, 0 outside, and its misfit, (K, H, W)."""
    area = here.area
    count = np.count_nonzero(area)
    evidence = Evidence.told(
        here.seen[area],
        guess[area],
        error[area],
        np.ones(count),
        np.zeros(count),
        here.noise,
        here.palette,
        here.elsewhere()[area],
    )
    said = np.zeros((len(found), *area.shape), np.float32)
    misfit = np.full((len(found), *area.shape), np.inf, np.float32)
    for k, level in enumerate(found):
        said[k][area] = np.maximum(evidence.likelihood(level), WORST)
        misfit[k][area] = evidence.misfit(level)[0]
    return said, misfit


def labelled(
    here: Setting, guess: NDArray[np.float32], error: NDArray[np.float32], found: Sequence[Level]
) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """The likeliest level of each pixel, -1 outside, and how badly it fits, both (H, W)."""
    area = here.area
    each, misfit = likelihoods(here, guess, error, found)
    weight = np.maximum(cv2.blur(area.astype(np.float32), (3, 3), borderType=cv2.BORDER_CONSTANT), 1e-3)
    blurred = [np.asarray(cv2.blur(one, (3, 3), borderType=cv2.BORDER_CONSTANT), np.float32) for one in each]
    around = np.stack(blurred) / weight
    said = np.asarray((OWN * each + around)[:, area], np.float32)
    if len(found) > 1:
        said += ruled(said, distances(area, here.depth))
    label = np.full(area.shape, -1, np.int16)
    label[area] = said.argmax(axis=0)
    best = np.take_along_axis(misfit, np.maximum(label, 0)[None].astype(np.intp), axis=0)[0]
    return label, best


def distances(area: NDArray[np.bool_], depth: NDArray[np.float32]) -> list[NDArray[np.uint8]]:
    """How far the border is from each pixel of an area: the nearest of it in halves, and in eight directions.

    Args:
        area: (H, W).
        depth: (H, W) float32, pixels to the nearest outside.

    Returns:
        Nine times (N,) uint8: the depth in half pixels, up to twice `FARTHEST`, then pixels up to `FARTHEST`
        along each of `WAYS`. What is beyond the picture is outside.
    """
    x, y, width, height = cv2.boundingRect(area.view(np.uint8))
    inside = area[y : y + height, x : x + width]
    answer = [np.minimum(2 * depth[area], 2 * FARTHEST).astype(np.uint8)]
    for down, right in WAYS:
        room = np.pad(inside, FARTHEST)
        steps = np.zeros(inside.shape, np.uint8)
        going = inside
        for step in range(1, FARTHEST + 1):
            steps += going
            top, left = FARTHEST + step * down, FARTHEST + step * right
            going = going & room[top : top + height, left : left + width]
        answer.append(steps[inside])
    return answer


def ruled(said: NDArray[np.float32], places: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """What the mark's own rule adds to the log-likelihood of each level.

    Args:
        said: (K, N) float32, log-likelihoods by what is seen.
        places: each (N,), small whole numbers that tell where in the mark a pixel is.
    """
    levels, count = said.shape
    chosen = np.random.default_rng(SEED).permutation(count)[:SAMPLE]
    some = said[:, chosen]
    sizes = [int(one.max()) + 1 for one in places]
    told = np.ones((chosen.size, 1), np.float32)
    for one, size in zip(places, sizes, strict=True):
        told = np.concatenate([told, np.eye(size, dtype=np.float32)[one[chosen]]], axis=1)
    power = told.T @ told + STIFF * np.eye(told.shape[1], dtype=np.float32)
    usual = np.full(levels, 1 / levels, np.float32)
    rule = np.zeros((told.shape[1], levels), np.float32)
    for _ in range(LOOKS):
        both = some + _added((told @ rule).T, usual)
        share = np.exp(both - both.max(axis=0))
        share /= share.sum(axis=0)
        usual = np.asarray((share.sum(axis=1) + 1) / (chosen.size + levels), np.float32)
        rule = np.asarray(np.linalg.solve(power, told.T @ (share.T - usual)), np.float32)
    expected = np.repeat(rule[0][:, None], count, axis=1)
    start = 1
    for one, size in zip(places, sizes, strict=True):
        expected += rule[start : start + size][one].T
        start += size
    return _added(expected, usual)


def _added(more: NDArray[np.float32], usual: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of what a rule expects over what is usual, the logarithm of their ratio, (K, N)."""
    share = np.clip(more + usual[:, None], SELDOM, 1.0)
    share /= share.sum(axis=0)
    return np.log(share / usual[:, None]).astype(np.float32)
