"""Finding marks in a picture: what repeats, and what the network sees, made into objects."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from cleanplate.engine.crops import grown, window
from cleanplate.engine.find.drawn import drawn
from cleanplate.engine.find.judgement import judge
from cleanplate.engine.find.objects import best, objects
from cleanplate.engine.find.parts import boxed, parts
from cleanplate.engine.find.repetition import find_repeated
from cleanplate.engine.find.sight import Sight, see
from cleanplate.engine.find.strip import PROPOSED, completed
from cleanplate.engine.mark import HIDING, VISIBLE, Kind, Mark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from cleanplate.engine.crops import Box
    from cleanplate.engine.find.objects import Object

LEAST_SIDE = 24  # pixels of a picture's side under which nobody could read a mark in it
LIKELY = 0.3  # probability from which a pixel may belong to a mark
LIKELIER = 0.6  # the same beside a tiled mark, whose copies were not all told: they stand close together
SURER, LESS_SURE = 0.98, 0.02  # confidences that are asked for at no and at full sensitivity
BESIDE = 1.5  # log-odds by which another object may be less sure where one is a mark: there are often several
EVIDENT = 1.4  # log-odds by which more is asked of what is in a user's region than a confidence: if nothing
# in it is evident, the region is painted as a whole, and half a mark must not be taken for all of it
LARGE = 0.1  # share of the picture from which on painting a part of a region is the last resort
HINTED = -0.5  # log-odds by which more is asked of what is in such a part
EXPLAINED = (
    0.95  # share of what the network is sure of: if copies explain so much, all else is the photo's own
)
CREDIBLE = 0.1  # mean probability inside what may be a mark's outline; of things in photos it hardly is 0.07
TIGHT = 0.5  # share of a part of a user's region that is mark, from which on all of it may be
# Strokes that the network hardly saw, at most so many pixels beside others and at least so probable, may be
# the mark's too: the fit tells
STROKES_NEARBY, FAINTLY = 8, 0.06
BESIDE_COPIES = 2  # the same beside a tiled mark, which has strokes of its own there
CONTEXT = 128  # pixels round a user's region that are looked at as well


def find(
    pixels: NDArray[Any], within: NDArray[np.bool_] | None = None, sensitivity: float = 0.5
) -> tuple[Mark, ...]:
    """Find the watermarks of a picture.

    Args:
        pixels: (H, W, 1) or (H, W, 3), uint8 or uint16.
        within: (H, W), look only where this is true; None looks everywhere. Of an outline that is a pixel too
            small, the mark may reach a pixel beyond.
        sensitivity: in 0..1, how readily something is taken for a mark: a confidence of 1 - sensitivity is
            asked for. 0.5 leaves photos without a mark alone, 0 takes only what is certain, 1 whatever may
            be one. Inside `within` what is evident to the network is enough, as somebody says that there is a
            mark; where nothing is, there is none to be undone. Where `within` is a mark's own outline
            (`drawn`), it is taken for that at any sensitivity.

    Returns:
        The marks, most confident first. No pixel is in two of them. Their opacities and colours are rough,
        and their areas rather too large than too small, but for `exact` ones: `undo` fits them.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < LEAST_SIDE:
        return ()
    box = (0, 0, width, height)
    if within is not None:
        x, y, w, h = cv2.boundingRect(within.view(np.uint8))
        box = grown((x, y, w, h), CONTEXT, width, height)
        within = within[window(box)]
    marks = _found(pixels, box, within, min(max(1 - sensitivity, LESS_SURE), SURER))
    return tuple(sorted((_moved(mark, box[0], box[1]) for mark in marks), key=lambda mark: -mark.confidence))


def _outlined(outline: NDArray[np.bool_], channels: int) -> Mark:
    """The mark of which a user drew the outline: nothing else is known of it."""
    mark = Mark(
        (0, 0, outline.shape[1], outline.shape[0]),
        outline.astype(np.float32),
        np.zeros(channels, np.float32),
        1.0,
        exact=True,
    )
    return _trimmed(mark)


