"""Where each level of a mark is, and how levels run into each other and into nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from cleanplate.engine.fit.axes import along, axes
from cleanplate.engine.fit.shares import FEWEST, Mixed, Places, taught
from cleanplate.engine.values import channel_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from cleanplate.engine.fit.evidence import Level
    from cleanplate.engine.fit.palette import Palette

NEAR = 3  # pixels: so far from a solid part of a level its mixtures with others are looked for
EDGE = 2.6  # pixels from the border of the area: further inside a mark no longer runs out into nothing
STRANGE = 14.0  # squared misfit over what was expected: no longer an accident
BEYOND = 6.0  # levels: so far over white or under black an un-blended value is no rounding
ACCIDENTS = 0.12  # of a mark's pixels: where more are strange, it is the levels that are at fault
INNER_EDGE = 0.3  # an edge between two levels is a little less likely than one into nothing
CHROMA_BLUR = 1.2  # pixels: what subsampling blurs a mark's edges by in the chromas
CHROMA_REACH = 6.0  # pixels from the border: as deep do their edges blur it, in thin strokes all over
CHROMA_LOOSE = 0.4  # what coverage may be off by there
BLURRED = 0.25  # what the share of a level in a pixel is off by there
LEAST = 0.1  # coverage that a pixel of a mark has at least
SURE = 0.05  # what coverage well inside a mark may be off by
LOOSE = 0.2  # the same at its edge, where it depends on how the edge lies in the pixel
FAINT = 0.02  # opacity under which a pixel is of no level
COLOUR_OF_OPACITY = 120.0  # grey levels that tell as much as the whole range of opacity
SEEN_THROUGH = 0.1  # of the photo: with less, two levels cannot be told by it
MISTAKEN = 0.2  # of what two levels make of a pixel: how far apart these usually are from the truth
TOLD, UNTOLD = 3.0, 8.0  # pixels from the border: as far as a painting tells, and where it no longer does
SELDOM, SURPRISE = 0.03, 0.3  # how often it knows nothing of what is there: at the border, and deep inside
COVERAGE = (-1.64, -0.08, 0.085, 3.0, -0.464)  # fitted to antialiased lettering, see `expected_coverage`


@dataclass(frozen=True, slots=True)
class Setting:
    """A mark's surroundings, which do not change while it is being fitted.

    Attributes:
        seen: (H, W, C) float32, 0..255.
        area: (H, W), the mark.
        depth: (H, W) float32, distance of each of its pixels from the nearest outside of it.
        coverage: (H, W) float32, how much of each pixel an antialiased mark of this outline covers.
        doubt: (H, W) float32, the usual error of that.
        noise: what storing the picture may have moved a value by.
        lossy: whether it has been through a lossy encoder.
        palette: the photo's colours beside the mark; None where these are too few, or grey.
        exact: whether all of the area is the mark's, and no bare photo, whose colours are the palette's too.
    """

    seen: NDArray[np.float32]
    area: NDArray[np.bool_]
    depth: NDArray[np.float32]
    coverage: NDArray[np.float32]
    doubt: NDArray[np.float32]
    noise: float
    lossy: bool
    palette: Palette | None = None
    exact: bool = False

    def elsewhere(self) -> NDArray[np.float32]:
        """How likely the photo under a pixel is something of which a painting knows nothing, (H, W)."""
        if not self.exact:
            return np.zeros(self.area.shape, np.float32)
        deep = np.clip((self.depth - TOLD) / (UNTOLD - TOLD), 0, 1)
        return (SELDOM + (SURPRISE - SELDOM) * deep).astype(np.float32)

    def by_axis(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Coverage and its usual error along each axis of colour, both (H, W, C).

        Lossy encoders mostly keep the chromas at half the size: there a mark's edges are blurred.
        """
        channels = self.seen.shape[2]
        coverage, doubt = [self.coverage] * channels, [self.doubt] * channels
        if self.lossy and channels > 1:
            soft = np.asarray(cv2.GaussianBlur(self.coverage * self.area, (0, 0), CHROMA_BLUR), np.float32)
            inner = np.clip((self.depth - 1.0) / CHROMA_REACH, 0.0, 1.0)
            loose = np.maximum(self.doubt, (1 - inner) * CHROMA_LOOSE + inner * SURE)
            coverage[1:] = [np.clip(soft, LEAST, 1.0)] * (channels - 1)
            doubt[1:] = [loose] * (channels - 1)
        return np.stack(coverage, axis=2), np.stack(doubt, axis=2).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Shape:
    """A mark, pixel by pixel: seen = through · photo + light.

    Attributes:
        through: (H, W) float32, 1 - α; 1 outside the mark.
        light: (H, W, C) float32, α · colour.
        error: (H, W) float32, what storing the picture makes the un-blended photo be off by.
        stray: (H, W), pixels of the area that no level explains.
    """

    through: NDArray[np.float32]
    light: NDArray[np.float32]
    error: NDArray[np.float32]
    stray: NDArray[np.bool_]


