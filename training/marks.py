"""Synthetic watermarks of every kind, drawn into a window of a picture.

A mark is one premultiplied RGBA layer over the window. Sizes follow the whole picture's, places follow the
window, so that most windows see some of the mark.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from training import art
from training.art import chance

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.bank import Bank
    from training.photos import Window

KINDS = ("logo", "tiled", "corner", "banner", "stamp", "lines", "frame", "none")
SHARES = (0.24, 0.20, 0.16, 0.12, 0.04, 0.04, 0.02, 0.18)
LARGEST = 2.0  # of the window's side: what is larger is hardly seen in it


@dataclass(frozen=True, slots=True)
class Mark:
    """What was drawn: `layer` (S, S, 4) premultiplied float32 in 0..1, and how it is blended."""

    kind: str
    layer: np.ndarray
    blend: str = "normal"


def _spread(rng: np.random.Generator, low: float, high: float) -> float:
    """Log-uniform: as many faint ones as strong ones."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _spot(rng: np.random.Generator, side: int) -> tuple[float, float]:
    x, y = rng.uniform(0.1 * side, 0.9 * side, 2)
    return float(x), float(y)


def _tilt(rng: np.random.Generator, straight: float) -> float:
    if chance(rng, straight):
        return 0.0
    if chance(rng, 0.55):
        return float(rng.choice([-45, -35, -30, -20, -15, 15, 20, 30, 35, 45, 90, -90]))
    return float(rng.uniform(-70, 70))


def logo(rng: np.random.Generator, bank: Bank, window: Window) -> np.ndarray:
    """One see-through logo, sometimes two."""
    canvas = np.zeros((window.side, window.side, 4), np.float32)
    for _ in range(1 if chance(rng, 0.85) else 2):
        share = _spread(rng, 0.1, 0.7)
        width = min(window.width * share, window.side * LARGEST)
        piece = art.lockup(rng, bank, max(width, 20))
        canvas = art.over(art.placed(piece, window.side, _spot(rng, window.side), _tilt(rng, 0.7)), canvas)
    return canvas * _spread(rng, 0.07, 0.8) if chance(rng, 0.3) else canvas * float(rng.uniform(0.2, 0.75))


def _cell(rng: np.random.Generator, piece: np.ndarray) -> np.ndarray:
    """One period of a tiling: the piece, free room around it, and a second row shifted as bricks are."""
    rows, columns = piece.shape[:2]
    gap_x = columns * (_spread(rng, 0.08, 2.0)) + 2
    gap_y = max(rows * _spread(rng, 0.2, 5.0), 3)
    width, height = int(columns + gap_x), int(rows + gap_y)
    one = np.pad(piece, ((0, height - rows), (0, width - columns), (0, 0)))
    if chance(rng, 0.5):
        return one
    shift = width // 2 if chance(rng, 0.75) else int(rng.integers(width))
    return np.concatenate([one, np.roll(one, shift, 1)], 0)


