"""The few levels that a mark is made of, found by regression.

A flat part of a mark turns a photo's value P into S = t·P + m, with one transmittance t = 1 - α for all
channels and one premultiplied colour m = α·C. So over all of its pixels, what is seen is a straight line of
what would be there without it; a rough painting of the area is good enough to find that line when its error
is known for every pixel, and when pixels that do not fit are let go.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FREEDOM = 3.0  # of Student's t: paintings fail by far more than their usual error at the edges of things
DIMENSIONS = 2.0  # what the three channels' errors, which go together, are worth
MOST_LEVELS = 4
PRICE_ON_TOP = 0.07  # the same where the main level is known: lettering is a small part of its strip
STRAY = -2 * np.log(90.0)  # log-likelihood of a pixel that belongs to no level: anything is possible there
CLUMP = 40.0  # neighbouring pixels err together: so many of them count as one observation
DOUBT = 8.0  # in log-likelihood: how much worse white or black may explain a mark than a colour between
LEAST_THROUGH, MOST_THROUGH = 0.01, 0.995
BLUNT = 0.7  # the painting may err where the mark is opaque too: a level may not fit all too well
SAMPLE = 2000  # pixels that levels are told from
TRIED = 600  # of them, for telling the likeliest of many beginnings
ROUNDS = 12
ENTRY = 0.05  # log-likelihood a pixel that the first level must gain
PRICE = 0.15  # log-likelihood a pixel that another level must gain


@dataclass(frozen=True, slots=True)
class Level:
    """One flat part of a mark: seen = through · photo + light.

    Attributes:
        through: 1 - α, in 0.01..1.
        light: α · colour, (C,) in 0..255.
    """

    through: float
    light: NDArray[np.float64]

    @property
    def opacity(self) -> float:
        return 1.0 - self.through

    @property
    def colour(self) -> NDArray[np.float64]:
        return np.clip(self.light / max(self.opacity, 1e-3), 0.0, 255.0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Pixels that a mark covers.

    Attributes:
        seen: (N, C) float64, 0..255.
        guess: (N, C), what a painting from outside the mark has there.
        error: (N,), the guess's usual error, in levels.
        coverage: (N,), how much of the pixel the mark is expected to cover: `seen` has been corrected for it.
        doubt: (N,), the usual error of that.
        noise: what storing the picture may have moved a value by, in levels.
    """

    seen: NDArray[np.float64]
    guess: NDArray[np.float64]
    error: NDArray[np.float64]
    coverage: NDArray[np.float64]
    doubt: NDArray[np.float64]
    noise: float

    def of(self, chosen: NDArray[Any] | slice) -> Evidence:
        """The evidence of some of its pixels: a boolean array or their numbers."""
        return Evidence(
            self.seen[chosen],
            self.guess[chosen],
            self.error[chosen],
            self.coverage[chosen],
            self.doubt[chosen],
            self.noise,
        )

    def misfit(self, level: Level) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Squared residuals over their expected square, (N,), and the expected error, (N,)."""
        change = level.light - level.opacity * self.guess
        residual = self.seen - self.guess - change
        channels = self.seen.shape[1]
        covered = self.doubt**2 * np.einsum("ic,ic->i", change, change) / channels
        photo = max(level.through, BLUNT) + (1 - self.coverage)
        power = ((photo * self.error) ** 2 + self.noise**2 + covered) / self.coverage**2
        square = np.einsum("ic,ic->i", residual, residual) * (DIMENSIONS / channels)
        return square / power, np.sqrt(power)

    def likelihood(self, level: Level) -> NDArray[np.float64]:
        """Log-likelihood of each pixel under a level, (N,)."""
        square, spread = self.misfit(level)
        return -(FREEDOM + DIMENSIONS) / 2 * np.log1p(square / FREEDOM) - DIMENSIONS * np.log(spread)


def levels(
    evidence: Evidence, parts: NDArray[np.intp], rng: np.random.Generator, known: Sequence[Level] = ()
) -> list[Level]:
    """The levels that explain the evidence, the most common first.

    Args:
        evidence: the pixels.
        parts: (N,), which connected part of the mark each belongs to.
        rng: for the random starts, and to choose `SAMPLE` pixels where there are more.
        known: levels that were found before, which are kept as they are.
    """
    chosen = rng.permutation(evidence.error.size)[:SAMPLE]
    evidence, parts = evidence.of(chosen), parts[chosen]
    known = list(known)
    candidates = _candidates(evidence, parts, rng)
    mixture = _Mixture(known, np.append(np.full(len(known), 0.8 / max(len(known), 1)), 0.2 if known else 1.0))
    if known:
        mixture = mixture.settled(evidence, 2, frozen=len(known))
    total = mixture.total(evidence)
    while len(mixture.levels) < MOST_LEVELS:
        first_on_top = bool(known) and len(mixture.levels) == len(known)
        price = PRICE_ON_TOP if first_on_top else PRICE if mixture.levels else ENTRY
        penalty = 8.0 + price * evidence.error.size
        if len(mixture.levels) == 1:
            candidates += _relatives(mixture.levels[0])
        some = evidence.of(slice(None, TRIED))
        trials = [mixture.joined(one).settled(some, 2, frozen=len(known)) for one in candidates]
        likely = sorted(range(len(trials)), key=lambda k: -trials[k].total(some))
        first, candidates = likely[0], [candidates[k] for k in likely[: max(8, len(likely) // 2)]]
        trial = trials[first].settled(evidence, ROUNDS, frozen=len(known))
        gain = trial.total(evidence) - total
        if gain < penalty:
            break
        mixture, total = trial, total + gain
    order = np.argsort(-mixture.weights[: len(mixture.levels)])
    return [mixture.levels[k] for k in order]


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
        stray = np.full(evidence.error.size, STRAY)
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


def _candidates(evidence: Evidence, parts: NDArray[np.intp], rng: np.random.Generator) -> list[Level]:
    """Starts: the whole, each large part, and clusters of what is seen and of how it differs."""
    count = evidence.error.size
    whole = np.ones(count)
    found = [_start(evidence, whole)]
    sizes = np.bincount(parts)
    large = [part for part in np.argsort(sizes)[::-1][:12] if sizes[part] >= 30]
    found += [_start(evidence, (parts == part).astype(float)) for part in large]
    for values in (evidence.seen, evidence.seen - evidence.guess):
        for number in (2, 4):
            if count >= 20 * number:
                label = _clusters(values, number, rng)
                found += [
                    _start(evidence, (label == k).astype(float))
                    for k in range(number)
                    if (label == k).sum() >= 12
                ]
    return found


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


def _start(evidence: Evidence, weights: NDArray[np.float64]) -> Level:
    colourless: NDArray[np.float64] = np.zeros(int(evidence.seen.shape[1]), np.float64)
    one = Level(0.6, colourless)
    return regressed(evidence, weights, start=one, rounds=6, trusting=False)


def regressed(
    evidence: Evidence,
    weights: NDArray[np.float64],
    start: Level,
    rounds: int = 1,
    *,
    trusting: bool = True,
) -> Level:
    """The line through the evidence, by iteratively reweighted least squares.

    A colour cannot be darker than black or lighter than white, and most marks are the one or the other: where
    either explains the evidence about as well as the best colour does, it is taken, which then tells the
    opacity far more exactly.
    """
    level = start
    for turn in range(rounds):
        square, spread = evidence.misfit(level)
        robust = (FREEDOM + DIMENSIONS) / (FREEDOM + square) if trusting or turn else 1.0
        w = weights * robust / spread**2
        level = _line(evidence, w)
    return level


def _line(evidence: Evidence, w: NDArray[np.float64]) -> Level:
    sums = _Moments.of(evidence, w)
    free, cost = sums.line(None)
    observations = w.sum() ** 2 / max(float(w @ w), 1e-12) / CLUMP
    best, least = free, DOUBT
    for tone in (0.0, 255.0):
        other, worse = sums.line(tone)
        loss = observations * np.log(max(worse, 1e-9) / max(cost, 1e-9))
        if loss < least:
            best, least = other, loss
    return best


@dataclass(frozen=True, slots=True)
class _Moments:
    """All that a line through weighted evidence depends on, (C,) each."""

    seen: NDArray[np.float64]
    guess: NDArray[np.float64]
    seen_power: NDArray[np.float64]
    guess_power: NDArray[np.float64]
    cross: NDArray[np.float64]

    @classmethod
    def of(cls, evidence: Evidence, w: NDArray[np.float64]) -> _Moments:
        share = w / max(float(w.sum()), 1e-12)
        seen, guess = share @ evidence.seen, share @ evidence.guess
        s, g = evidence.seen - seen, evidence.guess - guess
        weighted = share[:, None] * g
        return cls(
            seen,
            guess,
            np.einsum("i,ic,ic->c", share, s, s),
            np.einsum("ic,ic->c", weighted, g),
            np.einsum("ic,ic->c", weighted, s),
        )

    def line(self, tone: float | None) -> tuple[Level, float]:
        """The best line, of a grey of `tone` or of any colour that exists, and its mean squared residual."""
        fixed = np.full(self.seen.size, np.nan if tone is None else tone)
        through, light = 0.5, self.seen
        for _ in range(3):
            held = ~np.isnan(fixed)
            at = np.where(held, fixed, 0.0)
            offset = np.where(held, (self.seen - at) * (self.guess - at), 0.0)
            weight = np.where(held, (self.guess - at) ** 2, 0.0)
            slope = (self.cross + offset).sum() / max(float((self.guess_power + weight).sum()), 1e-9)
            through = min(max(float(slope), LEAST_THROUGH), MOST_THROUGH)
            light = np.where(held, (1 - through) * at, self.seen - through * self.guess)
            own = light / (1 - through)
            if tone is not None or not ((own < -0.5) | (own > 255.5)).any():
                break
            fixed = np.where(own < -0.5, 0.0, np.where(own > 255.5, 255.0, fixed))
        middle = self.seen - through * self.guess - light
        left = self.seen_power - 2 * through * self.cross + through**2 * self.guess_power + middle**2
        return Level(through, light), float(left.mean())
