"""Undoing a see-through mark: what still shines through it is the truth, and the truth is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cleanplate.engine.find import Mark

HIDDEN = 0.85  # over this opacity, less than a seventh of the photo is left: rounding and JPEG noise drown it


@dataclass(frozen=True, slots=True)
class Undone:
    """What un-blending did.

    Attributes:
        area: (H, W) boolean, the pixels that were had back and written.
        hidden: (H, W) boolean, the marks' pixels that are too opaque for that, and were left alone.
    """

    area: NDArray[np.bool_]
    hidden: NDArray[np.bool_]


def undo(pixels: NDArray[Any], marks: Sequence[Mark], within: NDArray[np.bool_] | None = None) -> Undone:
    """Un-blend `marks` in place: photo = (seen - opacity * colour) / (1 - opacity).

    This inverts the blend that every paint program makes, seen = (1 - opacity) * photo + opacity * colour.
    Nothing is invented: what cannot be had back is left as it is and reported as hidden.

    Args:
        pixels: (H, W, C), uint8 or uint16, writeable; changed inside the marks only.
        marks: what `find` answered.
        within: (H, W), write only where this is true; None is everywhere.

    Returns:
        Which pixels were undone and which are hidden.
    """
    done = np.zeros(pixels.shape[:2], bool)
    hidden = np.zeros(pixels.shape[:2], bool)
    top = float(np.iinfo(pixels.dtype).max)
    for mark in marks:
        x, y, width, height = mark.box
        window = np.s_[y : y + height, x : x + width]
        area = mark.area if within is None else mark.area & within[window]
        clear = area & (mark.opacity <= HIDDEN)
        opacity = np.where(clear, mark.opacity, 0.0)[..., None]
        photo = (pixels[window] - opacity * mark.colour) / (1.0 - opacity)
        np.copyto(pixels[window], np.rint(photo).clip(0.0, top).astype(pixels.dtype), where=clear[..., None])
        done[window] |= clear
        hidden[window] |= area & ~clear
    return Undone(done & ~hidden, hidden)
