"""The fixed synthetic set that a run is judged by: photos, fonts and icons that are never trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from training import sample
from training.bank import Bank
from training.photos import VALIDATE, Photos

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn

KINDS = ("logo", "tiled", "corner", "banner", "stamp", "lines", "none", "none")
SIDES = (256, 320, 448, 384)
SEED = 20_261_121
ALARM = (0.8, 0.002)  # a clean picture is falsely marked when this share of it is above this probability


def cases(photos: Path, bank: Path, count: int) -> list[sample.Sample]:
    """`count` samples, kinds and sides in turn."""
    held, pieces = Photos(photos, VALIDATE), Bank.load(bank, "validate")
    return [
        sample.make(
            np.random.default_rng([SEED, k]),
            pieces,
            held,
            SIDES[(k // len(KINDS)) % len(SIDES)],
            KINDS[k % len(KINDS)],
        )
        for k in range(count)
    ]


def f1(found: np.ndarray, truth: np.ndarray) -> float:
    both = float(np.count_nonzero(found & truth))
    return 2 * both / max(1.0, float(np.count_nonzero(found)) + float(np.count_nonzero(truth)))


@torch.no_grad()
def judge(network: nn.Module, samples: list[sample.Sample]) -> dict[str, float]:
    """Mean F1 (threshold 0.5) per kind and of all marked, α's error in marks, share of clean ones alarmed."""
    network.eval()
    scores: dict[str, list[float]] = {}
    errors, alarms = [], []
    for one in samples:
        pixels = torch.from_numpy(one.seen).permute(2, 0, 1)[None].float() / 255
        planes = network(pixels.contiguous(memory_format=torch.channels_last)).float()[0].sigmoid().numpy()
        truth = one.mask & (one.weight > 0.5)  # what cannot be seen is not asked for
        counted = ~(one.mask & (one.weight < 0.5))
        found = (planes[0] > 0.5) & counted
        if one.kind == "none":
            alarms.append(float((planes[0] > ALARM[0]).mean() > ALARM[1]))
        elif np.count_nonzero(truth) > 40:
            scores.setdefault(one.kind, []).append(f1(found, truth))
            if one.blends:
                errors.append(float(np.abs(planes[1] - one.alpha)[truth].mean()))
    kinds = {f"f1_{kind}": float(np.mean(values)) for kind, values in sorted(scores.items())}
    everything = [v for values in scores.values() for v in values]
    return {
        "f1": float(np.mean(everything)),
        **kinds,
        "alpha_mae": float(np.mean(errors)),
        "alarms": float(np.mean(alarms)),
    }
