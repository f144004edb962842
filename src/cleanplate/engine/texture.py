"""Lending a wide hole the texture of its surroundings.

Far from anything known, blocks that must agree with what is known can only say how bright and how coloured a
place is: a fog. So for a hole that is wide, patches of the surroundings are laid over it that fit each other
and the hole's rim, coarse to fine, after Y. Wexler, E. Shechtman and M. Irani, "Space-time completion of
video" (IEEE PAMI 29, 2007), with the search of C. Barnes and others, "PatchMatch" (ACM Transactions on
Graphics 28, 2009). Of this, only the detail is lent to the fog, and only where both agree on the brightness
and colour of the place: a patch that does not agree has come from somewhere else, and would put a thing into
the picture that never was there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from cleanplate.engine.pyramid import doubled, halved, paint

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDE = 10.0  # pixels from the nearest known one: strokes up to twice as wide are better off without
SOFT = 4.0  # pixels over which the detail fades in, from two off the rim
AGREED = 20.0  # levels of 0..255 by which fog and patches may differ before the detail is mistrusted
NEIGHBOURHOOD = 6.0  # standard deviation of the window in which they are compared, in pixels
DETAIL = 4.0  # standard deviation of the window that parts detail from brightness, in pixels
LIVELY = 2.0  # standard deviations of the surroundings' own detail that the lent one may reach
RADIUS = 3  # patches are 7 × 7
NARROW = 5.0  # pixels of depth at which the coarsest scale is reached
SMALLEST = 40  # pixels a side, below which a scale holds too few patches
FEWEST, MOST = 50, 2048  # patches to choose from at the coarsest scale
ROUNDS_COARSE, ROUNDS = 4, 1
CHROMA_WEIGHT = 0.7
NEARNESS = 10.0  # grey levels a pixel of a patch may be off, to come from a pixel nearer by

_UP, _LEFT = (a.ravel() for a in np.mgrid[-RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1])
_SHAPE = np.exp(-(_UP**2 + _LEFT**2) / (2 * 1.5**2)).astype(np.float32)
_STEPS = ((0, 1), (0, -1), (1, 0), (-1, 0), (0, 2), (2, 0))
_JUMPS = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class _Match:
    """Where the patch of each target comes from: the rows and columns of targets and of their sources."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    from_rows: NDArray[np.intp]
    from_columns: NDArray[np.intp]


