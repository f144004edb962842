"""One training sample: what is seen, the clean truth, and the mark's exact opacity, colour and extent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from training import marks, negatives
from training.art import chance

if TYPE_CHECKING:
    from training.bank import Bank
    from training.photos import Photos, Window

MASK_ALPHA = 0.02  # a pixel belongs to the mark from this opacity on, shadows and outlines included
VISIBLE = 2.5  # levels of difference: a mark that moves a pixel less cannot be seen there


@dataclass(frozen=True, slots=True)
class Sample:
    """Everything about one crop of side S.

    seen, clean: (S, S, 3) uint8, both through the same encoder. alpha: (S, S) float32 in 0..1. tint: (S, S,
    3) float32 in 0..1, the mark's own colour where alpha > 0. mask: (S, S) bool. weight: (S, S) float32, how
    much a pixel's mask counts (little where the mark is there but invisible). blends: False where the mark is
    no plain blend, so that alpha and colour describe it only roughly. belongs: hard negatives were drawn.
    lossy: the encoder lost something.
    """

    kind: str
    seen: np.ndarray
    clean: np.ndarray
    alpha: np.ndarray
    tint: np.ndarray
    mask: np.ndarray
    weight: np.ndarray
    blends: bool
    belongs: bool
    lossy: bool = False


def blended(pixels: np.ndarray, layer: np.ndarray, blend: str) -> tuple[np.ndarray, np.ndarray, bool]:
    """Pixels (0..255) under the layer.

    Returns:
        The marked pixels, the layer that a plain blend would need for the same, and whether there is one.
    """
    alpha = layer[..., 3:]
    if blend == "normal":
        return pixels * (1 - alpha) + layer[..., :3] * 255, layer, True
    tint = layer[..., :3] / np.maximum(alpha, 1e-4)
    if blend in {"screen", "multiply"}:
        # screen: p + αc(1-p) = (1-αc)p + αc·1, a plain white mark of opacity αc; multiply likewise a black
        grey = tint.mean(2, keepdims=True)
        same = alpha * (grey if blend == "screen" else 1 - grey)
        plain = np.concatenate([same * (1.0 if blend == "screen" else 0.0)] * 3 + [same], 2).astype(
            np.float32
        )
        return pixels * (1 - same) + plain[..., :3] * 255, plain, True
    photo = pixels / 255
    mixed = np.where(photo < 0.5, 2 * photo * tint, 1 - 2 * (1 - photo) * (1 - tint))
    return (photo * (1 - alpha) + mixed * alpha) * 255, layer, False


def _jpeg(pixels: np.ndarray, quality: int, sampling: int) -> np.ndarray:
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    return cv2.imdecode(cv2.imencode(".jpg", pixels, options)[1], cv2.IMREAD_COLOR)


_SAMPLINGS = (
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
)


def encoded(rng: np.random.Generator, pair: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Both pictures through the same random encoder: none, JPEG once or twice, WebP."""
    way = rng.random()
    if way < 0.27:
        return pair
    quality, sampling = int(rng.uniform(58, 98)), _SAMPLINGS[int(rng.choice(3, p=[0.7, 0.1, 0.2]))]
    if way < 0.9:
        first, second = (_jpeg(p, quality, sampling) for p in pair)
    else:
        options = [cv2.IMWRITE_WEBP_QUALITY, quality]
        first, second = (cv2.imdecode(cv2.imencode(".webp", p, options)[1], cv2.IMREAD_COLOR) for p in pair)
    if way > 0.8:  # sent on by someone
        again = int(rng.uniform(60, 96))
        return _jpeg(first, again, _SAMPLINGS[0]), _jpeg(second, again, _SAMPLINGS[0])
    return first, second


def _resized(rng: np.random.Generator, planes: list[np.ndarray], side: int) -> list[np.ndarray]:
    """As if the marked picture had been scaled afterwards: all planes down and up again, or softened."""
    small = int(side * rng.uniform(0.55, 0.95))
    ways = (cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_CUBIC)
    down = ways[int(rng.integers(2))]
    up = ways[int(rng.integers(1, 3))]
    return [
        cv2.resize(cv2.resize(p, (small, small), interpolation=down), (side, side), interpolation=up)
        for p in planes
    ]


def make(rng: np.random.Generator, bank: Bank, photos: Photos, side: int, kind: str | None = None) -> Sample:
    """A sample drawn from the generator alone: the same state, bank and photos give the same sample."""
    window = photos.window(rng, side)
    belongs = chance(rng, 0.36)
    if chance(rng, 0.05):
        window, belongs = replace(window, pixels=negatives.graphic(rng, bank, window)), True
        # On a page of print an opaque line of words could be either: only marks that tell themselves apart
        kind = str(rng.choice(["logo", "tiled", "none"])) if kind is None else kind
    elif belongs:
        for _ in range(1 if chance(rng, 0.7) else 2):
            window = replace(window, pixels=negatives.belonging(rng, bank, window))
    return marked(rng, bank, window, kind, belongs=belongs)


def marked(
    rng: np.random.Generator, bank: Bank, window: Window, kind: str | None, *, belongs: bool
) -> Sample:
    """The window with a mark drawn on it, encoded."""
    side, pixels = window.side, window.pixels
    mark = marks.draw(rng, bank, window, kind)
    seen, layer, blends = blended(pixels, mark.layer, mark.blend)
    if mark.kind != "none" and chance(rng, 0.12):
        seen, pixels, layer = _resized(rng, [seen, pixels, layer], side)
        layer = np.clip(layer, 0, 1)
    alpha = np.ascontiguousarray(layer[..., 3])
    moved = np.maximum.reduce(
        cv2.split(cv2.absdiff(seen, pixels))
    )  # ten times faster than along the last axis
    mask = alpha > MASK_ALPHA
    weight = np.where(mask & (cv2.blur(moved, (5, 5)) < VISIBLE), 0.15, 1.0).astype(np.float32)
    pair = [np.clip(p + 0.5, 0, 255).astype(np.uint8) for p in (seen, pixels)]
    # OpenCV's encoders take BGR; the order matters to chroma subsampling
    plain = tuple(np.ascontiguousarray(one[..., ::-1]) for one in pair)
    first, second = encoded(rng, (plain[0], plain[1]))
    tint = np.clip(layer[..., :3] / np.maximum(alpha, 1e-3)[..., None], 0, 1)
    return Sample(
        mark.kind,
        first[..., ::-1].copy(),
        second[..., ::-1].copy(),
        alpha,
        tint,
        mask,
        weight,
        blends,
        belongs,
        first is not plain[0],
    )
