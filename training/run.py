"""A run that can be stopped at any time and goes on where it was.

A checkpoint holds weights, EMA, optimiser and step; the samples that come next follow from the seed and the
step alone. The learning rate is constant after a warm-up, so that a run has no planned end; a decay then
lowers it to nothing, from any checkpoint.
"""

from __future__ import annotations

import copy
import csv
import json
import signal
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import nn

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator

R = TypeVar("R")  # a recipe
PARTS = ("network", "ema", "optimiser")


@dataclass(slots=True)
class Run:
    """The state of a run: all that a checkpoint holds."""

    network: nn.Module
    ema: nn.Module
    optimiser: torch.optim.Optimizer
    step: int = 0
    best: float = 0.0
    seconds: float = 0.0
    decay_from: int = -1  # the step at which the learning rate began to fall
    decay_steps: int = 0

    def save(self, path: Path) -> None:
        state = {f.name: getattr(self, f.name) for f in fields(self)}
        for part in PARTS:
            state[part] = state[part].state_dict()
        fresh = path.with_suffix(".new")
        torch.save(state, fresh)
        fresh.replace(path)

    def load(self, path: Path) -> None:
        state = torch.load(path, map_location="cpu", weights_only=True)
        for part in PARTS:
            getattr(self, part).load_state_dict(state.pop(part))
        for key, value in state.items():
            setattr(self, key, value)

    def follow(self, fresh: torch.optim.Optimizer) -> None:
        """Takes the rates and decay of weights of a recipe that has changed since the checkpoint."""
        for stored, asked in zip(self.optimiser.param_groups, fresh.param_groups, strict=True):
            stored.update(full=asked["full"], weight_decay=asked["weight_decay"])

    def share_of_rate(self, warmup: int) -> float:
        """What part of its full learning rate this step takes."""
        warm = min(1.0, (self.step + 1) / warmup)
        if self.decay_from < 0:
            return warm
        return warm * max(0.0, 1 - (self.step - self.decay_from) / max(1, self.decay_steps))

    def update(self, loss: torch.Tensor, *, warmup: int, clip: float, keep: float) -> None:
        """One step down the loss's gradient; the EMA follows with at most `keep` of what it was."""
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), clip)
        share = self.share_of_rate(warmup)
        for group in self.optimiser.param_groups:
            group["lr"] = group["full"] * share
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.step += 1
        _approach(self.ema, self.network, min(keep, (1 + self.step) / (10 + self.step)))


@torch.no_grad()
def _approach(ema: nn.Module, network: nn.Module, keep: float) -> None:
    """Moves the EMA's weights and statistics towards the network's."""
    for mine, theirs in zip(ema.state_dict().values(), network.state_dict().values(), strict=True):
        if mine.dtype.is_floating_point:
            mine.lerp_(theirs, 1 - keep)
        else:
            mine.copy_(theirs)


def begun(run: Run, asked: argparse.Namespace, fresh: Callable[[], torch.optim.Optimizer]) -> int:
    """Takes up the checkpoint and the decay that are asked for; the step at which to end."""
    asked.out.mkdir(parents=True, exist_ok=True)
    last = asked.out / "last.pt"
    if asked.resume and last.exists():
        run.load(last)
        run.follow(fresh())
        print(f"goes on at step {run.step}, best {run.best:.4f}")
    if asked.constant:
        run.decay_from = -1
    if asked.decay:
        run.decay_from = run.step if run.decay_from < 0 else run.decay_from
        run.decay_steps = asked.decay
    return run.decay_from + run.decay_steps if run.decay_from >= 0 else asked.steps


def go(
    run: Run,
    out: Path,
    recipe: Any,
    end: int,
    batches: Iterator[Any],
    step: Callable[[Any], dict[str, float]],
    judge: Callable[[nn.Module], dict[str, float]],
    score: str,
) -> None:
    """Runs until `end` or a signal (SIGTERM, SIGINT: it finishes its step, saves and leaves).

    Writes `last.pt`, `best.pt` (the EMA of the best `score`), `curve.csv` and `recipe.json` below `out`.

    Args:
        recipe: a dataclass with `validate_every` and `warmup`.
        end: the step to end at.
        batches: from the run's step on.
        step: makes one update; the terms of its loss.
        judge: figures of the EMA on what is held out.
        score: which of the figures is to grow.
    """
    (out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1))
    stop: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda which, _: stop.append(which))
    means: dict[str, float] = {}
    clock = time.perf_counter()
    for batch in batches:
        terms = step(batch)
        means = {k: 0.98 * means.get(k, v) + 0.02 * v for k, v in terms.items()}
        if run.step % 50 == 0:
            said = " ".join(f"{k} {v:.4f}" for k, v in means.items())
            print(f"step {run.step}", said, time.strftime("%H:%M:%S"), flush=True)
        due = run.step % recipe.validate_every == 0 or run.step == end
        if due or stop:
            run.seconds += time.perf_counter() - clock
            if due and not stop:
                figures = judge(run.ema)
                _keep(run, out, figures, figures[score], recipe.warmup, means)
            run.save(out / "last.pt")
            clock = time.perf_counter()
        if stop:
            print(f"stopped at step {run.step}")
            break


