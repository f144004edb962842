"""The fixed holes that a fill is judged by: `python -m training.holed_validation` for the classical fill.

On photos, letterings and icons that are never trained on.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from cleanplate.engine.values import picture_values
from training import holes
from training.bank import Bank
from training.candidates import RANGE
from training.photos import VALIDATE, Photos

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

SIDES = (256, 384, 320)
SEED = 20_261_122
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def cases(photos: Path, bank: Path, count: int) -> list[holes.Holed]:
    """`count` samples, kinds and sides in turn; strokes are every second one."""
    held, pieces = Photos(photos, VALIDATE), Bank.load(bank, "validate")
    kinds = [kind for other in holes.KINDS[1:] for kind in ("strokes", other)]
    return [
        holes.make(
            np.random.default_rng([SEED, k]),
            pieces,
            held,
            SIDES[(k // len(kinds)) % len(SIDES)],
            kinds[k % len(kinds)],
        )
        for k in range(count)
    ]


def painter(network: nn.Module) -> Callable[[holes.Holed], np.ndarray]:
    """Paints a sample with a network; (S, S, 3) uint8."""

    @torch.no_grad()
    def paint(one: holes.Holed) -> np.ndarray:
        network.eval()
        ways = holes.paintings(one.seen, one.hole, one.bleed) + RANGE
        planes = torch.from_numpy(np.concatenate(list(ways), 2)).permute(2, 0, 1)[None] / 255
        hole = torch.from_numpy(one.hole)[None, None].float()
        painted = network(planes.contiguous(memory_format=torch.channels_last), hole)[0]
        values = painted.float().permute(1, 2, 0).numpy() * 255 - RANGE
        return (picture_values(values, one.seen.dtype) + 0.5).clip(0, 255).astype(np.uint8)

    return paint


def detail(pixels: np.ndarray, hole: np.ndarray) -> float:
    """Mean length of the luma gradient inside a hole."""
    luma = pixels.astype(np.float32) @ LUMA
    across, down = np.zeros_like(luma), np.zeros_like(luma)
    across[:, :-1], down[:-1] = np.diff(luma, axis=1), np.diff(luma, axis=0)
    return float(np.hypot(across, down)[hole].mean())


def judge(paint: Callable[[holes.Holed], np.ndarray], samples: list[holes.Holed]) -> dict[str, float]:
    """Mean PSNR inside the hole per kind and of all, and the mean share of fine detail."""
    scores: dict[str, list[float]] = {kind: [] for kind in holes.KINDS}
    details = []
    for one in samples:
        painted = paint(one)
        error = painted[one.hole].astype(np.float64) - one.clean[one.hole]
        scores[one.kind].append(10 * np.log10(255**2 / max(float(np.mean(error**2)), 0.065)))
        details.append(detail(painted, one.hole) / max(detail(one.clean, one.hole), 0.5))
    everything = [value for values in scores.values() for value in values]
    kinds = {f"psnr_{kind}": float(np.mean(values)) for kind, values in scores.items() if values}
    return {"psnr": float(np.mean(everything)), **kinds, "detail": float(np.median(details))}


def _classical(one: holes.Holed) -> np.ndarray:
    from cleanplate.engine.compose import compose
    from cleanplate.engine.fill import fill

    painted = one.seen.copy()
    for piece in fill(painted, one.hole, bleed=one.bleed):
        compose(painted, piece)
    return painted


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=Path("../shared/photos"))
    parser.add_argument("--bank", type=Path, default=Path("training/out/bank"))
    parser.add_argument("--count", type=int, default=60)
    asked = parser.parse_args()
    figures = judge(_classical, cases(asked.photos, asked.bank, asked.count))
    print(" ".join(f"{name} {value:.3f}" for name, value in figures.items()))
