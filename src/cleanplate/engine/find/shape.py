"""The shape, opacity and colour of one copy of a repeated mark, from all copies over different backgrounds.

Each copy shows seen = (1 - α) · photo + α · C with the same α and C and another photo. Two ways lead to α:

* gradients: the photo's are of both signs and average out, the mark's stay. Their mean over the copies, each
  weighed by how quiet the photo is there, is ∇α · (C - photo); integrating it (Poisson's equation on the
  lattice's torus) gives the first shape. This is the idea of Dekel, Rubinstein, Liu and Freeman, "On the
  effectiveness of visible watermarks" (CVPR 2017), within one picture.
* levels: once the shape is roughly known, the photo under it is guessed from around it, and α is the slope of
  seen - photo on C - photo over all copies: unlike the gradients this does not drift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cleanplate.engine.find.copies import Copies, Stack

QUIET = 1.5  # levels: the least deviation that a photo is trusted to have
WIDEST = 24.0  # pixels: what is wider than about this in the first shape is drift
TOP = 255.0


@dataclass(frozen=True, slots=True)
class Shape:
    """One copy of a mark.

    Attributes:
        opacity: (rows, columns) float32 in 0..1, a cell of the lattice.
        colour: (rows, columns, C) float32 in 0..255.
        main: (C,) float32, the colour of most of it.
        level: the opacity of its strokes' cores.
    """

    opacity: NDArray[np.float32]
    colour: NDArray[np.float32]
    main: NDArray[np.float32]
    level: float


def first_shape(
    copies: Copies, luma: NDArray[np.float32], places: list[tuple[int, int]]
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """What the gradients tell: opacities (rows, columns), how unsure each is, and the colour's luma."""
    across, down = np.zeros_like(luma), np.zeros_like(luma)
    across[:, :-1], down[:-1] = np.diff(luma, axis=1), np.diff(luma, axis=0)
    level = cv2.GaussianBlur(luma, (0, 0), 6.0)
    unrest = cv2.GaussianBlur(across * across + down * down, (0, 0), 3.0) / 2 + QUIET**2
    planes = _plane(np.dstack([across, down, level, unrest]))
    taken = [(copies.take(planes, place), copies.inside(place)) for place in places]
    sums = np.zeros((7, copies.rows, copies.columns), np.float32)
    tone, slopes = 0.0, None
    answers: list[tuple[NDArray[np.float32], float]] = []
    for _ in range(3):
        sums[...] = 0
        for part, inside in taken:
            gx, gy, b, v = cv2.split(part)
            weight = inside / np.maximum(v, QUIET**2)
            if slopes is not None:
                off = (gx - slopes[0] * (tone - b)) ** 2 + (gy - slopes[1] * (tone - b)) ** 2
                weight = weight / (1 + off / (4 * np.maximum(v, QUIET**2)))
            for k, value in enumerate((1.0, b, b * b, gx, gy, b * gx, b * gy)):
                sums[k] += weight * value
        answers = _tones(copies, sums)
        tone, slopes = answers[0][1], _slopes(sums, answers[0][1])
    weight, b, bb = sums[:3]
    spread = np.maximum(tone * tone * weight - 2 * tone * b + bb, 1e-3 * np.median(bb))
    return answers[0][0], np.sqrt(_plane(cv2.GaussianBlur(_plane(1 / spread), (0, 0), 2.0))), tone


