"""Fits how the engine judges what new weights see: `python -m training.judgement --install`.

Pictures are drawn by the generator on whole scenes, a good third of them without a mark, and looked at by
the bundled network. Each object that it sees is described by `cleanplate.engine.find.judgement.FEATURES`, and
gradient boosted trees learn to tell those that lie on a mark from those that do not, the likeliest of each
picture counting most. They learn from the training photos; then a bias is chosen on the validation photos
that are as they were taken, so that a confidence of 0.5, what is asked for by default, leaves `--share` of
them alone. (The signs that the generator draws into photos are harder than what photos have.) `--set` shows
what comes of it on a set like the benchmark's.

The trees are exported to ONNX and go into the package, their bias, size and SHA-256 into its catalogue. It
needs scikit-learn and no torch.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from functools import partial
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image
from sklearn.ensemble import GradientBoostingClassifier

from training import sample
from training.bank import Bank
from training.photos import TRAIN, VALIDATE, Photos
from training.trees import ROOT, converted, install

sys.path.insert(0, str(ROOT / "src"))

from cleanplate import models  # the source tree's own, installed or not
from cleanplate.engine.crops import window
from cleanplate.engine.find.finder import BESIDE, LIKELY
from cleanplate.engine.find.judgement import FEATURES, MODEL, MOST, features
from cleanplate.engine.find.objects import objects
from cleanplate.engine.find.sight import see

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KINDS = ("logo", "tiled", "corner", "banner", "stamp", "lines", "none")
SHARES = (0.2, 0.1, 0.2, 0.12, 0.04, 0.02, 0.32)
SIDES = (320, 384, 448, 512, 640)
NATURAL = 0.8  # of the pictures show photos as they are, the others have drawn signs and patterns in them
COUNTED = (1.0, 0.5, 0.35, 0.25, 0.2, 0.15)  # weights of a picture's likeliest objects
RIGHT = 0.4  # share of an object's pixels on a mark, or two pixels beside it, that makes it right
TREES = {"n_estimators": 250, "learning_rate": 0.04, "max_depth": 3, "subsample": 0.6, "max_features": 0.4}


@dataclass(frozen=True)
class Case:
    """One picture: its objects' features, which are right, and what taking each as a mark would hit.

    `right` is (N,) boolean, `cores` (N, 2): the pixels of each object's core, and how many of them are the
    mark's. `mask` is the number of pixels of the whole mark, 0 where there is none.
    """

    kind: str
    features: np.ndarray
    right: np.ndarray
    cores: np.ndarray
    mask: int


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photos", type=Path, default=Path("../shared/photos"))
    parser.add_argument("--bank", type=Path, default=Path("training/out/bank"))
    parser.add_argument("--count", type=int, default=2000, help="pictures; a quarter on validation photos")
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument(
        "--still", type=int, default=700, help="validation photos without a mark, for the bias"
    )
    parser.add_argument("--share", type=float, default=0.95, help="of these left alone")
    parser.add_argument(
        "--set", type=Path, action="append", default=[], help="a set's manifest.json, to show"
    )
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--cache", type=Path, help="keep the pictures' features here, to fit again quickly")
    parser.add_argument("--install", action="store_true", help="bundle the trees with the package")
    asked = parser.parse_args()
    learnt = drawn(asked, TRAIN, "train", asked.count * 3 // 4)
    held = drawn(asked, VALIDATE, "validate", asked.count // 4)
    trees = fitted(learnt, asked.seed)
    tops = [top(case, trees, 0.0) for case in still(asked)]
    bias = -float(np.quantile(tops, asked.share)) - 1e-3
    print(f"{len(learnt)} + {len(held)} pictures, {len(tops)} as they were taken; bias {bias:.3f}")
    report("validate", held, trees, bias)
    for manifest in asked.set:
        report(str(manifest.parent.name), list(benchmark(manifest)), trees, bias)
    if asked.install:
        source = (
            "gradient boosted trees, fitted to what the find network sees of synthetic watermarks; "
            "see training/MODEL_CARD.md"
        )
        install(converted(trees, len(FEATURES)), MODEL, "find", source, bias=round(bias, 3))
    return 0


def drawn(asked: argparse.Namespace, folders: tuple[str, ...], split: str, count: int) -> list[Case]:
    """Cases drawn by the generator, or those that were drawn for the same weights before."""
    sight = models.find("find").sha256[:8]
    path = asked.cache and asked.cache / f"{sight}-{split}-{asked.seed}-{count}.npy"
    if path and path.exists():
        return list(np.load(path, allow_pickle=True))
    cases = _side_by_side(asked, count, partial(_drawn, asked.photos, asked.bank, folders, split, asked.seed))
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        stored = np.empty(len(cases), object)
        stored[:] = cases
        np.save(path, stored, allow_pickle=True)
    return cases


def still(asked: argparse.Namespace) -> list[Case]:
    """Photos as they were taken: as many as it takes to know a share of one in twenty to a hundredth."""
    return _side_by_side(asked, asked.still, partial(_still, asked.photos, asked.bank, asked.seed))


def _side_by_side(
    asked: argparse.Namespace, count: int, draw: Callable[[np.ndarray], list[Case]]
) -> list[Case]:
    parts = np.array_split(np.arange(count), asked.processes * 8)
    with get_context("spawn").Pool(asked.processes) as pool:
        return list(chain.from_iterable(pool.imap(draw, parts)))


def _still(photos: Path, bank: Path, seed: int, numbers: np.ndarray) -> list[Case]:
    cv2.setNumThreads(1)
    models.configure(threads=1)
    pieces, scenes = Bank.load(bank, "validate"), Photos(photos, VALIDATE)
    answer = []
    for number in numbers:
        rng = np.random.default_rng([seed, int(number), 2])
        window = scenes.window(rng, int(rng.choice(SIDES)))
        one = sample.marked(rng, pieces, window, "none", belongs=False)
        answer.append(judged("none", one.seen, one.mask))
    return answer


def _drawn(
    photos: Path, bank: Path, folders: tuple[str, ...], split: str, seed: int, numbers: np.ndarray
) -> list[Case]:
    cv2.setNumThreads(1)
    models.configure(threads=1)
    pieces, scenes = Bank.load(bank, split), Photos(photos, folders)
    answer = []
    for number in numbers:
        rng = np.random.default_rng([seed, int(number), split == "validate"])
        kind, side = str(rng.choice(KINDS, p=SHARES)), int(rng.choice(SIDES))
        if rng.random() < NATURAL:
            one = sample.marked(rng, pieces, scenes.window(rng, side), kind, belongs=False)
        else:
            one = sample.make(rng, pieces, scenes, side, kind)
            kind = "drawn" if kind == "none" else kind
        answer.append(judged(kind, one.seen, one.mask & (one.weight > 0.5)))
    return answer


def benchmark(manifest: Path) -> Iterator[Case]:
    """The cases of a benchmark's set, those without a mark among them."""
    for row in json.loads(manifest.read_text())["cases"]:
        mask = np.asarray(Image.open(manifest.parent / row["mask"]).convert("L")) > 127
        pixels = np.asarray(Image.open(manifest.parent / row["watermarked"]).convert("RGB"))
        yield judged(row["kind"], pixels, mask)


