"""Lettering, ornaments and graphics that belong to the photo: hard negatives.

They are drawn before the clean truth is taken, and as photos show them: in perspective, shaded like what they
are on, a little soft and grainy, hidden in part, or as plain graphics without any photo.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from training import art
from training.art import chance

if TYPE_CHECKING:
    from training.bank import Bank
    from training.photos import Window


def _quad(rng: np.random.Generator, side: int, aspect: float) -> np.ndarray:
    """Corners of a rectangle of that aspect seen from somewhere, somewhere in the window."""
    width = side * np.exp(rng.uniform(np.log(0.15), np.log(1.3)))
    height = np.clip(width / aspect, side * 0.04, side * 1.2)
    turn, yaw, pitch = rng.normal(0, 0.18), rng.uniform(-1.1, 1.1), rng.uniform(-0.8, 0.8)
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64) * (width / 2, height / 2)
    x = corners[:, 0] * math.cos(yaw)
    y = corners[:, 1] * math.cos(pitch)
    depth = 1 + (corners[:, 0] * math.sin(yaw) + corners[:, 1] * math.sin(pitch)) / (
        side * rng.uniform(0.9, 2.5)
    )
    depth = np.maximum(depth, 0.25)
    points = np.stack([x / depth, y / depth], 1)
    spin = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return (points @ spin.T + rng.uniform(0.1, 0.9, 2) * side).astype(np.float32)


def _warped(layer: np.ndarray, quad: np.ndarray, side: int) -> np.ndarray:
    rows, columns = layer.shape[:2]
    matrix = cv2.getPerspectiveTransform(np.float32([[0, 0], [columns, 0], [columns, rows], [0, rows]]), quad)
    return cv2.warpPerspective(layer, matrix, (side, side), flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0, 0))


def _merged(rng: np.random.Generator, pixels: np.ndarray, layer: np.ndarray) -> np.ndarray:
    """The layer as part of the scene: lit as it is there, softened, with grain and texture of the ground."""
    side = pixels.shape[0]
    layer = cv2.GaussianBlur(layer, (0, 0), float(rng.uniform(0.45, 1.6)))
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(luma, (max(4, side // 16), max(4, side // 16)), interpolation=cv2.INTER_AREA)
    light = cv2.resize(small, (side, side), interpolation=cv2.INTER_CUBIC)
    shade = np.clip(light / max(float(light.mean()), 20.0), 0.25, 1.9) ** float(rng.uniform(0.3, 1.1))
    texture = np.clip(1 + (luma - cv2.GaussianBlur(luma, (0, 0), 2.0)) / 90 * rng.uniform(0, 1.6), 0.4, 1.6)
    grain = rng.normal(1, rng.uniform(0.0, 0.06), (side, side))
    if chance(rng, 0.35):  # an uneven light of its own
        y, x = np.mgrid[0 : 1 : side * 1j, 0 : 1 : side * 1j]
        shade = shade * np.clip(
            1 + rng.uniform(-0.7, 0.7) * (x - 0.5) + rng.uniform(-0.7, 0.7) * (y - 0.5), 0.3, 1.6
        )
    alpha = layer[..., 3:]
    tone = float(rng.uniform(0.55, 0.95)) * 255
    lit = layer[..., :3] * (shade * texture * grain * tone)[..., None].astype(np.float32)
    return np.clip(pixels * (1 - alpha) + lit, 0, 255).astype(np.float32)


def _lettered(rng: np.random.Generator, bank: Bank, side: int) -> np.ndarray:
    """Words, an emblem, or several lines, as art about as wide as the window."""
    rgb = art.colour(rng)
    if chance(rng, 0.3):
        return art.styled(rng, art.emblem(rng, bank, side * 0.5), rgb)
    if chance(rng, 0.5):
        return art.tinted(art.fitted(bank.lettering(rng), side * 0.6, side), rgb)
    return art.lockup(rng, bank, side * 0.9)


def sign(rng: np.random.Generator, bank: Bank, window: Window) -> np.ndarray:
    """A board, label, screen or shop sign with words on it."""
    piece = _lettered(rng, bank, window.side)
    by = max(3, int(min(piece.shape[:2]) * rng.uniform(0.1, 0.5)))
    piece = cv2.copyMakeBorder(piece, by, by, by, by, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
    plate = np.ones(piece.shape[:2], np.float32)
    ground = art.tinted(plate, art.colour(rng))
    if chance(rng, 0.3):
        ground[..., :3] = art.gradient(rng, plate.shape, art.colour(rng), art.colour(rng))
    if chance(rng, 0.3):
        cv2.rectangle(
            ground, (0, 0), (plate.shape[1] - 1, plate.shape[0] - 1), (*art.colour(rng), 1.0), max(1, by // 4)
        )
    board = art.over(piece, ground)
    return _merged(
        rng,
        window.pixels,
        _warped(board, _quad(rng, window.side, board.shape[1] / board.shape[0]), window.side),
    )


def painted(rng: np.random.Generator, bank: Bank, window: Window) -> np.ndarray:
    """Lettering or an ornament right on a surface of the scene: a wall, a shirt, a car."""
    piece = _lettered(rng, bank, window.side) * float(rng.uniform(0.6, 1.0))
    if chance(rng, 0.4):
        piece = art.distressed(rng, piece)
    layer = _warped(piece, _quad(rng, window.side, piece.shape[1] / piece.shape[0]), window.side)
    if chance(rng, 0.4):  # folds of cloth
        side = window.side
        bend = cv2.resize(
            rng.normal(0, side * 0.02, (5, 5, 2)).astype(np.float32),
            (side, side),
            interpolation=cv2.INTER_CUBIC,
        )
        y, x = np.mgrid[0:side, 0:side].astype(np.float32)
        layer = cv2.remap(
            layer, x + bend[..., 0], y + bend[..., 1], cv2.INTER_LINEAR, borderValue=(0, 0, 0, 0)
        )
    return _merged(rng, window.pixels, layer)


def patterned(rng: np.random.Generator, bank: Bank, window: Window) -> np.ndarray:
    """A repeating ornament on a surface: wallpaper, tiles, windows of a house."""
    side = window.side
    cell_side = max(8, int(side * np.exp(rng.uniform(np.log(0.04), np.log(0.2)))))
    motif = (
        art.emblem(rng, bank, cell_side)
        if chance(rng, 0.6)
        else np.ones((cell_side, max(3, cell_side // 2)), np.float32)
    )
    piece = art.tinted(motif, art.colour(rng))
    gap = max(2, int(cell_side * rng.uniform(0.1, 0.8)))
    cell = np.pad(piece, ((0, gap), (0, gap), (0, 0)))
    copies = (max(2, min(14, int(side * 0.8 / cell.shape[0]))), max(2, min(14, int(side / cell.shape[1]))), 1)
    sheet = np.tile(cell, copies) * float(rng.uniform(0.35, 1.0))
    return _merged(
        rng, window.pixels, _warped(sheet, _quad(rng, side, sheet.shape[1] / sheet.shape[0]), side)
    )


def bordered(rng: np.random.Generator, bank: Bank, window: Window) -> np.ndarray:
    """Plain bars or a passe-partout around the photo."""
    del bank
    pixels, side = window.pixels.copy(), window.side
    fill = float((0, 255, rng.uniform(0, 255))[rng.integers(3)])
    width = max(2, int(side * rng.uniform(0.01, 0.2)))
    sides = int(rng.integers(1, 16))
    for bit, bar in enumerate((np.s_[:width], np.s_[-width:], np.s_[:, :width], np.s_[:, -width:])):
        if sides >> bit & 1:
            pixels[bar] = fill
    return pixels


def graphic(rng: np.random.Generator, bank: Bank, window: Window) -> np.ndarray:
    """No photo at all, or one on a page: flat colours, shapes, lines of print, a user interface."""
    side = window.side
    page = art.gradient(rng, (side, side), art.colour(rng), art.colour(rng)) * 255
    if chance(rng, 0.5):
        page[:] = np.float32(art.colour(rng)) * 255
    for _ in range(int(rng.integers(0, 6))):
        x, y, w, h = (int(v) for v in rng.integers(0, side, 4))
        cv2.rectangle(
            page,
            (x, y),
            (x + w // 2, y + h // 2),
            tuple(c * 255 for c in art.colour(rng)),
            -1 if chance(rng, 0.8) else 2,
        )
    if chance(rng, 0.5):
        w, h = (int(v) for v in rng.uniform(0.3, 0.9, 2) * side)
        x, y = int(rng.integers(0, side - w)), int(rng.integers(0, side - h))
        page[y : y + h, x : x + w] = window.pixels[:h, :w]
    height, top = max(7.0, side * rng.uniform(0.03, 0.08)), rng.uniform(0, 0.5) * side
    ink, margin = art.colour(rng), int(side * rng.uniform(0, 0.2))
    canvas = np.zeros((side, side, 4), np.float32)
    for row in range(int(rng.integers(1, 9))):  # lines of print, left aligned
        words = art.tinted(art.fitted(bank.lettering(rng), height, side * 0.9), ink)
        y = int(top + row * height * 1.7)
        spot = canvas[y : y + words.shape[0], margin : margin + words.shape[1]]
        if spot.size:
            spot[...] = words[: spot.shape[0], : spot.shape[1]]
    return np.clip(page * (1 - canvas[..., 3:]) + canvas[..., :3] * 255, 0, 255).astype(np.float32)


_WAYS = (sign, painted, patterned, bordered)
_SHARES = (0.38, 0.34, 0.2, 0.08)


def belonging(rng: np.random.Generator, bank: Bank, window: Window) -> np.ndarray:
    """The window's pixels with something drawn that is no watermark."""
    return _WAYS[int(rng.choice(len(_WAYS), p=_SHARES))](rng, bank, window)
