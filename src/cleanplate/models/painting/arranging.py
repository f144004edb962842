"""Holes of any size for a network that sees only so much at a time.

A picture that the network can see as a whole is painted at once. Of a larger one, each hole is painted in a
square of its own at full resolution, with what is round it; holes near each other share one. What is too
deep in a wide hole for such a square to be judged is first painted in the picture at half its size (and that
again by halves, if need be), and then taken as known: the network paints the rim at full resolution, between
what is there and what was painted small. Of the rim, too, what another square will paint is taken as it was
painted small, so that each square knows what the next will have to agree with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from cleanplate.models.painting.networks import Network

Box = tuple[int, int, int, int]  # x, y, width, height in pixels

CONTEXT = 8  # a square's core leaves one part in so many of its side for surroundings, on each side
NEAR = 16  # pixels: holes nearer than this to each other are one
SURROUNDINGS = 4  # times the reach: how far round a wide hole the picture is looked at smaller


def paint(network: Network, values: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Paint a hole of any size in a picture of any size.

    Args:
        network: what paints.
        values: (H, W, 3) in 0..1; what is in the hole does not matter.
        hole: (H, W), what to paint.

    Returns:
        (H, W, 3) in 0..1; outside the hole the very values that were given.
    """
    answer = values.copy()
    if not hole.any():
        return answer
    answer[hole] = 0
    if max(hole.shape) <= network.side:
        answer[hole] = _painted(network, answer, hole)[hole]
        return answer
    todo, guessed = hole.copy(), np.zeros_like(hole)
    context = network.side // CONTEXT
    core = network.side - 2 * context
    for box in _wide(todo, core // 2):
        _guess(network, answer, todo, guessed, box, core // 2)
    for piece in _pieces(todo, core):
        mine = todo[_index(piece)].copy()
        if not mine.any():  # it was in another piece as well
            continue
        square = _around(piece, network.side, todo.shape)
        unknown = todo[_index(square)] & ~guessed[_index(square)]
        near = _index(_within(_grown(piece, context // 2, todo.shape), square))
        unknown[near] = todo[_index(square)][near]
        painted = _painted(network, answer[_index(square)], unknown)
        x, y = piece[0] - square[0], piece[1] - square[1]
        answer[_index(piece)][mine] = painted[y : y + piece[3], x : x + piece[2]][mine]
        todo[_index(piece)] = False
    return answer


def _painted(network: Network, values: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    return np.clip(network(_levelled(values, hole), hole), 0, 1)


def _levelled(values: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The picture with the hole filled with means of what is round it, from near to far."""
    if not hole.any() or hole.all():
        return values
    known = (~hole).astype(np.float32)
    levels = [(values * known[..., None], known)]
    while min(levels[-1][1].shape) > 1 and not (levels[-1][1] > 0).all():
        size = tuple(-(-length // 2) for length in levels[-1][1].shape[::-1])
        levels.append((_resized(levels[-1][0], size), _resized(levels[-1][1], size)))
    total, weight = levels.pop()
    far = total / np.maximum(weight, np.float32(1e-6))[..., None]
    if not (weight > 0).all():  # one row or column, parts of it hidden
        far[weight <= 0] = values[~hole].mean(axis=0)
    for total, weight in reversed(levels):
        wider = _resized(far, weight.shape[::-1], cv2.INTER_LINEAR)
        share = np.minimum(weight, 1)[..., None]
        far = total + wider * (1 - share)
    return np.where(hole[..., None], far, values)


def _resized(
    values: NDArray[np.float32], size: tuple[int, ...], way: int = cv2.INTER_AREA
) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(values, size, interpolation=way), np.float32)


def _wide(hole: NDArray[np.bool_], reach: int) -> list[Box]:
    """Boxes round the parts of a hole that are deeper than the reach, each with all of its own hole."""
    depth = _depth(hole)
    if depth.max() <= reach:
        return []
    count, labels, stats, _ = cv2.connectedComponentsWithStats(hole.view(np.uint8), connectivity=8)
    deep = np.zeros(count, bool)
    deep[np.unique(labels[depth > reach]).astype(np.intp)] = True
    return [_box(stats[label]) for label in range(1, count) if deep[label]]


def _depth(hole: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How far each pixel of a hole is from what is known; a picture's border is as far as can be."""
    if hole.all():
        return np.full(hole.shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform(hole.view(np.uint8), cv2.DIST_L2, 5), np.float32)


def _guess(
    network: Network,
    values: NDArray[np.float32],
    todo: NDArray[np.bool_],
    guessed: NDArray[np.bool_],
    box: Box,
    reach: int,
) -> None:
    """Paint a wide hole in a smaller picture, in place; what is deep inside it is then no longer to do."""
    wider = _index(_grown(box, SURROUNDINGS * reach, todo.shape))
    crop, hole = values[wider], todo[wider]
    deep = _depth(hole) > reach
    size = tuple(-(-length // 2) for length in hole.shape[::-1])
    known = _resized((~hole).astype(np.float32), size)
    small = _resized(np.where(hole[..., None], np.float32(0), crop), size)
    hidden = known < 0.5  # of a half known pixel, the known half is taken
    small /= np.maximum(known, np.float32(0.5))[..., None]
    guess = _resized(paint(network, small, hidden), hole.shape[::-1], cv2.INTER_CUBIC)
    crop[hole] = np.clip(guess, 0, 1)[hole]
    guessed[wider] |= hole
    hole[deep] = False


def _pieces(hole: NDArray[np.bool_], most: int) -> Iterator[Box]:
    """Boxes of at most `most` pixels a side that together hold all of a hole.

    Small holes share a box with those whose middle lies in the same square; a large one is cut up evenly.
    """
    near = cv2.dilate(hole.view(np.uint8), np.ones((NEAR, NEAR), np.uint8))
    labels = np.asarray(cv2.connectedComponents(near, connectivity=8)[1], np.int32)
    labels[~hole] = 0
    half = max(1, most // 2)
    homes: dict[tuple[int, ...], Box] = {}
    for label, box in _boxes(labels):
        x, y, width, height = box
        small = width <= half and height <= half
        home = ((y + height // 2) // half, (x + width // 2) // half) if small else (-label,)
        homes[home] = _joined(homes[home], box) if home in homes else box
    for x, y, width, height in homes.values():
        for top, bottom in _even(height, most):
            for left, right in _even(width, most):
                yield x + left, y + top, right - left, bottom - top


def _boxes(labels: NDArray[np.int32]) -> Iterator[tuple[int, Box]]:
    """The box of each label but 0, in order."""
    ys, xs = np.nonzero(labels)
    numbers = labels[ys, xs]
    count = int(labels.max()) + 1
    least = np.full((2, count), np.iinfo(np.int64).max)
    most = np.full((2, count), -1)
    for axis, places in enumerate((xs, ys)):
        np.minimum.at(least[axis], numbers, places)
        np.maximum.at(most[axis], numbers, places)
    for label in np.flatnonzero(most[0] >= 0).tolist():
        x, y = int(least[0, label]), int(least[1, label])
        yield label, (x, y, int(most[0, label]) - x + 1, int(most[1, label]) - y + 1)


def _joined(one: Box, other: Box) -> Box:
    x, y = min(one[0], other[0]), min(one[1], other[1])
    right = max(one[0] + one[2], other[0] + other[2])
    bottom = max(one[1] + one[3], other[1] + other[3])
    return x, y, right - x, bottom - y


def _even(length: int, most: int) -> Iterator[tuple[int, int]]:
    parts = -(-length // most)
    for part in range(parts):
        yield part * length // parts, (part + 1) * length // parts


def _around(piece: Box, side: int, shape: tuple[int, ...]) -> Box:
    """A square with the piece in its middle, moved inside the picture; less where the picture is smaller."""
    spans: list[tuple[int, int]] = []
    for start, length, whole in ((piece[0], piece[2], shape[1]), (piece[1], piece[3], shape[0])):
        size = min(side, whole)
        spans.append((min(max(0, start + length // 2 - size // 2), whole - size), size))
    (x, width), (y, height) = spans
    return x, y, width, height


def _grown(box: Box, by: int, shape: tuple[int, ...]) -> Box:
    x0, y0 = max(0, box[0] - by), max(0, box[1] - by)
    x1, y1 = min(shape[1], box[0] + box[2] + by), min(shape[0], box[1] + box[3] + by)
    return x0, y0, x1 - x0, y1 - y0


def _within(box: Box, square: Box) -> Box:
    """The part of a box that is in a square, counted from the square's corner."""
    x0, y0 = max(box[0], square[0]), max(box[1], square[1])
    x1, y1 = min(box[0] + box[2], square[0] + square[2]), min(box[1] + box[3], square[1] + square[3])
    return x0 - square[0], y0 - square[1], x1 - x0, y1 - y0


def _box(stats: NDArray[np.int32]) -> Box:
    x, y, width, height = (int(value) for value in stats[:4])
    return x, y, width, height


def _index(box: Box) -> tuple[slice, slice]:
    x, y, width, height = box
    return slice(y, y + height), slice(x, x + width)
