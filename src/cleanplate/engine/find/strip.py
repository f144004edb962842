"""Strips: what the network sees as nearly a rectangle along the picture is one, up to its ends.

The network is least sure of a strip where it ends, beside its letterings, and where the picture is as dark or
as bright as the strip. A strip that comes close to the picture's border reaches it, with straight sides. So
the rest of it is proposed, and the fit decides pixel by pixel whether it is there. The same where a user's
region goes on to the border beside what is seen. Pills and badges end well
before the border and are round: nothing is proposed for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONG = 2.5  # times as long as thick, at least
THIN = 8  # pixels of the thinnest
COVERED = 0.5  # share of a line that is seen, from which on the line is part of the strip
FULL = 0.7  # share of the whole strip that is seen, at least
REACH = 0.4  # times its thickness, by which a strip may seem to end before the picture's border
ALL = 0.95  # share of what lies between it and the border that a region holds, to go on
PROPOSED = 0.45  # probability of what is proposed: about as likely as not


def completed(
    area: NDArray[np.bool_],
    box: tuple[int, int, int, int],
    size: tuple[int, int],
    within: NDArray[np.bool_] | None = None,
) -> tuple[int, int, int, int] | None:
    """The strip that an object is, or None where it is none.

    Args:
        area: (height, width), the object's pixels.
        box: (x, y, width, height) of the object in what was looked at.
        size: (height, width) of what was looked at.
        within: (height, width) of the same, the user's region; None is nowhere in particular.

    Returns:
        (x, y, width, height) of the whole strip.
    """
    x, y, width, height = box
    if height > width:
        region = None if within is None else within.T
        turned = completed(area.T, (y, x, height, width), (size[1], size[0]), region)
        return None if turned is None else (turned[1], turned[0], turned[3], turned[2])
    top, bottom = _longest(area.mean(1) >= COVERED)
    thick = bottom - top
    if thick < THIN or width < LONG * thick:
        return None
    left, right = _ends(area[top:bottom].mean(0) >= COVERED)
    if right - left < LONG * thick or area[top:bottom, left:right].mean() < FULL:
        return None
    first, last = x + left, x + right
    beside = None if within is None else within[y + top : y + bottom]
    if first <= REACH * thick or (beside is not None and beside[:, :first].mean() > ALL):
        first = 0
    if size[1] - last <= REACH * thick or (beside is not None and beside[:, last:].mean() > ALL):
        last = size[1]
    return (first, y + top, last - first, thick) if first == 0 or last == size[1] else None


def _longest(lines: NDArray[np.bool_]) -> tuple[int, int]:
    """Start and end of the longest run of true values."""
    steps = np.diff(np.concatenate([[0], lines.view(np.int8), [0]]))
    starts, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
    if not starts.size:
        return 0, 0
    index = int((ends - starts).argmax())
    return int(starts[index]), int(ends[index])


def _ends(lines: NDArray[np.bool_]) -> tuple[int, int]:
    """Start of the first and end of the last true value."""
    where = np.flatnonzero(lines)
    return (int(where[0]), int(where[-1]) + 1) if where.size else (0, 0)
