"""Painting what is hidden with a network of someone's choice.

The network is given the picture in pieces large enough that it seldom matters where they end, and arranges
each for what it can see (`cleanplate.models.painting`): the cost follows the area that is painted, and the
memory follows the piece.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from cleanplate.engine.crops import crops, window
from cleanplate.engine.errors import NothingToPaintFrom
from cleanplate.engine.fill.canvas import Painted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from cleanplate.engine.crops import Crop
    from cleanplate.models import Painter

PIECE = 2048  # pixels of the longest side of what is painted at once: bounds the memory
CONTEXT = 256  # pixels of surroundings that it is painted from; more than any network sees beyond a hole


def fill_with(
    painter: Painter,
    pixels: NDArray[Any],
    area: NDArray[np.bool_],
    alpha: NDArray[Any] | None = None,
    *,
    bleed: int = 0,
) -> Iterator[Painted]:
    """Paint `area` with a network; the same contract as `cleanplate.engine.fill.canvas.fill`.

    Args:
        painter: what paints.
        pixels: (H, W, 1) or (H, W, 3), uint8 or uint16.
        area: (H, W), what to paint.
        alpha: (H, W); what is fully transparent has no colour that anyone chose, and is not painted from.
        bleed: how many pixels round the area are not to be trusted, because a mark's colour has run there.

    Yields:
        What was painted. Together the pieces' areas are `area`, and no pixel is in two of them.

    Raises:
        NothingToPaintFrom: the area is the whole picture.
        ModelFailed: the network broke down.
    """
    if area.all():
        raise NothingToPaintFrom
    todo = area.copy()
    hidden = _hidden(area, alpha, bleed)
    for crop in crops(area, PIECE, CONTEXT):
        mine = todo[window(crop.core)].copy()
        if mine.any():
            painted = _painted(painter, pixels, hidden, crop)
            yield Painted(crop.core, painted, mine, painter.name)
            todo[window(crop.core)] = False
            hidden[window(crop.core)] &= ~mine


def _hidden(area: NDArray[np.bool_], alpha: NDArray[Any] | None, bleed: int) -> NDArray[np.bool_]:
    """What is not painted from, (H, W): the area, what is next to it, and what is transparent.

    Where that would leave nothing, the area alone.
    """
    hidden = area.copy()
    if bleed:
        square = np.ones((2 * bleed + 1, 2 * bleed + 1), np.uint8)
        hidden |= cv2.dilate(area.view(np.uint8), square).astype(bool)
    if alpha is not None:
        hidden |= alpha == 0
    return area.copy() if hidden.all() else hidden


def _painted(
    painter: Painter, pixels: NDArray[Any], hidden: NDArray[np.bool_], crop: Crop
) -> NDArray[np.float32]:
    """(h, w, C) of a crop's core, in the picture's own range, not rounded."""
    reach = window(crop.reach)
    top = np.float32(np.iinfo(pixels.dtype).max)
    seen = np.asarray(pixels[reach] / top, np.float32)
    colours = np.ascontiguousarray(np.broadcast_to(seen, (*seen.shape[:2], 3)))
    painted = painter.paint(colours, hidden[reach])
    if pixels.shape[2] == 1:
        painted = painted.mean(axis=2, keepdims=True)
    x, y = crop.core[0] - crop.reach[0], crop.core[1] - crop.reach[1]
    return painted[y : y + crop.core[3], x : x + crop.core[2]] * top
