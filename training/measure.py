"""Measures trained weights: `python -m training.measure --weights best.pt --set ../shared/bench/dev`.

Reads a benchmark set's pictures and masks (never for training) and prints F1 and IoU per kind, as the
benchmark's own scorer defines them, and how many clean pictures stay untouched when areas are kept only where
they hold a confident core. Without `--set`, measures the synthetic validation set for many pairs of
thresholds, to choose them by: thresholds are never chosen on the benchmark.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import torch

from training import validation
from training.export import weights
from training.network import STRIDE, Find
from training.photos import read

SMALLEST = 60  # pixels that a mark has at least
LOWS, HIGHS = (0.1, 0.15, 0.2, 0.3, 0.4, 0.5), (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)


@torch.no_grad()
def planes(network: Find, pixels: np.ndarray) -> np.ndarray:
    """(5, H, W) float32 in 0..1 for (H, W, 3) uint8 RGB of any size."""
    rows, columns = pixels.shape[:2]
    below, right = -rows % STRIDE, -columns % STRIDE
    whole = cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REFLECT_101)
    tensor = torch.from_numpy(whole).permute(2, 0, 1)[None].float() / 255
    return network(tensor)[0].sigmoid().numpy()[:, :rows, :columns]


def kept(probability: np.ndarray, low: float, high: float) -> np.ndarray:
    """Connected areas above `low`, of SMALLEST pixels or more, that hold a pixel above `high`."""
    _, labels = cv2.connectedComponents((probability > low).astype(np.uint8), connectivity=8)
    sizes = np.bincount(labels.ravel())
    peaks = np.zeros(len(sizes), np.float32)
    np.maximum.at(peaks, labels.ravel(), probability.ravel())
    stays = (sizes >= SMALLEST) & (peaks > high)
    stays[0] = False
    return stays[labels]


def overlap(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """F1 and IoU of two masks."""
    both, either = np.count_nonzero(found & truth), np.count_nonzero(found | truth)
    return validation.f1(found, truth), both / max(1, either)


def measure(network: Find, folder: Path, low: float, high: float) -> dict[str, dict[str, float]]:
    """Figures per kind of the set in the folder, each by the plain threshold `low` and after `kept`."""
    rows: dict[str, list[list[float]]] = {}
    for case in json.loads((folder / "manifest.json").read_text())["cases"]:
        probability = planes(network, read(folder / case["watermarked"]))[0]
        mask = kept(probability, low, high)
        if case["kind"] == "none":
            alarm = float((probability > validation.ALARM[0]).mean() > validation.ALARM[1])
            rows.setdefault("none", []).append([alarm, float(mask.any()), float(mask.mean())])
            continue
        truth = cv2.imread(str(folder / case["mask"]), cv2.IMREAD_GRAYSCALE) > 127
        rows.setdefault(case["kind"], []).append([*overlap(probability > low, truth), *overlap(mask, truth)])
    names = ("f1", "iou", "f1_kept", "iou_kept")
    clean = ("alarm", "touched", "area")
    figures = {
        kind: dict(zip(clean if kind == "none" else names, np.mean(values, 0).tolist(), strict=True))
        for kind, values in rows.items()
    }
    marked = [v for kind, values in rows.items() if kind != "none" for v in values]
    return figures | {"all marked": dict(zip(names, np.mean(marked, 0).tolist(), strict=True))}


def sweep(network: Find, photos: Path, bank: Path, count: int) -> None:
    """Prints mean F1 of marked and share of touched clean validation cases for pairs of thresholds."""
    seen = [(one, planes(network, one.seen)[0]) for one in validation.cases(photos, bank, count)]
    print("  low  high  F1 plain  F1 kept  clean touched")
    for low in LOWS:
        for high in (h for h in HIGHS if h > low):
            plain, after, touched = [], [], []
            for one, probability in seen:
                mask = kept(probability, low, high)
                counted = ~(one.mask & (one.weight < 0.5))
                truth = one.mask & counted
                if one.kind == "none":
                    touched.append(float(mask.any()))
                elif np.count_nonzero(truth) > SMALLEST:
                    plain.append(validation.f1((probability > low) & counted, truth))
                    after.append(validation.f1(mask & counted, truth))
            print(
                f"{low:5.2f} {high:5.2f} {np.mean(plain):9.3f} {np.mean(after):8.3f} {np.mean(touched):14.3f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--set", type=Path, help="a benchmark set's folder, with manifest.json")
    parser.add_argument("--low", type=float, default=0.3, help="a mark's pixels are above this")
    parser.add_argument("--high", type=float, default=0.7, help="a mark holds a pixel above this")
    parser.add_argument("--photos", type=Path, default=Path("../shared/photos"))
    parser.add_argument("--bank", type=Path, default=Path("training/out/bank"))
    parser.add_argument("--count", type=int, default=160)
    asked = parser.parse_args()
    network = weights(asked.weights)
    if not asked.set:
        sweep(network, asked.photos, asked.bank, asked.count)
        return
    for kind, figures in measure(network, asked.set, asked.low, asked.high).items():
        print(f"{kind:18}", " ".join(f"{k} {v:.3f}" for k, v in figures.items()))


if __name__ == "__main__":
    main()
