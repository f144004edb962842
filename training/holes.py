"""Samples for the fill network: a photo with a hole that is painted in some ways, and what was there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from cleanplate.engine.pyramid import FULL, paint_colours
from cleanplate.engine.values import working_values
from training import sample
from training.art import chance
from training.candidates import candidates

if TYPE_CHECKING:
    from training.bank import Bank
    from training.photos import Photos

KINDS = ("strokes", "strip", "rectangle", "brush", "wide")
SHARES = (0.68, 0.09, 0.07, 0.12, 0.04)
MARKS = ("logo", "tiled", "corner", "banner", "stamp", "lines")
MARK_SHARES = (0.24, 0.24, 0.18, 0.14, 0.12, 0.08)
LEAST, MOST = 0.004, 0.6  # share of a crop that its hole may cover
HALF_CHROMA = 0.6  # share of pictures whose chroma is taken for stored at half resolution
WIDEST = 0.36  # share of a crop that the widest of the deliberate holes cover


@dataclass(frozen=True, slots=True)
class Holed:
    """One crop of side S.

    seen, clean: (S, S, 3) uint8, through the same encoder; `seen` is worth nothing inside the hole, and round
    a mark it has the ringing and the colour that the encoder has let run out of it. hole: (S, S) bool. bleed:
    how far that colour is taken to have run, in pixels.
    """

    kind: str
    seen: np.ndarray
    clean: np.ndarray
    hole: np.ndarray
    bleed: int = 0


def make(rng: np.random.Generator, bank: Bank, photos: Photos, side: int, kind: str | None = None) -> Holed:
    """A sample drawn from the generator alone: the same state, bank and photos give the same sample."""
    one = _holed(rng, bank, photos, side, kind)
    return replace(one, bleed=int(chance(rng, HALF_CHROMA)))


def paintings(seen: np.ndarray, hole: np.ndarray, bleed: int) -> np.ndarray:
    """(K, S, S, 3) float32 working values: the ways in which the engine paints the hole."""
    values = paint_colours(working_values(seen), (~hole).astype(np.float32), FULL, bleed=bleed)
    return candidates(values, hole, bleed=bleed)


def _holed(rng: np.random.Generator, bank: Bank, photos: Photos, side: int, kind: str | None) -> Holed:
    """A sample with its hole as it came."""
    kind = kind or str(rng.choice(KINDS, p=SHARES))
    if kind == "strokes":
        for _ in range(3):  # a window may miss its mark
            one = sample.make(rng, bank, photos, side, str(rng.choice(MARKS, p=MARK_SHARES)))
            hole = _grown(rng, one.mask)
            if LEAST < hole.mean() < MOST:
                return Holed(kind, one.seen, one.clean, hole)
        kind = "brush"
    pixels = np.clip(photos.window(rng, side).pixels + 0.5, 0, 255).astype(np.uint8)
    bgr = np.ascontiguousarray(pixels[..., ::-1])
    seen = np.ascontiguousarray(sample.encoded(rng, (bgr, bgr))[0][..., ::-1])
    return Holed(kind, seen, seen, _DRAW[kind](rng, side))


def _grown(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """The mask as a finder or a user would give it: as it is, or wider, or rounded out."""
    way = rng.random()
    if way < 0.5:
        return mask
    reach = int(rng.integers(1, 5 if way < 0.9 else 12))
    shape = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return cv2.dilate(mask.view(np.uint8), shape) > 0


def _strip(rng: np.random.Generator, side: int) -> np.ndarray:
    """A band right across the crop, straight or turned, or along its border."""
    hole = np.zeros((side, side), np.uint8)
    thick = int(side * np.exp(rng.uniform(np.log(0.03), np.log(0.28))))
    if chance(rng, 0.3):
        hole[-thick:] = 1
        return np.rot90(hole, int(rng.integers(4))).astype(bool).copy()
    angle = 0.0 if chance(rng, 0.6) else float(rng.uniform(-0.7, 0.7))
    middle = rng.uniform(0.1, 0.9, 2) * side
    along = np.array([np.cos(angle), np.sin(angle)]) * side * 2
    ends = [tuple(int(v) for v in middle + way * along) for way in (-1, 1)]
    cv2.line(hole, ends[0], ends[1], 1, thick)
    return np.rot90(hole, int(rng.integers(2))).astype(bool).copy()


def _rectangle(rng: np.random.Generator, side: int) -> np.ndarray:
    """One to three boxes, some touching the border."""
    hole = np.zeros((side, side), bool)
    for _ in range(int(rng.integers(1, 4))):
        height, width = (int(side * np.exp(rng.uniform(np.log(0.06), np.log(0.45)))) for _ in range(2))
        top, left = int(rng.integers(-height // 4, side)), int(rng.integers(-width // 4, side))
        hole[max(0, top) : top + height, max(0, left) : left + width] = True
        if hole.mean() > WIDEST:
            break
    return hole


def _brush(rng: np.random.Generator, side: int) -> np.ndarray:
    """A smear by hand: strokes with round ends that wander, thin ones many, thick ones few."""
    hole = np.zeros((side, side), np.uint8)
    most = rng.uniform(0.03, 0.3)
    thick = side * float(np.exp(rng.uniform(np.log(0.01), np.log(0.16))))
    for _ in range(40):
        spot, heading = rng.uniform(0, side, 2), rng.uniform(0, 2 * np.pi)
        for _ in range(int(rng.integers(2, 9))):
            heading += rng.normal(0, 0.7)
            way = np.array([np.cos(heading), np.sin(heading)]) * rng.uniform(0.5, 3.5) * max(thick, 6)
            width = max(2, int(thick * rng.uniform(0.7, 1.3)))
            cv2.line(hole, tuple(int(v) for v in spot), tuple(int(v) for v in spot + way), 1, width)
            spot = spot + way
        if hole.mean() > most:
            break
    return hole > 0


def _wide(rng: np.random.Generator, side: int) -> np.ndarray:
    """One blob of 10 to 35 % of the crop, in its middle."""
    share = rng.uniform(0.1, 0.35)
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    ripple = sum(rng.normal(0, 0.25 / k) * np.cos(k * angles + rng.uniform(0, 6.3)) for k in range(1, 5))
    radii = np.sqrt(share / np.pi) * side * np.clip(1 + ripple, 0.4, 1.8)
    middle = side * rng.uniform(0.35, 0.65, 2)
    points = middle + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
    hole = np.zeros((side, side), np.uint8)
    cv2.fillPoly(hole, [points.astype(np.int32)], 1)
    return hole > 0


_DRAW = {"strip": _strip, "rectangle": _rectangle, "brush": _brush, "wide": _wide}
