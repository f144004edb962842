"""Pieces that marks are made of: premultiplied RGBA layers, (h, w, 4) float32 in 0..1."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from training.bank import Bank

Rgb = tuple[float, float, float]
WHITE: Rgb = (1.0, 1.0, 1.0)
BLACK: Rgb = (0.0, 0.0, 0.0)


def chance(rng: np.random.Generator, share: float) -> bool:
    return bool(rng.random() < share)


def colour(rng: np.random.Generator) -> Rgb:
    """White most of the time; else black, grey, or a saturated brand colour."""
    way = rng.random()
    if way < 0.45:
        return WHITE
    if way < 0.58:
        return BLACK
    if way < 0.70:
        level = float(rng.uniform(0.15, 0.95))
        return (level, level, level)
    hue, saturation, value = rng.random() * 6, rng.uniform(0.35, 1.0), rng.uniform(0.35, 1.0)
    k = (np.array([5, 3, 1]) + hue) % 6
    rgb = value - value * saturation * np.clip(np.minimum(k, 4 - k), 0, 1)
    return (float(rgb[0]), float(rgb[1]), float(rgb[2]))


def fitted(alpha: np.ndarray, height: float, widest: float = math.inf) -> np.ndarray:
    """An alpha layer scaled to a height in pixels, kept crisp when it grows; float32 in 0..1."""
    scale = min(height / alpha.shape[0], widest / alpha.shape[1])
    size = (max(2, round(alpha.shape[1] * scale)), max(2, round(alpha.shape[0] * scale)))
    if scale <= 1:
        return cv2.resize(alpha, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    grown = cv2.resize(alpha, size, interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
    return np.clip((grown - 0.5) * min(scale, 4.0) + 0.5, 0, 1)


def tinted(alpha: np.ndarray, rgb: Rgb) -> np.ndarray:
    layer = np.empty((*alpha.shape, 4), np.float32)
    layer[..., :3] = alpha[..., None] * np.asarray(rgb, np.float32)
    layer[..., 3] = alpha
    return layer


def over(top: np.ndarray, under: np.ndarray) -> np.ndarray:
    return top + under * (1 - top[..., 3:])


def padded(alpha: np.ndarray, by: int) -> np.ndarray:
    return cv2.copyMakeBorder(alpha, by, by, by, by, cv2.BORDER_CONSTANT, value=0)


def _shifted(alpha: np.ndarray, dx: float, dy: float) -> np.ndarray:
    return cv2.warpAffine(alpha, np.float32([[1, 0, dx], [0, 1, dy]]), alpha.shape[::-1])


def _disc(radius: float) -> np.ndarray:
    size = max(3, 2 * round(radius) + 1)
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))


def gradient(rng: np.random.Generator, shape: tuple[int, int], first: Rgb, second: Rgb) -> np.ndarray:
    """Colours that go from one to the other across the shape, (h, w, 3)."""
    angle = rng.uniform(0, 2 * math.pi)
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j].astype(np.float32)
    share = np.clip((x * math.cos(angle) + y * math.sin(angle)) * 0.5 + 0.5, 0, 1)[..., None]
    return (share * np.float32(second) + (1 - share) * np.float32(first)).astype(np.float32)


def styled(rng: np.random.Generator, alpha: np.ndarray, rgb: Rgb) -> np.ndarray:
    """The alpha shape as plain, hollow, outlined, embossed, shadowed, glowing or gradient-filled art."""
    unit = max(1.0, alpha.shape[0] * 0.03)
    way = rng.random()
    if way < 0.5:
        return tinted(alpha, rgb)
    alpha = padded(alpha, math.ceil(unit * 4))
    if way < 0.58:  # hollow strokes
        kernel = _disc(max(1.0, unit * rng.uniform(0.4, 1.0)))
        if chance(rng, 0.5):
            return tinted(np.clip(cv2.dilate(alpha, kernel) - alpha, 0, 1), rgb)
        return tinted(cv2.morphologyEx(alpha, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)), rgb)
    dark: Rgb = BLACK if sum(rgb) > 1.2 else WHITE
    if chance(rng, 0.15):
        dark = colour(rng)
    if way < 0.68:  # an outline in another colour
        rim = cv2.dilate(alpha, _disc(max(1.0, unit * rng.uniform(0.3, 1.0))))
        return over(tinted(alpha, rgb), tinted(rim * float(rng.uniform(0.3, 1)), dark))
    if way < 0.75:  # light from one side, shade on the other
        step = max(1.0, unit * 0.6)
        raised = over(
            tinted(_shifted(alpha, -step, -step) * 0.8, WHITE),
            tinted(_shifted(alpha, step, step) * 0.8, BLACK),
        )
        if chance(rng, 0.5):
            return raised * (1 - alpha[..., None])
        return over(tinted(alpha * float(rng.uniform(0.1, 0.8)), rgb), raised)
    if way < 0.9:  # a shadow, soft or hard
        dx, dy = rng.uniform(-1.5, 2.5, 2) * unit
        shade = _shifted(alpha, float(dx), float(dy))
        if chance(rng, 0.75):
            shade = cv2.GaussianBlur(shade, (0, 0), float(rng.uniform(0.4, 2.0) * unit))
        return over(tinted(alpha, rgb), tinted(shade * float(rng.uniform(0.25, 1.0)), dark))
    if way < 0.94:  # a glow
        halo = cv2.GaussianBlur(cv2.dilate(alpha, _disc(unit)), (0, 0), float(rng.uniform(0.6, 2.0) * unit))
        return over(
            tinted(alpha, rgb), tinted(np.clip(halo * rng.uniform(0.5, 1.3), 0, 1).astype(np.float32), dark)
        )
    layer = np.empty((*alpha.shape, 4), np.float32)
    layer[..., 3] = alpha
    layer[..., :3] = gradient(rng, alpha.shape, rgb, colour(rng)) * alpha[..., None]
    return layer


def _procedural(rng: np.random.Generator, side: int) -> np.ndarray:
    """A made-up emblem: polygons, rings, stars, stripes and petals in and out of one another."""
    big = 4 * side
    canvas = np.zeros((big, big), np.uint8)
    centre, turn = big / 2, rng.uniform(0, 2 * math.pi)
    ink = 255
    radius = big * 0.48
    for _ in range(int(rng.integers(1, 5))):
        way = int(rng.integers(5))
        if way == 0:
            cv2.circle(canvas, (big // 2, big // 2), int(radius), ink, -1)
        elif way in {1, 2}:
            points, dent = int(rng.integers(3, 13)), 1.0 if way == 1 else rng.uniform(0.35, 0.8)
            angles = turn + np.arange(points * 2) * math.pi / points
            radii = np.where(np.arange(points * 2) % 2 == 0, radius, radius * dent)
            shape = np.stack([centre + radii * np.cos(angles), centre + radii * np.sin(angles)], 1)
            cv2.fillPoly(canvas, [shape.astype(np.int32)], ink)
        elif way == 3:
            petals = int(rng.integers(3, 9))
            for k in range(petals):
                angle = turn + 2 * math.pi * k / petals
                spot = (
                    int(centre + radius * 0.55 * math.cos(angle)),
                    int(centre + radius * 0.55 * math.sin(angle)),
                )
                axes = (int(radius * 0.42), int(radius * rng.uniform(0.1, 0.3)))
                cv2.ellipse(canvas, spot, axes, math.degrees(angle), 0, 360, ink, -1)
        else:
            bar = int(radius * rng.uniform(0.1, 0.35))
            for k in range(-1, 2):
                y = int(centre + k * bar * 2)
                cv2.rectangle(
                    canvas,
                    (int(centre - radius * 0.7), y - bar // 2),
                    (int(centre + radius * 0.7), y + bar // 2),
                    ink,
                    -1,
                )
        ink = 255 - ink
        radius *= rng.uniform(0.45, 0.9)
    return cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def code(rng: np.random.Generator, side: int) -> np.ndarray:
    """A square of modules with three finder marks, like a QR code."""
    count = int(rng.integers(15, 30))
    cells = (rng.random((count, count)) < 0.48).astype(np.uint8)
    finder = np.ones((7, 7), np.uint8)
    finder[1:6, 1:6] = 0
    finder[2:5, 2:5] = 1
    for rows, columns in (
        (slice(0, 8), slice(0, 8)),
        (slice(0, 8), slice(-8, None)),
        (slice(-8, None), slice(0, 8)),
    ):
        cells[rows, columns] = 0
    cells[:7, :7] = cells[:7, -7:] = cells[-7:, :7] = finder
    return cv2.resize(
        cells, (side, side), interpolation=cv2.INTER_NEAREST if side > 40 else cv2.INTER_AREA
    ).astype(np.float32)


_SEGMENTS = {
    "0": "abcdef",
    "1": "bc",
    "2": "abged",
    "3": "abgcd",
    "4": "fgbc",
    "5": "afgcd",
    "6": "afgedc",
    "7": "abc",
    "8": "abcdefg",
    "9": "abcfgd",
}
_STROKES = {
    "a": ((0, 0), (1, 0)), "b": ((1, 0), (1, 1)), "c": ((1, 1), (1, 2)), "d": ((0, 2), (1, 2)),
    "e": ((0, 1), (0, 2)), "f": ((0, 0), (0, 1)), "g": ((0, 1), (1, 1)),
}  # fmt: skip


def seven_segments(rng: np.random.Generator, height: int) -> np.ndarray:
    """A date as a camera burns it in, digits of seven bars."""
    from training.words import date

    text = date(rng)
    unit, pitch = 40, 66
    canvas = np.zeros((2 * unit + 24, pitch * len(text) + 24), np.uint8)
    for place, sign in enumerate(text):
        x = 12 + place * pitch
        for stroke in _SEGMENTS.get(sign, ""):
            (ax, ay), (bx, by) = _STROKES[stroke]
            cv2.line(
                canvas, (x + ax * unit, 12 + ay * unit), (x + bx * unit, 12 + by * unit), 255, 11, cv2.LINE_AA
            )
        if sign in ".:'":
            spot = {".": 2.0, ":": 1.4, "'": 0.1}[sign]
            cv2.circle(canvas, (x + unit // 2, 12 + int(spot * unit)), 7, 255, -1, cv2.LINE_AA)
        elif sign in "-/":
            cv2.line(
                canvas,
                (x + 6, 12 + unit + (20 if sign == "/" else 0)),
                (x + unit - 6, 12 + unit - (20 if sign == "/" else 0)),
                255,
                9,
            )
    return fitted(canvas, height)


def _ring(rng: np.random.Generator, bank: Bank, side: int) -> np.ndarray:
    """A line of text bent around a circle, with rims and an emblem in the middle."""
    text = np.hstack([np.pad(bank.lettering(rng), ((0, 0), (0, 8)))])
    band = max(6, int(side * rng.uniform(0.1, 0.16)))
    strip = fitted(text, band)
    around = int(2 * math.pi * side * 0.38)
    copies = max(1, round(around / max(strip.shape[1], 1)))
    strip = np.tile(strip, (1, copies))
    strip = cv2.resize(strip, (max(around, 8), band), interpolation=cv2.INTER_LINEAR)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    centre = (side - 1) / 2
    radius = np.hypot(x - centre, y - centre)
    angle = (np.arctan2(y - centre, x - centre) + math.pi) / (2 * math.pi)
    outer = side * 0.38 + band / 2
    alpha = cv2.remap(
        strip,
        angle * (strip.shape[1] - 1),
        (outer - radius).astype(np.float32),
        cv2.INTER_LINEAR,
        borderValue=0,
    )
    rim = max(1.0, side * rng.uniform(0.006, 0.02))
    for at in (outer + band * 0.25, outer - band * 1.25):
        if chance(rng, 0.8):
            alpha = np.maximum(alpha, np.clip(rim / 2 + 0.5 - np.abs(radius - at), 0, 1))
    inner = fitted(bank.icon(rng), max(4, (outer - band * 1.4) * 1.1))
    top, left = (side - inner.shape[0]) // 2, (side - inner.shape[1]) // 2
    if top >= 0 and left >= 0:
        alpha[top : top + inner.shape[0], left : left + inner.shape[1]] = np.maximum(
            alpha[top : top + inner.shape[0], left : left + inner.shape[1]], inner
        )
    return np.clip(alpha, 0, 1).astype(np.float32)


def emblem(rng: np.random.Generator, bank: Bank, side: float) -> np.ndarray:
    """The alpha of something without words: an icon, a made-up emblem, a ring of text, a code."""
    whole = max(6, round(side))
    way = rng.random()
    if way < 0.6:
        return fitted(bank.icon(rng), whole, whole * 2.0)
    if way < 0.82:
        return _procedural(rng, whole)
    if way < 0.96:
        return _ring(rng, bank, max(whole, 24))
    return code(rng, whole)


def _joined(parts: list[np.ndarray], gap: int, *, upright: bool, align: float) -> np.ndarray:
    """Art pieces one beside or below another."""
    axis = 0 if upright else 1
    span = max(p.shape[1 - axis] for p in parts)
    pieces = []
    for k, part in enumerate(parts):
        before = round((span - part.shape[1 - axis]) * align)
        after = span - part.shape[1 - axis] - before
        along = (0, gap if k + 1 < len(parts) else 0)
        pads = (along, (before, after), (0, 0)) if upright else ((before, after), along, (0, 0))
        pieces.append(np.pad(part, pads))
    return np.concatenate(pieces, axis=axis)


def line(
    rng: np.random.Generator, bank: Bank, height: float, rgb: Rgb, widest: float = math.inf
) -> np.ndarray:
    return styled(rng, fitted(bank.lettering(rng), height, widest), rgb)


def lockup(rng: np.random.Generator, bank: Bank, width: float) -> np.ndarray:
    """A logo about `width` pixels wide: words, an emblem, or both in one of the usual arrangements."""
    rgb = colour(rng)
    second = colour(rng) if chance(rng, 0.25) else rgb
    way = rng.random()
    if way < 0.34:
        art = styled(rng, fitted(bank.lettering(rng), 10_000, width), rgb)
    elif way < 0.5:
        art = styled(rng, emblem(rng, bank, width * rng.uniform(0.35, 0.8)), rgb)
    elif way < 0.7:  # emblem beside words
        words = fitted(bank.lettering(rng), 10_000, width * 0.72)
        mark = emblem(rng, bank, min(words.shape[0] * rng.uniform(1.0, 2.2), width * 0.4))
        parts = [styled(rng, mark, second), styled(rng, words, rgb)]
        art = _joined(
            parts[:: 1 if chance(rng, 0.8) else -1], max(1, int(width * 0.03)), upright=False, align=0.5
        )
    elif way < 0.85:  # emblem above words
        words = fitted(bank.lettering(rng), 10_000, width)
        mark = emblem(rng, bank, width * rng.uniform(0.25, 0.6))
        art = _joined(
            [styled(rng, mark, second), styled(rng, words, rgb)],
            max(1, int(width * 0.04)),
            upright=True,
            align=0.5,
        )
    else:  # lines of words
        count = int(rng.integers(2, 4))
        sizes = rng.uniform(0.45, 1.0, count)
        parts = [
            styled(rng, fitted(bank.lettering(rng), 10_000, width * float(s)), second if k else rgb)
            for k, s in enumerate(sizes)
        ]
        art = _joined(
            parts,
            max(1, int(width * rng.uniform(0.01, 0.05))),
            upright=True,
            align=(0.0, 0.5, 0.5, 1.0)[rng.integers(4)],
        )
    if art.shape[0] > width * 1.2:  # a short word fitted by its width would be a tower
        scale = width * 1.2 / art.shape[0]
        art = cv2.resize(
            art,
            (max(2, int(art.shape[1] * scale)), max(2, int(art.shape[0] * scale))),
            interpolation=cv2.INTER_AREA,
        )
    if chance(rng, 0.08):
        art = boxed(rng, art)
    return art


def boxed(rng: np.random.Generator, art: np.ndarray, strength: float | None = None) -> np.ndarray:
    """The art on a plate or in a frame of its own, square, rounded or a pill."""
    by = max(2, int(min(art.shape[:2]) * rng.uniform(0.12, 0.5)))
    art = cv2.copyMakeBorder(art, by, by, by, by, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
    rows, columns = art.shape[:2]
    corner = float((0, 0.25, 1)[rng.integers(3)]) * min(rows, columns) / 2
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
    dx = np.maximum(np.abs(x - (columns - 1) / 2) - (columns / 2 - corner), 0)
    dy = np.maximum(np.abs(y - (rows - 1) / 2) - (rows / 2 - corner), 0)
    distance = corner - np.hypot(dx, dy)  # to the rim, inwards
    if corner == 0:
        distance = np.minimum(
            columns / 2 - np.abs(x - (columns - 1) / 2), rows / 2 - np.abs(y - (rows - 1) / 2)
        )
    plate = np.clip(distance + 0.5, 0, 1)
    if chance(rng, 0.35):
        plate *= np.clip(max(1.0, by * 0.15) - distance + 0.5, 0, 1)
    rgb = colour(rng)
    share = float(rng.uniform(0.25, 1.0)) if strength is None else strength
    return over(art, tinted((plate * share).astype(np.float32), rgb))


def distressed(rng: np.random.Generator, art: np.ndarray) -> np.ndarray:
    """Ink that did not take everywhere."""
    coarse = rng.random((max(2, art.shape[0] // 3), max(2, art.shape[1] // 3))).astype(np.float32)
    noise = cv2.GaussianBlur(
        cv2.resize(coarse, art.shape[1::-1], interpolation=cv2.INTER_LINEAR), (0, 0), 1.0
    )
    return art * np.clip((noise - rng.uniform(0.2, 0.42)) * 6, 0, 1)[..., None]


def placed(art: np.ndarray, side: int, centre: tuple[float, float], degrees: float) -> np.ndarray:
    """The art turned about its middle, that middle at `centre` of a (side, side, 4) canvas."""
    rows, columns = art.shape[:2]
    if abs(degrees) < 0.01:
        return _pasted(art, side, round(centre[0] - columns / 2), round(centre[1] - rows / 2))
    matrix = cv2.getRotationMatrix2D((columns / 2, rows / 2), degrees, 1.0)
    matrix[:, 2] += np.array(centre) - (columns / 2, rows / 2)
    return cv2.warpAffine(art, matrix, (side, side), flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0, 0))


def _pasted(art: np.ndarray, side: int, left: int, top: int) -> np.ndarray:
    canvas = np.zeros((side, side, 4), np.float32)
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + art.shape[1], side), min(top + art.shape[0], side)
    if x1 > x0 and y1 > y0:
        canvas[y0:y1, x0:x1] = art[y0 - top : y1 - top, x0 - left : x1 - left]
    return canvas
