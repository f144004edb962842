"""Marks that are tiled over a picture: their copies show each other, without any learning.

Is there a lattice (`lattice`), do all its copies agree, what is one copy's shape, opacity and colour
(`shape`), and where does that put the mark in the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from cleanplate.engine.find.copies import DENSER, Copies, Stack, spread
from cleanplate.engine.find.lattice import Lattice, find_lattice
from cleanplate.engine.find.shape import Shape, first_shape, fitted, outlined
from cleanplate.engine.mark import VISIBLE, Mark

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cleanplate.engine.crops import Box

EVIDENCE = 12.0  # deviations over all steps; photos stay below, but for rendered ones and drawings
AGREEING = 3.0  # deviations by which two thirds of the neighbourhoods agree with all others
DRAWN = 0.84  # least share of a shape that is more than lines along the lattice: plots have no more
LEAST = 0.015  # share of a cell that a mark covers: grain that a program has tiled has no strokes
HIDES = 0.85  # opacity of what belongs to the photo or drawing itself: axes, labels, tiles
# what the network says of the strokes, above twice what it says of the ground between them
CONFIRMED = 0.4  # from this on it sees one, and the copies need not be as sure
CONFIRMING = 0.6  # by which the thresholds shrink then
LINES = 0.7  # `DRAWN` of a mark that the network confirms: hairlines are lines
SURE = 0.9  # probability from which on the network is
AROUND = 4  # pixels by which what it sees may lie beside a stroke
STROKES = 0.5  # folded probability that is taken for a stroke
WORKING = 0.5e6  # pixels of the largest picture that is looked at as it is
MOST = 64  # copies that one is learnt from
SAMPLES = 1.2e6  # of all copies together that one is learnt from
FEWEST = 12  # copies that are not given up to have each with more samples
NEIGHBOURHOOD = 110.0  # pixels of the side of the parts of a picture that are asked whether they agree
# greys that a mark may have, so that it is brighter than some of the photo and darker than the rest
MIDDLE = (70.0, 100.0, 130.0, 160.0, 190.0)
RIM = 16  # samples around a copy that the photo under its edge is guessed from
CORRELATED = 5.0  # pixels of the whitened detail that speak with one voice


@dataclass(frozen=True, slots=True)
class Repetition:
    """A mark that is tiled over the picture.

    Attributes:
        steps: (2, 2) float64, columns: the lattice's steps (x, y) in pixels.
        copies: how many of them the picture holds, cut ones by their share.
        box: (x, y, width, height) of the part of the picture that is told of: all of it, or what was asked.
        opacity: float32 of the box's (height, width), in 0..1.
        colour: float32 of (C,), or of (height, width, C) where there are several, in the picture's range.
        confidence: in 0..1.
    """

    steps: NDArray[np.float64]
    copies: float
    box: Box
    opacity: NDArray[np.float32]
    colour: NDArray[np.float32]
    confidence: float

    def mark(self) -> Mark:
        """All copies as one mark."""
        area = self.opacity > VISIBLE
        rows, columns = np.flatnonzero(area.any(1)), np.flatnonzero(area.any(0))
        top, left = int(rows[0]), int(columns[0])
        window = np.s_[top : int(rows[-1]) + 1, left : int(columns[-1]) + 1]
        opacity = self.opacity[window]
        box = (self.box[0] + left, self.box[1] + top, opacity.shape[1], opacity.shape[0])
        colour = self.colour if self.colour.ndim == 1 else self.colour[window]
        return Mark(box, opacity, colour, self.confidence, "tiled")

    def explained(self, likely: NDArray[np.float32]) -> float:
        """How much of what a network is sure of the copies cover, in 0..1; 1 where it is sure of nothing.

        Where that is nearly all, whatever else the network sees in the picture is the photo's own.

        Args:
            likely: float32 of the box's (height, width), in 0..1, how likely each pixel is a mark's.
        """
        sure = likely > SURE
        kernel = np.ones((2 * AROUND + 1, 2 * AROUND + 1), np.uint8)
        covered = cv2.dilate((self.opacity > VISIBLE).view(np.uint8), kernel) > 0
        total = np.count_nonzero(sure)
        return np.count_nonzero(sure & covered) / total if total else 1.0


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a picture repeats as a tiled mark does.

    Attributes:
        lattice: the likeliest.
        agreeing: in deviations, what two thirds of the copies reach in agreeing with all others.
        drawn: share of what the copies have in common that is not lines along the lattice.
        told: what a network says of the copies' strokes above what it says of their ground; None where there
            is no network.
    """

    lattice: Lattice
    agreeing: float
    drawn: float
    told: float | None = None

    @property
    def repeats(self) -> bool:
        return self.confidence >= 0.5

    @property
    def _demand(self) -> float:
        """By which the thresholds are moved for what the network says."""
        return CONFIRMING if self.told is not None and self.told >= CONFIRMED else 1.0

    @property
    def confidence(self) -> float:
        """0.5 at the thresholds, towards 1 far above the weaker of them; 0 for what is nothing but lines."""
        if self.drawn < (LINES if self._demand < 1 else DRAWN):
            return 0.0
        margin = min(self.lattice.evidence / EVIDENCE, self.agreeing / AGREEING) / self._demand
        return float(1 - 0.5 ** max(margin, 0.0))


