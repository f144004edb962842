"""Trains what looks last at a mark that was had back: `python -m training.refine`.

Marked scenes are drawn by the generator and the engine takes their marks off: some of them with the exact
outline given, others as it finds them, many of those in a loose rectangle. What its fit came to
(`cleanplate.engine.fit.refining.Clues`) is kept with the clean photo: from the training photos as many as the
recipe says, drawn once into a pool of files; from the validation photos a few, which judge.

More marks than elsewhere have outlines, shadows and the like, and half are drawn at twice the size and
shrunk, as design programs make them: thin outlines and soft edges are what a fit does worst.

How a run is stopped, goes on and ends: `training.run`. Bundle the weights with `training.export refine`.
"""

from __future__ import annotations

import argparse
import pickle
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812  the name everyone reads

from training import art, marks, sample
from training.bank import Bank
from training.photos import TRAIN, VALIDATE, Photos
from training.refine_network import CANDIDATES, PLANES, Refine
from training.run import Run, begun, common, go, plain_optimiser, plain_run, recorded
from training.strokes import pointed
from training.trees import ROOT

sys.path.insert(0, str(ROOT / "src"))

from cleanplate import models  # the source tree's own, installed or not
from cleanplate.engine import tiles
from cleanplate.engine.crops import window
from cleanplate.engine.find import find
from cleanplate.engine.fit import recovery, refining

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.photos import Window

Look = tuple[refining.Clues, np.ndarray, bool]  # what the fit came to; the clean photo; whether it was found

EXACT_KINDS, EXACT_SHARES = ("logo", "stamp", "banner"), (0.75, 0.1, 0.15)
FOUND_KINDS, FOUND_SHARES = ("logo", "stamp", "banner", "corner"), (0.5, 0.1, 0.22, 0.18)
SIDES = (288, 352, 416, 480)
POINTED = 0.6  # of the scenes whose marks are found come with a rectangle
PLAIN = 0.3  # of the pieces are of one colour and nothing else
SHRUNK = 0.5  # of the marks are drawn at twice their size
SMALLEST, LARGEST = 400, 0.6  # pixels, share of the scene: what a mark with an exact outline may cover
STRONGEST = 0.8  # opacity that most of it may have
SEEN = 0.5  # of its pixels have to be seen
FEWEST, MINE = 200, 0.15  # pixels of what is found, and the share of them that has to be a mark
CHUNK = 40  # scenes of one file of the pool
HELD = 3  # chunks that judge
MARGIN = 12  # pixels around a mark that are kept
LOST, LITTLE = 0.1, 0.3  # what a found mark's pixels trusted less count: they are painted over afterwards
ROUGH = 40.0  # levels: an error beyond counts linearly
EASY, PERFECT = 2.0, 0.5  # squared levels added to what the error is compared with, and to the error


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run is made of; saved beside its checkpoints."""

    seed: int = 78
    rate: float = 2e-3
    weight_decay: float = 0.02
    warmup: int = 100
    ema: float = 0.998
    clip: float = 1.0
    bf16: bool = True
    threads: int = 2
    validate_every: int = 500
    exact: int = 4200  # scenes whose marks are given exactly
    found: int = 2720  # scenes whose marks the engine finds
    side: int = 96
    batch: int = 16


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
    """Draws more pieces with outlines, shadows and the like, and half of the marks at twice their size."""
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


def _looked(answer: list[Look], clean: np.ndarray, mask: np.ndarray, *, found: bool) -> Any:
    """A stand-in for the engine's last look that keeps what it is told."""

    def noted(clues: refining.Clues) -> np.ndarray:
        area = clues.area
        mine = np.count_nonzero(mask & area) / max(1, np.count_nonzero(area))
        if not found or (np.count_nonzero(area) >= FEWEST and mine > MINE):
            x, y, width, height = cv2.boundingRect(area.view(np.uint8))
            place = np.s_[max(0, y - MARGIN) : y + height + MARGIN, max(0, x - MARGIN) : x + width + MARGIN]
            answer.append((_small(clues.cut(place)), clean[place].copy(), found))
        return clues.values

    return noted


def _small(clues: refining.Clues) -> refining.Clues:
    """The same in few bytes."""
    planes: dict[str, Any] = {}
    for name in refining.ARRAYS:
        values = getattr(clues, name)
        kind = np.float16 if values.dtype == np.float32 else values.dtype
        planes[name] = values.astype(np.int8 if name == "label" else kind)
    return replace(clues, **planes, levels=tuple(clues.levels))


