"""Measures trained weights: `python -m training.measure --weights best.pt --set ../shared/bench/dev`.

Reads a benchmark set's pictures and masks (never for training) and prints F1 and IoU per kind, as the
benchmark's own scorer defines them, and how many clean pictures stay untouched when areas are kept only where
they hold a confident core. Without `--set`, measures the synthetic validation set.
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

LOW, HIGH, SMALLEST = 0.4, 0.95, 60  # a mark: connected pixels above LOW that hold one above HIGH


@torch.no_grad()
def planes(network: Find, pixels: np.ndarray) -> np.ndarray:
    """(5, H, W) float32 in 0..1 for (H, W, 3) uint8 RGB of any size."""
    rows, columns = pixels.shape[:2]
    below, right = -rows % STRIDE, -columns % STRIDE
    whole = cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REFLECT_101)
    tensor = torch.from_numpy(whole).permute(2, 0, 1)[None].float() / 255
    return network(tensor)[0].sigmoid().numpy()[:, :rows, :columns]


def kept(probability: np.ndarray) -> np.ndarray:
    """Connected areas above LOW, of SMALLEST pixels or more, that hold a pixel above HIGH."""
    _, labels = cv2.connectedComponents((probability > LOW).astype(np.uint8), connectivity=8)
    sizes = np.bincount(labels.ravel())
    peaks = np.zeros(len(sizes), np.float32)
    np.maximum.at(peaks, labels.ravel(), probability.ravel())
    stays = (sizes >= SMALLEST) & (peaks > HIGH)
    stays[0] = False
    return stays[labels]


def overlap(found: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """F1 and IoU of two masks."""
    both, either = np.count_nonzero(found & truth), np.count_nonzero(found | truth)
    return validation.f1(found, truth), both / max(1, either)


def measure(network: Find, folder: Path) -> dict[str, dict[str, float]]:
    """Figures per kind of the set in the folder, each by a plain threshold of 0.5 and after `kept`."""
    rows: dict[str, list[list[float]]] = {}
    for case in json.loads((folder / "manifest.json").read_text())["cases"]:
        probability = planes(network, read(folder / case["watermarked"]))[0]
        mask = kept(probability)
        if case["kind"] == "none":
            alarm = float((probability > validation.ALARM[0]).mean() > validation.ALARM[1])
            rows.setdefault("none", []).append([alarm, float(mask.any()), float(mask.mean())])
            continue
        truth = cv2.imread(str(folder / case["mask"]), cv2.IMREAD_GRAYSCALE) > 127
        rows.setdefault(case["kind"], []).append([*overlap(probability > 0.5, truth), *overlap(mask, truth)])
    names = ("f1", "iou", "f1_kept", "iou_kept")
    clean = ("alarm", "touched", "area")
    figures = {
        kind: dict(zip(clean if kind == "none" else names, np.mean(values, 0).tolist(), strict=True))
        for kind, values in rows.items()
    }
    marked = [v for kind, values in rows.items() if kind != "none" for v in values]
    return figures | {"all marked": dict(zip(names, np.mean(marked, 0).tolist(), strict=True))}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--set", type=Path, help="a benchmark set's folder, with manifest.json")
    parser.add_argument("--photos", type=Path, default=Path("../shared/photos"))
    parser.add_argument("--bank", type=Path, default=Path("training/out/bank"))
    parser.add_argument("--count", type=int, default=96)
    asked = parser.parse_args()
    network = weights(asked.weights)
    if asked.set:
        for kind, figures in measure(network, asked.set).items():
            print(f"{kind:18}", " ".join(f"{k} {v:.3f}" for k, v in figures.items()))
        return
    held = validation.cases(asked.photos, asked.bank, asked.count)
    print(" ".join(f"{k} {v:.3f}" for k, v in validation.judge(network, held).items()))


if __name__ == "__main__":
    main()