def decide(luma: NDArray[np.float32], likely: NDArray[np.float32] | None = None) -> Decision | None:
    """Look for copies in a picture.

    Args:
        luma: (H, W) float32 in 0..255.
        likely: (H, W) float32 in 0..1, how likely each pixel is a mark's to a network, if there is one.

    Returns:
        What is likeliest, or None where nothing agrees with anything.
    """
    lattice = find_lattice(luma)
    if lattice is None:
        return None
    if lattice.evidence < (EVIDENCE if likely is None else EVIDENCE * CONFIRMING):
        return Decision(lattice, 0.0, 0.0)
    told = None if likely is None else _told(lattice, likely)
    whitened = lattice.seen.whitened()
    copies = Copies(lattice.steps, (luma.shape[0], luma.shape[1]))
    soft = np.asarray(cv2.GaussianBlur(luma, (0, 0), 6.0), np.float32)
    parts = [_Part.of(copies, place, whitened, soft) for place in copies.places]
    parts = [part for part in parts if part.share > 0.1]
    groups = _groups(copies, parts)
    density = parts[0].inside.size / lattice.cell if parts else 1.0
    best, folded = 0.0, np.zeros((copies.rows, copies.columns), np.float32)
    for tone in (None, *MIDDLE):
        turned = [part.turned(tone) for part in parts]
        fold = np.asarray(sum(turned, np.zeros_like(folded)), np.float32)
        agreeing = _agreeing(parts, turned, fold, groups, density)
        if agreeing > best * (1.0 if tone is None else 1.15):
            best, folded = agreeing, fold
    return Decision(lattice, best, _drawn(folded), told)


def _told(lattice: Lattice, likely: NDArray[np.float32]) -> float:
    """What a network says of a lattice's strokes, above twice what it says of the ground between them."""
    copies = Copies(lattice.steps, (likely.shape[0], likely.shape[1]), 0.5)
    ground, strokes = np.quantile(copies.fold(likely), (0.5, 0.97))
    return float(strokes - 2 * ground)


@dataclass(frozen=True, slots=True)
class _Part:
    """One copy in the whitened picture: its detail, the brightness around it, and what of it is inside."""

    centre: tuple[float, float]
    detail: NDArray[np.float32]
    bright: NDArray[np.float32]
    inside: NDArray[np.bool_]
    share: float

    @classmethod
    def of(
        cls, copies: Copies, place: tuple[int, int], whitened: NDArray[np.float32], soft: NDArray[np.float32]
    ) -> _Part:
        """What one copy's place in the lattice shows of the whitened detail and of the soft luma."""
        inside = copies.inside(place)
        x, y = copies.steps @ (np.array(place) + 0.5)
        return cls(
            (float(x), float(y)),
            copies.take(whitened, place, cv2.INTER_LINEAR) * inside,
            copies.take(soft, place, cv2.INTER_LINEAR),
            inside,
            float(inside.mean()),
        )

    def turned(self, tone: float | None) -> NDArray[np.float32]:
        """The detail as it would be if the mark were brighter than the picture everywhere."""
        if tone is None:
            return self.detail
        return np.asarray(self.detail * np.clip((tone - self.bright) / 30.0, -1.0, 1.0), np.float32)


def _groups(copies: Copies, parts: list[_Part]) -> NDArray[np.intp]:
    """For each part, which neighbourhood of the picture it lies in."""
    height, width = copies.shape
    rows, columns = (min(6, max(2, round(side / NEIGHBOURHOOD))) for side in (height, width))
    return np.array(
        [
            min(max(int(y / height * rows), 0), rows - 1) * columns
            + min(max(int(x / width * columns), 0), columns - 1)
            for x, y in (part.centre for part in parts)
        ],
        np.intp,
    )


def _agreeing(
    parts: list[_Part],
    turned: list[NDArray[np.float32]],
    folded: NDArray[np.float32],
    groups: NDArray[np.intp],
    density: float,
) -> float:
    """What two thirds of the neighbourhoods reach in agreeing with all other copies, in deviations."""
    agreed, chance, shares = (np.zeros(36) for _ in range(3))
    for part, own, group in zip(parts, turned, groups, strict=True):
        others = (folded - own) * part.inside
        agreed[group] += float((own * others).sum())
        # samples lie closer than pixels: the same detail is counted several times
        chance[group] += CORRELATED * density * float((others * others).sum())
        shares[group] += part.share
    used = shares >= 0.4
    return float(np.quantile(agreed[used] / np.sqrt(chance[used] + 1e-9), 1 / 3)) if used.sum() > 1 else 0.0