def learn(
    asked: argparse.Namespace,
    recipe: Any,
    started: Callable[[argparse.Namespace, Any], Run],
    batch: Callable[[int], Any],
    step: Callable[[Run, Any], dict[str, float]],
    judge: Callable[[nn.Module], dict[str, float]],
    score: str,
) -> Run:
    """A run with `plain_optimiser`, begun or gone on with, until `--steps`, the end of a decay, or a signal.

    Args:
        asked: the options of `common`.
        recipe: with `threads` as well as what `go` wants.
        started: a new run.
        batch: what a step learns from, by the step's number.
        step: makes one update; the terms of its loss.
        judge: figures of the EMA on what is held out.
        score: which of the figures is to grow.
    """
    torch.set_num_threads(recipe.threads)
    run = started(asked, recipe)
    end = begun(run, asked, lambda: plain_optimiser(run.network, recipe))
    batches = (batch(number) for number in range(run.step, end))
    go(run, asked.out, recipe, end, batches, lambda given: step(run, given), judge, score)
    return run


def _keep(
    run: Run, out: Path, figures: dict[str, float], score: float, warmup: int, means: dict[str, float]
) -> None:
    """Notes the figures, and the weights if they are the best so far."""
    row = {
        "step": run.step,
        "hours": run.seconds / 3600,
        "rate": run.share_of_rate(warmup),
        **figures,
        **means,
    }
    path = out / "curve.csv"
    fresh = not path.exists()
    with path.open("a", newline="") as opened:
        writer = csv.DictWriter(opened, list(row))
        if fresh:
            writer.writeheader()
        writer.writerow({k: f"{v:.5g}" for k, v in row.items()})
    print(" ".join(f"{k} {v:.4g}" for k, v in row.items()), flush=True)
    if score > run.best:
        run.best = score
        torch.save(run.ema.state_dict(), out / "best.pt")


def common(parser: argparse.ArgumentParser, out: Path) -> None:
    """The options that every run has."""
    parser.add_argument("--photos", type=Path, default=Path("../shared/photos"))
    parser.add_argument("--bank", type=Path, default=Path("training/out/bank"))
    parser.add_argument("--start", type=Path, help="exported weights to start from")
    parser.add_argument("--out", type=Path, default=out)
    parser.add_argument("--resume", action="store_true", help="go on from last.pt in --out")
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument(
        "--decay", type=int, default=0, help="lower the learning rate to nothing over so many steps, then end"
    )
    parser.add_argument(
        "--constant", action="store_true", help="give up a decay that began, at the full rate"
    )
    parser.add_argument("--recipe", type=Path, help="a recipe.json to follow")


def recorded(path: Path | None, kind: type[R]) -> R:
    """The recipe that was recorded in a file, or the defaults of its kind."""
    given = json.loads(path.read_text()) if path else {}
    if "shapes" in given:
        given["shapes"] = tuple(tuple(pair) for pair in given["shapes"])
    return kind(**given)


def exported(path: Path) -> dict[str, torch.Tensor]:
    """Exported weights, which may be in half precision."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    return {k: v.float() if v.dtype.is_floating_point else v for k, v in state.items()}


def started_from(network: nn.Module, path: Path) -> None:
    """Takes exported weights."""
    network.load_state_dict(exported(path))


def plain_optimiser(network: nn.Module, recipe: Any) -> torch.optim.AdamW:
    """AdamW with one rate for all weights: `recipe.rate` and `recipe.weight_decay`."""
    groups = [
        {"params": list(network.parameters()), "lr": recipe.rate, "full": recipe.rate,
         "weight_decay": recipe.weight_decay}
    ]  # fmt: skip
    return torch.optim.AdamW(groups, betas=(0.9, 0.99))


def plain_run(network: nn.Module, start: Path | None, recipe: Any) -> Run:
    """A new run of a fresh network or of exported weights; one to be resumed gets its own later."""
    if start:
        started_from(network, start)
    network = network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    ema = copy.deepcopy(network).requires_grad_(requires_grad=False)
    return Run(network, ema, plain_optimiser(network, recipe))
