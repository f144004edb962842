"""Completing a wide hole with pieces of the same picture.

Far from anything that is known no interpolation tells what a place looked like: it ends in fog. A piece of
the same picture looks like a picture. For every small square that touches the hole the most alike square of
what is known is looked for, and the hole takes what all of them say; repeated from coarse to fine, so that
the large forms come first and the fine ones follow (Y. Wexler, E. Shechtman, M. Irani, "Space-time
completion of video", IEEE Transactions on Pattern Analysis and Machine Intelligence 29, 2007). The search
is that of C. Barnes et al., "PatchMatch" (ACM Transactions on Graphics 28, 2009): good matches are handed
on to neighbours, and bettered by chance; squares are compared by their principal components.

Where a first guess can be believed, as in a sky, a square's brightness does not matter and follows the
guess's: else the sky would be made of steps (S. Darabi et al., "Image melding", ACM Transactions on Graphics
31, 2012).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

REACH = 3  # pixels from the middle of a square to its sides
SIDE = 2 * REACH + 1
COMPONENTS = 16  # numbers that a square is compared by
TAUGHT_BY = 3000  # squares that the principal components are those of
FEWEST = 50  # squares to copy from; with fewer there is no choice
SMALLEST = 40  # pixels of the shorter side of the coarsest scale
SHALLOW = 3.0  # pixels of a hole's depth at the coarsest scale
PARTLY = 0.25  # share of a coarse pixel that is a hole, when it is one
ALL_PAIRS = 40_000_000  # comparisons up to which every square is compared with every other
AT_ONCE = 1_000_000  # of them: bounds the memory
STEPS = (1, 3, 1)  # pixels between a square and those that it is told matches by
FIRST, LEAST, MORE = 10, 3, 1  # rounds at the coarsest scale, and at finer ones: more where it is cheap
NEARBY = 8  # pixels about a match that later rounds look at
FADES = 1.3  # by which a square counts less for each pixel that it is deeper in the hole
NEXT_TO_NOTHING = 1e-4
USUAL = 75  # percentile of the squares' differences that is a usual one
SEED = 20261122


@dataclass(frozen=True, slots=True)
class Matches:
    """What a hole is completed from.

    Attributes:
        rows, columns: (H, W) intp, the place that each pixel of the hole, or next to it, is to look like; -1
            where there is none.
        weight: (H, W) float32, how much that is to be trusted; 0 where there is none.
        shift: (H, W, C) float32, what has to be added to what is copied.
        values: (H, W, C) float32 in 0..255, the picture as completed with them.
    """

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    weight: NDArray[np.float32]
    shift: NDArray[np.float32]
    values: NDArray[np.float32]


def matched(
    values: NDArray[np.float32],
    hole: NDArray[np.bool_],
    usable: NDArray[np.bool_],
    faith: NDArray[np.float32],
    bound: NDArray[np.float32],
) -> Matches | None:
    """What each place of a hole is to look like; None where there is next to nothing to copy from.

    Args:
        values: (H, W, C) in 0..255, with a first guess in the hole.
        hole: (H, W), what is to be completed.
        usable: (H, W), what may be copied.
        faith: (H, W) in 0..1, how far the guess's brightness is to be believed.
        bound: (H, W) in 0..1, what a copy's difference from the guess in brightness counts, beside its
            difference from what is there by now.
    """
    rng = np.random.default_rng(SEED)
    scales = _scales(values, hole, usable, np.dstack([faith, bound]))
    matches: Matches | None = None
    for number, (guess, holes, source, faithful) in reversed(list(enumerate(scales))):
        size, start = holes.shape, guess
        if matches is not None:
            larger = cv2.resize(matches.values, size[::-1], interpolation=cv2.INTER_CUBIC).reshape(*size, -1)
            start = np.where(holes[..., None], np.clip(larger, 0, 255), guess).astype(np.float32)
        scale = _Scale(start, guess, holes, source, faithful, rng)
        if scale.sources.shape[0] < FEWEST:
            continue
        scale.begin(None if matches is None else _doubled(matches, size))
        rounds = FIRST if matches is None else LEAST + MORE * number
        if matches is not None:
            scale.compare()
            scale.vote()  # sharper than what was enlarged
        for turn in range(rounds):
            if not scale.search(far=turn == 0):
                break
            scale.vote()
        matches = scale.matches()
    return matches if matches is not None and matches.rows.shape == hole.shape else None


def _scales(
    values: NDArray[np.float32],
    hole: NDArray[np.bool_],
    usable: NDArray[np.bool_],
    trusts: NDArray[np.float32],
) -> list[tuple[NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float32]]]:
    """What `matched` is given, from fine to coarse, each half the one before."""
    depth = float(cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, 3).max())
    scales = [(values, hole, usable, trusts)]
    while depth > SHALLOW and min(scales[-1][1].shape) >= SMALLEST:
        finer, holes, source, trust = scales[-1]
        size = (holes.shape[1] + 1) // 2, (holes.shape[0] + 1) // 2
        small = cv2.resize(finer, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)
        share = cv2.resize(holes.astype(np.float32), size, interpolation=cv2.INTER_AREA)
        lost = cv2.resize((~source).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        some = np.asarray(share > PARTLY, np.bool_)
        less = np.asarray(cv2.resize(trust, size, interpolation=cv2.INTER_AREA), np.float32)
        scales.append((np.asarray(small, np.float32), some, np.asarray(lost <= PARTLY) & ~some, less))
        depth /= 2
    return scales


def _doubled(matches: Matches, size: tuple[int, int]) -> Matches:
    """Matches at twice the scale, cut to (H, W)."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    coarse = (
        np.minimum(rows // 2, matches.rows.shape[0] - 1),
        np.minimum(columns // 2, matches.rows.shape[1] - 1),
    )
    there = matches.rows[coarse] >= 0
    return Matches(
        np.where(there, 2 * matches.rows[coarse] + rows % 2, -1),
        np.where(there, 2 * matches.columns[coarse] + columns % 2, -1),
        matches.weight[coarse],
        matches.shift,
        matches.values,
    )


class _Scale:
    """A picture that is being completed at one scale."""

    def __init__(
        self,
        values: NDArray[np.float32],
        guess: NDArray[np.float32],
        hole: NDArray[np.bool_],
        usable: NDArray[np.bool_],
        trusts: NDArray[np.float32],
        rng: np.random.Generator,
    ) -> None:
        self.values, self.hole, self.rng = values, hole, rng
        self.channels = values.shape[2]
        self.height, self.width = hole.shape
        square = np.ones((SIDE, SIDE), np.uint8)
        inner = np.zeros(hole.shape, bool)
        inner[REACH : self.height - REACH, REACH : self.width - REACH] = True
        whole = cv2.erode((usable & ~hole).view(np.uint8), square) > 0
        self.from_rows, self.from_columns = np.nonzero(inner & whole)
        self.rows, self.columns = np.nonzero(inner & (cv2.dilate(hole.view(np.uint8), square) > 0))
        self.number = _numbered(hole.shape, self.from_rows, self.from_columns)
        self.mine = _numbered(hole.shape, self.rows, self.columns)
        depth = cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, 3)[self.rows, self.columns]
        self.faith = np.maximum(FADES**-depth, NEXT_TO_NOTHING).astype(np.float32)
        self.trust = trusts[self.rows, self.columns, :1]
        self.bound = np.sqrt(trusts[self.rows, self.columns, 1:]) * np.float32(SIDE)
        self.dear = np.asarray(
            (1 - self.trust) * SIDE, np.float32
        )  # what a level's difference of means costs
        self.guessed = _means(guess)[self.rows, self.columns]
        self.sources = np.zeros((self.from_rows.size, 0), np.float32)
        if self.from_rows.size >= FEWEST:
            self._learn()

    def _learn(self) -> None:
        """The principal components of what is known, and the numbers of each of its squares."""
        some = self.rng.permutation(self.from_rows.size)[:TAUGHT_BY]
        squares = self._squares(self.from_rows[some], self.from_columns[some])
        mean: NDArray[np.float32] = np.tile(np.eye(self.channels, dtype=np.float32), (SIDE * SIDE, 1))
        apart = squares - squares @ mean @ mean.T / (SIDE * SIDE)
        _, vectors = np.linalg.eigh(apart.T @ apart)
        axes = np.ascontiguousarray(vectors[:, ::-1][:, :COMPONENTS], np.float32)
        self.told = np.hstack([axes, mean / np.float32(SIDE * SIDE)])  # no axis sees a square's mean
        place = self.from_rows, self.from_columns
        told = np.empty((self.from_rows.size, axes.shape[1]), np.float32)
        channels = [np.ascontiguousarray(self.values[..., one]) for one in range(self.channels)]
        for number in range(axes.shape[1]):
            kernels: NDArray[np.float32] = axes.reshape(SIDE, SIDE, self.channels, -1)[..., number]
            plane = sum(
                np.asarray(cv2.filter2D(channel, cv2.CV_32F, np.ascontiguousarray(kernels[..., one])))
                for one, channel in enumerate(channels)
            )
            told[:, number] = np.asarray(plane)[place]
        self.sources, self.means = told, _means(self.values)[place]

    def _squares(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float32]:
        """(N, SIDE * SIDE * C), the values of the squares about N places."""
        flat = self.values.reshape(-1, self.channels)
        span = np.arange(-REACH, REACH + 1)
        near = (span[:, None] * self.width + span).ravel()
        taken = np.take(flat, (rows * self.width + columns)[:, None] + near, axis=0)
        return np.asarray(taken, np.float32).reshape(rows.size, -1)

    def begin(self, matches: Matches | None) -> None:
        """Take over what a coarser scale has matched; without it, chance."""
        self.match = self.rng.integers(0, self.from_rows.size, self.rows.size)
        if matches is not None:
            told = self._known_as(
                matches.rows[self.rows, self.columns], matches.columns[self.rows, self.columns]
            )
            self.match = np.where(told >= 0, told, self.match)

    def compare(self) -> None:
        """What the hole's squares look like by now, and how far their matches differ."""
        step = 20_000  # squares at once: bounds the memory
        told = np.concatenate(
            [
                self._squares(self.rows[at : at + step], self.columns[at : at + step]) @ self.told
                for at in range(0, self.rows.size, step)
            ]
        )
        self.wanted, self.wanted_means = told[:, : -self.channels], told[:, -self.channels :]
        self.unlike = self._apart(slice(None), self.match)

    def _apart(self, mine: NDArray[np.intp] | slice, other: NDArray[np.intp]) -> NDArray[np.float32]:
        """Square of what squares of the hole and of the picture differ by, (N,)."""
        off = np.asarray(self.dear[mine] * (self.means[other] - self.wanted_means[mine]), np.float32)
        astray = np.asarray(self.bound[mine] * (self.means[other] - self.guessed[mine]), np.float32)
        detail = np.asarray(self.sources[other] - self.wanted[mine], np.float32)
        return _square(detail) + _square(off) + _square(astray)

    def search(self, far: bool) -> bool:
        """Better the matches, all over the picture or near by what they are; whether any is another now."""
        before = self.match.copy()
        self.compare()
        if self.wanted.shape[0] * self.sources.shape[0] <= ALL_PAIRS:
            self._compare_all()
        else:
            self._pass_on(far)
        return not np.array_equal(before, self.match)

    def _pass_on(self, far: bool) -> None:
        """Try what neighbours have matched, moved along, and places about what was matched."""
        for step in STEPS:
            for down, right in ((0, -step), (-step, 0), (0, step), (step, 0)):
                rows = np.clip(self.rows + down, 0, self.height - 1)
                beside = self.mine[rows, np.clip(self.columns + right, 0, self.width - 1)]
                match = self.match[np.maximum(beside, 0)]
                told = self._known_as(self.from_rows[match] - down, self.from_columns[match] - right)
                self._offer(np.where(beside >= 0, told, -1))
        radius = max(self.height, self.width) // 2 if far else NEARBY
        while radius:
            down, right = self.rng.integers(-radius, radius + 1, (2, self.rows.size))
            self._offer(
                self._known_as(self.from_rows[self.match] + down, self.from_columns[self.match] + right)
            )
            radius //= 3

    def _compare_all(self) -> None:
        """The best of all sources for each square.

        One product tells how far they differ, but for what is the same for all sources.
        """
        dear, bound = self.dear**2, self.bound**2
        asked = np.hstack(
            [
                -2 * self.wanted,
                -2 * (dear * self.wanted_means + bound * self.guessed),
                dear + bound,
                np.ones_like(dear),
            ]
        )
        brightness, power = _square(self.means)[:, None], _square(self.sources)[:, None]
        offered = np.ascontiguousarray(np.hstack([self.sources, self.means, brightness, power]).T)
        step = max(1, AT_ONCE // self.sources.shape[0])
        for at in range(0, asked.shape[0], step):
            self.match[at : at + step] = (asked[at : at + step] @ offered).argmin(axis=1)
        self.unlike = self._apart(slice(None), self.match)

    def _known_as(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.intp]:
        """The numbers of the sources at some places, -1 where there is none."""
        inside = (rows >= 0) & (rows < self.height) & (columns >= 0) & (columns < self.width)
        return np.where(inside, self.number[np.where(inside, rows, 0), np.where(inside, columns, 0)], -1)

    def _offer(self, other: NDArray[np.intp]) -> None:
        """Take other sources where they are more alike; -1 is none."""
        at = np.nonzero((other >= 0) & (other != self.match))[0]
        unlike = self._apart(at, other[at])
        better = unlike < self.unlike[at]
        self.match[at[better]], self.unlike[at[better]] = other[at[better]], unlike[better]

    def vote(self) -> None:
        """Give the hole the mean of what all squares over each of its pixels say."""
        weight, shift = self._weight()[:, None], self._shift()
        shift = weight * np.concatenate([shift, np.zeros((shift.shape[0], 1), np.float32)], axis=1)
        size = self.height * self.width
        counted = np.concatenate([self.values.reshape(size, -1), np.ones((size, 1), np.float32)], axis=1)
        total = np.zeros_like(counted)
        to = self.rows * self.width + self.columns
        of = (self.from_rows * self.width + self.from_columns)[self.match]
        for down in range(-REACH, REACH + 1):
            for right in range(-REACH, REACH + 1):
                step = down * self.width + right
                total[to + step] += weight * counted.take(of + step, axis=0) + shift
        put = self.hole.ravel() & (total[:, -1] > 0)
        values = self.values.reshape(size, -1).copy()
        values[put] = total[put, :-1] / total[put, -1:]
        self.values = values.reshape(self.values.shape)

    def _shift(self) -> NDArray[np.float32]:
        """What each square's brightness and colour are changed by, (N, C)."""
        return np.asarray(self.trust * (self.guessed - self.means[self.match]), np.float32)

    def _weight(self) -> NDArray[np.float32]:
        least = float(SIDE * SIDE * self.channels)  # a level a value: all that is more alike is as good
        usual = max(float(np.percentile(self.unlike, USUAL)), least)
        like = np.maximum(np.exp(-self.unlike / (2 * usual)), NEXT_TO_NOTHING)
        return np.asarray(like * self.faith, np.float32)

    def matches(self) -> Matches:
        """What was found at this scale."""
        answer = Matches(
            np.full(self.hole.shape, -1, np.intp),
            np.full(self.hole.shape, -1, np.intp),
            np.zeros(self.hole.shape, np.float32),
            np.zeros_like(self.values),
            self.values,
        )
        at = self.rows, self.columns
        answer.rows[at], answer.columns[at] = self.from_rows[self.match], self.from_columns[self.match]
        answer.weight[at], answer.shift[at] = self._weight(), self._shift()
        return answer


def _means(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W, C), those of the square about each place."""
    return np.asarray(cv2.blur(values, (SIDE, SIDE)), np.float32).reshape(values.shape)


def _numbered(shape: tuple[int, ...], rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.intp]:
    """(H, W): the number of each place of a list, -1 elsewhere."""
    number = np.full(shape, -1, np.intp)
    number[rows, columns] = np.arange(rows.size)
    return number


def _square(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.einsum("ij,ij->i", values, values), np.float32)