def _slopes(sums: NDArray[np.float32], tone: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The opacity's gradient, given the colour's luma: regression through the origin over the copies."""
    weight, b, bb, gx, gy, bgx, bgy = sums
    spread = tone * tone * weight - 2 * tone * b + bb
    spread = spread + 60.0 * np.median(weight)
    return (tone * gx - bgx) / spread, (tone * gy - bgy) / spread


def _tones(copies: Copies, sums: NDArray[np.float32]) -> list[tuple[NDArray[np.float32], float]]:
    """Opacities for the colour's likeliest luma below and above the picture's own, the likelier first."""
    tones = np.linspace(0.0, TOP, 18)
    weight, b, bb, gx, gy, bgx, bgy = sums
    explained = np.zeros(tones.size)
    for k, tone in enumerate(tones):
        spread = tone * tone * weight - 2 * tone * b + bb + 1e-3 * np.median(weight)
        explained[k] = (((tone * gx - bgx) ** 2 + (tone * gy - bgy) ** 2) / spread).sum()
    middle = float(b.sum() / max(weight.sum(), 1e-9))
    found: list[tuple[float, NDArray[np.float32], float]] = []
    clear = np.sqrt(np.maximum(weight, 1e-3 * np.median(weight)))
    for extreme, side in ((0, tones <= middle), (-1, tones >= middle)):
        if not side.any():
            continue
        # where the backgrounds differ little, every tone explains the same, and black or white is likeliest
        best = int(
            np.flatnonzero(side & (explained >= 0.93 * np.max(explained, where=side, initial=0)))[extreme]
        )
        opacity = integrated(copies, *_slopes(sums, float(tones[best])), WIDEST)
        opacity = opacity - np.median(opacity)
        smooth = cv2.GaussianBlur(opacity, (0, 0), 1.5)
        low, high = (float(v) for v in np.percentile(smooth, (2, 98)))
        lean = 0.6 * (high + low) / max(high - low, 1e-9) + 0.2 * _skew(opacity, clear)
        found.append((explained[best] / explained.max() + lean, opacity, float(tones[best])))
    found.sort(key=lambda each: -each[0])
    return [(opacity, tone) for _, opacity, tone in found]


def _skew(opacity: NDArray[np.float32], clear: NDArray[np.float32]) -> float:
    """Whether what stands out of a cell is above (to 1) or below (to -1) the rest."""
    fine = (opacity - cv2.GaussianBlur(opacity, (0, 0), 8.0)) * clear
    most = float(np.percentile(np.abs(fine), 99.5))
    fine = np.clip(fine, -most, most)
    return float(np.tanh((fine**3).mean() / max(float((fine**2).mean()) ** 1.5, 1e-12)))


def integrated(
    copies: Copies, across: NDArray[np.float32], down: NDArray[np.float32], widest: float
) -> NDArray[np.float32]:
    """The cell whose differences to the next pixel right and below come closest to the given ones.

    Its mean is zero, and what is wider than `widest` pixels is damped.
    """
    first, second = np.fft.fftfreq(copies.columns) * copies.columns, np.fft.fftfreq(copies.rows) * copies.rows
    back = np.linalg.inv(copies.steps)  # wave vectors of the lattice: rows of the inverse steps
    x = np.exp(2j * np.pi * (first[None] * back[0, 0] + second[:, None] * back[1, 0])) - 1
    y = np.exp(2j * np.pi * (first[None] * back[0, 1] + second[:, None] * back[1, 1])) - 1
    top = np.conj(x) * np.fft.fft2(across) + np.conj(y) * np.fft.fft2(down)
    bottom = np.abs(x) ** 2 + np.abs(y) ** 2 + widest**-2
    return np.real(np.fft.ifft2(top / bottom)).astype(np.float32)


@dataclass(slots=True)
class Sums:
    """What the copies say of each sample: weighted sums over them, (rows, columns, C) each.

    `b` is the guessed photo, `s` what is seen.
    """

    weight: NDArray[np.float32]
    b: NDArray[np.float32]
    s: NDArray[np.float32]
    bb: NDArray[np.float32]
    bs: NDArray[np.float32]
    ss: NDArray[np.float32]
    count: NDArray[np.float32]

    def at(self, where: NDArray[np.bool_] | slice) -> Sums:
        return Sums(
            *(plane[where] for plane in (self.weight, self.b, self.s, self.bb, self.bs, self.ss, self.count))
        )

    def opacity(self, colour: NDArray[np.float32]) -> NDArray[np.float32]:
        """Least squares slope of photo - seen on photo - colour, over all copies and channels."""
        return _plane(self._top(colour) / np.maximum(self._bottom(colour), 1e-9))

    def left(self, colour: NDArray[np.float32]) -> NDArray[np.float32]:
        """Squares that no opacity explains, with this colour."""
        return _plane(self.moved() - self._top(colour) ** 2 / np.maximum(self._bottom(colour), 1e-9))

    def error(self, colour: NDArray[np.float32]) -> NDArray[np.float32]:
        """Standard error of the opacity, from how much the copies differ."""
        channels = self.b.shape[-1]
        freedom = channels * np.maximum(self.count[..., 0] - 1, 0.5)
        # the channels of a photo move together, so three say little more than one
        scatter = np.maximum(self.left(colour) / freedom, 0.5) * channels
        return np.sqrt(scatter / np.maximum(self._bottom(colour), 1e-9))

    def moved(self) -> NDArray[np.float32]:
        """Squares of seen - photo."""
        return _total(self.bb - 2 * self.bs + self.ss)

    def _top(self, colour: NDArray[np.float32]) -> NDArray[np.float32]:
        return _total(self.bb - self.bs - colour * (self.b - self.s))

    def _bottom(self, colour: NDArray[np.float32]) -> NDArray[np.float32]:
        return _total(self.bb - 2 * colour * self.b + colour * colour * self.weight)

    def colour(self, start: NDArray[np.float32], turns: int = 25) -> NDArray[np.float32]:
        """The one colour (C,) that, with an opacity for each sample, leaves least, near `start`."""
        colour = start
        for _ in range(turns):
            opacity = np.clip(self.opacity(colour), 0.0, 1.0)[..., None]
            top = (opacity * (self.s - (1 - opacity) * self.b)).reshape(-1, colour.size).sum(0)
            bottom = (opacity * opacity * self.weight).reshape(-1, colour.size).sum(0)
            colour = np.clip(top / np.maximum(bottom, 1e-9), 0.0, TOP).astype(np.float32)
        return colour


def guessed(values: NDArray[np.float32], hidden: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(H, W, C) values with what is hidden filled smoothly from around it, through a pyramid."""
    known = (~hidden).astype(np.float32)
    levels: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = [(values * known[..., None], known)]
    while min(levels[-1][1].shape) > 4 and len(levels) < 7:
        levels.append((_channels(cv2.pyrDown(levels[-1][0])), _plane(cv2.pyrDown(levels[-1][1]))))
    top, share = levels.pop()
    answer = _channels(top) / np.maximum(share, 1e-6)[..., None]
    for top, share in reversed(levels):
        coarse = _channels(cv2.pyrUp(answer, dstsize=(share.shape[1], share.shape[0])))
        answer = _channels(top) + (1 - share)[..., None] * coarse
    return np.where(hidden[..., None], answer, values).astype(np.float32)


def _plane(values: NDArray[Any]) -> NDArray[np.float32]:
    """What OpenCV answers, as what it is: its own types promise less."""
    return np.asarray(values, np.float32)


def _total(values: NDArray[Any]) -> NDArray[np.float32]:
    """The sum over the last axis, as a product with ones: numpy is slow at axes of three."""
    return _plane(values @ np.ones(values.shape[-1], np.float32))


def _channels(values: NDArray[Any]) -> NDArray[np.float32]:
    """OpenCV drops the last axis of one-channel pictures."""
    return np.asarray(values if values.ndim == 3 else values[..., None], np.float32)


def summed(stack: Stack, hidden: NDArray[np.bool_], earlier: Shape | None) -> Sums:
    """The copies' sums over a photo guessed under what is hidden, each weighed by how sure the guess is.

    Args:
        stack: the copies.
        hidden: (rows, columns), the samples whose photo is guessed.
        earlier: what is known of the shape, to find out who does not show it.
    """
    count, rows, columns, channels = stack.seen.shape
    masked = np.asarray(np.tile(stack.around(hidden), (count, 1)), np.bool_)
    # the copies below each other are one picture: its few seams lie in their rims
    seen = stack.seen.reshape(-1, columns, channels)
    photo = guessed(seen, masked)
    soft = _channels(cv2.GaussianBlur(photo, (0, 0), 2.0))
    open_ = (~masked).astype(np.float32)
    rough: NDArray[np.float32] = _total((photo - soft) ** 2) / np.float32(channels) * open_
    share = _plane(cv2.GaussianBlur(open_, (0, 0), 5.0))
    unrest = 2 * _plane(cv2.GaussianBlur(rough, (0, 0), 5.0)) / np.maximum(share, 0.02) + QUIET**2
    doubt = stack.own(unrest.reshape(count, rows, columns))
    guess, inside = stack.own(photo.reshape(stack.seen.shape)), stack.own(stack.inside)
    sums = np.zeros((7, *hidden.shape, channels), np.float32)
    for b, s, v, own in zip(guess, stack.own(stack.seen), doubt, inside, strict=True):
        weight = own / v
        if earlier is not None:
            opacity = earlier.opacity[..., None]
            off = _total((s - (1 - opacity) * b - opacity * earlier.colour) ** 2) / channels
            weight = weight / (1 + off / (4 * v))
        weight = weight[..., None].astype(np.float32)
        heavy, seen_ = weight * b, weight * s
        for k, value in enumerate((weight, heavy, seen_, heavy * b, heavy * s, seen_ * s)):
            sums[k] += value
        sums[6] += own[..., None]
    return Sums(*sums)


TONES: tuple[float, ...] = (0.0, 64.0, 128.0, 192.0, 255.0)
TURNS = 4
SAID = 1500  # samples that are asked for a colour
PURE = 1.12  # black or white is taken for the colour where it leaves no more than this much more unexplained


def fitted(stack: Stack, inside: NDArray[np.bool_], tone: float) -> Shape | None:
    """One copy of the mark that stands on the lattice, or None where the copies have nothing in common.

    Args:
        stack: the copies that it is learnt from.
        inside: (rows, columns), roughly where the mark is.
        tone: the luma of its colour, 0..255, roughly.
    """
    colour = np.full(stack.seen.shape[3], tone, np.float32)
    shape: Shape | None = None
    for _ in range(TURNS):
        around = grown(inside, 1)
        shape = _shape(summed(stack, around, shape), inside, around, colour)
        if shape is None:
            return None
        colour = shape.main
        inside = shape.opacity > 0
    return shape


def outlined(opacity: NDArray[np.float32], error: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Roughly where the mark is in a first shape, lighter and darker parts of it alike.

    What is wide in a first shape is mostly drift; so strokes are looked for in what is left when it is taken
    away, and then widened to all that is as strong around them.
    """
    wide = cv2.copyMakeBorder(opacity, 32, 32, 32, 32, cv2.BORDER_WRAP)
    wide = cv2.GaussianBlur(wide, (0, 0), 8.0)[32:-32, 32:-32]
    fine = opacity - wide
    sure = np.abs(fine) / error
    sure = sure / (1.4826 * np.median(sure))
    best = sure >= max(4.0, float(np.percentile(sure, 98)))
    strong = float(np.median(np.abs(opacity[best]))) if best.any() else 0.0
    seeds = (sure > 2.5) & (np.abs(fine) > 0.2 * strong)
    sign = np.sign(cv2.blur(np.where(seeds, fine, 0), (5, 5)))
    body = (np.abs(opacity) > 0.35 * strong) & (np.sign(opacity) == sign)
    return seeds | (body & grown(seeds, 3))


def _shape(
    sums: Sums, inside: NDArray[np.bool_], around: NDArray[np.bool_], colour: NDArray[np.float32]
) -> Shape | None:
    """Opacity and colours, given roughly where the mark is and what colour its main part has."""
    if not inside.any():
        return None
    opacity = sums.opacity(colour)
    core = inside & (opacity > 0.6 * np.percentile(opacity[inside], 85))
    if core.sum() < 8:
        return None
    main = _likeliest(sums.at(core), PURE)
    opacity, error = sums.opacity(main), sums.error(main)
    level = float(np.median(opacity[core]))
    colours = np.broadcast_to(main, (*opacity.shape, main.size)).copy()
    other = around & (opacity < -max(0.04, 0.1 * level))
    if other.sum() > 0.1 * core.sum():
        surest = other & (opacity < np.percentile(opacity[other], 40))
        second = _likeliest(sums.at(surest), PURE)
        opacity[other], error[other] = sums.opacity(second)[other], sums.error(second)[other]
        colours[other] = second
    opacity = np.where(around, np.clip(opacity, 0.0, 1.0), 0.0)
    opacity[~standing_out(opacity, error, level)] = 0
    return Shape(opacity.astype(np.float32), colours.astype(np.float32), main, level)


def _likeliest(sums: Sums, pure: float) -> NDArray[np.float32]:
    """The colour that explains most; black or white where one of them explains nearly as much."""
    channels = int(sums.b.shape[-1])
    sums = sums.at(np.s_[:: 1 + len(sums.b) // SAID])
    found = [sums.colour(_grey(tone, channels)) for tone in TONES]
    left = [float(sums.left(each).sum()) for each in found]
    best = int(np.argmin(left))
    for tone in (0.0, TOP):
        plain = _grey(tone, channels)
        if float(sums.left(plain).sum()) < pure * left[best]:
            return plain
    return found[best]


def _grey(tone: float, channels: int) -> NDArray[np.float32]:
    return np.asarray([tone] * channels, np.float32)


def standing_out(opacity: NDArray[np.float32], error: NDArray[np.float32], level: float) -> NDArray[np.bool_]:
    """Samples of a cell that belong to the mark: above their error, and joined to some far above it."""
    weak = (opacity > max(0.12 * level, 0.02)) & (opacity > 2.0 * error)
    sure = (opacity > 0.5 * level) & (opacity > 4.0 * error)
    count, found = cv2.connectedComponents(weak.astype(np.uint8), connectivity=8)
    labels = np.asarray(found, np.intp)
    keep = np.zeros(count, bool)
    keep[np.unique(labels[sure])] = True
    keep &= np.bincount(labels.ravel(), minlength=count) >= 6
    keep[0] = False
    return keep[labels]


def grown(cell: NDArray[np.bool_], by: int) -> NDArray[np.bool_]:
    """A cell's samples and those within `by` of them, around its edges too."""
    rim = by + 1
    wrapped = cv2.copyMakeBorder(cell.astype(np.uint8), rim, rim, rim, rim, cv2.BORDER_WRAP)
    wide = cv2.dilate(wrapped, np.ones((2 * by + 1, 2 * by + 1), np.uint8))
    return wide[rim:-rim, rim:-rim] > 0
