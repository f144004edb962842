"""Trains what tells a mark's pixels once its levels are known: `python -m training.outline`.

Marked scenes are drawn by the generator and looked at by the engine itself, some of them with a loose
rectangle, some without. Wherever it is about to fit a mark, what it knows of each pixel
(`cleanplate.engine.fit.belonging.PLANES`) is kept, and with it which pixels are the mark's. From the training
photos `--scenes` are drawn, once, into a pool of files; a sixteenth as many from the validation photos judge.
The engine draws the mark's outline in rounds, each of which shows the network what came of the one before:
the first is the bundled network's, if there is one, and else follows the finder alone.

How a run is stopped, goes on and ends: `training.run`. Bundle the weights with `training.export outline`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812  the name everyone reads

from training import sample
from training.bank import Bank
from training.outline_network import Outline
from training.photos import TRAIN, VALIDATE, Photos
from training.run import Run, common, learn, plain_run, recorded
from training.strokes import pointed
from training.trees import ROOT

sys.path.insert(0, str(ROOT / "src"))

from cleanplate import models  # the source tree's own, installed or not
from cleanplate.engine import tiles
from cleanplate.engine.crops import window
from cleanplate.engine.find import find
from cleanplate.engine.fit import belonging, outline
from cleanplate.engine.fit.recovery import EXACT, LOSSY

if TYPE_CHECKING:
    from collections.abc import Iterator

KINDS = ("logo", "corner", "banner", "stamp")
SHARES = (0.52, 0.2, 0.13, 0.15)
SIDES = (320, 384, 448, 512)
POINTED = 0.6  # of the scenes come with a rectangle round the mark
ENCODED = 0.67  # of the scenes are taken for files of a lossy encoder
CHUNK = 25  # scenes of one file of the pool
SMOOTH = 20.0  # pixels added to both sides of an overlap: small marks would make it jump
OVERLAP = 0.3  # weight of the overlap in the loss


@dataclass(frozen=True, slots=True)
class Told:
    """One look at a mark: planes (P, H, W) float16; right (H, W) boolean; weight (H, W) float16 in 0..1."""

    planes: np.ndarray
    right: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run is made of; saved beside its checkpoints."""

    seed: int = 9
    rate: float = 2e-3
    weight_decay: float = 0.02
    warmup: int = 100
    ema: float = 0.998
    clip: float = 2.0
    bf16: bool = True
    threads: int = 2
    validate_every: int = 500
    scenes: int = 4000
    side: int = 128
    batch: int = 16


def told(seen: np.ndarray, one: sample.Sample, within: np.ndarray | None, *, lossy: bool) -> Iterator[Told]:
    """What the engine is told of each mark that it finds in a scene, in every round."""
    usual = outline.log_odds
    answer: list[Told] = []
    for mark in find(seen, within):
        if mark.kind == "tiled" or mark.exact:  # whose outlines are known
            continue
        for part in tiles.parts(seen, mark):
            place = window(part.reach)

            def noted(clues: belonging.Clues, place: Any = place) -> np.ndarray:
                asked = clues.asked if within is None else clues.asked & within[place]
                cut = window(belonging.shown(clues.asked))
                planes = belonging.described(clues)[:, *cut].astype(np.float16)
                weight = (one.weight[place] * asked)[cut].astype(np.float16)
                answer.append(Told(planes, one.mask[place][cut].copy(), weight))
                return _before(clues, usual)

            outline.log_odds = noted
            try:
                outline.outlined(part.seen, part.area, part.hint, LOSSY if lossy else EXACT)
            finally:
                outline.log_odds = usual
    yield from (each for each in answer if each.weight.any())


def _before(clues: belonging.Clues, usual: Any) -> np.ndarray:
    """Log-odds for the next round: the bundled network's, or the finder's where there is none yet."""
    try:
        return usual(clues)
    except models.ModelUnknown:
        likely = np.clip(clues.hint.probability, 0.02, 0.98)
        return np.where(clues.asked, np.log(likely / (1 - likely)), belonging.NOWHERE).astype(np.float32)


def _drawn(photos: Path, bank: Path, out: Path, split: str, seed: int, chunk: int) -> Path:
    """A chunk of the pool, drawn now or before."""
    path = out / f"{split}-{seed}-{chunk}.npy"
    if path.exists():
        return path
    cv2.setNumThreads(1)
    models.configure(threads=1)
    pieces = Bank.load(bank, split)
    scenes = Photos(photos, TRAIN if split == "train" else VALIDATE)
    answer: list[Told] = []
    for number in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        rng = np.random.default_rng([seed, number, split == "validate"])
        kind, side = str(rng.choice(KINDS, p=SHARES)), int(rng.choice(SIDES))
        one = sample.marked(rng, pieces, scenes.window(rng, side), kind, belongs=False)
        mask = one.mask & (one.weight > 0.5)
        if mask.any():
            within = pointed(rng, mask) if rng.random() < POINTED else None
            answer.extend(told(one.seen, one, within, lossy=bool(rng.random() < ENCODED)))
    stored = np.empty(len(answer), object)
    stored[:] = answer
    fresh = path.with_suffix(".new.npy")
    np.save(fresh, stored, allow_pickle=True)
    fresh.replace(path)
    return path


