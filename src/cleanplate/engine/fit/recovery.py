"""Getting the photo under a see-through mark back, from the picture and the mark's outline alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from cleanplate.engine.fit.axes import along, busy_along, length
from cleanplate.engine.fit.coherence import coherent
from cleanplate.engine.fit.confidence import confidence
from cleanplate.engine.fit.continuity import continued
from cleanplate.engine.fit.evidence import Evidence, Level
from cleanplate.engine.fit.labels import labelled, likelihoods
from cleanplate.engine.fit.lettering import despeckled, islands, ringing
from cleanplate.engine.fit.levels import levels
from cleanplate.engine.fit.outline import outlined, unsure
from cleanplate.engine.fit.painting import busyness, finished, painted, sketched, usual_error
from cleanplate.engine.fit.palette import Palette
from cleanplate.engine.fit.refining import Clues, refined
from cleanplate.engine.fit.shape import (
    Setting,
    Shape,
    seams,
    setting,
    shaped,
    solid_parts,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cleanplate.engine.fit.hint import Hint

EXACT, LOSSY = 0.6, 4.0  # levels: what rounding, or a JPEG of usual quality, moves a value by
FAINTEST = 2.0  # levels: nothing is fitted more closely than this
CAREFUL = 0.75  # what levels take a painting to be off by, of its usual error: that is a brisk one's
COVERED = 0.5  # pixels that are covered less tell too little about what covers them
ENOUGH = 100  # pixels well inside a mark: with fewer, its edges have to help
# Over these opacities a painting is better than what noise and the edges' errors leave of the photo.
OPAQUE, OPAQUE_LOSSY = 0.8, 0.72
MOSTLY = 0.35  # share of a mark's pixels: with more of them opaque, none of it is had back
THIN = 0.15  # of the photo: with less left, noise drowns it
# Trust from which on a pixel is painted from; in a wide mark little else is near
TRUSTY, TRUSTY_WIDE = 0.8, 0.4
LOST = 0.1  # trust under which a pixel is as good as painted
LETTERED = 0.02  # of a wide mark's pixels: with more of them lost, it is a strip under a caption
SHALLOW = 8.0  # pixels: as deep as a painting tells something
DEEP_SHARE = 0.1  # of a mark's pixels
WIDEST = 61  # pixels a side of the neighbourhood that lettering inside a wide mark must not fill
STRAY_SIDE = 5  # pixels a side of a neighbourhood that is not had back
STRAYS = 0.2  # where more than this share of it is strange
SEED = 20240611


@dataclass(frozen=True, slots=True)
class _Settled:
    """A mark whose shape is told.

    Attributes:
        shape: where each level is.
        painting: (H, W, C) float32, from what surrounds the mark and what of it is solid.
        doubts: (H, W, C) float32, what that is usually off by along each axis of colour.
        label: (H, W), the likeliest level, -1 outside.
        solid: (H, W), what is nothing but that level.
    """

    shape: Shape
    painting: NDArray[np.float32]
    doubts: NDArray[np.float32]
    label: NDArray[np.int16]
    solid: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was had back.

    Attributes:
        values: (H, W, C) float32, 0..255: the photo, inside the area recovered or painted, as is the better.
        opacity: (H, W) float32, α in 0..1; 0 where the mark does not touch the picture.
        light: (H, W, C) float32, α · colour in 0..255.
        trust: (H, W) float32, in 0..1: how much of each value is the photo's own; the rest is painted.
        levels: the levels that the mark was found to be made of; none where nothing explains it. Lettering
            that is opaque, or nearly, is recognised, and painted over whole: `trust` is 0 there.
        hidden: (H, W), pixels of the mark of which next to nothing could be had back.
        odds: (H, W) float32, log-odds of each pixel being the mark's, as its outline was told; 0 without one.
        confidence: in 0..1, how sure it is that un-blending by this fit beats painting the mark over.
    """

    values: NDArray[np.float32]
    opacity: NDArray[np.float32]
    light: NDArray[np.float32]
    trust: NDArray[np.float32]
    levels: tuple[Level, ...]
    hidden: NDArray[np.bool_]
    odds: NDArray[np.float32]
    confidence: float