def _found(pixels: NDArray[Any], box: Box, within: NDArray[np.bool_] | None, asked: float) -> Iterator[Mark]:
    """The marks in a box of a picture, those that are as sure as is asked for, in the box's coordinates."""
    part = pixels[window(box)]
    size = part.shape[0], part.shape[1]
    sight = see(part)
    outline = None if within is None else drawn(part, within)
    if outline is not None and _resized(sight.probability, size)[outline].mean() >= CREDIBLE:
        yield _outlined(outline, part.shape[2])
        return
    free = np.ones(size, bool) if within is None else within.copy()
    # what repeats shows itself in the whole picture, however little of it the user points at
    likely = sight.probability if part.shape == pixels.shape else None
    repeated = find_repeated(pixels, likely, box)
    least, nearby = LIKELY, STROKES_NEARBY
    if repeated is not None and repeated.confidence >= asked:
        least, nearby = LIKELIER, BESIDE_COPIES
        yield from _claimed(_moved(repeated.mark(), -box[0], -box[1]), free, beside=2)
        if repeated.explained(_resized(sight.probability, size)) >= EXPLAINED:
            return
    if within is None:
        seen = objects(sight, (sight.probability > least) & _shrunk(free, sight.shape))
        sure = judge(seen, sight)
        accepted = _accepted(sure, asked)
    else:
        large = LARGE * pixels.shape[0] * pixels.shape[1] / part.shape[0] / part.shape[1]
        demanded = _demanded(sight, _shrunk(within, sight.shape), asked, large)
        seen = objects(sight, (sight.probability > demanded) & _shrunk(free, sight.shape))
        sure = judge(seen, sight)
        accepted = np.ones(sure.shape, bool)
    for index in np.flatnonzero(accepted):
        yield from _claimed(_mark(seen[index], float(sure[index]), sight, part, within, nearby), free)


def _accepted(sure: NDArray[np.float32], asked: float) -> NDArray[np.bool_]:
    """Which objects are sure enough, and if there are any, which are not much less sure."""
    if sure.max(initial=0.0) < asked:
        return np.zeros(sure.shape, bool)
    odds = asked / (1 - asked) * np.exp(-BESIDE)
    return np.asarray(sure >= odds / (1 + odds), np.bool_)


def _demanded(sight: Sight, within: NDArray[np.bool_], asked: float, large: float) -> NDArray[np.float32]:
    """The probability that a pixel of a user's region must have, (h, w).

    A part whose best is not evident has no mark at all; in a large one a hint is enough, for painting all
    of it would do more harm than good. One that is mostly mark may be mark everywhere: the user drew its
    outline.
    """
    labels = parts(within)
    demanded = np.full(int(labels.max()) + 1, np.inf, np.float32)
    odds = asked / (1 - asked)
    for part, box in enumerate(boxed(labels), 1):
        place = window(box)
        inside = sight.probability[place][labels[place] == part]
        most = best(inside)
        needed = odds * np.exp(EVIDENT if inside.size < large * labels.size else HINTED)
        if most >= needed / (1 + needed):
            demanded[part] = min(LIKELY, most / 2) if (inside > most / 2).mean() < TIGHT else -1
    return demanded[labels]