def pool(asked: argparse.Namespace, split: str, seed: int, scenes: int) -> list[Told]:
    """All looks at the marks of so many scenes, drawn in two processes and kept."""
    folder = asked.out / "pool"
    folder.mkdir(parents=True, exist_ok=True)
    draw = partial(_drawn, asked.photos, asked.bank, folder, split, seed)
    with get_context("spawn").Pool(asked.processes) as workers:
        paths = list(workers.imap(draw, range(-(-scenes // CHUNK))))
    return [each for path in paths for each in np.load(path, allow_pickle=True)]


def batch(looks: list[Told], share: np.ndarray, recipe: Recipe, step: int) -> dict[str, torch.Tensor]:
    """What step `step` learns from: crops of looks, turned and mirrored."""
    rng = np.random.default_rng([recipe.seed, step])
    side, count = recipe.side, recipe.batch
    planes = np.zeros((count, len(belonging.PLANES), side, side), np.float32)
    right = np.zeros((count, side, side), np.float32)
    weight = np.zeros_like(right)
    for number, index in enumerate(rng.choice(len(looks), count, p=share)):
        look = looks[index]
        cut = _crop(rng, look.weight, side)
        parts = [look.planes[:, *cut], look.right[cut][None], look.weight[cut][None]]
        quarters, mirror = int(rng.integers(4)), bool(rng.integers(2))
        parts = [np.rot90(p[..., ::-1] if mirror else p, quarters, (1, 2)) for p in parts]
        height, width = parts[0].shape[1:]
        for whole, part in zip((planes, right[:, None], weight[:, None]), parts, strict=True):
            whole[number, :, :height, :width] = part
    return {
        "planes": torch.from_numpy(planes),
        "right": torch.from_numpy(right),
        "weight": torch.from_numpy(weight),
    }


def _crop(rng: np.random.Generator, weight: np.ndarray, side: int) -> tuple[slice, slice]:
    """Some crop of at most `side` pixels in which something counts, if a few tries find one."""
    cut = np.s_[:side, :side]
    for _ in range(4):
        top, left = (int(rng.integers(max(1, length - side + 1))) for length in weight.shape)
        cut = np.s_[top : top + side, left : left + side]
        if np.count_nonzero(weight[cut]) > 300:
            break
    return cut


def losses(odds: torch.Tensor, right: torch.Tensor, weight: torch.Tensor) -> dict[str, torch.Tensor]:
    """entropy: binary cross-entropy, each sample counting by the root of its pixels; overlap: 1 - Dice."""
    count = weight.sum((1, 2)) + 1
    entropy = (F.binary_cross_entropy_with_logits(odds, right, reduction="none") * weight).sum((1, 2))
    said = odds.sigmoid() * weight
    both = 2 * (said * right).sum((1, 2)) + SMOOTH
    overlap = 1 - both / (said.sum((1, 2)) + (right * weight).sum((1, 2)) + SMOOTH)
    return {
        "entropy": (entropy / count * (count / count.mean()).sqrt()).mean(),
        "overlap": OVERLAP * overlap.mean(),
    }


def step(run: Run, given: dict[str, torch.Tensor], recipe: Recipe) -> dict[str, float]:
    """One update; the terms of its loss."""
    run.network.train()
    planes = given["planes"].contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bf16):
        odds = run.network(planes)
    terms = losses(odds[:, 0].float(), given["right"], given["weight"])
    run.update(sum(terms.values(), torch.zeros(())), warmup=recipe.warmup, clip=recipe.clip, keep=recipe.ema)
    return {name: float(value.detach()) for name, value in terms.items()}


@torch.no_grad()
def judge(network: torch.nn.Module, held: list[Told]) -> dict[str, float]:
    """F1 of the pixels that the network keeps, all looks together, and that of the finder's word alone."""
    network.eval()
    counts = np.zeros((2, 3))  # hit, kept, right
    for look in held:
        height, width = look.right.shape
        beyond = ((0, 0), (0, -height % belonging.STRIDE), (0, -width % belonging.STRIDE))
        planes = torch.from_numpy(np.pad(look.planes.astype(np.float32), beyond))
        odds = network(planes[None])[0, 0, :height, :width].numpy()
        counts_in = look.weight > 0.5
        for row, kept in enumerate((odds > outline.KEPT, look.planes[0] > outline.LIKELY)):
            counts[row] += [(mask & counts_in).sum() for mask in (kept & look.right, kept, look.right)]
    f1 = 2 * counts[:, 0] / counts[:, 1:].sum(1)
    return {"f1": float(f1[0]), "finder_f1": float(f1[1])}


def started(asked: argparse.Namespace, recipe: Recipe) -> Run:
    """A new run, from nothing or from exported weights."""
    torch.manual_seed(recipe.seed)
    return plain_run(Outline(), asked.start, recipe)


def train(asked: argparse.Namespace, recipe: Recipe) -> Run:
    """Runs until `--steps`, the end of a decay, or a signal."""
    looks = pool(asked, "train", recipe.seed, recipe.scenes)
    held = pool(asked, "validate", recipe.seed, max(CHUNK, recipe.scenes // 16))
    share = np.sqrt([np.count_nonzero(look.weight) for look in looks])
    share /= share.sum()
    return learn(
        asked,
        recipe,
        started,
        lambda number: batch(looks, share, recipe, number),
        lambda run, given: step(run, given, recipe),
        lambda ema: judge(ema, held),
        "f1",
    )


def parsed(words: list[str] | None = None) -> tuple[argparse.Namespace, Recipe]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    common(parser, Path("training/out/outline"))
    parser.add_argument("--processes", type=int, default=2, help="that draw the pool")
    asked = parser.parse_args(words)
    return asked, recorded(asked.recipe, Recipe)


if __name__ == "__main__":
    train(*parsed())
