"""What share of each level the pixels at a mark's edges hold, as the mark teaches it by its own outline.

What is seen tells the shares of one pixel badly where the photo is lively. But an outline is as wide
everywhere, a shadow falls to one side and fades in one way, and an antialiased border lies in its pixels as
the pixels of the mark beside it say: those whose places in the mark are alike hold alike shares. So over all
of a mark the shares are regressed on the places, which gives what each pixel's are expected to be and how far
that is off; and its own are the likeliest under that and what is seen. The two are told in turns: expectation
and maximisation for a linear model with random effects (N. Laird, J. Ware, "Random-effects models for
longitudinal data", Biometrics 1982). Shares bend with places: so besides the places themselves random folds
of them are regressed on (A. Rahimi, B. Recht, "Weighted sums of random kitchen sinks", NIPS 2008).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST = 200  # pixels that can teach something
ROUNDS = 4  # in which expected and likeliest shares are told
LOOKS = 2  # the same for pixels that taught nothing
SAMPLE = 12000  # pixels that teach
CHUNK = 8192  # pixels told at once: bounds the memory
STIFF = 10.0  # pixels: so many must speak for a trait, in units of its spread, before it counts half
FOLDS = 400  # random ones, of all traits together
FOLDED, SHARP = 40.0, 2.0  # the same for them; and how far their slopes spread
LEAST = 0.05  # shares are never expected more exactly than this
UNTAUGHT = 0.2  # what they are expected to be off by where few pixels tell it
FEW = 30
DEPTHS = (1.2, 1.9, 2.6, 4.5)  # pixels from the border: between these the expected is as far off
FREEDOM, DIMENSIONS = 4.0, 3.0  # of Student's t: paintings fail by more than their usual error
BLURS = (0.5, 0.8, 1.2, 2.0, 3.5, 6.0)  # pixels: how wide the outline is looked at
STEEP, BENT = (0.8, 2.0, 3.5), (0.8, 1.2, 2.0)  # of them, those whose slopes and bends are asked
KNOTS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)  # pixels from the border
BESIDE, AROUND = 2, 4  # pixels: as far around a pixel the outline is looked at pixel by pixel, crisp and soft
SEED = 20261123


@dataclass(frozen=True, slots=True)
class Mixed:
    """Pixels that hold several levels, along the axes of colour (`axes`).

    Attributes:
        seen: (N, C) float64.
        guess: (N, C), what the photo is about to be there.
        error: (N, C), its usual error.
        through: (K + 1,), 1 - α of nothing, which is 1, and of each level.
        light: (K + 1, C), α · colour of the same.
        blur: (C,), the part of what levels change that an encoder may have moved.
        noise: what storing the picture may have moved a value by.
    """

    seen: NDArray[np.float64]
    guess: NDArray[np.float64]
    error: NDArray[np.float64]
    through: NDArray[np.float64]
    light: NDArray[np.float64]
    blur: NDArray[np.float64]
    noise: float

    def likeliest(
        self,
        chosen: NDArray[np.intp],
        shares: NDArray[np.float64],
        expected: NDArray[np.float64],
        sure: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The likeliest shares of some pixels, and the covariance of what they are off by.

        Args:
            chosen: (n,), which pixels.
            shares: (n, K), the levels' shares as far as they are told.
            expected: (n, K), what they are expected to be.
            sure: (n, K, K), inverse of the covariance of what that is off by.
        """
        guess = self.guess[chosen]
        left = self.seen[chosen] - guess
        steps = self.light[1:] - (1 - self.through[1:, None]) * guess[:, None]
        through = np.maximum(1 - shares @ (1 - self.through[1:]), 0.05)[:, None]
        power = (through * self.error[chosen]) ** 2
        power += (self.blur * np.abs(steps).max(axis=1)) ** 2 + self.noise**2
        square = ((left - np.einsum("nk,nkc->nc", shares, steps)) ** 2 / power).sum(axis=1)
        weight = ((FREEDOM + DIMENSIONS) / (FREEDOM + square))[:, None] / power
        told = steps * weight[:, None]
        power = np.asarray(told @ steps.swapaxes(1, 2), np.float64) + sure
        off = np.asarray(np.linalg.inv(power), np.float64)
        both = np.einsum("nkc,nc->nk", told, left) + np.einsum("nkj,nj->nk", sure, expected)
        return _possible(np.einsum("nkj,nj->nk", off, both)), off


