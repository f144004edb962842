"""Undoing a see-through mark: what still shines through it is the truth, and the truth is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from cleanplate.engine.crops import grown, window
from cleanplate.engine.fit.painting import busyness, usual_error
from cleanplate.engine.mark import HIDING, VISIBLE
from cleanplate.engine.strokes import Clues, trimmed
from cleanplate.engine.tiles import CONTEXT, RIM, TILE, fitted_by_tile, inverted_by_tile, laid

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cleanplate.engine.crops import Box
    from cleanplate.engine.mark import Mark

TRUSTED = 0.1  # confidence of a fit under which its mark is painted over instead
# Measured on marks that a network found, on other photos than those of the benchmark: when to paint
UNCERTAIN = 0.3  # confidence of the fit
NEXT_TO_NOTHING = 0.3  # of the opacity that the finder saw
EVEN = 0.38  # probability, as the mean of looks, from which on a pixel is rather the mark's
CLEAR = 0.6  # probability from which on it is not left to the fit that a pixel is the mark's
QUIET = 3.0  # levels that a painting is usually off by
SLENDER = 12.0  # pixels from the middle of a mark's widest parts to their border
TORN = (0.3, 0.8)  # share of a mark that is hidden, when neither the fit nor a painting has most of it


@dataclass(frozen=True, slots=True)
class Undone:
    """What un-blending did.

    Attributes:
        marks: the marks as they are known now: opacity and colour of every pixel as fitted, the finder's
            confidence.
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
    painting: bool = True,
) -> Undone:
    """Take `marks` off in place: photo = (seen - opacity * colour) / (1 - opacity).

    This inverts the blend that every paint program makes, seen = (1 - opacity) * photo + opacity * colour.
    What a finder says of a mark is rough, so each is fitted first (`fit.recover`), but for tiled ones: what
    all their copies agree on is more exact than a fit. What cannot be had back is left as it is and reported
    as hidden.

    Args:
        pixels: (H, W, C), uint8 or uint16, writeable; changed inside the marks only.
        marks: what `find` answered; a mark's `area` holds all of its pixels, and may hold others.
        within: (H, W), write only where this is true; None is everywhere.
        lossy: whether the picture has been through a lossy encoder.
        painting: whether what is hidden will be painted over; marks on which that does better than a fit are
            then hidden as a whole. Otherwise what can be taken off is.

    Returns:
        The marks as fitted, which pixels were undone and which are hidden.
    """
    done = np.zeros(pixels.shape[:2], bool)
    hidden = np.zeros(pixels.shape[:2], bool)
    known: list[Mark] = []
    for mark in marks:
        taken = _taken(pixels, mark, within, lossy, painting)
        place = window(taken.box)
        done[place] |= taken.done
        hidden[place] |= taken.hidden
        known.append(_known(mark, taken, pixels.dtype))
    for place in (window(grown(mark.box, RIM, pixels.shape[1], pixels.shape[0])) for mark in marks):
        done[place] &= ~hidden[place]  # all else is never touched, and so takes no memory
    return Undone(tuple(known), done, hidden)


class _Fitted(NamedTuple):
    """A mark as it was fitted.

    Attributes:
        opacity: (H, W) float32 in 0..1.
        light: (H, W, C) float32, opacity · colour in 0..255.
        odds: (H, W) float32, log-odds of each pixel being the mark's.
    """

    opacity: NDArray[np.float32]
    light: NDArray[np.float32]
    odds: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Taken:
    """A mark as it was taken off, everything over `box`.

    Attributes:
        box: (x, y, width, height): the mark's own and a rim.
        fitted: what the fit came to; None where the mark was taken as it came.
        done: (height, width) boolean, what was written.
        hidden: (height, width) boolean, what was left.
        sure: in 0..1, the confidence of the fit.
    """

    box: Box
    fitted: _Fitted | None
    done: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    sure: float


