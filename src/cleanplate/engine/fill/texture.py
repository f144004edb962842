"""Lending a wide hole the texture of its surroundings.

Far from anything known, blocks that must agree with what is known can only say how bright and how coloured a
place is: a fog. So each place of a wide hole is lent the fine detail of another place, which is as bright, as
coloured and as lively as this one is thought to be. Neighbours are lent from the same distance and direction
wherever that is good enough, so that whole pieces of texture come across undisturbed (after K. He and J. Sun,
"Statistics of patch offsets for image completion", ECCV 2012; what they fill with whole pixels is here only
the detail, so that seams between pieces do not show). Where no place agrees, nothing is lent: it would put a
thing into the picture that never was there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np

from cleanplate.engine.pyramid import paint

if TYPE_CHECKING:
    from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)

WIDE = 10.0  # pixels from the nearest known one: strokes up to twice as wide are better off without
SOFT = 4.0  # pixels over which the detail fades in, from two off the rim
AGREED = 25.0  # levels of 0..255 by which two places may differ before their likeness is mistrusted
DETAIL = 4.0  # standard deviation of the window that parts detail from brightness, in pixels
LIVELY = 1.5  # standard deviations of the surroundings' own detail that the lent one may reach
COARSE = 4  # pixels a side of the cells in which places are compared
STEP = 2  # cells between two displacements
FAR = 32  # cells of the longest displacement, either way
PIECE = 9  # cells a side of the squares that are lent as one
AGAIN = (
    150.0  # squared levels that a place which was lent from before is less alike: copies side by side show
)
BREADTH = 0.15  # levels that a place may be less alike for each pixel that it is nearer
ENERGY = 2.0  # weight of a difference in liveliness over one in brightness
CHROMA_WEIGHT = 0.7
SEAM = 1.5  # standard deviation over which pieces blend, in pixels
NEVER = 1e6
WHOLE = 0.99  # share of a cell that is known, when it may lend
RIM = 3  # pixels round what was painted whose detail is not their own


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
        unknown: (H, W), what was painted, and so has no detail to lend.
        hole: (H, W), the part of it that is wide and wanted.

    Returns:
        `values` with detail inside `hole`; unchanged where no place of the surroundings is like it.
    """
    detail = np.asarray(values - _blurred(values, DETAIL), np.float32)
    lively = _liveliness(detail, unknown)
    chosen, unlike = _chosen(values, lively, unknown, hole)
    lent = _lent(detail, chosen, hole)
    trust = np.exp(-np.minimum(unlike, NEVER) / AGREED**2) * hole
    fade = np.clip((_depth(unknown) - 2) / SOFT, 0, 1) * _blurred(trust.astype(np.float32), SOFT) * hole
    most = LIVELY * lively
    return np.asarray(values + fade[..., None] * np.clip(lent, -most, most), np.float32)