def recover(
    seen: NDArray[np.float32],
    area: NDArray[np.bool_],
    *,
    lossy: bool,
    hint: Hint | None = None,
    known: Sequence[Level] = (),
    brief: bool = False,
) -> Recovery:
    """Fit the mark in `area` and take it off.

    Args:
        seen: (H, W, C) float32, 0..255.
        area: (H, W), every pixel that the mark touches, and few others.
        lossy: whether the picture has been through a lossy encoder.
        hint: what is known of the mark already; `area` may then be loose.
        known: the mark's levels, the most common first, where they have been told from another part of it.
        brief: whether the levels and the confidence are all that is asked for; the values are rough then.
    """
    noise = LOSSY if lossy else EXACT
    outline = None if hint is None else outlined(seen, area, hint, noise, known)
    odds = np.zeros(area.shape, np.float32)
    if outline is not None:
        area, odds = outline.area, outline.odds
    here = setting(seen, area, noise, lossy=lossy)
    here = replace(here, palette=Palette.of(seen, ~area), exact=outline is None)
    if outline is not None:
        coverage, doubt = unsure(outline, here.coverage, here.doubt)
        here = replace(here, coverage=coverage, doubt=doubt)
    opaque = OPAQUE_LOSSY if lossy else OPAQUE
    if not area.any() or area.all():  # a mark is told by what it does to the photo beside it
        return _given_up(here, seen, [], opaque, odds)
    first = painted(seen, area)
    busy = busyness(seen, ~area)
    by_axis = busy_along(seen, ~area)
    found, first, errors = _levels(here, first, usual_error(by_axis, area), known)
    error = length(errors)
    wide = bool(np.count_nonzero(here.depth > SHALLOW) >= DEEP_SHARE * np.count_nonzero(area))
    if not found or (found[0].opacity > opaque and not wide):
        return _given_up(here, first, found, opaque, odds)
    state = _settled(here, first, errors, by_axis, found, teaching=here.exact and not wide)
    solid = state.shape.through[area & (here.depth > 1)]
    if not wide and np.count_nonzero(solid < 1 - opaque) > MOSTLY * solid.size:
        return _given_up(here, first, found, opaque, odds)
    shape, photo, trust = _had_back(here, state, busy, wide=wide)
    painting, share = state.painting, trust
    if not brief:
        trusty = TRUSTY_WIDE if wide else TRUSTY
        painting, share = _finished(here, shape, found, photo, painting, busy, trust, trusty)
    values = np.where(area[..., None], share[..., None] * photo + (1 - share[..., None]) * painting, seen)
    captioned = wide and np.count_nonzero(area & (trust < LOST)) > LETTERED * np.count_nonzero(area)
    if not brief and not captioned:
        values = _looked_at(here, replace(state, shape=shape), found, trust, values, odds)
    return Recovery(
        values.astype(np.float32),
        1 - shape.through,
        shape.light,
        share,
        tuple(found),
        area & (trust < LOST),
        odds,
        confidence(seen, photo, 1 - shape.through, area & (trust >= LOST), error, shape.error),
    )


def _had_back(
    here: Setting, state: _Settled, busy: NDArray[np.float32], *, wide: bool
) -> tuple[Shape, NDArray[np.float32], NDArray[np.float32]]:
    """The shape as sure as it is beside letters, the photo with it taken off, and the trust in each pixel."""
    shape, area, seen = state.shape, here.area, here.seen
    photo = np.clip((seen - shape.light) / shape.through[..., None], 0, 255)
    lost = shape.stray | (shape.through < THIN)
    if wide:  # what is impossible all around is lettering that no level explains
        around = cv2.blur(shape.stray.astype(np.float32), (STRAY_SIDE, STRAY_SIDE))
        lettering = np.asarray(around) > STRAYS
        lost |= lettering
        if here.lossy:
            louder = ringing(lettering | (shape.through < THIN))
            shape = replace(shape, error=shape.error * louder)
            photo = despeckled(photo, state.painting, lost, shape.error, louder)
    own, other = shape.error**2, length(state.doubts) ** 2
    trust = np.where(area & ~lost, other / (other + own + 1e-6), 0).astype(np.float32)
    trust[islands(seen, photo, area, area & (trust >= LOST), busy)] = 0
    return shape, photo, trust


def _looked_at(
    here: Setting,
    state: _Settled,
    found: Sequence[Level],
    trust: NDArray[np.float32],
    values: NDArray[np.float32],
    odds: NDArray[np.float32],
) -> NDArray[np.float32]:
    """What was had back and painted, after a last look at all of it."""
    shape = state.shape
    clues = Clues(
        seen=here.seen,
        area=here.area,
        values=values.astype(np.float32),
        painting=state.painting,
        doubts=state.doubts,
        through=shape.through,
        light=shape.light,
        error=shape.error,
        trust=trust,
        coverage=here.coverage,
        depth=here.depth,
        label=state.label,
        solid=state.solid,
        stray=shape.stray,
        odds=odds,
        levels=found,
        lossy=here.lossy,
    )
    return refined(clues)