def exact(rng: np.random.Generator, pieces: Bank, scenes: Photos) -> list[Look]:
    """What the fit comes to where a scene's mark is given exactly."""
    kind, side = str(rng.choice(EXACT_KINDS, p=EXACT_SHARES)), int(rng.choice(SIDES))
    one = sample.marked(rng, pieces, scenes.window(rng, side), kind, belongs=False)
    count = np.count_nonzero(one.mask)
    if not one.blends or not SMALLEST <= count <= LARGEST * one.mask.size:
        return []
    if np.percentile(one.alpha[one.mask], 90) > STRONGEST or (one.weight[one.mask] < 0.5).mean() > SEEN:
        return []
    answer: list[Look] = []
    with swapped(recovery, "refined", _looked(answer, one.clean, one.mask, found=False)):
        recovery.recover(one.seen.astype(np.float32), one.mask, lossy=one.lossy)
    return answer


def as_found(rng: np.random.Generator, pieces: Bank, scenes: Photos) -> list[Look]:
    """What the fit comes to where it is the engine that finds a scene's marks."""
    kind, side = str(rng.choice(FOUND_KINDS, p=FOUND_SHARES)), int(rng.choice(SIDES))
    one = sample.marked(rng, pieces, scenes.window(rng, side), kind, belongs=False)
    mask = one.mask & (one.weight > 0.5)
    if not mask.any():
        return []
    within = pointed(rng, mask) if rng.random() < POINTED else None
    answer: list[Look] = []
    for mark in find(one.seen, within):
        if mark.kind == "tiled":
            continue
        for part in tiles.parts(one.seen, mark):
            place = window(part.reach)
            noted = _looked(answer, one.clean[place], one.mask[place], found=True)
            with swapped(recovery, "refined", noted):
                part.recovered(one.lossy)
    return answer


def _drawn(photos: Path, bank: Path, out: Path, split: str, seed: int, which: tuple[str, int]) -> Path:
    """A chunk of the pool, drawn now or before."""
    half, chunk = which
    path = out / f"{half}-{split}-{seed}-{chunk}.pickle"
    if path.exists():
        return path
    cv2.setNumThreads(1)
    models.configure(threads=1)
    pieces = Bank.load(bank, split)
    scenes = Photos(photos, TRAIN if split == "train" else VALIDATE)
    answer: list[Look] = []
    # the engine does not look at captions: something is to be learnt from them all the same
    with richer(), swapped(recovery, "LETTERED", 1.0):
        for number in range(chunk * CHUNK, (chunk + 1) * CHUNK):
            rng = np.random.default_rng([seed + (half == "found"), number, split == "validate"])
            answer += (as_found if half == "found" else exact)(rng, pieces, scenes)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(pickle.dumps(answer))
    fresh.replace(path)
    return path


