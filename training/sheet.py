"""A sheet of samples to look at: `python -m training.sheet --out sheet.png`, each beside its α and colour."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np

from training import sample
from training.bank import Bank
from training.photos import Photos


def sheet(samples: list[sample.Sample], columns: int) -> np.ndarray:
    """Samples as tiles, each seen beside its coloured opacity, RGB uint8."""
    tiles = []
    for one in samples:
        shown = (one.tint * one.alpha[..., None] + 0.5 * (1 - one.alpha[..., None])) * 255
        shown[one.mask & (one.weight < 1)] = (255, 0, 255)
        tile = np.concatenate([one.seen, shown.astype(np.uint8)], 1)
        label = one.kind + ("" if one.blends else " ~") + (" +" if one.belongs else "")
        tile = cv2.putText(
            np.ascontiguousarray(tile),
            label,
            (one.seen.shape[1] + 4, 14),
            cv2.FONT_HERSHEY_SIMPLEX,
            0.45,
            (255, 0, 0),
            1,
        )
        tiles.append(tile)
    rows = [np.concatenate(tiles[k : k + columns], 1) for k in range(0, len(tiles) - columns + 1, columns)]
    return np.concatenate(rows, 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=Path("../shared/photos"))
    parser.add_argument("--bank", type=Path, default=Path("training/out/bank"))
    parser.add_argument("--out", type=Path, default=Path("training/out/sheet.png"))
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind")
    asked = parser.parse_args()
    photos, bank = Photos(asked.photos), Bank.load(asked.bank)
    start = time.perf_counter()
    samples = [
        sample.make(np.random.default_rng([asked.seed, k]), bank, photos, asked.side, asked.kind)
        for k in range(asked.count)
    ]
    print(f"{(time.perf_counter() - start) / asked.count * 1000:.1f} ms a sample")
    cv2.imwrite(str(asked.out), sheet(samples, 4)[..., ::-1])


if __name__ == "__main__":
    main()