class Places:
    """Where in a mark its pixels are: traits by which they are like others."""

    def __init__(self, area: NDArray[np.bool_], depth: NDArray[np.float32]) -> None:
        """Of an area, (H, W), whose pixels are so deep inside it, (H, W) float32 in pixels."""
        self.depth = depth
        inside = area.astype(np.float32)
        self.planes: list[NDArray[np.float32]] = []
        for sigma in BLURS:
            soft = np.asarray(cv2.GaussianBlur(inside, (0, 0), sigma), np.float32)
            self.planes.append(soft)
            if sigma in STEEP:
                across = np.asarray(cv2.Sobel(soft, cv2.CV_32F, 1, 0), np.float32)
                down = np.asarray(cv2.Sobel(soft, cv2.CV_32F, 0, 1), np.float32)
                self.planes += [across, down, np.hypot(across, down)]
            if sigma in BENT:
                self.planes.append(np.asarray(cv2.Laplacian(soft, cv2.CV_32F), np.float32))
        self.near, self.close = self.planes[0], self.planes[1]
        self.rooms = np.pad(inside, AROUND), np.pad(self.close, AROUND)

    def traits(self, ys: NDArray[np.intp], xs: NDArray[np.intp]) -> NDArray[np.float32]:
        """Those of some pixels, (n, F)."""
        depth = np.minimum(self.depth[ys, xs], KNOTS[-1])
        knots = [np.maximum(0, 1 - np.abs(depth - knot)) for knot in KNOTS]
        near, close = self.near[ys, xs], self.close[ys, xs]
        answer = [plane[ys, xs] for plane in self.planes]
        answer += knots + [one * near for one in knots[:5]] + [one * close for one in knots[:5]]
        answer += [near * near, close * close, near * close]
        for down, across in np.ndindex(2 * AROUND + 1, 2 * AROUND + 1):
            beside = max(abs(down - AROUND), abs(across - AROUND)) <= BESIDE
            answer.append(self.rooms[0 if beside else 1][ys + down, xs + across])
        return np.stack(answer, axis=1)


def taught(
    mixed: Mixed,
    first: NDArray[np.float64],
    places: Places,
    ys: NDArray[np.intp],
    xs: NDArray[np.intp],
) -> NDArray[np.float64]:
    """The shares of nothing and of each level in every pixel, (N, K + 1), which add up to 1.

    Args:
        mixed: what is known of the N pixels.
        first: (N, K + 1), the shares as each pixel tells them alone.
        places: those of all of the mark.
        ys: (N,), the rows that the pixels are in.
        xs: (N,), their columns.
    """
    count = len(first)
    some = np.random.default_rng(SEED).permutation(count)[:SAMPLE].astype(np.intp)
    rule, shares = _Rule(places.traits(ys[some], xs[some])), first[some, 1:]
    depth = np.digitize(places.depth[ys, xs], DEPTHS)
    off: NDArray[np.float64] | None = None
    for _ in range(ROUNDS):
        rule.learn(shares, off, depth[some])
        shares, off = mixed.likeliest(some, shares, rule.expected, rule.sure[depth[some]])
    answer = first.copy()
    for start in range(0, count, CHUNK):
        chosen = np.arange(start, min(start + CHUNK, count))
        expected = rule.expects(places.traits(ys[chosen], xs[chosen]))
        shares = first[chosen, 1:]
        for _ in range(LOOKS):
            shares, _ = mixed.likeliest(chosen, shares, expected, rule.sure[depth[chosen]])
        answer[chosen, 1:] = shares
    answer[:, 0] = 1 - answer[:, 1:].sum(axis=1)
    return answer


class _Rule:
    """What shares are expected by their pixels' traits, and how far that is off."""

    def __init__(self, traits: NDArray[np.float32]) -> None:
        """One that has learnt nothing yet, for pixels of these traits, (n, F)."""
        self.middle, spread = traits.mean(axis=0), traits.std(axis=0)
        self.spread = np.where(spread > 1e-6, spread, np.inf).astype(np.float32)
        rng, count = np.random.default_rng(SEED), traits.shape[1]
        self.folds = rng.normal(0, SHARP / count**0.5, (count, FOLDS)).astype(np.float32)
        self.start = rng.normal(0, 1, FOLDS).astype(np.float32)
        self.traits = self._folded(traits)
        stiff = np.concatenate([[1e-6], np.full(count, STIFF), np.full(FOLDS, FOLDED)])
        self.power = (self.traits.T @ self.traits).astype(np.float64) + np.diag(stiff)

    def learn(
        self, shares: NDArray[np.float64], off: NDArray[np.float64] | None, depth: NDArray[np.intp]
    ) -> None:
        """From the shares of the pixels it was made for, (n, K), and the covariance of their errors."""
        count = shares.shape[1]
        self.slopes = np.linalg.solve(self.power, self.traits.T @ shares)
        self.expected = _possible(self.traits @ self.slopes)
        left = shares - self.expected
        spreads: NDArray[np.float64] = np.repeat(UNTAUGHT**2 * np.eye(count)[None], len(DEPTHS) + 1, axis=0)
        for k in range(len(spreads)):
            here = depth == k
            if np.count_nonzero(here) > FEW:
                spreads[k] = left[here].T @ left[here] / np.count_nonzero(here)
                if off is not None:
                    spreads[k] += off[here].mean(axis=0)
        self.sure = np.asarray(np.linalg.inv(spreads + LEAST**2 * np.eye(count)), np.float64)

    def expects(self, traits: NDArray[np.float32]) -> NDArray[np.float64]:
        """The expected shares of other pixels, (m, K), by their traits, (m, F)."""
        return _possible(self._folded(traits) @ self.slopes)

    def _folded(self, traits: NDArray[np.float32]) -> NDArray[np.float32]:
        """A one, the traits in units of their spread, and their folds."""
        scaled = (traits - self.middle) / self.spread
        folded = np.maximum(scaled @ self.folds + self.start, 0)
        return np.concatenate([np.ones((len(traits), 1), np.float32), scaled, folded], axis=1)


def _possible(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same, none under 0 and together no more than 1."""
    shares = np.clip(shares, 0.0, 1.0)
    return shares / np.maximum(shares.sum(axis=1, keepdims=True), 1.0)
