"""The few levels that a mark is made of, found by regression.

A flat part of a mark turns a photo's value P into S = t·P + m, with one transmittance t = 1 - α for all
channels and one premultiplied colour m = α·C. So over all of its pixels, what is seen is a straight line of
what would be there without it; a rough painting of the area is good enough to find that line when its error
is known for every pixel, and when pixels that do not fit are let go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cleanplate.engine.fit.axes import along, axes
from cleanplate.engine.fit.evidence import DIMENSIONS, FREEDOM, Evidence, Level

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MOST_LEVELS = 4
PRICE_ON_TOP = 0.07  # the same where the main level is known: lettering is a small part of its strip
APART = 3.0  # of the guess's usual errors: what differs less on top of a strip is the photo, not lettering
STRAY = -2 * np.log(90.0)  # log-likelihood of a pixel that belongs to no level: anything is possible there
CLUMP = 40.0  # neighbouring pixels err together: so many of them count as one observation
CLUMPS = 60.0  # nor do observations without end tell without end: the model itself is a little wrong
DOUBT = 8.0  # in log-likelihood: how much worse white or black may explain a mark than a colour between
LEAST_THROUGH, MOST_THROUGH = 0.01, 0.995
SAMPLE = 2000  # pixels that levels are told from
TRIED = 600  # of them, for telling the likeliest of many beginnings
ROUNDS = 12
ALIKE = (0.02, 4.0)  # transmittance, and levels of light, up to which two starts come to the same
ENTRY = 0.05  # log-likelihood a pixel that the first level must gain
PRICE = 0.15  # log-likelihood a pixel that another level must gain


def levels(
    evidence: Evidence,
    parts: NDArray[np.intp],
    rng: np.random.Generator,
    known: Sequence[Level] = (),
    *,
    sure: bool = False,
) -> list[Level]:
    """The levels that explain the evidence: those known before, then the most common first.

    Where bare photo may be among the evidence, a level must be taken for more than chance would have it: else
    the photo's own colours would be levels. So no more is made of a sample there than the sample is, and what
    does not soon explain much is not tried again.

    Args:
        evidence: the pixels.
        parts: (N,), which connected part of the mark each belongs to.
        rng: for the random starts, and to choose `SAMPLE` pixels where there are more.
        known: levels that were found before, which are kept as they are.
        sure: whether all of the evidence is the mark's.
    """
    chosen = rng.permutation(len(evidence.doubt))[:SAMPLE]
    sampled = Evidence.some if sure else Evidence.of
    evidence, parts = sampled(evidence, chosen), parts[chosen]
    known = list(known)
    members = _members(evidence, parts, rng)
    candidates = _distinct([_start(evidence, one) for one in members])
    mixture = _Mixture(known, np.append(np.full(len(known), 0.8 / max(len(known), 1)), 0.2 if known else 1.0))
    if known:
        mixture = mixture.settled(evidence, 2, frozen=len(known))
    total = mixture.total(evidence)
    while len(mixture.levels) < MOST_LEVELS:
        first_on_top = bool(known) and len(mixture.levels) == len(known)
        price = PRICE_ON_TOP if first_on_top else PRICE if mixture.levels else ENTRY
        penalty = 8.0 + price * len(evidence.doubt)
        if len(mixture.levels) == 1:
            candidates += _relatives(mixture.levels[0])
        if len(mixture.levels) == 1 and sure and not known:  # of two colours, both are mostly as opaque
            same = mixture.levels[0].through
            candidates += _distinct([_start(evidence, one, same) for one in members])
        some = sampled(evidence, slice(None, TRIED))
        trials = [mixture.joined(one).settled(some, 2, frozen=len(known)) for one in candidates]
        likely = sorted(range(len(trials)), key=lambda k: -trials[k].total(some))
        if mixture.levels and not sure:
            candidates = [candidates[k] for k in likely[: max(8, len(likely) // 2)]]
        for strip in (one for one in known if one.opacity > 0):
            likely = [k for k in likely if _apart(some, strip, trials[k].levels[-1]) > APART]
        if not likely:
            break
        trial = trials[likely[0]].settled(evidence, ROUNDS, frozen=len(known))
        gain = trial.total(evidence) - total
        if gain < penalty:
            break
        mixture, total = trial, total + gain
    more = mixture.levels[len(known) :]
    order = np.argsort(-mixture.weights[len(known) : len(mixture.levels)])
    return [*known, *(more[k] for k in order)]


def _apart(evidence: Evidence, one: Level, other: Level) -> float:
    """How far apart two levels are where they are, as a median, in what the guess usually errs by there."""
    change = along(other.light - one.light) + (other.through - one.through) * evidence.guess
    _, spread = evidence.misfit(one)
    return float(np.median(np.sqrt(DIMENSIONS * ((change / spread) ** 2).mean(axis=1))))


@dataclass(frozen=True, slots=True)
class _Mixture:
    """Levels and how common each is; the last weight is that of the strays."""

    levels: list[Level]
    weights: NDArray[np.float64]

    def joined(self, level: Level) -> _Mixture:
        share = max(0.1, float(self.weights[-1]) / 2)
        return _Mixture(
            [*self.levels, level],
            np.append(self.weights[:-1] * (1 - share), [share, self.weights[-1] * (1 - share)]),
        )

    def said(self, evidence: Evidence) -> NDArray[np.float64]:
        """Log-likelihoods, (N, levels + 1)."""
        stray = np.full(len(evidence.doubt), STRAY)
        both = np.stack([*(evidence.likelihood(one) for one in self.levels), stray], axis=1)
        return both + np.log(np.maximum(self.weights, 1e-6))

    def total(self, evidence: Evidence) -> float:
        return float(np.logaddexp.reduce(self.said(evidence), axis=1).sum())

    def settled(self, evidence: Evidence, rounds: int, frozen: int = 0) -> _Mixture:
        """Expectation and maximisation in turns; the first `frozen` levels stay as they are."""
        found, weights = self.levels, self.weights
        for _ in range(rounds):
            said = _Mixture(found, weights).said(evidence)
            shares = np.exp(said - said.max(axis=1, keepdims=True))
            shares /= shares.sum(axis=1, keepdims=True)
            weights = shares.mean(axis=0)
            found = [
                regressed(evidence, shares[:, k], start=one)
                if k >= frozen and shares[:, k].sum() > 3
                else one
                for k, one in enumerate(found)
            ]
        return _Mixture(found, weights)


def _members(
    evidence: Evidence, parts: NDArray[np.intp], rng: np.random.Generator
) -> list[NDArray[np.float64]]:
    """What levels are begun from, (N,) weights: all, each large part, clusters of what is seen or differs."""
    count = len(evidence.doubt)
    sizes = np.bincount(parts)
    found = [np.ones(count)]
    found += [(parts == part).astype(float) for part in np.argsort(sizes)[::-1][:12] if sizes[part] >= 30]
    for values in (evidence.seen, evidence.seen - evidence.guess):
        for number in (2, 4):
            if count >= 20 * number:
                label = _clusters(values, number, rng)
                found += [(label == k).astype(float) for k in range(number) if (label == k).sum() >= 12]
    return found


def _distinct(found: list[Level]) -> list[Level]:
    """Without those that hardly differ from one before."""
    kept: list[Level] = []
    for level in found:
        if all(
            abs(one.through - level.through) > ALIKE[0] or np.abs(one.light - level.light).max() > ALIKE[1]
            for one in kept
        ):
            kept.append(level)
    return kept


def _relatives(level: Level) -> list[Level]:
    """What often goes with a level: its opacity in black or white, and shadows of several depths."""
    dark = np.zeros(level.light.size, np.float64)
    bright = np.full(level.light.shape, 255 * level.opacity, dtype=np.float64)
    return [
        Level(level.through, dark),
        Level(level.through, bright),
        *(Level(1 - share * level.opacity, dark) for share in (0.25, 0.5, 0.75)),
    ]


def _clusters(values: NDArray[np.float64], number: int, rng: np.random.Generator) -> NDArray[np.intp]:
    sample = values[rng.choice(len(values), min(len(values), 3000), replace=False)]
    centres = sample[rng.choice(len(sample), 1)]
    for _ in range(number - 1):  # the farthest of a handful: spread out, yet not on single freaks
        some = sample[rng.choice(len(sample), min(40, len(sample)), replace=False)]
        gap = ((some[:, None] - centres[None]) ** 2).sum(axis=2).min(axis=1)
        centres = np.vstack([centres, some[int(np.argmax(gap))]])
    for _ in range(8):
        near = ((sample[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)
        centres = np.stack(
            [sample[near == k].mean(axis=0) if (near == k).any() else centres[k] for k in range(number)]
        )
    return ((values[:, None] - centres[None]) ** 2).sum(axis=2).argmin(axis=1)


def _start(evidence: Evidence, weights: NDArray[np.float64], through: float | None = None) -> Level:
    """A level that explains the weighted evidence, of any opacity or of a given one."""
    colourless: NDArray[np.float64] = np.zeros(int(evidence.seen.shape[1]), np.float64)
    one = Level(0.6 if through is None else through, colourless)
    return regressed(evidence, weights, start=one, rounds=6, trusting=False, through=through)


def regressed(
    evidence: Evidence,
    weights: NDArray[np.float64],
    start: Level,
    rounds: int = 1,
    *,
    trusting: bool = True,
    through: float | None = None,
) -> Level:
    """The line through the evidence, by iteratively reweighted least squares.

    A colour cannot be darker than black or lighter than white, and most marks are the one or the other: where
    either explains the evidence about as well as the best colour does, it is taken, which then tells the
    opacity far more exactly. With `through` given, of all colours the best for it.
    """
    level = start
    for turn in range(rounds):
        square, spread = evidence.misfit(level)
        robust = (FREEDOM + DIMENSIONS) / (FREEDOM + square) if trusting or turn else 1.0
        w = (weights * robust)[:, None] / spread**2
        if through is None:
            level = _line(evidence, w)
        else:
            level, _ = _Moments.of(evidence, w).line(None, through)
    return level


def _line(evidence: Evidence, w: NDArray[np.float64]) -> Level:
    sums = _Moments.of(evidence, w)
    free, cost = sums.line(None)
    each = w.sum(axis=1)
    clumps = evidence.stands * each.sum() ** 2 / max(float(each @ each), 1e-12) / CLUMP
    observations = clumps / (1 + clumps / CLUMPS)
    best, least = free, DOUBT
    for tone in (0.0, 255.0):
        other, worse = sums.line(tone)
        loss = observations * np.log(max(worse, 1e-9) / max(cost, 1e-9))
        if loss < least:
            best, least = other, loss
    return best


@dataclass(frozen=True, slots=True)
class _Moments:
    """All that a line through weighted evidence depends on, (C,) each; the weights' sum is 1."""

    weight: NDArray[np.float64]
    seen: NDArray[np.float64]
    guess: NDArray[np.float64]
    seen_power: NDArray[np.float64]
    guess_power: NDArray[np.float64]
    cross: NDArray[np.float64]

    @classmethod
    def of(cls, evidence: Evidence, w: NDArray[np.float64]) -> _Moments:
        share = w / max(float(w.sum()), 1e-12)
        weight = np.maximum(share.sum(axis=0), 1e-12)
        seen = np.einsum("ic,ic->c", share, evidence.seen) / weight
        guess = np.einsum("ic,ic->c", share, evidence.guess) / weight
        s, g = evidence.seen - seen, evidence.guess - guess
        weighted = share * g
        return cls(
            weight,
            seen,
            guess,
            np.einsum("ic,ic,ic->c", share, s, s),
            np.einsum("ic,ic->c", weighted, g),
            np.einsum("ic,ic->c", weighted, s),
        )

    def line(self, tone: float | None, given: float | None = None) -> tuple[Level, float]:
        """The best line, of a grey of `tone` or of any colour that exists, and its mean squared residual.

        Args:
            tone: 0..255, or any colour.
            given: the transmittance of any colour's line, or the best.
        """
        turn = axes(self.seen.size)
        colour = None if tone is None else np.full(self.seen.size, tone)
        through, light = 0.5, self.seen
        for _ in range(4):
            if colour is None:
                slope = self.cross.sum() / max(float(self.guess_power.sum()), 1e-9)
                through = min(max(float(slope), LEAST_THROUGH), MOST_THROUGH) if given is None else given
                light = self.seen - through * self.guess
            else:
                at = turn @ colour
                s, g = self.seen - at, self.guess - at
                slope = (self.cross + self.weight * s * g).sum()
                slope /= max(float((self.guess_power + self.weight * g * g).sum()), 1e-9)
                through = min(max(float(slope), LEAST_THROUGH), MOST_THROUGH)
                light = (1 - through) * at
            if tone is not None:
                break
            own = turn.T @ (self.seen - through * self.guess) / (1 - through)
            if colour is None and not ((own < -0.5) | (own > 255.5)).any():
                break
            colour = np.clip(own, 0.0, 255.0)
        middle = self.seen - through * self.guess - light
        left = self.seen_power - 2 * through * self.cross + through**2 * self.guess_power
        left = left + self.weight * middle**2
        return Level(through, turn.T @ light), float(left.sum())