def _finished(
    here: Setting,
    shape: Shape,
    found: Sequence[Level],
    photo: NDArray[np.float32],
    painting: NDArray[np.float32],
    busy: NDArray[np.float32],
    trust: NDArray[np.float32],
    trusty: float,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The painting done again with all care, from what was had back as well, and what of it is to be taken.

    Where two levels meet, which of them a pixel is of is a guess: taken for the other it would come out as
    something else altogether. There the painting, which now has known pixels next to it, counts for more.
    """
    wrong = seams(shape, found, here.seen)
    hole = here.area & ((wrong > 0) | (trust < trusty))
    if not hole.any():
        return painting, trust
    other, own = usual_error(busy, hole) ** 2, shape.error**2 + wrong**2
    doubtful = (wrong > 0) & (trust > 0)
    trust = np.where(doubtful, other / (other + own + 1e-6), trust).astype(np.float32)
    return finished(here.seen, photo, here.area, hole), trust


def _given_up(
    here: Setting,
    painting: NDArray[np.float32],
    found: list[Level],
    opaque: float,
    odds: NDArray[np.float32],
) -> Recovery:
    """Nothing can be had back: the painting, and what is known of the mark all the same."""
    nothing = np.zeros(here.area.shape, np.float32)
    strongest = max((one.opacity for one in found), default=1.0)
    main = next((one for one in found if one.opacity == strongest), None)
    opacity = np.where(here.area, here.coverage * np.float32(strongest), nothing)
    colour = here.seen if main is None else main.colour.astype(np.float32)
    light = (opacity[..., None] * colour).astype(np.float32)
    sure = 1.0 if found and strongest > opaque else 0.0
    values = np.where(here.area[..., None], painting, here.seen)
    return Recovery(values, opacity, light, nothing, tuple(found), here.area, odds, sure)


def _levels(
    here: Setting,
    guess: NDArray[np.float32],
    error: NDArray[np.float32],
    known: Sequence[Level],
) -> tuple[list[Level], NDArray[np.float32], NDArray[np.float32]]:
    """The mark's levels, and a guess with its error that holds deep inside of it too.

    Far inside a wide mark no painting tells anything. So what is near its border tells its main level first;
    with that taken off, the middle of every neighbourhood is what else there is, lettering mostly, stands on.
    """
    rng = np.random.default_rng(SEED)
    _, parts = cv2.connectedComponents(here.area.view(np.uint8), connectivity=8)
    inner = here.area & (here.coverage > COVERED)
    if np.count_nonzero(inner) < ENOUGH:
        inner = here.area
    near = inner & (here.depth <= SHALLOW)
    told = parts[near].astype(np.intp)
    found = list(known) or levels(_evidence(here, guess, error, near), told, rng, sure=here.exact)
    deep = here.depth > SHALLOW
    if (
        not found
        or found[0].through < THIN
        or np.count_nonzero(deep) < DEEP_SHARE * np.count_nonzero(here.area)
    ):
        return found, guess, error
    which = np.zeros(here.area.shape, np.intp)
    if len(found) > 1:
        said, _ = likelihoods(here, guess, error, found)
        which = coherent(np.where(deep, 0, said), here.seen, guess, here.area, found).argmax(axis=0)
    t = np.array([max(one.through, THIN) for one in found], np.float32)
    m = np.stack([one.light for one in found]).astype(np.float32)
    bare = np.clip((here.seen - m[which]) / t[which][..., None], 0, 255)
    exact = np.rint(np.where(here.area[..., None], bare, here.seen)).astype(np.uint8)
    side = min(2 * int(here.depth.max()) + 1, WIDEST)
    middle = cv2.medianBlur(exact, side).reshape(exact.shape).astype(np.float32)
    off = np.minimum(np.abs(along(exact - middle)), 60.0).astype(np.float32)
    spread = np.asarray(2.0 + 1.2 * cv2.blur(off, (side, side)), np.float32).reshape(off.shape)
    better = (deep & (length(spread) < length(error)))[..., None]
    guess, error = np.where(better, middle, guess), np.where(better, spread, error)
    if not known:
        told = parts[inner].astype(np.intp)
        found = levels(_evidence(here, guess, error, inner), told, rng, found[:1], sure=here.exact)
    return found, guess, error


def _evidence(
    here: Setting, guess: NDArray[np.float32], error: NDArray[np.float32], chosen: NDArray[np.bool_]
) -> Evidence:
    coverage, doubt = here.by_axis()
    return Evidence.told(
        here.seen[chosen],
        guess[chosen],
        CAREFUL * error[chosen],
        coverage[chosen],
        doubt[chosen],
        max(here.noise, FAINTEST),
        here.palette,
        here.elsewhere()[chosen],
    )


def _settled(
    here: Setting,
    first: NDArray[np.float32],
    error: NDArray[np.float32],
    busy: NDArray[np.float32],
    found: list[Level],
    *,
    teaching: bool,
) -> _Settled:
    """The mark's shape, told by a painting that knows what is solid."""
    t = np.array([one.through for one in found], np.float32)
    m = np.stack([one.light for one in found]).astype(np.float32)
    guess, doubt = first, error
    for paint in (sketched, painted):
        label, misfit = labelled(here, guess, doubt, found)
        if here.palette is not None and len(found) > 1:
            label, changed = continued(here, label, found, busy)
            misfit = np.where(changed, 0, misfit)
        solid = solid_parts(here, label, misfit)
        through, light = t[np.maximum(label, 0)], m[np.maximum(label, 0)]
        usable = solid & (through > THIN)
        bare = np.where(usable[..., None], (here.seen - light) / through[..., None], here.seen)
        hole = here.area & ~usable
        second = paint(bare, hole)
        # what is solid must go on agreeing with what is outside, not with itself
        guess = np.where(usable[..., None], first, second)
        doubt = np.where(usable[..., None], error, usual_error(busy, hole))
        near = np.where(usable[..., None], (here.noise / through)[..., None], doubt).astype(np.float32)
        state = (second, near, label, solid)
    shape = shaped(here, *state[:2], found, *state[2:], teaching=teaching)
    return _Settled(shape, guess, doubt, state[2], state[3])
