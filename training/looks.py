"""What the networks that look at a fit learn from: scenes whose marks the engine takes off.

Some of the marks are given with their exact outline, others are left to the engine to find, many of those in
a loose rectangle. More marks than elsewhere have outlines, shadows and the like, and most are drawn at twice
the size and shrunk, as design programs make them: thin outlines and soft edges are what a fit does worst.

A network's own module says what of a fit is kept (its looks): those of so many scenes are drawn once, in some
processes, into a pool of files.
"""

from __future__ import annotations

import pickle
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from training import art, marks, sample
from training.bank import Bank
from training.photos import TRAIN, VALIDATE, Photos
from training.strokes import pointed
from training.trees import ROOT

sys.path.insert(0, str(ROOT / "src"))

from cleanplate import models  # the source tree's own, installed or not
from cleanplate.engine import tiles
from cleanplate.engine.crops import window
from cleanplate.engine.find import find

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from training.photos import Window

EXACT_KINDS, EXACT_SHARES = ("logo", "tiled", "stamp", "banner"), (0.65, 0.12, 0.08, 0.15)
FOUND_KINDS, FOUND_SHARES = ("logo", "stamp", "banner", "corner"), (0.5, 0.1, 0.22, 0.18)
SIDES = (288, 352, 416, 480)
POINTED = 0.6  # of the scenes whose marks are found come with a rectangle
PLAIN = 0.45  # of the pieces are of one colour and nothing else
SHRUNK = 0.85  # of the marks are drawn at twice their size
SMALLEST, LARGEST = 400, 0.6  # pixels, share of the scene: what a mark with an exact outline may cover
STRONGEST = 0.8  # opacity that most of it may have
SEEN = 0.5  # of its pixels have to be seen
FEWEST, MINE = 200, 0.15  # pixels of what is found, and the share of them that has to be a mark
CHUNK = 40  # scenes of one file of the pool
SOME = 250  # pixels of a mark that a crop should show


@dataclass(frozen=True, slots=True)
class Found:
    """A part of a mark that the engine has found in a scene.

    Attributes:
        scene: all of it.
        place: where in the scene the part is.
        recover: takes the part off, as the engine does.
    """

    scene: sample.Sample
    place: tuple[slice, slice]
    recover: Callable[[], Any]


@contextmanager
def swapped(where: Any, name: str, value: Any) -> Iterator[None]:
    """Something else under a module's name, for a while."""
    usual = getattr(where, name)
    setattr(where, name, value)
    try:
        yield
    finally:
        setattr(where, name, usual)


class _Styled:
    """A generator whose first number is over a half: `art.styled` then draws anything but plain pieces."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng, self._first = rng, True

    def random(self, *size: Any) -> Any:
        value = self._rng.random(*size)
        if self._first and not size:
            self._first, value = False, 0.5 + 0.5 * value
        return value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rng, name)


@contextmanager
def richer() -> Iterator[None]:
    """Draws more pieces with outlines, shadows and the like, and most of the marks at twice their size."""
    styled, draw = art.styled, marks.draw

    def often(rng: Any, alpha: np.ndarray, rgb: art.Rgb) -> np.ndarray:
        if rng.random() < PLAIN:
            return art.tinted(alpha, rgb)
        return styled(_Styled(rng), alpha, rgb)  # pyright: ignore[reportArgumentType]

    def shrunk(rng: np.random.Generator, bank: Bank, place: Window, kind: str | None = None) -> marks.Mark:
        if rng.random() < 1 - SHRUNK:
            return draw(rng, bank, place, kind)
        pixels = cv2.resize(place.pixels, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
        twice = {name: 2 * getattr(place, name) for name in ("width", "height", "left", "top")}
        mark = draw(rng, bank, replace(place, pixels=pixels, **twice), kind)
        size = place.pixels.shape[1::-1]
        layer = cv2.resize(mark.layer, size, interpolation=cv2.INTER_AREA)
        return replace(mark, layer=np.ascontiguousarray(layer))

    with swapped(art, "styled", often), swapped(marks, "draw", shrunk):
        yield


def exact(rng: np.random.Generator, pieces: Bank, scenes: Photos) -> sample.Sample | None:
    """A scene with a see-through mark that is to be given exactly; None where what was drawn is none."""
    kind, side = str(rng.choice(EXACT_KINDS, p=EXACT_SHARES)), int(rng.choice(SIDES))
    one = sample.marked(rng, pieces, scenes.window(rng, side), kind, belongs=False)
    count = np.count_nonzero(one.mask)
    if not one.blends or not SMALLEST <= count <= LARGEST * one.mask.size:
        return None
    if np.percentile(one.alpha[one.mask], 90) > STRONGEST or (one.weight[one.mask] < 0.5).mean() > SEEN:
        return None
    return one


def found(rng: np.random.Generator, pieces: Bank, scenes: Photos) -> Iterator[Found]:
    """What the engine finds of a scene's mark, part by part."""
    kind, side = str(rng.choice(FOUND_KINDS, p=FOUND_SHARES)), int(rng.choice(SIDES))
    one = sample.marked(rng, pieces, scenes.window(rng, side), kind, belongs=False)
    mask = one.mask & (one.weight > 0.5)
    if not mask.any():
        return
    within = pointed(rng, mask) if rng.random() < POINTED else None
    for mark in find(one.seen, within):
        if mark.kind == "tiled":
            continue
        for part in tiles.parts(one.seen, mark):
            yield Found(one, window(part.reach), partial(part.recovered, one.lossy))