def _taken(
    pixels: NDArray[Any], mark: Mark, within: NDArray[np.bool_] | None, lossy: bool, painting: bool
) -> _Taken:
    """Take one mark off; where painting is allowed and the better way, put the pixels back."""
    box = grown(mark.box, RIM, pixels.shape[1], pixels.shape[0])
    size = box[3], box[2]
    reach = grown(box, CONTEXT, pixels.shape[1], pixels.shape[0])
    before = pixels[window(reach)].copy() if painting and mark.kind != "tiled" else None
    fitted = None
    if mark.kind != "tiled":  # which may be as large as the picture
        fitted = _Fitted(
            np.zeros(size, np.float32),
            np.zeros((*size, pixels.shape[2]), np.float32),
            np.zeros(size, np.float32),
        )
    done, hidden = np.zeros(size, bool), np.zeros(size, bool)
    sure = 0.0
    for core, back in (inverted_by_tile if fitted is None else fitted_by_tile)(pixels, mark, lossy):
        inner = window((core[0] - box[0], core[1] - box[1], core[2], core[3]))
        if fitted is not None:
            fitted.opacity[inner], fitted.light[inner] = back.opacity, back.light
            fitted.odds[inner] = back.odds
        may = back.opacity > VISIBLE
        if within is not None:
            may &= within[window(core)]
        lost = may & back.hidden if back.confidence >= TRUSTED else may
        _write(pixels[window(core)], back.values, may & ~lost)
        done[inner] |= may & ~lost
        hidden[inner] |= may & lost
        sure = max(sure, back.confidence)
    taken = _Taken(box, fitted, done & ~hidden, hidden, sure)
    if before is None:
        return taken
    allowed = np.ones(size, bool) if within is None else within[window(box)]
    strokes = _strokes(mark, box) & allowed
    left = taken
    if _failed(mark, taken) or (not mark.exact and _better_painted(before, reach, mark, taken)):
        pixels[window(reach)] = before
        left = replace(taken, done=np.zeros(size, bool), hidden=strokes, sure=0.0)
    elif np.count_nonzero(hidden) >= TORN[1] * np.count_nonzero(done | hidden):
        # an opaque mark's second colour, which no level of the fit explains, must not be left standing
        left = replace(taken, hidden=hidden | strokes & ~taken.done)
    if mark.exact:  # the soft edges of what is hidden; of what a finder gets wrong there is nothing
        return replace(left, hidden=left.hidden | _widened(left.hidden) & ~left.done & allowed)
    left = replace(left, hidden=left.hidden | _forgotten(mark, left) & allowed)
    return replace(left, hidden=without_gaps(pixels[window(reach)], reach, mark, taken, left.hidden))


def _forgotten(mark: Mark, taken: _Taken) -> NDArray[np.bool_]:
    """What the finder is sure of and the fit took for photo: that must not be left standing."""
    if mark.likely is None:
        return np.zeros_like(taken.hidden)
    return laid(mark, mark.area & (mark.likely > CLEAR), taken.box) & ~taken.done