def tiled(rng: np.random.Generator, bank: Bank, window: Window) -> np.ndarray:
    """Words, emblems or lines all over the picture on a lattice, at any angle."""
    side = window.side
    extent = min(window.width, side * 2.5)
    way = rng.random()
    rgb = art.colour(rng)
    if way < 0.6:
        height = max(7.0, min(window.width, window.height) * _spread(rng, 0.022, 0.09))
        piece = art.line(rng, bank, min(height, side * 0.3), rgb, widest=max(extent * 0.8, 40))
    elif way < 0.8:
        piece = art.lockup(rng, bank, max(extent * _spread(rng, 0.08, 0.4), 20))
    elif way < 0.92:
        piece = art.styled(rng, art.emblem(rng, bank, max(8.0, extent * _spread(rng, 0.03, 0.15))), rgb)
    else:  # two different pieces in turn
        first = art.line(
            rng, bank, max(7.0, window.height * _spread(rng, 0.02, 0.07)), rgb, widest=extent * 0.5
        )
        second = art.styled(rng, art.emblem(rng, bank, max(8.0, first.shape[0] * rng.uniform(0.8, 2.5))), rgb)
        tall = max(first.shape[0], second.shape[0])
        piece = np.concatenate(
            [_tall(first, tall), np.zeros((tall, max(3, tall // 2), 4), np.float32), _tall(second, tall)], 1
        )
    cell = _cell(rng, piece)
    degrees = _tilt(rng, 0.22)
    canvas = _wrapped(rng, cell, side, degrees)
    if chance(rng, 0.1):
        canvas = art.over(canvas, _hairlines(rng, side, rgb) * float(rng.uniform(0.3, 1)))
    return canvas * (_spread(rng, 0.06, 0.6) if chance(rng, 0.25) else float(rng.uniform(0.12, 0.55)))


def _tall(piece: np.ndarray, rows: int) -> np.ndarray:
    before = (rows - piece.shape[0]) // 2
    return np.pad(piece, ((before, rows - piece.shape[0] - before), (0, 0), (0, 0)))


def _wrapped(rng: np.random.Generator, cell: np.ndarray, side: int, degrees: float) -> np.ndarray:
    """The plane tiled with the cell, turned, at a random offset."""
    rows, columns = cell.shape[:2]
    dx, dy = rng.uniform(0, columns), rng.uniform(0, rows)
    if degrees == 0:
        rolled = np.roll(cell, (int(dy), int(dx)), (0, 1))
        return np.tile(rolled, (-(-side // rows), -(-side // columns), 1))[:side, :side]
    radians = math.radians(degrees)
    matrix = np.float32(
        [[math.cos(radians), -math.sin(radians), dx], [math.sin(radians), math.cos(radians), dy]]
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(cell, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_WRAP)


def _hairlines(rng: np.random.Generator, side: int, rgb: art.Rgb) -> np.ndarray:
    """Parallel or crossing thin lines over everything."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    spacing, width = _spread(rng, 14, 160), _spread(rng, 0.8, 4)
    alpha = np.zeros((side, side), np.float32)
    start = rng.uniform(0, math.pi)
    for angle in (start, start + (math.pi / 2 if chance(rng, 0.5) else rng.uniform(0.5, 2.6)))[
        : int(rng.integers(1, 3))
    ]:
        along = x * math.cos(angle) + y * math.sin(angle) + rng.uniform(0, spacing)
        away = np.abs(np.mod(along, spacing) - spacing / 2)
        alpha = np.maximum(alpha, np.clip(width / 2 + 0.5 - away, 0, 1))
    return art.tinted(alpha, rgb)


def corner(rng: np.random.Generator, bank: Bank, window: Window) -> np.ndarray:
    """A credit, address, date, badge or small logo, mostly opaque, as it stands near an edge."""
    side, small = window.side, min(window.width, window.height)
    rgb = art.colour(rng)
    way = rng.random()
    height = max(7.0, small * _spread(rng, 0.025, 0.09))
    if way < 0.5:
        piece = art.line(rng, bank, height, rgb, widest=window.width * 0.6)
    elif way < 0.65:
        tint = (1.0, float(rng.uniform(0.3, 0.8)), float(rng.uniform(0, 0.3))) if chance(rng, 0.6) else rgb
        piece = art.tinted(art.seven_segments(rng, max(8, round(height))), tint)
        if chance(rng, 0.4):
            piece = art.over(
                piece,
                cv2.GaussianBlur(np.pad(piece, ((0, 0), (0, 0), (0, 0))), (0, 0), max(0.8, height * 0.08)),
            )
    elif way < 0.85:
        piece = art.lockup(rng, bank, min(max(20.0, window.width * _spread(rng, 0.07, 0.3)), side * 1.2))
    else:
        piece = art.styled(rng, art.emblem(rng, bank, max(10.0, small * _spread(rng, 0.05, 0.2))), rgb)
    if chance(rng, 0.15):
        piece = art.boxed(rng, piece)
    half = (piece.shape[1] / 2, piece.shape[0] / 2)
    margin = small * rng.uniform(0.005, 0.06)
    centre = list(_spot(rng, side))
    if chance(rng, 0.75):  # a true corner of the window: for small pictures it is one of the picture
        centre = [half[k] + margin if chance(rng, 0.5) else side - half[k] - margin for k in range(2)]
    return art.placed(piece, side, (centre[0], centre[1]), 0.0 if chance(rng, 0.92) else 90.0) * float(
        rng.uniform(0.7, 1.0)
    )


def banner(rng: np.random.Generator, bank: Bank, window: Window) -> np.ndarray:
    """A strip, pill, ribbon or fading band with words on it, straight or across a corner."""
    side, small = window.side, min(window.width, window.height)
    thick = float(min(max(12.0, small * _spread(rng, 0.05, 0.28)), side * 0.7))
    length = int(min(window.width, side * 2.2) * (1.0 if chance(rng, 0.6) else rng.uniform(0.3, 0.9)))
    rows = max(10, round(thick))
    columns = max(rows, length)
    strip = np.ones((rows, columns), np.float32)
    way = rng.random()
    across, along = (
        np.linspace(0, 1, rows, dtype=np.float32)[:, None],
        np.linspace(0, 1, columns, dtype=np.float32)[None],
    )
    if way < 0.2:  # fading upwards, or towards an end
        strip *= (across if chance(rng, 0.5) else along) ** float(rng.uniform(0.6, 1.6))
    elif way < 0.3:  # fading at both ends or sides
        strip *= np.abs(np.sin(math.pi * (along if chance(rng, 0.6) else across))) ** float(
            rng.uniform(0.4, 1.2)
        )
    elif way < 0.4:
        tooth = np.abs(across * 2 - 1) * rows * 0.5
        strip *= np.clip(np.minimum(along * columns, (1 - along) * columns) - tooth + 0.5, 0, 1)
    dark = art.colour(rng)
    base = art.tinted(strip, dark)
    if chance(rng, 0.12):
        base[..., :3] = art.gradient(rng, strip.shape, dark, art.colour(rng)) * strip[..., None]
    strength = float(rng.uniform(0.15, 0.9))
    bright = art.WHITE if sum(dark) < 1.6 else art.BLACK
    rgb = bright if chance(rng, 0.7) else art.colour(rng)
    text = art.line(rng, bank, max(6.0, thick * rng.uniform(0.3, 0.8)), rgb, widest=columns * 0.92)
    if text.shape[0] > rows or text.shape[1] > columns:
        scale = min(rows / text.shape[0], columns / text.shape[1])
        text = cv2.resize(
            text,
            (max(2, int(text.shape[1] * scale)), max(2, int(text.shape[0] * scale))),
            interpolation=cv2.INTER_AREA,
        )
    base *= strength
    free = columns - text.shape[1]
    left = free // 2 if chance(rng, 0.6) else int(rng.integers(free + 1))
    top = (rows - text.shape[0]) // 2
    spot = base[top : top + text.shape[0], left : left + text.shape[1]]
    spot[...] = art.over(text * float(rng.uniform(0.5, 1.0)), spot)
    if way > 0.9 and rows < side / 2:
        base = art.boxed(rng, base, strength)
    degrees = 0.0 if chance(rng, 0.62) else _tilt(rng, 0.05)
    x, y = side / 2 + rng.normal(0, side * 0.15), rng.uniform(0.05, 0.95) * side
    if degrees == 0 and chance(rng, 0.5):  # flush with an edge, as captions are
        y = side - rows / 2 if chance(rng, 0.75) else rows / 2
    return art.placed(base, side, (float(x), float(y)), degrees)


def stamp(rng: np.random.Generator, bank: Bank, window: Window) -> np.ndarray:
    """A rubber stamp: words in a frame or a ring, tilted, of uneven ink."""
    small = min(window.width, window.height)
    width = min(small * _spread(rng, 0.2, 0.8), window.side * 1.3)
    rgb = (
        art.colour(rng)
        if chance(rng, 0.5)
        else (float(rng.uniform(0.6, 0.95)), 0.1, float(rng.uniform(0.05, 0.2)))
    )
    if chance(rng, 0.6):
        piece = art.boxed(rng, art.tinted(art.fitted(bank.lettering(rng), 10_000, width), rgb), 0.0)
        frame = np.zeros(piece.shape[:2], np.float32)
        thick = max(1, int(piece.shape[0] * 0.05))
        cv2.rectangle(
            frame, (thick, thick), (frame.shape[1] - 1 - thick, frame.shape[0] - 1 - thick), 1.0, thick
        )
        piece = art.over(art.tinted(frame, rgb), piece)
    else:
        piece = art.tinted(art.emblem(rng, bank, width * 0.7), rgb)
    if chance(rng, 0.5):
        piece = art.distressed(rng, piece)
    return art.placed(piece, window.side, _spot(rng, window.side), _tilt(rng, 0.2)) * float(
        rng.uniform(0.25, 1.0)
    )


def lines(rng: np.random.Generator, bank: Bank, window: Window) -> np.ndarray:
    """Lines, a cross or a net over the picture, often with a logo where they meet."""
    side, rgb = window.side, art.colour(rng)
    if chance(rng, 0.5):
        canvas = _hairlines(rng, side, rgb)
    else:
        alpha = np.zeros((side, side), np.uint8)
        centre = np.array(_spot(rng, side))
        width = max(1, round(_spread(rng, 1, 8)))
        start = rng.uniform(0, math.pi)
        for angle in (start, math.pi - start)[: int(rng.integers(1, 3))]:
            reach = 2 * side * np.array([math.cos(angle), math.sin(angle)])
            ends = [tuple(int(v) for v in centre + sign * reach) for sign in (-1, 1)]
            cv2.line(alpha, ends[0], ends[1], 255, width, cv2.LINE_AA)
        canvas = art.tinted(alpha.astype(np.float32) / 255, rgb)
    if chance(rng, 0.5):
        piece = art.lockup(rng, bank, min(max(20.0, window.width * _spread(rng, 0.1, 0.5)), side * LARGEST))
        canvas = art.over(art.placed(piece, side, _spot(rng, side), 0.0), canvas)
    return canvas * _spread(rng, 0.12, 0.8)


def frame(rng: np.random.Generator, bank: Bank, window: Window) -> np.ndarray:
    """A rim inside the picture's edge, with a line of words in it or not."""
    side, small = window.side, min(window.width, window.height)
    alpha = np.zeros((side, side), np.float32)
    inset, width = int(small * rng.uniform(0.0, 0.08)), max(1, int(small * _spread(rng, 0.004, 0.06)))
    for _ in range(int(rng.integers(1, 3))):
        cv2.rectangle(alpha, (inset, inset), (side - 1 - inset, side - 1 - inset), 1.0, width)
        inset += width * 2 + 2
    rgb = art.colour(rng)
    canvas = art.tinted(alpha, rgb) * _spread(rng, 0.2, 1.0)
    if chance(rng, 0.6):
        piece = art.line(rng, bank, max(8.0, small * rng.uniform(0.03, 0.08)), rgb, widest=side * 0.8)
        canvas = art.over(
            art.placed(piece, side, (side / 2, side - inset - piece.shape[0]), 0.0) * _spread(rng, 0.3, 1),
            canvas,
        )
    return canvas


_DRAW: dict[str, Callable[[np.random.Generator, Bank, Window], np.ndarray]] = {
    "logo": logo,
    "tiled": tiled,
    "corner": corner,
    "banner": banner,
    "stamp": stamp,
    "lines": lines,
    "frame": frame,
}


def draw(rng: np.random.Generator, bank: Bank, window: Window, kind: str | None = None) -> Mark:
    """A random mark, or none, for the window."""
    kind = kind or str(rng.choice(KINDS, p=SHARES))
    if kind == "none":
        return Mark(kind, np.zeros((window.side, window.side, 4), np.float32))
    layer = _DRAW[kind](rng, bank, window)
    if kind != "corner" and chance(rng, 0.05):  # a second mark of another kind
        layer = art.over(corner(rng, bank, window), layer)
    blend = "normal" if chance(rng, 0.88) else str(rng.choice(["screen", "multiply", "overlay"]))
    return Mark(kind, np.ascontiguousarray(layer, np.float32), blend)
