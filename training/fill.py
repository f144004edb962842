"""Trains the fill network: `python -m training.fill --out training/out/fill --resume`.

How a run is stopped, goes on and ends: `training.run`.
"""

from __future__ import annotations

import argparse
import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.nn import functional as F  # noqa: N812  the name everyone reads

from training import batches, holed_validation
from training.fill_network import Fill
from training.run import Run, begun, common, go, recorded, started_from

# (side, samples) of a step's batch, in turn: about as many pixels each
SHAPES = ((128, 8), (192, 4), (96, 14), (256, 2))
FLOOR = 0.01  # of 1: so that plain pictures, painted well by any guess, do not count for most
WEIGHTS = {"mean": 1.0, "square": 0.2, "slope": 0.3}


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a run is made of; saved beside its checkpoints."""

    seed: int = 5
    rate: float = 1e-3
    weight_decay: float = 0.01
    warmup: int = 200
    ema: float = 0.999
    clip: float = 1.0
    bf16: bool = True
    threads: int = 2
    workers: int = 1
    validate_every: int = 500
    validation_cases: int = 40
    shapes: tuple[tuple[int, int], ...] = SHAPES
    pool: int = 3000  # steps whose samples are made once and kept; from then on they come again, turned


def optimiser(network: Fill, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW; biases are not decayed."""
    weights = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    rate = recipe.rate
    groups = [
        {"params": weights, "lr": rate, "full": rate, "weight_decay": recipe.weight_decay},
        {"params": others, "lr": rate, "full": rate, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.99))


def losses(
    painted: torch.Tensor, first: torch.Tensor, clean: torch.Tensor, hole: torch.Tensor
) -> dict[str, torch.Tensor]:
    """The terms, each the mean over the samples of an error inside the hole over that of the first guess.

    Results are judged by the mean of PSNR over pictures: with plain means the few pictures that nobody could
    paint would take nearly all of what is learnt. For the same reason a pixel counts less, the further it is
    from what is known: deep inside a wide hole nothing can be told, and what cannot be learnt is noise.

    painted, first, clean: luma and chromas in 0..1. mean: absolute error; it wants edges, where the square
    wants their average. square: mean square. slope: absolute error of the differences between neighbours,
    right and below.
    """
    weight = hole * near(hole)
    count = weight.sum((1, 2, 3)) * 3 + 1
    guessed = (_rgb(first - clean).abs() * weight).sum((1, 2, 3)) / count + FLOOR
    difference = _rgb(painted.float() - clean) * hole
    error = difference * weight
    slopes = ((difference[..., 1:] - difference[..., :-1]).abs() * weight[..., 1:]).sum((1, 2, 3))
    slopes = slopes + ((difference[..., 1:, :] - difference[..., :-1, :]).abs() * weight[..., 1:, :]).sum(
        (1, 2, 3)
    )
    return {
        "mean": (error.abs().sum((1, 2, 3)) / count / guessed).mean(),
        "square": ((difference.square() * weight).sum((1, 2, 3)) / count / guessed**2).mean(),
        "slope": (slopes / count / guessed).mean(),
    }


def _rgb(difference: torch.Tensor) -> torch.Tensor:
    """A difference of luma and chromas as one of red, green and blue (BT.601)."""
    luma, red, blue = difference.unbind(1)
    return torch.stack([luma + 1.403 * red, luma - 0.714 * red - 0.344 * blue, luma + 1.773 * blue], 1)


def near(hole: torch.Tensor) -> torch.Tensor:
    """(N, 1, H, W): 1 at the rim of a hole, a quarter less from 2, 5, 11 pixels on, a 20th from 23 on."""
    reached = 1 - hole
    total = torch.zeros_like(hole)
    for reach in (2, 3, 6, 12):
        reached = F.max_pool2d(reached, 2 * reach + 1, 1, reach)
        total = total + reached
    return 0.05 + 0.95 * total / 4


def started(asked: argparse.Namespace, recipe: Recipe) -> Run:
    """A new run from nothing or from exported weights; one to be resumed gets its own later."""
    torch.manual_seed(recipe.seed)
    network = Fill()
    if asked.start:
        started_from(network, asked.start)
    network = network.to(memory_format=torch.channels_last)
    return Run(
        network, copy.deepcopy(network).requires_grad_(requires_grad=False), optimiser(network, recipe)
    )


def step(run: Run, batch: dict[str, torch.Tensor], recipe: Recipe) -> dict[str, float]:
    """One update; the terms of its loss."""
    run.network.train()
    paintings = batch["paintings"].contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=recipe.bf16):
        painted = run.network(paintings, batch["hole"])
    terms = losses(painted, paintings[:, :3], batch["clean"], batch["hole"])
    loss = sum((WEIGHTS[name] * value for name, value in terms.items()), torch.zeros(()))
    run.update(loss, warmup=recipe.warmup, clip=recipe.clip, keep=recipe.ema)
    return {name: float(value.detach()) for name, value in terms.items()}


def train(asked: argparse.Namespace, recipe: Recipe) -> Run:
    """Runs until `--steps`, the end of a decay, or a signal."""
    torch.set_num_threads(recipe.threads)
    run = started(asked, recipe)
    end = begun(run, asked, lambda: optimiser(run.network, recipe))
    held = holed_validation.cases(asked.photos, asked.bank, recipe.validation_cases)
    steps = batches.HoledSteps(
        asked.photos, asked.bank, recipe.seed, recipe.shapes, recipe.pool, asked.out / "pool"
    )
    go(
        run,
        asked.out,
        recipe,
        end,
        batches.stream(steps, run.step, end, recipe.workers),
        lambda batch: step(run, batch, recipe),
        lambda ema: holed_validation.judge(holed_validation.painter(ema), held),
        "psnr",
    )
    return run


def parsed(words: list[str] | None = None) -> tuple[argparse.Namespace, Recipe]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    common(parser, Path("training/out/fill"))
    asked = parser.parse_args(words)
    return asked, recorded(asked.recipe, Recipe)


if __name__ == "__main__":
    train(*parsed())