def without_gaps(
    part: NDArray[Any], reach: Box, mark: Mark, taken: _Taken, hidden: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Of what is to be painted of a mark, over its `taken.box`, what its finder did not take by mistake.

    Args:
        part: the picture's pixels in `reach`, which has the mark's surroundings.
        reach: (x, y, width, height) in the picture.
        mark: as it was found.
        taken: how it was fitted.
        hidden: (H, W) over `taken.box`.
    """
    inner = window((taken.box[0] - reach[0], taken.box[1] - reach[1], taken.box[2], taken.box[3]))
    clues = clues_of(part, reach, mark, taken, hidden)
    return hidden if clues is None else trimmed(clues)[inner]


def clues_of(
    part: NDArray[Any], reach: Box, mark: Mark, taken: _Taken, hidden: NDArray[np.bool_]
) -> Clues | None:
    """What `trimmed` is told; None where the finder did not say how likely each pixel is the mark's."""
    if mark.likely is None or taken.fitted is None:
        return None
    scale = np.float32(255.0 / np.iinfo(part.dtype).max)
    inner = window((taken.box[0] - reach[0], taken.box[1] - reach[1], taken.box[2], taken.box[3]))
    size = part.shape[:2]
    hole, fitted, odds = np.zeros(size, bool), np.zeros(size, np.float32), np.zeros(size, np.float32)
    hole[inner], fitted[inner], odds[inner] = hidden, taken.fitted.opacity, taken.fitted.odds
    return Clues(
        np.asarray(part * scale, np.float32),
        hole,
        laid(mark, mark.likely, reach),
        laid(mark, mark.opacity, reach),
        laid(mark, mark.colour, reach) * scale,
        fitted,
        odds,
        taken.sure,
    )


def _failed(mark: Mark, taken: _Taken) -> bool:
    """Whether a fit does not go on across its mark's border, or came to nothing that could be seen."""
    return taken.sure < UNCERTAIN or not _visible(mark, taken).size


def _visible(mark: Mark, taken: _Taken) -> NDArray[np.float32]:
    """A mark's opacities, (N,), where it can be seen as it was taken off."""
    opacity = mark.opacity if taken.fitted is None else taken.fitted.opacity
    return opacity[opacity > VISIBLE]


def _better_painted(before: NDArray[Any], reach: Box, mark: Mark, taken: _Taken) -> bool:
    """Whether a mark that a finder found had better be painted over than taken off as it was fitted.

    It had where the fit comes to far less than the finder saw (strokes that stand out must not stay), on
    ground so quiet that no painting fails, and where the fit left out much of a slender mark, the rest of
    which would stand among what is painted.
    """
    if np.percentile(_visible(mark, taken), 70) < NEXT_TO_NOTHING * np.median(mark.opacity[mark.area]):
        return True
    if max(taken.box[2:]) > TILE:
        return False
    strokes = _strokes(mark, reach)
    values = np.asarray(before * np.float32(255.0 / np.iinfo(before.dtype).max), np.float32)
    usual = usual_error(busyness(values, ~strokes), strokes)[strokes]
    if np.sqrt((usual**2).mean()) < QUIET:
        return True
    depth = cv2.distanceTransform(strokes.view(np.uint8), cv2.DIST_L2, 3)[strokes]
    left_out = np.count_nonzero(taken.hidden) / np.count_nonzero(taken.hidden | taken.done)
    return TORN[0] < left_out < TORN[1] and bool(np.percentile(depth, 90) <= SLENDER)


def _strokes(mark: Mark, box: Box) -> NDArray[np.bool_]:
    """Where a mark is as its finder knows it, and a rim of soft edges, over another box."""
    strokes = mark.area if mark.likely is None else mark.area & (mark.likely > EVEN)
    if not strokes.any():
        strokes = mark.area
    return _widened(laid(mark, strokes, box))


def _widened(area: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """An area and the rim of soft edges round it."""
    wider = cv2.dilate(area.view(np.uint8), np.ones((2 * RIM + 1, 2 * RIM + 1), np.uint8))
    return np.asarray(wider, np.uint8).view(np.bool_)


def _write(part: NDArray[Any], values: NDArray[np.float32], where: NDArray[np.bool_]) -> None:
    top = np.iinfo(part.dtype).max
    exact = np.rint(values * np.float32(top / 255.0)).clip(0, top).astype(part.dtype)
    np.copyto(part, exact, where=where[..., None])


def _known(mark: Mark, taken: _Taken, dtype: np.dtype[Any]) -> Mark:
    """The mark as the fit left it; as the finder had it, where there was no fit or it came to nothing."""
    if taken.fitted is None:
        return mark
    if taken.sure < TRUSTED:  # of an outline alone nothing is known then
        return replace(mark, opacity=np.zeros_like(mark.opacity)) if mark.exact else mark
    rows, columns = np.nonzero(taken.fitted.opacity > VISIBLE)
    if not rows.size:
        return mark
    top, left = int(rows.min()), int(columns.min())
    inner = np.s_[top : int(rows.max()) + 1, left : int(columns.max()) + 1]
    opacity = taken.fitted.opacity[inner]
    colour = taken.fitted.light[inner] / np.maximum(opacity, 1e-3)[..., None]
    body = np.percentile(opacity[opacity > VISIBLE], 80)
    hiding = mark.exact and body > HIDING
    return replace(
        mark,
        kind="opaque" if hiding else mark.kind,
        box=(taken.box[0] + left, taken.box[1] + top, opacity.shape[1], opacity.shape[0]),
        opacity=opacity,
        colour=np.asarray(colour.clip(0, 255) * np.float32(np.iinfo(dtype).max / 255.0), np.float32),
        likely=None,
        exact=False,
    )
