"""Trains the find network: `python -m training.find --out training/out/find --resume`.

How a run is stopped, goes on and ends: `training.run`.
"""

from __future__ import annotations

import argparse
import copy
from dataclasses import dataclass
from pathlib import Path

import torch

from training import batches, losses, validation
from training.network import Find, calibrate
from training.run import Run, begun, common, go, recorded, started_from


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run is made of; saved beside its checkpoints."""

    seed: int = 3
    rate: float = 2e-3
    backbone_share: float = 0.3
    weight_decay: float = 0.02
    warmup: int = 200
    ema: float = 0.999
    clip: float = 2.0
    bf16: bool = True
    threads: int = 2
    workers: int = 1
    validate_every: int = 400
    validation_cases: int = 96
    shapes: tuple[tuple[int, int], ...] = batches.SHAPES


def optimiser(network: Find, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW; the backbone learns slower, norms and biases are not decayed."""
    groups = []
    for part, share in ((network.backbone, recipe.backbone_share), (network.head, 1.0)):
        weights = [p for p in part.parameters() if p.ndim > 1]
        others = [p for p in part.parameters() if p.ndim <= 1]
        rate = recipe.rate * share
        groups += [
            {"params": weights, "lr": rate, "full": rate, "weight_decay": recipe.weight_decay},
            {"params": others, "lr": rate, "full": rate, "weight_decay": 0.0},
        ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.99))


def started(asked: argparse.Namespace, recipe: Recipe) -> Run:
    """A new run from the detector's weights or from earlier weights; one to be resumed gets its own later."""
    torch.manual_seed(recipe.seed)
    network = Find()
    if asked.start:
        started_from(network, asked.start)
    elif asked.detector:
        network.backbone.load_detector(asked.detector)
        calibrate(network, batches.calibration(asked.photos, asked.bank, recipe.seed, 4))
    network = network.to(memory_format=torch.channels_last)
    return Run(
        network, copy.deepcopy(network).requires_grad_(requires_grad=False), optimiser(network, recipe)
    )


def step(run: Run, batch: losses.Batch, recipe: Recipe) -> dict[str, float]:
    """One update; the terms of its loss."""
    run.network.train()
    pixels = batch.seen.contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bf16):
        planes = run.network(pixels)
    terms = losses.losses(planes, batch)
    run.update(losses.total(terms), warmup=recipe.warmup, clip=recipe.clip, keep=recipe.ema)
    return {name: float(value.detach()) for name, value in terms.items()}


def train(asked: argparse.Namespace, recipe: Recipe) -> Run:
    """Runs until `--steps`, the end of a decay, or a signal."""
    torch.set_num_threads(recipe.threads)
    run = started(asked, recipe)
    end = begun(run, asked, lambda: optimiser(run.network, recipe))
    held = validation.cases(asked.photos, asked.bank, recipe.validation_cases)
    steps = batches.Steps(asked.photos, asked.bank, recipe.seed, recipe.shapes)
    go(
        run,
        asked.out,
        recipe,
        end,
        batches.stream(steps, run.step, end, recipe.workers),
        lambda batch: step(run, batch, recipe),
        lambda ema: validation.judge(ema, held),
        "f1",
    )
    return run


def parsed(words: list[str] | None = None) -> tuple[argparse.Namespace, Recipe]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    common(parser, Path("training/out/find"))
    parser.add_argument("--detector", type=Path, help="PP-OCRv6_det_small.onnx, for a first start")
    asked = parser.parse_args(words)
    resumes = asked.resume and (asked.out / "last.pt").exists()
    if not (asked.detector or asked.start or resumes):
        parser.error("a first start needs --detector or --start")
    return asked, recorded(asked.recipe, Recipe)


if __name__ == "__main__":
    train(*parsed())
