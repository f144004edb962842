"""Undoing a see-through mark: what still shines through it is the truth, and the truth is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cleanplate.engine.crops import grown, window
from cleanplate.engine.fit import Hint, Recovery, recover
from cleanplate.engine.mark import VISIBLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cleanplate.engine.crops import Box
    from cleanplate.engine.mark import Mark

CONTEXT = 40  # pixels of surroundings that a mark is fitted in
TRUSTED = 0.2  # confidence of a fit under which its mark is painted over instead


@dataclass(frozen=True, slots=True)
class Undone:
    """What un-blending did.

    Attributes:
        marks: the marks as they are known now: opacity and colour of every pixel, confidence of the fit.
        area: (H, W) boolean, the pixels that were had back and written.
        hidden: (H, W) boolean, the marks' pixels that are too opaque for that, or not understood, and were
            left alone.
    """

    marks: tuple[Mark, ...]
    area: NDArray[np.bool_]
    hidden: NDArray[np.bool_]


def undo(
    pixels: NDArray[Any],
    marks: Sequence[Mark],
    within: NDArray[np.bool_] | None = None,
    *,
    lossy: bool,
) -> Undone:
    """Take `marks` off in place: photo = (seen - opacity * colour) / (1 - opacity).

    This inverts the blend that every paint program makes, seen = (1 - opacity) * photo + opacity * colour.
    What a finder says of a mark is rough, so each is fitted first (`fit.recover`). What cannot be had back is
    left as it is and reported as hidden.

    Args:
        pixels: (H, W, C), uint8 or uint16, writeable; changed inside the marks only.
        marks: what `find` answered; a mark's `area` holds all of its pixels, and may hold others.
        within: (H, W), write only where this is true; None is everywhere.
        lossy: whether the picture has been through a lossy encoder.

    Returns:
        The marks as fitted, which pixels were undone and which are hidden.
    """
    done = np.zeros(pixels.shape[:2], bool)
    hidden = np.zeros(pixels.shape[:2], bool)
    known: list[Mark] = []
    for mark in marks:
        box = grown(mark.box, CONTEXT, pixels.shape[1], pixels.shape[0])
        back = _fitted(pixels[window(box)], mark, box, lossy)
        touched = back.opacity > VISIBLE
        may = touched if within is None else touched & within[window(box)]
        lost = may & back.hidden if back.confidence >= TRUSTED else may
        _write(pixels[window(box)], back.values, may & ~lost)
        done[window(box)] |= may & ~lost
        hidden[window(box)] |= lost
        known.append(_known(mark, box, back, pixels.dtype))
    return Undone(tuple(known), done & ~hidden, hidden)


def _fitted(part: NDArray[Any], mark: Mark, box: Box, lossy: bool) -> Recovery:
    """What the fit says of one mark, over the whole of `box`."""
    scale = np.float32(255.0 / np.iinfo(part.dtype).max)
    opacity = np.zeros(part.shape[:2], np.float32)
    inner = _inside(mark.box, box)
    opacity[inner] = mark.opacity
    area = np.zeros(part.shape[:2], bool)
    area[inner] = mark.area
    likely = np.zeros(part.shape[:2], np.float32)
    likely[inner] = _likely(mark)
    colour = np.zeros(part.shape, np.float32)
    colour[inner] = mark.colour * scale
    return recover(
        np.asarray(part * scale, np.float32), area, lossy=lossy, hint=Hint(likely, opacity, colour)
    )


def _likely(mark: Mark) -> NDArray[np.float32]:
    """How probable it is that each pixel is the mark's; without a finder's word, from its opacity."""
    if mark.likely is not None:
        return mark.likely
    if not mark.area.any():
        return mark.opacity
    usual = float(np.percentile(mark.opacity[mark.area], 80))
    return np.asarray(np.clip(0.2 + mark.opacity / usual, 0, 1) * mark.area, np.float32)


def _write(part: NDArray[Any], values: NDArray[np.float32], where: NDArray[np.bool_]) -> None:
    top = np.iinfo(part.dtype).max
    exact = np.rint(values * np.float32(top / 255.0)).clip(0, top).astype(part.dtype)
    np.copyto(part, exact, where=where[..., None])


def _known(mark: Mark, box: Box, back: Recovery, dtype: np.dtype[Any]) -> Mark:
    """The mark as the fit left it; as the finder had it, where the fit came to nothing."""
    if back.confidence < TRUSTED:
        return replace(mark, confidence=mark.confidence * 0.5)
    rows, columns = np.nonzero(back.opacity > VISIBLE)
    if not rows.size:
        return replace(mark, opacity=np.zeros_like(mark.opacity), confidence=0.0)
    inner = np.s_[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    colour = back.light[inner] / np.maximum(back.opacity[inner], 1e-3)[..., None]
    scale = np.float32(np.iinfo(dtype).max / 255.0)
    return replace(
        mark,
        box=(
            box[0] + int(columns.min()),
            box[1] + int(rows.min()),
            int(np.ptp(columns)) + 1,
            int(np.ptp(rows)) + 1,
        ),
        opacity=back.opacity[inner],
        colour=np.asarray(colour.clip(0, 255) * scale, np.float32),
        likely=None,
    )


def _inside(inner: Box, outer: Box) -> tuple[slice, slice]:
    """The index of one box in the array of another that holds it."""
    return window((inner[0] - outer[0], inner[1] - outer[1], inner[2], inner[3]))