def _liveliness(detail: NDArray[np.float32], unknown: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Standard deviation of the detail round each place, (H, W, C), carried on into what is unknown.

    A smooth sky has no detail to lend: the edges of what is lent would be seen at once.
    """
    known = ~_grown(unknown, RIM)
    return np.sqrt(np.maximum(paint(np.square(detail), known.astype(np.float32), ()), 0))


def _chosen(
    values: NDArray[np.float32],
    lively: NDArray[np.float32],
    unknown: NDArray[np.bool_],
    hole: NDArray[np.bool_],
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """By which of `_displacements` each pixel is lent, (H, W), and how unlike it is, in squared levels."""
    height, width = hole.shape
    rows, columns = -(-height // COARSE), -(-width // COARSE)
    looks = values * _channels(values.shape[2]), ENERGY * lively
    small = np.concatenate([_cells(look, rows, columns) for look in looks], axis=2)
    usable = _cells((~_grown(unknown, RIM)).astype(np.float32), rows, columns)[..., 0] > WHOLE
    wanted = _cells(hole.astype(np.float32), rows, columns)[..., 0] > 0
    chosen, unlike = np.zeros((rows, columns), np.intp), np.full((rows, columns), NEVER, np.float32)
    used = np.zeros((rows, columns), np.float32)
    for top in range(0, rows, PIECE):
        for left in range(0, columns, PIECE):
            piece = np.nonzero(wanted[top : top + PIECE, left : left + PIECE])
            if piece[0].size:
                mine = piece[0] + top, piece[1] + left
                chosen[mine], unlike[mine] = _source(small, usable, used, mine)
    return _pixels(chosen)[:height, :width], _pixels(unlike)[:height, :width]


def _source(
    small: NDArray[np.float32],
    usable: NDArray[np.bool_],
    used: NDArray[np.float32],
    mine: tuple[NDArray[np.intp], NDArray[np.intp]],
) -> tuple[int, NDArray[np.float32]]:
    """By which displacement a piece is lent, and how unlike each cell is; `used` counts its sources."""
    places = _displacements()
    rows, columns = mine[0] + places[:, :1], mine[1] + places[:, 1:]
    inside = (rows >= 0) & (rows < usable.shape[0]) & (columns >= 0) & (columns < usable.shape[1])
    there = np.where(inside, rows, 0), np.where(inside, columns, 0)
    apart = ((small[mine] - small[there]) ** 2).sum(axis=2)
    apart = np.where(inside & usable[there], apart, NEVER).astype(np.float32)
    far = (COARSE * BREADTH * np.hypot(places[:, 0], places[:, 1])) ** 2
    best = int(np.argmin((apart + AGAIN * used[there]).mean(axis=1) + far))
    used[there[0][best], there[1][best]] += inside[best]
    return best, apart[best]


def _lent(
    detail: NDArray[np.float32], chosen: NDArray[np.intp], hole: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """(H, W, C) the detail of each place's source; where pieces meet they blend, and stay as lively."""
    total = np.zeros_like(detail)
    power = np.zeros(hole.shape, np.float32)
    places = _displacements()
    for number in np.unique(chosen[hole]).tolist():
        weight = _blurred(((chosen == number) & hole).astype(np.float32), SEAM)
        down, right = (int(step) * COARSE for step in places[number])
        total += weight[..., None] * _shifted(detail, down, right)
        power += weight**2
    return np.asarray(total / np.sqrt(np.maximum(power, 1e-3))[..., None], np.float32)


def _displacements() -> NDArray[np.intp]:
    """(N, 2), rows and columns in cells, in a fixed order."""
    span = np.arange(-FAR, FAR + 1, STEP)
    return np.stack(np.meshgrid(span, span, indexing="ij"), axis=2).reshape(-1, 2).astype(np.intp)


def _shifted(plane: NDArray[np.float32], down: int, right: int) -> NDArray[np.float32]:
    """What lies so far down and right of each place; 0 beyond the border."""
    shifted = np.zeros_like(plane)
    height, width = plane.shape[:2]
    if abs(down) < height and abs(right) < width:
        to = slice(max(0, -down), height - max(0, down)), slice(max(0, -right), width - max(0, right))
        of = slice(max(0, down), height + min(0, down)), slice(max(0, right), width + min(0, right))
        shifted[to] = plane[of]
    return shifted


def _cells(plane: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
    """(rows, columns, C), the means of cells."""
    shrunk = cv2.resize(plane, (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.float32).reshape(rows, columns, -1)


def _pixels(cells: NDArray[Scalar]) -> NDArray[Scalar]:
    return np.repeat(np.repeat(cells, COARSE, axis=0), COARSE, axis=1)


def _grown(area: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    return cv2.dilate(area.view(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)) > 0


def _depth(area: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Distance of each pixel of an area to the nearest one outside of it."""
    return np.asarray(cv2.distanceTransform(area.view(np.uint8), cv2.DIST_L2, 3), np.float32)


def _blurred(values: NDArray[np.float32], deviation: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), deviation), np.float32).reshape(values.shape)


def _channels(count: int) -> NDArray[np.float32]:
    return np.array([1.0] + [CHROMA_WEIGHT] * (count - 1), np.float32)
