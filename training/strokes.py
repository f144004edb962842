"""Fits what tells a mark's pixels from the gaps between them: `python -m training.strokes --install`.

Marked scenes are drawn by the generator and cleaned by the engine itself, some of them with a loose
rectangle, some without. Wherever it is about to paint, each pixel is described by
`cleanplate.engine.strokes.FEATURES`, and gradient boosted trees learn which are the mark's. They learn from
the training photos; what comes of them on the validation photos is shown.

The trees are exported to ONNX and go into the package, their size and SHA-256 into its catalogue. It needs
scikit-learn and no torch.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from training import sample
from training.bank import Bank
from training.photos import TRAIN, VALIDATE, Photos
from training.trees import ROOT, forest, install

sys.path.insert(0, str(ROOT / "src"))

from cleanplate import models  # the source tree's own, installed or not
from cleanplate.engine import undo
from cleanplate.engine.crops import window
from cleanplate.engine.find import find
from cleanplate.engine.strokes import BELONGS, FEATURES, MODEL, described, understood

if TYPE_CHECKING:
    from cleanplate.engine.crops import Box
    from cleanplate.engine.mark import Mark

KINDS = ("logo", "corner", "banner", "stamp")
SHARES = (0.27, 0.45, 0.14, 0.14)
SIDES = (320, 384, 448, 512)
POINTED = 0.6  # of the scenes come with a rectangle round the mark
EACH = 1500  # pixels of one hole that are learnt from
TREES = {
    "max_iter": 250, "max_leaf_nodes": 16, "learning_rate": 0.06, "l2_regularization": 5.0,
    "min_samples_leaf": 200, "early_stopping": False,
}  # fmt: skip

Told = tuple[np.ndarray, np.ndarray]  # (N, F) float32, and (N,) boolean: the mark's


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, default=Path("../shared/photos"))
    parser.add_argument("--bank", type=Path, default=Path("training/out/bank"))
    parser.add_argument("--count", type=int, default=1200, help="scenes; a fifth on validation photos")
    parser.add_argument("--seed", type=int, default=77)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--cache", type=Path, help="keep what is told of the holes here, to fit again quickly"
    )
    parser.add_argument("--install", action="store_true", help="bundle the trees with the package")
    asked = parser.parse_args()
    learnt = drawn(asked, TRAIN, "train", asked.count * 4 // 5)
    held = drawn(asked, VALIDATE, "validate", asked.count // 5)
    trees = HistGradientBoostingClassifier(random_state=asked.seed, **TREES).fit(*joined(learnt))
    said, right = trees.predict_proba(joined(held)[0])[:, 1], joined(held)[1]
    kept = said > BELONGS
    print(
        f"{len(learnt)} + {len(held)} holes; validation: {right.mean():.3f} of the pixels are the mark's; "
        f"AUC {roc_auc_score(right, said):.4f}; painted {kept.mean():.3f}, "
        f"{(kept & right).sum() / right.sum():.4f} of the mark"
    )
    if asked.install:
        source = (
            "gradient boosted trees, fitted to what the engine paints of synthetic watermarks; "
            "see training/MODEL_CARD.md"
        )
        install(forest(trees, len(FEATURES)), MODEL, "undo", source)
    return 0


def drawn(asked: argparse.Namespace, folders: tuple[str, ...], split: str, count: int) -> list[Told]:
    """What is told of each hole that the engine would paint, or was told before."""
    path = asked.cache and asked.cache / f"{split}-{asked.seed}-{count}.npz"
    if path and path.exists():
        with np.load(path) as kept:
            ends = np.cumsum(kept["sizes"])[:-1]
            return list(zip(np.split(kept["said"], ends), np.split(kept["right"], ends), strict=True))
    parts = np.array_split(np.arange(count), asked.processes * 8)
    draw = partial(_drawn, asked.photos, asked.bank, folders, split, asked.seed)
    with get_context("spawn").Pool(asked.processes) as pool:
        holes = list(chain.from_iterable(pool.imap(draw, parts)))
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        said, right = joined(holes)
        np.savez(path, said=said, right=right, sizes=[len(each) for _, each in holes])
    return holes


def _drawn(
    photos: Path, bank: Path, folders: tuple[str, ...], split: str, seed: int, numbers: np.ndarray
) -> list[Told]:
    cv2.setNumThreads(1)
    models.configure(threads=1)
    pieces, scenes = Bank.load(bank, split), Photos(photos, folders)
    answer: list[Told] = []
    for number in numbers:
        rng = np.random.default_rng([seed, int(number), split == "validate"])
        kind, side = str(rng.choice(KINDS, p=SHARES)), int(rng.choice(SIDES))
        one = sample.marked(rng, pieces, scenes.window(rng, side), kind, belongs=False)
        mask = one.mask & (one.weight > 0.5)
        if mask.any():
            within = pointed(rng, mask) if rng.random() < POINTED else None
            answer.extend(told(rng, one.seen, mask, within))
    return answer


def pointed(rng: np.random.Generator, mask: np.ndarray) -> np.ndarray:
    """A loose rectangle round a mark."""
    x, y, width, height = cv2.boundingRect(mask.view(np.uint8))
    left, above, right, below = (
        2 + int(side * rng.uniform(0.02, 0.25)) for side in (width, height, width, height)
    )
    within = np.zeros_like(mask)
    within[max(0, y - above) : y + height + below, max(0, x - left) : x + width + right] = True
    return within


def told(
    rng: np.random.Generator, seen: np.ndarray, mask: np.ndarray, within: np.ndarray | None
) -> list[Told]:
    """What the engine is told of each hole of one scene, and what is right."""
    answer: list[Told] = []

    def noted(part: np.ndarray, reach: Box, mark: Mark, taken: Any, hidden: np.ndarray) -> np.ndarray:
        clues = undo.clues_of(part, reach, mark, taken, hidden)
        if clues is not None and understood(clues.hole):
            right = mask[window(reach)][clues.hole]
            some = rng.permutation(right.size)[:EACH]
            answer.append((described(clues)[some], right[some]))
        return hidden

    usual, undo.without_gaps = undo.without_gaps, noted
    try:
        undo.undo(seen.copy(), find(seen, within), within, lossy=True)
    finally:
        undo.without_gaps = usual
    return answer


def joined(holes: list[Told]) -> Told:
    return np.concatenate([said for said, _ in holes]), np.concatenate([right for _, right in holes])


if __name__ == "__main__":
    sys.exit(main())