def _mark(
    each: Object,
    sure: float,
    sight: Sight,
    pixels: NDArray[Any],
    within: NDArray[np.bool_] | None,
    nearby: int,
) -> Mark:
    """An object at the picture's own scale, with an area that is rather too large: by `nearby` at most."""
    height, width = pixels.shape[:2]
    region = None if within is None else _shrunk(within, sight.shape)
    strip = completed(each.area, each.box, sight.shape, region)
    x, y, w, h = grown(_around(each.box, strip), nearby, sight.shape[1], sight.shape[0])
    place = np.s_[y : y + h, x : x + w]
    area = np.zeros((h, w), np.float32)
    likely = sight.probability[place]
    left, top = each.box[0] - x, each.box[1] - y
    area[top : top + each.box[3], left : left + each.box[2]] = each.area
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * nearby + 1, 2 * nearby + 1))
    area = np.maximum(area, cv2.dilate(area, kernel) * (likely > FAINTLY))
    if strip is not None:
        rest = window((strip[0] - x, strip[1] - y, strip[2], strip[3]))
        area[rest] = 1
        likely = likely.copy()
        likely[rest] = np.maximum(likely[rest], PROPOSED)
    x0, x1 = (round(side * width / sight.shape[1]) for side in (x, x + w))
    y0, y1 = (round(side * height / sight.shape[0]) for side in (y, y + h))
    size = (y1 - y0, x1 - x0)
    covered = _wider(_resized(area, size) > 0.25, 1)
    opacity = np.maximum(_resized(sight.opacity[place], size), 2 * VISIBLE) * covered
    colour = _resized(sight.colour[place], size) * np.float32(np.iinfo(pixels.dtype).max / 255)
    if pixels.shape[2] == 1:
        colour = colour.mean(2, keepdims=True)
    kind: Kind = "opaque" if np.median(opacity[covered]) > HIDING else "see-through"
    return Mark(
        (x0, y0, size[1], size[0]),
        np.asarray(opacity, np.float32),
        np.asarray(colour, np.float32),
        sure,
        kind,
        _resized(likely, size),
    )


def _around(box: Box, other: Box | None) -> Box:
    """The smallest box that holds both."""
    if other is None:
        return box
    x, y = min(box[0], other[0]), min(box[1], other[1])
    right, bottom = max(box[0] + box[2], other[0] + other[2]), max(box[1] + box[3], other[1] + other[3])
    return x, y, right - x, bottom - y


def _claimed(mark: Mark, free: NDArray[np.bool_], beside: int = 0) -> Iterator[Mark]:
    """What is still free of a mark, if anything is; then it is free no more, nor what is beside it."""
    place = window(mark.box)
    opacity = mark.opacity * free[place]
    area = opacity > VISIBLE
    if area.any():
        reach = grown(mark.box, beside, free.shape[1], free.shape[0])
        taken = np.zeros((reach[3], reach[2]), bool)
        left, top = mark.box[0] - reach[0], mark.box[1] - reach[1]
        taken[top : top + area.shape[0], left : left + area.shape[1]] = area
        free[window(reach)] &= ~_wider(taken, beside)
        yield _trimmed(replace(mark, opacity=opacity))


def _trimmed(mark: Mark) -> Mark:
    """The same mark in the smallest box."""
    x, y, w, h = cv2.boundingRect(mark.area.view(np.uint8))
    place = np.s_[y : y + h, x : x + w]
    return replace(
        mark,
        box=(mark.box[0] + x, mark.box[1] + y, w, h),
        opacity=mark.opacity[place],
        colour=mark.colour if mark.colour.ndim == 1 else mark.colour[place],
        likely=None if mark.likely is None else mark.likely[place],
    )


def _moved(mark: Mark, x: int, y: int) -> Mark:
    return replace(mark, box=(mark.box[0] + x, mark.box[1] + y, mark.box[2], mark.box[3]))


def _resized(values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """(h, w) or (h, w, C) at another (height, width), interpolated bilinearly."""
    if values.shape[:2] == size:
        return values
    return np.asarray(cv2.resize(values, size[::-1], interpolation=cv2.INTER_LINEAR), np.float32)


def _shrunk(area: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """An area at the scale of the sight: pixels of which half is in it."""
    if area.shape == size:
        return area
    shares = cv2.resize(area.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(shares >= 0.5, np.bool_)


def _wider(area: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    if not by:
        return area
    kernel = np.ones((2 * by + 1, 2 * by + 1), np.uint8)
    return np.asarray(cv2.dilate(area.view(np.uint8), kernel), np.uint8).view(np.bool_)