def setting(seen: NDArray[np.float32], area: NDArray[np.bool_], noise: float, *, lossy: bool) -> Setting:
    """What a mark's outline alone says about it."""
    bits = area.view(np.uint8)
    depth = np.asarray(cv2.distanceTransform(bits, cv2.DIST_L2, 5), np.float32)
    coverage, doubt = expected_coverage(bits, depth)
    return Setting(seen, area, depth, coverage, doubt, noise, lossy)


def expected_coverage(
    bits: NDArray[np.uint8], depth: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How much of each pixel a mark of this outline covers, and the usual error of that.

    The outline holds every pixel that the mark touches, so its outermost pixels are covered in part.
    """
    plane = bits.astype(np.float32)
    near = cv2.GaussianBlur(plane, (0, 0), 0.6)
    wide = cv2.GaussianBlur(plane, (0, 0), 1.6)
    # Fitted to antialiased lettering and logos; the distance within the first pixel is always 1.
    start, two, three, by_near, by_wide = COVERAGE
    said = start + two * np.minimum(depth, 2) + three * np.minimum(depth, 3) + by_near * near + by_wide * wide
    coverage = np.clip(said, 0.1, 1.0).astype(np.float32)
    share = np.clip((depth - 1.0) / 1.2, 0.0, 1.0)
    return coverage, ((1 - share) * LOOSE + share * SURE).astype(np.float32)


def solid_parts(here: Setting, label: NDArray[np.int16], misfit: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Pixels whose whole neighbourhood is of their level, and that fit it."""
    low, high = cv2.erode(label, np.ones((3, 3))), cv2.dilate(label, np.ones((3, 3)))
    return (label >= 0) & (low == high) & (misfit < STRANGE) & (here.depth > 1.5)


def shaped(
    here: Setting,
    photo: NDArray[np.float32],
    error: NDArray[np.float32],
    found: list[Level],
    label: NDArray[np.int16],
    solid: NDArray[np.bool_],
    *,
    teaching: bool,
) -> Shape:
    """Opacity and colour of every pixel, given what the photo is about to be there.

    A pixel between two levels, or between a level and nothing, is a mixture of the two: as both are straight
    lines of the photo, so is the mixture, and one number says which. The number is told by the photo's
    guess and, where a level runs out into nothing, by the outline of the mark, each as far as it goes.
    Then all such pixels may teach each other.

    Args:
        here: the mark.
        photo: (H, W, C), a painting from what surrounds the mark and what of it is solid.
        error: (H, W), its usual error.
        found: the mark's levels.
        label: (H, W), the likeliest of them.
        solid: (H, W), pixels that are nothing but that level.
        teaching: whether the outline is exact enough, and near enough everywhere, for places in it to tell.
    """
    ys, xs = np.nonzero(here.area)
    mixer = _Mixer(here, photo, error, found, ys, xs)
    own = label[ys, xs].astype(int) + 1
    kernel = np.ones((2 * NEAR + 1,) * 2, np.uint8)
    near = [here.depth[ys, xs] < EDGE]
    for k in range(len(found)):
        reach = cv2.dilate(((label == k) & solid).view(np.uint8), kernel)[ys, xs] > 0
        near.append(reach | (own == k + 1))
    firm = solid[ys, xs]
    for a in range(len(found) + 1):
        for b in range(a + 1, len(found) + 1):
            mixer.offer(a, b, np.nonzero(near[a] & near[b] & ~firm)[0])
    mixer.settle(own, firm)
    if teaching:
        mixer.learn(np.nonzero(~firm)[0])
    return mixer.shape(firm)


def seams(shape: Shape, found: Sequence[Level], seen: NDArray[np.float32]) -> NDArray[np.float32]:
    """What pixels beside another level may be off by, being taken for the wrong one, (H, W); 0 elsewhere.

    Args:
        shape: the mark.
        found: its levels.
        seen: (H, W, C) float32, 0..255.
    """
    wrong = np.zeros(shape.through.shape, np.float32)
    opacity = 1 - shape.through
    colour = shape.light / np.maximum(opacity, FAINT)[..., None]
    apart = [
        channel_mean(np.abs(colour - one.colour)) + COLOUR_OF_OPACITY * np.abs(opacity - one.opacity)
        for one in found
    ]
    marked = opacity > FAINT
    label = np.where(marked, np.argmin(apart, axis=0), -1)
    photos = np.stack([(seen - one.light) / max(one.through, SEEN_THROUGH) for one in found])
    own = np.take_along_axis(photos, np.maximum(label, 0)[None, ..., None], axis=0)[0]
    for k, photo in enumerate(photos):
        near = cv2.dilate((label == k).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        off = MISTAKEN * np.sqrt(channel_mean((photo - own) ** 2))
        wrong = np.where(near & marked & (label != k), np.maximum(wrong, off), wrong)
    return np.asarray(wrong, np.float32)


class _Mixer:
    """Finds, for each pixel of a list, the mixture of two levels that explains it best."""

    def __init__(
        self,
        here: Setting,
        photo: NDArray[np.float32],
        error: NDArray[np.float32],
        found: list[Level],
        ys: NDArray[np.intp],
        xs: NDArray[np.intp],
    ) -> None:
        self.here, self.ys, self.xs = here, ys, xs
        self.seen, self.photo = along(here.seen[ys, xs].astype(float)), along(photo[ys, xs].astype(float))
        self.error = error[ys, xs].astype(float)
        self.coverage, self.doubt = here.coverage[ys, xs].astype(float), here.doubt[ys, xs].astype(float)
        channels = self.seen.shape[1]
        self.through = np.array([1.0, *(one.through for one in found)])
        self.light = along(np.stack([np.zeros(channels), *(one.light for one in found)]))
        self.noise = here.noise
        self.blur = np.full(channels, BLURRED if here.lossy else 0.0)
        self.blur[0] = 0.0
        self.best = np.full(ys.size, np.inf)
        self.shares = np.zeros((ys.size, len(self.through)))

    def offer(self, a: int, b: int, at: NDArray[np.intp]) -> None:
        """Try the mixtures of levels a and b (0 is nothing) for the pixels `at`."""
        if not at.size:
            return
        seen, photo, error = self.seen[at], self.photo[at], self.error[at]
        low = self.through[a] * photo + self.light[a]
        step = self.through[b] * photo + self.light[b] - low
        mean_t = (self.through[a] + self.through[b]) / 2
        blurred = (self.blur * step) ** 2 + self.noise**2
        weighted = step / ((mean_t * error) ** 2 + blurred)
        told = np.maximum((weighted * step).sum(axis=1), 1e-9)
        share = ((seen - low) * weighted).sum(axis=1) / told
        if a == 0:
            trust = self.doubt[at] ** -2.0
            share = (share * told + self.coverage[at] * trust) / (told + trust)
        share = np.clip(share, 0.0, 1.0)
        t = (1 - share) * self.through[a] + share * self.through[b]
        m = (1 - share)[:, None] * self.light[a] + share[:, None] * self.light[b]
        expected = (t[:, None] * error) ** 2 + blurred
        misfit = ((seen - t[:, None] * photo - m) ** 2 / expected).mean(axis=1)
        unlikely = ((share - self.coverage[at]) / self.doubt[at]) ** 2 / 3 if a == 0 else INNER_EDGE
        misfit = misfit + unlikely
        better = misfit < self.best[at]
        at = at[better]
        self.best[at], self.shares[at] = misfit[better], 0.0
        self.shares[at, a], self.shares[at, b] = 1 - share[better], share[better]

    def settle(self, own: NDArray[np.intp], firm: NDArray[np.bool_]) -> None:
        """Pixels that are firm, or for which no mixture was offered, are their own level."""
        plain = np.nonzero(firm | ~np.isfinite(self.best))[0]
        self.shares[plain] = 0.0
        self.shares[plain, own[plain]] = 1.0

    def learn(self, at: NDArray[np.intp]) -> None:
        """The shares of some pixels, as all of them teach them."""
        if at.size < FEWEST:
            return
        values = (self.seen[at], self.photo[at], self.error[at])
        mixed = Mixed(*values, self.through, self.light, self.blur, self.noise)
        places = Places(self.here.area, self.here.depth)
        self.shares[at] = taught(mixed, self.shares[at], places, self.ys[at], self.xs[at])

    def shape(self, firm: NDArray[np.bool_]) -> Shape:
        """The whole mark."""
        t, m = self.shares @ self.through, self.shares @ self.light
        left = self.seen - t[:, None] * self.photo - m
        misfit = (left**2 / ((t[:, None] * self.error) ** 2 + self.noise**2)).mean(axis=1)
        through = np.ones(self.here.area.shape, np.float32)
        light = np.zeros(self.here.seen.shape, np.float32)
        error = np.zeros(self.here.area.shape, np.float32)
        stray = np.zeros(self.here.area.shape, bool)
        turn = axes(m.shape[1])
        through[self.ys, self.xs], light[self.ys, self.xs] = t, m @ turn
        error[self.ys, self.xs] = self.here.noise / np.maximum(t, 0.02)
        photo = ((self.seen - m) / t[:, None]) @ turn
        beyond = np.maximum(-photo, photo - 255.0).max(axis=1)
        impossible = beyond > 3 * self.here.noise / t + BEYOND
        strange = (misfit > STRANGE) & ~firm
        at_fault = np.count_nonzero(strange) > ACCIDENTS * strange.size
        stray[self.ys, self.xs] = impossible | strange if at_fault else impossible
        return Shape(through, light, error, stray)
