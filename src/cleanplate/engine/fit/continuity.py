"""Which level whole pieces of a mark are of: the one under which the photo goes on across their borders.

What a painting says deep inside a wide mark is a guess, and by it wood under a white logo is taken for
plaster under an orange one. Across the border between two levels, though, the photo mostly goes on: what is
left with each taken off is alike on both sides. Where it is not, the border is one of the photo's own, and
tells nothing for either. So each piece is taken for the level by which most of its border is explained.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from cleanplate.engine.fit.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cleanplate.engine.fit.evidence import Level
    from cleanplate.engine.fit.shape import Setting

REACH = 3  # pixels from one side of a border to the other: edges are soft
CLOSE = 2  # pixels by which each of a piece's pixels reaches out for others
LEAST = 100  # pixels of a piece that is asked as a whole
FEWEST = 12  # pairs of pixels across its border
ROUNDS = 3
CLUMP = 6.0  # pairs that err together
BESIDE = 10.0  # log-likelihood by which the level of what is beside a piece is likelier than others
SHARE = 0.2  # of its border: what that takes
SURPRISE = 0.3  # how often the photo has a border of its own there
ROUGH = (
    0.6,
    0.9,
)  # levels that the photo changes by across a border: at least, and per level a pixel of busyness
READABLE = 0.15  # of the photo: with less, what is beside a border is not told
SURE = 0.05  # what the share of a level well inside a piece may be off by
FAINTEST = 2.0  # levels: nothing is told more closely than this


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Pixels of pieces, each with one across the piece's border.

    Attributes:
        piece: (N,), numbers of the pieces, from 1 on.
        beside: (N,), the numbers of what is across; 0 outside the mark.
        label: (N,), the level there; -1 outside the mark.
        evidence: N pixels, whose guess is what is left across.
    """

    piece: NDArray[np.intp]
    beside: NDArray[np.intp]
    label: NDArray[np.intp]
    evidence: Evidence


def continued(
    here: Setting, label: NDArray[np.int16], found: Sequence[Level], busy: NDArray[np.float32]
) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """The level of each pixel, with those of pieces changed that are rather of another, and where they were.

    Args:
        here: the mark, with a palette.
        label: (H, W), the likeliest level of each pixel, -1 outside.
        found: the levels.
        busy: (H, W, C), how busy the photo is along each axis of colour.
    """
    answer = label.copy()
    for _ in range(ROUNDS):
        pieces, levels = _pieces(answer, len(found))
        pairs = _across(here, answer, pieces, found, busy)
        changes = _changes(pairs, levels, found)
        if not changes:
            break
        for piece, level in changes.items():
            answer[pieces == piece] = level
    return answer, answer != label


def _pieces(label: NDArray[np.int16], count: int) -> tuple[NDArray[np.int32], NDArray[np.intp]]:
    """Numbers of pieces of one level, (H, W), 0 outside, and the level of each number."""
    pieces, levels = np.zeros(label.shape, np.int32), [-1]
    for level in range(count):
        own = _connected(np.asarray(label == level, np.bool_))
        pieces = np.where(own > 0, own + (len(levels) - 1), pieces)
        levels += [level] * int(own.max())
    return pieces, np.array(levels, np.intp)


def _connected(area: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Numbers of an area's parts, from 1 on, 0 outside; specks that lie close together are one."""
    kernel = np.ones((2 * CLOSE + 1, 2 * CLOSE + 1), np.uint8)
    _, numbers = cv2.connectedComponents(cv2.dilate(area.view(np.uint8), kernel), connectivity=4)
    return np.asarray(numbers, np.int32) * area


def _across(
    here: Setting,
    label: NDArray[np.int16],
    pieces: NDArray[np.int32],
    found: Sequence[Level],
    busy: NDArray[np.float32],
) -> _Pairs:
    """All pairs of pixels `REACH` apart, of a large piece and of something else that can be read."""
    through = np.array([max(one.through, 1e-3) for one in found])
    light = np.stack([one.light for one in found])
    large = np.bincount(pieces.ravel()) >= LEAST
    large[0] = False
    height, width = pieces.shape
    pairs: list[NDArray[np.intp]] = []
    own = np.stack(np.nonzero(large[pieces]))
    for down, right in ((0, REACH), (REACH, 0), (0, -REACH), (-REACH, 0)):
        y, x = own
        there = (y + down >= 0) & (y + down < height) & (x + right >= 0) & (x + right < width)
        y, x = y[there], x[there]
        other = pieces[y, x] != pieces[y + down, x + right]
        pairs.append(np.stack([y, x, y + down, x + right])[:, other])
    y, x, far_y, far_x = np.concatenate(pairs, axis=1)
    which = label[far_y, far_x].astype(np.intp)
    told = (which < 0) | (through[which] > READABLE)
    y, x, far_y, far_x, which = (one[told] for one in (y, x, far_y, far_x, which))
    inside = (which >= 0)[:, None]
    left = here.seen[far_y, far_x].astype(float)
    left = np.where(inside, np.clip((left - light[which]) / through[which, None], 0, 255), left)
    noise = np.where(inside, here.noise / through[which, None], here.noise)
    error = np.hypot(ROUGH[0] + ROUGH[1] * busy[y, x], noise)
    evidence = Evidence.told(
        here.seen[y, x],
        left,
        error,
        np.ones(len(y)),
        np.full(len(y), SURE),
        max(here.noise, FAINTEST),
        here.palette,
        SURPRISE,
    )
    return _Pairs(pieces[y, x].astype(np.intp), pieces[far_y, far_x].astype(np.intp), which, evidence)


def _changes(pairs: _Pairs, levels: NDArray[np.intp], found: Sequence[Level]) -> dict[int, int]:
    """The pieces that are rather of another level, and of which; no two of them beside each other."""
    count = len(levels)
    pair_count = np.bincount(pairs.piece, minlength=count)
    said = np.zeros((count, len(found)))
    for k, level in enumerate(found):
        said[:, k] = np.bincount(pairs.piece, pairs.evidence.likelihood(level), count) / CLUMP
        beside = np.bincount(pairs.piece, pairs.label == k, count) > SHARE * np.maximum(pair_count, 1)
        said[:, k] += BESIDE * beside
    best = said.argmax(axis=1)
    gain = said.max(axis=1) - np.take_along_axis(said, np.maximum(levels, 0)[:, None], axis=1)[:, 0]
    changes: dict[int, int] = {}
    settled: set[int] = set()
    for piece in np.argsort(-gain):
        if gain[piece] <= 0 or pair_count[piece] < FEWEST or piece in settled:
            continue
        changes[int(piece)] = int(best[piece])
        settled.update(pairs.beside[pairs.piece == piece].tolist())
    return changes