def counts(area: np.ndarray, mask: np.ndarray) -> bool:
    """Whether what was found is large enough, and enough of it a mark, for something to be learnt from it."""
    count = np.count_nonzero(area)
    return count >= FEWEST and np.count_nonzero(mask & area) > MINE * count


def around(area: np.ndarray, margin: int) -> tuple[slice, slice]:
    """The box of an area with so many pixels around it."""
    x, y, width, height = cv2.boundingRect(area.view(np.uint8))
    rows = slice(max(0, y - margin), y + height + margin)
    return rows, slice(max(0, x - margin), x + width + margin)


def small(values: np.ndarray, name: str) -> np.ndarray:
    """A plane of a fit in few bytes."""
    kind = np.float16 if values.dtype == np.float32 else values.dtype
    return values.astype(np.int8 if name == "label" else kind)


def _drawn(
    photos: Path, bank: Path, out: Path, split: str, seed: int, halves: dict[str, Any], which: tuple[str, int]
) -> Path:
    """A chunk of the pool, drawn now or before."""
    half, chunk = which
    path = out / f"{half}-{split}-{seed}-{chunk}.pickle"
    if path.exists():
        return path
    cv2.setNumThreads(1)
    models.configure(threads=1)
    pieces = Bank.load(bank, split)
    scenes = Photos(photos, TRAIN if split == "train" else VALIDATE)
    answer: list[Any] = []
    with richer():
        for number in range(chunk * CHUNK, (chunk + 1) * CHUNK):
            rng = np.random.default_rng([seed + (half == "found"), number, split == "validate"])
            answer += halves[half](rng, pieces, scenes)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(pickle.dumps(answer))
    fresh.replace(path)
    return path


def pool(
    asked: argparse.Namespace, split: str, recipe: Any, halves: dict[str, Any], most: int = sys.maxsize
) -> list[Any]:
    """All looks at the marks of a recipe's scenes, drawn in some processes and kept.

    Args:
        asked: where from and where to.
        split: of the photos, "train" or "validate".
        recipe: its `seed`, and how many scenes of which marks are given (`exact`) or found (`found`).
        halves: "exact" and "found": what makes the looks of a scene, from a generator, a bank and photos.
        most: chunks of either half.
    """
    folder = asked.out / "pool"
    folder.mkdir(parents=True, exist_ok=True)
    draw = partial(_drawn, asked.photos, asked.bank, folder, split, recipe.seed, halves)
    scenes = (("exact", recipe.exact), ("found", recipe.found))
    chunks = [(half, chunk) for half, count in scenes for chunk in range(min(most, -(-count // CHUNK)))]
    with get_context("spawn").Pool(asked.processes) as workers:
        paths = list(workers.imap(draw, chunks))
    return [look for path in paths for look in pickle.loads(path.read_bytes())]


def crop(rng: np.random.Generator, area: np.ndarray, side: int) -> tuple[slice, slice]:
    """Some crop of at most `side` pixels with some of the mark in it, if a few tries find one."""
    cut = np.s_[:side, :side]
    for _ in range(6):
        top, left = (int(rng.integers(max(1, length - side + 1))) for length in area.shape)
        cut = np.s_[top : top + side, left : left + side]
        if np.count_nonzero(area[cut]) > SOME:
            break
    return cut


def turned(rng: np.random.Generator, planes: list[np.ndarray]) -> list[np.ndarray]:
    """The same planes, (P, H, W), all turned and mirrored alike."""
    quarters, mirror = int(rng.integers(4)), bool(rng.integers(2))
    return [np.rot90(one[..., ::-1] if mirror else one, quarters, (1, 2)) for one in planes]