def _drawn(folded: NDArray[np.float32]) -> float:
    """Share of a cell's squares that is left when lines along its two steps are taken away."""
    cell = folded - folded.mean()
    rest = cell - cell.mean(1, keepdims=True)
    rest = rest - rest.mean(0, keepdims=True)
    return float((rest * rest).sum() / max(float((cell * cell).sum()), 1e-9))


def find_repeated(
    pixels: NDArray[Any], likely: NDArray[np.float32] | None = None, box: Box | None = None
) -> Repetition | None:
    """The mark that is tiled over a picture.

    Args:
        pixels: (H, W, 1) or (H, W, 3), uint8 or uint16.
        likely: float32 in 0..1, how likely each pixel is a mark's to a network, of the picture at any scale;
            None knows nothing.
        box: (x, y, width, height) of the part of the picture that the answer is wanted for; None is all.

    Returns:
        The mark with everything that all its copies tell, or None.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < 64:
        return None
    luma = _working(pixels)
    if likely is not None:
        size = (luma.shape[1], luma.shape[0])
        likely = np.asarray(cv2.resize(likely, size, interpolation=cv2.INTER_AREA), np.float32)
    decision = decide(luma, likely)
    if decision is None or not decision.repeats:
        return None
    ratio = np.array([[width / luma.shape[1]], [height / luma.shape[0]]])
    copies, shape = _learnt(pixels, luma, likely, decision.lattice.steps, ratio)
    if likely is not None and not _plausible(shape):
        # the network's strokes may be wide of the mark: the copies alone say it then
        copies, shape = _learnt(pixels, luma, None, decision.lattice.steps, ratio)
    if shape is None or not _plausible(shape):
        return None
    repetition = _laid(
        copies, shape, decision, float(np.iinfo(pixels.dtype).max), box or (0, 0, width, height)
    )
    return repetition if (repetition.opacity > VISIBLE).any() else None


def _plausible(shape: Shape | None) -> bool:
    """Whether a shape is one that a mark has: the photo shines through it, and it is more than grain."""
    return shape is not None and shape.level <= HIDES and float((shape.opacity > VISIBLE).mean()) >= LEAST


def _working(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """The luma in 0..255 at the scale that a lattice is looked for in."""
    height, width = pixels.shape[:2]
    scale = min(1.0, float(np.sqrt(WORKING / (height * width))))
    small = pixels
    if scale < 1:
        small = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    values = np.asarray(small * np.float32(255.0 / np.iinfo(pixels.dtype).max), np.float32)
    values = values if values.ndim == 3 else values[..., None]
    return (
        np.ascontiguousarray(values[..., 0])
        if values.shape[2] == 1
        else np.asarray(cv2.cvtColor(values, cv2.COLOR_RGB2GRAY), np.float32)
    )


def _learnt(
    pixels: NDArray[Any],
    luma: NDArray[np.float32],
    likely: NDArray[np.float32] | None,
    steps: NDArray[np.float64],
    ratio: NDArray[np.float64],
) -> tuple[Copies, Shape | None]:
    """One copy's shape: first from the working picture's gradients, then from the picture itself."""
    rough = Copies(steps, (luma.shape[0], luma.shape[1]), 1.25)
    places = spread(rough, luma, MOST)
    start, error, tone = first_shape(rough, luma, places)
    inside = outlined(start, error)
    if likely is not None:
        inside |= rough.fold(likely) > STROKES
    copies = Copies(steps * ratio, (pixels.shape[0], pixels.shape[1]))
    finest = SAMPLES / FEWEST / (copies.rows * copies.columns)
    if finest < 1:
        copies = Copies(steps * ratio, copies.shape, DENSER * float(np.sqrt(finest)))
    count = max(FEWEST, int(SAMPLES / (copies.rows * copies.columns)))
    stack = Stack.of(copies, pixels, places[:count], RIM)
    size = (copies.columns, copies.rows)
    inside = cv2.resize(inside.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) > 0.5
    return copies, fitted(stack, inside, tone)


def _laid(copies: Copies, shape: Shape, decision: Decision, top: float, box: Box) -> Repetition:
    opacity = np.clip(copies.lay(shape.opacity, box), 0.0, 1.0)
    opacity[copies.lay((shape.opacity > 0).astype(np.float32), box, cv2.INTER_LINEAR) < 0.5] = 0
    colour = shape.main
    if (shape.colour != shape.main).any():
        colour = copies.lay(shape.colour, box, cv2.INTER_LINEAR)
        colour = colour if colour.ndim == 3 else colour[..., None]
    count = copies.shape[0] * copies.shape[1] / decision.lattice.cell
    return Repetition(copies.steps, count, box, opacity, colour * np.float32(top / 255), decision.confidence)