def judged(kind: str, pixels: np.ndarray, mask: np.ndarray) -> Case:
    sight = see(pixels)
    found = objects(sight, sight.probability > LIKELY)
    order = np.argsort([-one.best for one in found])[:MOST].astype(np.intp)
    near = cv2.dilate(mask.view(np.uint8), np.ones((5, 5), np.uint8)) > 0
    right, cores = [], []
    for one in (found[index] for index in order):
        core = one.core(sight)
        right.append(near[window(one.box)][one.area].mean() > RIGHT)
        cores.append([np.count_nonzero(core), np.count_nonzero(core & mask[window(one.box)])])
    return Case(
        kind,
        features(found, sight, order),
        np.array(right, bool),
        np.array(cores, int).reshape(-1, 2),
        int(np.count_nonzero(mask)),
    )


def fitted(cases: list[Case], seed: int) -> GradientBoostingClassifier:
    """Trees that tell right objects from others."""
    some = [case for case in cases if case.right.size]
    first = len(COUNTED)
    trees = GradientBoostingClassifier(random_state=seed, **TREES)
    return trees.fit(
        np.concatenate([case.features[:first] for case in some]),
        np.concatenate([case.right[:first] for case in some]),
        sample_weight=np.concatenate([COUNTED[: case.right.size] for case in some]),
    )


def odds(case: Case, trees: GradientBoostingClassifier, bias: float) -> np.ndarray:
    """Log-odds of each object, (N,)."""
    return trees.decision_function(case.features) + bias if case.right.size else np.zeros(0)


def top(case: Case, trees: GradientBoostingClassifier, bias: float) -> float:
    return float(odds(case, trees, bias).max(initial=-99.0))


def report(name: str, cases: list[Case], trees: GradientBoostingClassifier, bias: float) -> None:
    """At some sensitivities, which share of each kind is touched, and F1 of the cores that are taken."""
    for sensitivity in (0.35, 0.5, 0.65):
        asked = float(np.log((1 - sensitivity) / sensitivity))
        touched: dict[str, list[float]] = {}
        scores: dict[str, list[float]] = {}
        for case in cases:
            sure = odds(case, trees, bias)
            taken = (sure >= asked - BESIDE) & (sure.max(initial=-99.0) >= asked)
            touched.setdefault(case.kind, []).append(float(taken.any()))
            if case.mask:
                size, hit = case.cores[taken].sum(0)
                scores.setdefault(case.kind, []).append(2 * hit / (size + case.mask))
        print(
            f"{name}, sensitivity {sensitivity}: F1 {np.mean(list(chain(*scores.values()))):.4f}",
            {k: round(float(np.mean(v)), 3) for k, v in scores.items()},
            "touched",
            {k: round(float(np.mean(v)), 3) for k, v in touched.items()},
        )


if __name__ == "__main__":
    sys.exit(main())
