"""Trains what looks last at a mark that was had back: `python -m training.refine`.

The engine takes the marks of drawn scenes off (`training.looks`). What its fit came to
(`cleanplate.engine.fit.refining.Clues`) is kept with the clean photo: from the training photos as many as the
recipe says, drawn once into a pool of files; from the validation photos a few, which judge.

How a run is stopped, goes on and ends: `training.run`. Bundle the weights with `training.export refine`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812  the name everyone reads

from training import looks
from training.looks import swapped
from training.refine_network import CANDIDATES, PLANES, Refine
from training.run import Run, common, exported, learn, plain_run, recorded
from training.trees import ROOT

sys.path.insert(0, str(ROOT / "src"))

from cleanplate.engine.fit import recovery, refining

if TYPE_CHECKING:
    from training.bank import Bank
    from training.photos import Photos

Look = tuple[refining.Clues, np.ndarray, bool]  # what the fit came to; the clean photo; whether it was found

HELD = 7  # chunks that judge
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


def _looked(answer: list[Look], clean: np.ndarray, mask: np.ndarray, *, found: bool) -> Any:
    """A stand-in for the engine's last look that keeps what it is told."""

    def noted(clues: refining.Clues) -> np.ndarray:
        if not found or looks.counts(clues.area, mask):
            place = looks.around(clues.area, MARGIN)
            answer.append((_small(clues.cut(place)), clean[place].copy(), found))
        return clues.values

    return noted


def _small(clues: refining.Clues) -> refining.Clues:
    """The same in few bytes."""
    planes: dict[str, Any] = {name: looks.small(getattr(clues, name), name) for name in refining.ARRAYS}
    return replace(clues, **planes, levels=tuple(clues.levels))


def exact(rng: np.random.Generator, pieces: Bank, scenes: Photos) -> list[Look]:
    """What the fit comes to where a scene's mark is given exactly."""
    one = looks.exact(rng, pieces, scenes)
    if one is None:
        return []
    answer: list[Look] = []
    with swapped(recovery, "refined", _looked(answer, one.clean, one.mask, found=False)):
        recovery.recover(one.seen.astype(np.float32), one.mask, lossy=one.lossy)
    return answer


def as_found(rng: np.random.Generator, pieces: Bank, scenes: Photos) -> list[Look]:
    """What the fit comes to where it is the engine that finds a scene's marks.

    The engine does not look at captions: something is to be learnt from them all the same.
    """
    answer: list[Look] = []
    for part in looks.found(rng, pieces, scenes):
        clean, mask = (values[part.place] for values in (part.scene.clean, part.scene.mask))
        noted = _looked(answer, clean, mask, found=True)
        with swapped(recovery, "refined", noted), swapped(recovery, "LETTERED", 1.0):
            part.recover()
    return answer


def told(clues: refining.Clues) -> np.ndarray:
    """What the network is shown of a look, (PLANES + 3 CANDIDATES, H, W) float32."""
    full = {name: getattr(clues, name) for name in refining.ARRAYS}
    full = {k: v.astype(np.float32) if v.dtype == np.float16 else v for k, v in full.items()}
    return refining.told(replace(clues, **full))


def batch(pool: list[Look], recipe: Recipe, step: int) -> dict[str, torch.Tensor]:
    """What step `step` learns from: crops of looks, turned and mirrored."""
    rng = np.random.default_rng([recipe.seed, 1, step])
    side, count = recipe.side, recipe.batch
    shown = np.zeros((count, PLANES + 3 * CANDIDATES, side, side), np.float32)
    clean, weight = np.zeros((count, 3, side, side), np.float32), np.zeros((count, 1, side, side), np.float32)
    for number in range(count):
        clues, truth, found = pool[int(rng.integers(len(pool)))]
        cut = looks.crop(rng, clues.area, side)
        part = clues.cut(cut)
        little = LITTLE if found else 1.0
        counts = part.area * np.where(part.trust < LOST, np.float32(little), np.float32(1))
        parts = [told(part), truth[cut].transpose(2, 0, 1) / np.float32(255), counts[None]]
        for whole, one in zip((shown, clean, weight), looks.turned(rng, parts), strict=True):
            whole[number, :, : one.shape[1], : one.shape[2]] = one
    parts = {"told": shown, "clean": clean, "weight": weight}
    return {name: torch.from_numpy(values) for name, values in parts.items()}


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
    """A new run, from nothing or from exported weights, which may be those of a narrower network."""
    torch.manual_seed(recipe.seed)
    network = Refine()
    if asked.start:
        network.grow(exported(asked.start))
    return plain_run(network, None, recipe)


def train(asked: argparse.Namespace, recipe: Recipe) -> Run:
    """Runs until `--steps`, the end of a decay, or a signal."""
    halves = {"exact": exact, "found": as_found}
    held = looks.pool(asked, "validate", recipe, halves, HELD)
    pool = looks.pool(asked, "train", recipe, halves)
    print(f"{len(pool)} looks, {len(held)} held back", flush=True)
    return learn(
        asked,
        recipe,
        started,
        lambda number: batch(pool, recipe, number),
        lambda run, given: step(run, given, recipe),
        lambda ema: judge(ema, held),
        "gain",
    )


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
