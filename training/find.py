"""Trains the find network: `python -m training.find --out training/out/find --resume`.

A run can be stopped at any time (SIGTERM or SIGINT: it saves and leaves) and goes on where it was: weights,
EMA, optimiser, step, and the samples that would come next. The learning rate is constant after a warm-up,
so that a run has no planned end; `--decay N` then lowers it to nothing over N steps, from any checkpoint.
"""

from __future__ import annotations

import argparse
import copy
import csv
import json
import signal
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from torch import nn

from training import batches, losses, validation
from training.network import Find, calibrate


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


@dataclass(slots=True)
class Run:
    """The state of a run: all that a checkpoint holds."""

    network: Find
    ema: Find
    optimiser: torch.optim.Optimizer
    step: int = 0
    best: float = 0.0
    seconds: float = 0.0
    decay_from: int = -1  # the step at which the learning rate began to fall
    decay_steps: int = 0

    def save(self, path: Path) -> None:
        state = {f.name: getattr(self, f.name) for f in fields(self)}
        for part in ("network", "ema", "optimiser"):
            state[part] = state[part].state_dict()
        fresh = path.with_suffix(".new")
        torch.save(state, fresh)
        fresh.replace(path)

    def load(self, path: Path) -> None:
        state = torch.load(path, map_location="cpu", weights_only=True)
        for part in ("network", "ema", "optimiser"):
            getattr(self, part).load_state_dict(state.pop(part))
        for key, value in state.items():
            setattr(self, key, value)

    def follow(self, recipe: Recipe) -> None:
        """Takes the rates and decay of a recipe that has changed since the checkpoint."""
        for stored, asked in zip(
            self.optimiser.param_groups, optimiser(self.network, recipe).param_groups, strict=True
        ):
            stored.update(full=asked["full"], weight_decay=asked["weight_decay"])


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


def share_of_rate(run: Run, recipe: Recipe) -> float:
    warm = min(1.0, (run.step + 1) / recipe.warmup)
    if run.decay_from < 0:
        return warm
    return warm * max(0.0, 1 - (run.step - run.decay_from) / max(1, run.decay_steps))


@torch.no_grad()
def follow(ema: Find, network: Find, keep: float) -> None:
    """Moves the EMA's weights and statistics towards the network's."""
    for mine, theirs in zip(ema.state_dict().values(), network.state_dict().values(), strict=True):
        if mine.dtype.is_floating_point:
            mine.lerp_(theirs, 1 - keep)
        else:
            mine.copy_(theirs)


def started(asked: argparse.Namespace, recipe: Recipe) -> Run:
    """A new run from the detector's weights or from earlier weights; one to be resumed gets its own later."""
    torch.manual_seed(recipe.seed)
    network = Find()
    if asked.start:
        network.load_state_dict(
            {
                k: v.float() if v.dtype.is_floating_point else v
                for k, v in torch.load(asked.start, weights_only=True).items()
            }
        )
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
    losses.total(terms).backward()
    nn.utils.clip_grad_norm_(run.network.parameters(), recipe.clip)
    share = share_of_rate(run, recipe)
    for group in run.optimiser.param_groups:
        group["lr"] = group["full"] * share
    run.optimiser.step()
    run.optimiser.zero_grad(set_to_none=True)
    run.step += 1
    follow(run.ema, run.network, min(recipe.ema, (1 + run.step) / (10 + run.step)))
    return {name: float(value.detach()) for name, value in terms.items()}


def _note(path: Path, row: dict[str, float]) -> None:
    fresh = not path.exists()
    with path.open("a", newline="") as out:
        writer = csv.DictWriter(out, list(row))
        if fresh:
            writer.writeheader()
        writer.writerow({k: f"{v:.5g}" for k, v in row.items()})


def train(asked: argparse.Namespace, recipe: Recipe) -> Run:
    """Runs until `--steps`, the end of a decay, or a signal."""
    torch.set_num_threads(recipe.threads)
    asked.out.mkdir(parents=True, exist_ok=True)
    last = asked.out / "last.pt"
    run = started(asked, recipe)
    if asked.resume and last.exists():
        run.load(last)
        run.follow(recipe)
        print(f"goes on at step {run.step}, best F1 {run.best:.4f}")
    if asked.constant:
        run.decay_from = -1
    if asked.decay:
        run.decay_from = run.step if run.decay_from < 0 else run.decay_from
        run.decay_steps = asked.decay
    end = run.decay_from + run.decay_steps if run.decay_from >= 0 else asked.steps
    (asked.out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1))
    stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda which, _: stop.append(which))
    held = validation.cases(asked.photos, asked.bank, recipe.validation_cases)
    steps = batches.Steps(asked.photos, asked.bank, recipe.seed, recipe.shapes)
    means: dict[str, float] = {}
    clock = time.perf_counter()
    for batch in batches.stream(steps, run.step, end, recipe.workers):
        terms = step(run, batch, recipe)
        means = {k: 0.98 * means.get(k, v) + 0.02 * v for k, v in terms.items()}
        if run.step % 50 == 0:
            print(
                f"step {run.step}",
                " ".join(f"{k} {v:.4f}" for k, v in means.items()),
                time.strftime("%H:%M:%S"),
                flush=True,
            )
        due = run.step % recipe.validate_every == 0 or run.step == end
        if due or stop:
            run.seconds += time.perf_counter() - clock
            if due and not stop:
                figures = validation.judge(run.ema, held)
                row = {
                    "step": run.step,
                    "hours": run.seconds / 3600,
                    "rate": share_of_rate(run, recipe),
                    **figures,
                    **means,
                }
                _note(asked.out / "curve.csv", row)
                print(" ".join(f"{k} {v:.4g}" for k, v in row.items()), flush=True)
                if figures["f1"] > run.best:
                    run.best = figures["f1"]
                    torch.save(run.ema.state_dict(), asked.out / "best.pt")
            run.save(last)
            clock = time.perf_counter()
        if stop:
            print(f"stopped at step {run.step}")
            break
    return run


def parsed(words: list[str] | None = None) -> tuple[argparse.Namespace, Recipe]:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, default=Path("../shared/photos"))
    parser.add_argument("--bank", type=Path, default=Path("training/out/bank"))
    parser.add_argument("--detector", type=Path, help="PP-OCRv6_det_small.onnx, for a first start")
    parser.add_argument("--start", type=Path, help="exported weights to start from instead")
    parser.add_argument("--out", type=Path, default=Path("training/out/find"))
    parser.add_argument("--resume", action="store_true", help="go on from last.pt in --out")
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument(
        "--decay", type=int, default=0, help="lower the learning rate to nothing over so many steps, then end"
    )
    parser.add_argument(
        "--constant", action="store_true", help="give up a decay that began, at the full rate"
    )
    parser.add_argument("--recipe", type=Path, help="a recipe.json to follow")
    asked = parser.parse_args(words)
    given = json.loads(asked.recipe.read_text()) if asked.recipe else {}
    if "shapes" in given:
        given["shapes"] = tuple(tuple(pair) for pair in given["shapes"])
    resumes = asked.resume and (asked.out / "last.pt").exists()
    if not (asked.detector or asked.start or resumes):
        parser.error("a first start needs --detector or --start")
    return asked, Recipe(**given)


if __name__ == "__main__":
    train(*parsed())