def pool(asked: argparse.Namespace, split: str, recipe: Recipe, most: int) -> list[Look]:
    """All looks at the marks of a recipe's scenes, drawn in some processes and kept.

    Args:
        asked: where from and where to.
        split: of the photos, "train" or "validate".
        recipe: its seed, and how many scenes.
        most: chunks of either half.
    """
    folder = asked.out / "pool"
    folder.mkdir(parents=True, exist_ok=True)
    draw = partial(_drawn, asked.photos, asked.bank, folder, split, recipe.seed)
    halves = (("exact", recipe.exact), ("found", recipe.found))
    chunks = [(half, chunk) for half, scenes in halves for chunk in range(min(most, -(-scenes // CHUNK)))]
    with get_context("spawn").Pool(asked.processes) as workers:
        paths = list(workers.imap(draw, chunks))
    return [look for path in paths for look in pickle.loads(path.read_bytes())]


def told(clues: refining.Clues) -> np.ndarray:
    """What the network is shown of a look, (PLANES + 3 CANDIDATES, H, W) float32."""
    full = {name: getattr(clues, name) for name in refining.ARRAYS}
    full = {k: v.astype(np.float32) if v.dtype == np.float16 else v for k, v in full.items()}
    return refining.told(replace(clues, **full))


def batch(looks: list[Look], recipe: Recipe, step: int) -> dict[str, torch.Tensor]:
    """What step `step` learns from: crops of looks, turned and mirrored."""
    rng = np.random.default_rng([recipe.seed, 1, step])
    side, count = recipe.side, recipe.batch
    shown = np.zeros((count, PLANES + 3 * CANDIDATES, side, side), np.float32)
    clean, weight = np.zeros((count, 3, side, side), np.float32), np.zeros((count, 1, side, side), np.float32)
    for number in range(count):
        clues, truth, found = looks[int(rng.integers(len(looks)))]
        cut = _crop(rng, clues.area, side)
        part = clues.cut(cut)
        little = LITTLE if found else 1.0
        counts = part.area * np.where(part.trust < LOST, np.float32(little), np.float32(1))
        parts = [told(part), truth[cut].transpose(2, 0, 1) / np.float32(255), counts[None]]
        quarters, mirror = int(rng.integers(4)), bool(rng.integers(2))
        for whole, one in zip((shown, clean, weight), parts, strict=True):
            turned = np.rot90(one[..., ::-1] if mirror else one, quarters, (1, 2))
            whole[number, :, : turned.shape[1], : turned.shape[2]] = turned
    parts = {"told": shown, "clean": clean, "weight": weight}
    return {name: torch.from_numpy(values) for name, values in parts.items()}


def _crop(rng: np.random.Generator, area: np.ndarray, side: int) -> tuple[slice, slice]:
    """Some crop of at most `side` pixels with some of the mark in it, if a few tries find one."""
    cut = np.s_[:side, :side]
    for _ in range(6):
        top, left = (int(rng.integers(max(1, length - side + 1))) for length in area.shape)
        cut = np.s_[top : top + side, left : left + side]
        if np.count_nonzero(area[cut]) > 250:
            break
    return cut


def _off(photo: torch.Tensor, given: dict[str, torch.Tensor]) -> torch.Tensor:
    """Each crop's mean squared error in squared levels; what is far off counts linearly."""
    off = ((255 * (photo - given["clean"])) ** 2).mean(1, keepdim=True)
    off = torch.where(off > ROUGH**2, 2 * ROUGH * off.clamp(min=1).sqrt() - ROUGH**2, off)
    weight = given["weight"]
    return (off * weight).sum((1, 2, 3)) / weight.sum((1, 2, 3)).clamp(min=50)


def losses(photo: torch.Tensor, given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """ratio: the error over that of the fit's own answer, each crop counting by the root of its pixels."""
    before = _off(given["told"][:, PLANES : PLANES + 3], given)
    ratio = (_off(photo, given) + PERFECT) / (before + EASY)
    count = given["weight"].sum((1, 2, 3)).clamp(min=50).sqrt()
    return {"ratio": (ratio * count).sum() / count.sum()}


def step(run: Run, given: dict[str, torch.Tensor], recipe: Recipe) -> dict[str, float]:
    """One update; the terms of its loss."""
    run.network.train()
    shown = given["told"].contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bf16):
        photo = run.network(shown)
    terms = losses(photo.float(), given)
    run.update(sum(terms.values(), torch.zeros(())), warmup=recipe.warmup, clip=recipe.clip, keep=recipe.ema)
    return {name: float(value.detach()) for name, value in terms.items()}


def _decibels(values: np.ndarray, truth: np.ndarray, area: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(((values - truth) ** 2).mean(2)[area].mean(), 0.065)))


@torch.no_grad()
def judge(network: torch.nn.Module, held: list[Look]) -> dict[str, float]:
    """PSNR inside the marks in dB, mean over looks of either half: the fit's, and what the network adds."""
    network.eval()
    rows: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    for clues, truth, found in held:
        height, width = clues.area.shape
        beyond = (0, -width % refining.STRIDE, 0, -height % refining.STRIDE)
        photo = network(F.pad(torch.from_numpy(told(clues))[None], beyond))[0, :, :height, :width]
        answer = np.clip(np.rint(255 * photo.numpy().transpose(1, 2, 0)), 0, 255)
        fit = np.rint(clues.values.astype(np.float32))
        rows[found].append((_decibels(fit, truth, clues.area), _decibels(answer, truth, clues.area)))
    figures: dict[str, float] = {}
    for found, name in ((False, "exact"), (True, "found")):
        if rows[found]:
            mean = np.mean(rows[found], 0)
            figures |= {name: float(mean[0]), f"{name}_gain": float(mean[1] - mean[0])}
    figures["gain"] = float(np.mean([value for name, value in figures.items() if name.endswith("_gain")]))
    return figures


def started(asked: argparse.Namespace, recipe: Recipe) -> Run:
    """A new run, from nothing or from exported weights."""
    torch.manual_seed(recipe.seed)
    return plain_run(Refine(), asked.start, recipe)


def train(asked: argparse.Namespace, recipe: Recipe) -> Run:
    """Runs until `--steps`, the end of a decay, or a signal."""
    held = pool(asked, "validate", recipe, HELD)
    looks = pool(asked, "train", recipe, sys.maxsize)
    print(f"{len(looks)} looks, {len(held)} held back", flush=True)
    torch.set_num_threads(recipe.threads)
    run = started(asked, recipe)
    end = begun(run, asked, lambda: plain_optimiser(run.network, recipe))
    go(
        run,
        asked.out,
        recipe,
        end,
        (batch(looks, recipe, number) for number in range(run.step, end)),
        lambda given: step(run, given, recipe),
        lambda ema: judge(ema, held),
        "gain",
    )
    return run


def parsed(words: list[str] | None = None) -> tuple[argparse.Namespace, Recipe]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    common(parser, Path("training/out/refine"))
    parser.add_argument("--processes", type=int, default=2, help="that draw the pool")
    asked = parser.parse_args(words)
    return asked, recorded(asked.recipe, Recipe)


if __name__ == "__main__":
    train(*parsed())