def wide_part(unknown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The part of a hole that is more than twice `WIDE` across, up to its rim; (H, W)."""
    deep = _depth(unknown) > WIDE
    if not deep.any():
        return deep
    side = 2 * int(WIDE) + 3
    return unknown & (cv2.dilate(deep.view(np.uint8), np.ones((side, side), np.uint8)) > 0)


def lend_texture(
    values: NDArray[np.float32], unknown: NDArray[np.bool_], hole: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Add detail to the fog in a wide hole.

    Args:
        values: (H, W, C) working values in 0..255, painted everywhere.
        unknown: (H, W), what was painted, and so is no source of patches.
        hole: (H, W), the part of it that is wide and wanted.

    Returns:
        `values` with detail inside `hole`; unchanged where the surroundings hold too few patches.
    """
    laid = _laid(values, unknown, hole)
    if laid is None:
        return values
    inside = hole.astype(np.float32)
    fade = np.clip((_depth(unknown) - 2) / SOFT, 0, 1) * inside
    change = np.asarray((laid - values) * fade[..., None], np.float32)
    around = np.maximum(_blurred(inside, NEIGHBOURHOOD), 1e-3)
    differs = np.mean((_blurred(change, NEIGHBOURHOOD) / around[..., None]) ** 2, axis=2)
    agreed = np.asarray(np.exp(-differs / AGREED**2) * inside, np.float32)
    trust = _blurred(agreed, NEIGHBOURHOOD) / around * inside
    most = LIVELY * _liveliness(values, unknown)
    detail = np.clip(change - _blurred(change, DETAIL), -most, most)
    return np.asarray(values + trust[..., None] * detail, np.float32)


def _liveliness(values: NDArray[np.float32], unknown: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Standard deviation of the detail round each place, (H, W, C), carried on into what is unknown.

    A smooth sky has no detail to lend: what the edges of the patches laid over it make would be seen at once.
    """
    energy = np.asarray((values - _blurred(values, DETAIL)) ** 2, np.float32)
    known = ~_grown(unknown, RADIUS)
    return np.sqrt(np.maximum(paint(energy, known.astype(np.float32), ()), 0))


def _laid(
    values: NDArray[np.float32], unknown: NDArray[np.bool_], hole: NDArray[np.bool_]
) -> NDArray[np.float32] | None:
    """`values` with patches laid over `hole`; None where there are too few to choose from."""
    scales = [(values, unknown, hole)]
    while _depth(scales[-1][1]).max() > NARROW and min(scales[-1][1].shape) >= 2 * SMALLEST:
        finer = scales[-1]
        small, _ = halved(finer[0], np.ones(finer[1].shape, np.float32))
        scales.append((small, _any_of_four(finer[1]), _any_of_four(finer[2])))
    found = _first_guess(*scales[-1])
    if found is None:
        return None
    guess, match = found
    rng = np.random.default_rng(0)  # the same picture must give the same answer
    for place in range(len(scales) - 2, -1, -1):
        fog, unknown_here, hole_here = scales[place]
        start = fog.copy()
        start[hole_here] = doubled(guess, hole_here.shape)[hole_here]
        sources = _sources(unknown_here)
        match = _enlarged(match, hole_here, RADIUS if place else 1)
        if place:
            guess, match = _searched(start, hole_here, unknown_here, sources, match, rng)
        else:  # at full scale the patches of the scale below are just laid, small, so that detail stays crisp
            reliable = sources[_within(match.from_rows, match.from_columns, sources.shape)]
            guess = _voted(start, hole_here, match, np.where(reliable, 0.0, 3.0).astype(np.float32), 1)
    return guess


def _first_guess(
    values: NDArray[np.float32], unknown: NDArray[np.bool_], hole: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], _Match] | None:
    """Lay patches at the coarsest scale, each the best of all that there are."""
    from_rows, from_columns = np.nonzero(_sources(unknown))
    if from_rows.size < FEWEST:
        return None
    thin = -(-from_rows.size // MOST)
    from_rows, from_columns = from_rows[::thin], from_columns[::thin]
    rows, columns = np.nonzero(_grown(hole, RADIUS))
    choices = _described(values, from_rows, from_columns)
    importance = _importance(unknown, rows, columns)
    sources = _sources(unknown)
    match = _Match(rows, columns, from_rows[:1], from_columns[:1])
    for _ in range(ROUNDS_COARSE):
        best = _nearest(_described(values, rows, columns), choices)
        match = _Match(rows, columns, from_rows[best], from_columns[best])
        wanted = _patches(values, rows, columns)
        cost = _cost(values, sources, match.from_rows, match.from_columns, wanted, importance)
        values = _voted(values, hole, match, _scaled(cost), RADIUS)
    return values, match


def _searched(
    values: NDArray[np.float32],
    hole: NDArray[np.bool_],
    unknown: NDArray[np.bool_],
    sources: NDArray[np.bool_],
    match: _Match,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], _Match]:
    """Improve a match by what neighbours have found and by small jumps, and lay its patches."""
    rows, columns = match.rows, match.columns
    importance = _importance(unknown, rows, columns)
    here = match.from_rows, match.from_columns
    height, width = hole.shape
    number = np.full(hole.shape, -1, np.intp)
    number[rows, columns] = np.arange(rows.size)
    for _ in range(ROUNDS):
        wanted = _patches(values, rows, columns)
        best = _cost(values, sources, *here, wanted, importance)
        for move in (*_STEPS, *_JUMPS):
            if isinstance(move, int):
                there = tuple(place + rng.integers(-move, move + 1, place.size) for place in here)
            else:
                beside = number[
                    np.clip(rows + move[0], 0, height - 1), np.clip(columns + move[1], 0, width - 1)
                ]
                there = (
                    np.where(beside >= 0, here[0][beside] - move[0], here[0]),
                    np.where(beside >= 0, here[1][beside] - move[1], here[1]),
                )
            cost = _cost(values, sources, there[0], there[1], wanted, importance)
            better = cost < best
            here = np.where(better, there[0], here[0]), np.where(better, there[1], here[1])
            best = np.where(better, cost, best)
        match = _Match(rows, columns, *here)
        values = _voted(values, hole, match, 2 * _scaled(best), RADIUS)
    return values, match


def _voted(
    values: NDArray[np.float32],
    hole: NDArray[np.bool_],
    match: _Match,
    doubt: NDArray[np.float32],
    radius: int,
) -> NDArray[np.float32]:
    """Each pixel of the hole becomes the mean of what the patches over it say, weighted by exp(-doubt)."""
    height, width = hole.shape
    number = np.full(hole.shape, -1, np.intp)
    number[match.rows, match.columns] = np.arange(match.rows.size)
    weights = np.exp(-doubt)
    rows, columns = np.nonzero(hole)
    total = np.zeros((rows.size, values.shape[2]), np.float32)
    weight = np.zeros(rows.size, np.float32)
    for up, left, shape in zip(_UP, _LEFT, _SHAPE, strict=True):
        if max(abs(up), abs(left)) > radius:
            continue
        patch = number[np.clip(rows - up, 0, height - 1), np.clip(columns - left, 0, width - 1)]
        counted = np.where(patch >= 0, weights[patch] * shape, np.float32(0))
        source = _within(match.from_rows[patch] + up, match.from_columns[patch] + left, hole.shape)
        total += values[source] * counted[:, None]
        weight += counted
    voted = values.copy()
    said = weight > 0
    voted[rows[said], columns[said]] = total[said] / weight[said, None]
    return voted


def _cost(
    values: NDArray[np.float32],
    sources: NDArray[np.bool_],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    wanted: NDArray[np.float32],
    importance: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Mean squared difference between the patches at (rows, columns) and `wanted`; infinite for no source."""
    safe = _within(rows, columns, sources.shape)
    usable = (safe[0] == rows) & (safe[1] == columns) & sources[safe]
    centre = np.where(usable, safe[0], RADIUS), np.where(usable, safe[1], RADIUS)
    difference = values[centre[0][:, None] + _UP, centre[1][:, None] + _LEFT] - wanted
    squares = np.einsum("npc,npc,c->np", difference, difference, _channels(values.shape[2]))
    cost = np.einsum("np,np->n", squares, importance)
    return np.where(usable, cost, np.float32(np.inf))


def _scaled(cost: NDArray[np.float32]) -> NDArray[np.float32]:
    """Costs in units of their upper quartile; an infinite one is three units."""
    finite = cost[np.isfinite(cost)]
    unit = float(np.percentile(finite, 75)) if finite.size else 1.0
    return np.minimum(cost / np.float32(unit + 1e-3), np.float32(3))


def _importance(
    unknown: NDArray[np.bool_], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Weights of a patch's pixels, (n, 49), summing to one: what is known, or near to it, counts most."""
    certain = np.asarray(np.exp(-_depth(unknown) / 4) + 0.05, np.float32)[..., None]
    weights = _patches(certain, rows, columns)[..., 0]
    return weights / weights.sum(axis=1, keepdims=True)


def _described(
    values: NDArray[np.float32], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Patches as vectors whose distance is their difference, and how far apart they lie."""
    patches = _patches(values, rows, columns) * np.sqrt(_channels(values.shape[2]))
    place = np.stack([rows, columns], axis=1).astype(np.float32) * np.float32(NEARNESS)
    return np.concatenate([patches.reshape(rows.size, -1), place], axis=1).astype(np.float32)


def _nearest(vectors: NDArray[np.float32], choices: NDArray[np.float32]) -> NDArray[np.intp]:
    """Which of `choices` is nearest to each of `vectors`.

    Least |v - c|² is least |c|² / 2 - v·c. The products are kept small for the reason that `spectral` gives.
    """
    count, length = choices.shape
    wide = -(-count // 64)
    columns = np.zeros((wide * 64, length), np.float32)
    columns[:count] = choices
    offsets = np.full(wide * 64, np.inf, np.float32)
    offsets[:count] = 0.5 * np.einsum("nd,nd->n", choices, choices)
    columns = np.ascontiguousarray(columns.reshape(wide, 64, length).transpose(0, 2, 1))
    nearest = np.empty(len(vectors), np.intp)
    for start in range(0, len(vectors), 16):
        products = vectors[start : start + 16] @ columns
        nearest[start : start + 16] = np.argmin(
            offsets - products.transpose(1, 0, 2).reshape(-1, wide * 64), axis=1
        )
    return nearest


def _patches(
    values: NDArray[np.float32], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> NDArray[np.float32]:
    """(n, 49, C), mirrored at the border."""
    edge = (RADIUS, RADIUS)
    padded = np.pad(values, (edge, edge, (0, 0)), mode="symmetric")
    return padded[rows[:, None] + _UP + RADIUS, columns[:, None] + _LEFT + RADIUS]


def _enlarged(match: _Match, hole: NDArray[np.bool_], radius: int) -> _Match:
    """The same displacements at twice the scale, for the patches that touch the finer hole."""
    height, width = hole.shape
    down = np.zeros(((height + 1) // 2, (width + 1) // 2), np.intp)
    right = np.zeros_like(down)
    down[match.rows, match.columns] = match.from_rows - match.rows
    right[match.rows, match.columns] = match.from_columns - match.columns
    rows, columns = np.nonzero(_grown(hole, radius))
    from_rows = rows + 2 * down[rows // 2, columns // 2]
    from_columns = columns + 2 * right[rows // 2, columns // 2]
    return _Match(rows, columns, *_within(from_rows, from_columns, hole.shape))


def _within(
    rows: NDArray[np.intp], columns: NDArray[np.intp], shape: tuple[int, int]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Places moved to where a whole patch fits round them."""
    return np.clip(rows, RADIUS, shape[0] - 1 - RADIUS), np.clip(columns, RADIUS, shape[1] - 1 - RADIUS)


def _sources(unknown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The middles of patches that are known in every pixel."""
    sources = ~_grown(unknown, RADIUS)
    sources[:RADIUS] = sources[-RADIUS:] = False
    sources[:, :RADIUS] = sources[:, -RADIUS:] = False
    return sources


def _grown(area: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    return cv2.dilate(area.view(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)) > 0


def _depth(area: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance of each pixel of an area to the nearest one outside of it."""
    return np.asarray(cv2.distanceTransform(area.view(np.uint8), cv2.DIST_L2, 3), np.float32)


def _any_of_four(area: NDArray[np.bool_]) -> NDArray[np.bool_]:
    height, width = area.shape
    even = np.pad(area, ((0, height % 2), (0, width % 2)))
    return even[::2, ::2] | even[1::2, ::2] | even[::2, 1::2] | even[1::2, 1::2]


def _blurred(values: NDArray[np.float32], deviation: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), deviation), np.float32).reshape(values.shape)


def _channels(count: int) -> NDArray[np.float32]:
    return np.array([1.0] + [CHROMA_WEIGHT] * (count - 1), np.float32)
