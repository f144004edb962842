"""Fits how the engine judges what new weights see: `python -m training.judgement --set SET --clean FOLDER`.

An object's confidence is a logistic regression on three features (`cleanplate.engine.objects.FEATURES`): what
its best pixels reach, what all of them reach on average, and how many they are. The regression tells objects
that lie on a mark from those that do not, the three likeliest of each picture counting; then its bias is
moved so that a confidence of 0.5, the default's demand, leaves `--share` of the pictures without a mark
alone. More features (opacity, colours and their spread, shape, number of letters) were tried on 365 pictures
and cross-validated worse than these three.

The coefficients go into the package's catalogue, beside the weights that they belong to. It needs no torch.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from cleanplate import models  # noqa: E402  # the source tree's own, installed or not
from cleanplate.engine.crops import window  # noqa: E402
from cleanplate.engine.find import LIKELY  # noqa: E402
from cleanplate.engine.objects import FEATURES, Object, objects  # noqa: E402
from cleanplate.engine.sight import MODEL, Sight, see  # noqa: E402

CATALOGUE = ROOT / "src/cleanplate/models/weights/catalogue.json"
LARGEST = 960  # pixels of a clean photo's longer side
COUNTED = (1.0, 0.5, 0.25)  # weights of a picture's likeliest objects
RIGHT = 0.4  # share of an object's pixels on a mark, or two pixels beside it, that makes it right
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}


@dataclass(frozen=True)
class Case:
    """One picture: its objects, which share of each lies on a mark, and the probabilities and true mask."""

    kind: str
    seen: list[Object]
    right: list[bool]
    probability: np.ndarray
    mask: np.ndarray | None


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", type=Path, action="append", default=[], help="a set's manifest.json")
    parser.add_argument("--clean", type=Path, action="append", default=[], help="a folder of clean photos")
    parser.add_argument("--share", type=float, default=0.97, help="of pictures without a mark left alone")
    parser.add_argument("--planes", type=Path, help="keep what the network saw here, to fit again quickly")
    parser.add_argument("--dry", action="store_true", help="show the figures, and write nothing")
    asked = parser.parse_args()
    cases = [case for manifest in asked.set for case in marked(manifest, asked.planes)]
    cases += [case for folder in asked.clean for case in clean(folder, asked.planes)]
    if not cases:
        parser.error("nothing to fit to: name a --set")
    weights = fitted(cases)
    tops = np.sort([top(case, weights) for case in cases if case.mask is None])
    weights[-1] -= tops[min(len(tops) - 1, int(np.ceil(asked.share * len(tops))))] + 1e-3
    judgement = {
        name: round(float(value), 3) for name, value in zip((*FEATURES, "bias"), weights, strict=True)
    }
    print(json.dumps(judgement))
    report(cases, weights)
    if not asked.dry:
        rows = json.loads(CATALOGUE.read_text())
        next(row for row in rows if row["id"] == MODEL)["judgement"] = judgement
        CATALOGUE.write_text(json.dumps(rows, indent=2) + "\n")
    return 0


def marked(manifest: Path, planes: Path | None) -> list[Case]:
    """The cases of a benchmark's set, those without a mark among them."""
    answer = []
    for row in json.loads(manifest.read_text())["cases"]:
        mask = np.asarray(Image.open(manifest.parent / row["mask"]).convert("L")) > 127
        pixels = np.asarray(Image.open(manifest.parent / row["watermarked"]).convert("RGB"))
        answer.append(judged(row["kind"], seen(pixels, row["id"], planes), mask if mask.any() else None))
    return answer


def clean(folder: Path, planes: Path | None) -> list[Case]:
    answer = []
    for path in sorted(each for each in folder.iterdir() if each.suffix.lower() in SUFFIXES):
        pixels = np.asarray(Image.open(path).convert("RGB"))
        scale = min(1.0, LARGEST / max(pixels.shape))
        if scale < 1:
            pixels = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
        answer.append(judged("clean", seen(pixels, f"{folder.name}-{path.stem}", planes), None))
    return answer


def seen(pixels: np.ndarray, name: str, planes: Path | None) -> Sight:
    """What the network says of a picture, or said when it was asked before."""
    if planes is None:
        return see(pixels)
    path = planes / models.find(MODEL).sha256[:8] / f"{name}.npy"
    if not path.exists():
        sight = see(pixels)
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, sight.probability.astype(np.float16))
    probability = np.load(path).astype(np.float32)
    nothing = np.zeros_like(probability)
    return Sight(probability, nothing, np.zeros((*nothing.shape, 3), np.float32))


def judged(kind: str, sight: Sight, mask: np.ndarray | None) -> Case:
    found = objects(sight, sight.probability > LIKELY)
    near = None if mask is None else cv2.dilate(mask.view(np.uint8), np.ones((5, 5), np.uint8)) > 0
    right = [near is not None and bool(near[window(one.box)][one.area].mean() > RIGHT) for one in found]
    return Case(kind, found, right, sight.probability, mask)


def fitted(cases: list[Case], decay: float = 1e-3) -> np.ndarray:
    """Coefficients and bias of a logistic regression, by Newton's method."""
    features, labels, counted = [], [], []
    for case in cases:
        order = np.argsort([-one.features[0] for one in case.seen])
        for index, weight in zip(order, COUNTED, strict=False):
            features.append([*case.seen[index].features, 1.0])
            labels.append(case.right[index])
            counted.append(weight)
    x, y, w = np.array(features, float), np.array(labels, float), np.array(counted)
    held = decay * w.sum() * np.diag([*[1.0] * len(FEATURES), 1e-6])
    answer = np.zeros(x.shape[1])
    for _ in range(50):
        sure = 1 / (1 + np.exp(-(x @ answer)))
        slope = x.T @ (w * (sure - y)) + held @ answer
        answer -= np.linalg.solve((x * (w * sure * (1 - sure))[:, None]).T @ x + held, slope)
    return answer


def means(values: dict[str, list[float]]) -> dict[str, float]:
    return {kind: round(float(np.mean(each)), 3) for kind, each in values.items()}


def score(one: Object, weights: np.ndarray) -> float:
    return float(one.features @ weights[:-1] + weights[-1])


def top(case: Case, weights: np.ndarray) -> float:
    return max((score(one, weights) for one in case.seen), default=-99.0)


def report(cases: list[Case], weights: np.ndarray) -> None:
    """Which pictures are touched at some sensitivities, and F1 of the objects with and without others."""
    for sensitivity in (0.2, 0.35, 0.5, 0.65, 0.8, 0.95):
        asked = float(np.log((1 - sensitivity) / sensitivity))
        touched: dict[str, list[float]] = {}
        for case in cases:
            touched.setdefault(case.kind, []).append(float(top(case, weights) >= asked))
        print(
            f"sensitivity {sensitivity}: touched",
            {k: round(float(np.mean(v)), 3) for k, v in touched.items()},
        )
    for beside in (0.0, 1.0, 1.5, 2.0, 3.0):
        scores: dict[str, list[float]] = {}
        for case in (case for case in cases if case.mask is not None):
            area = np.zeros(case.probability.shape, bool)
            if top(case, weights) >= 0:
                for one in case.seen:
                    if score(one, weights) >= -beside:
                        sure = case.probability[window(one.box)] > one.half
                        area[window(one.box)] |= one.area & sure
            both = 2.0 * np.count_nonzero(area & case.mask)
            scores.setdefault(case.kind, []).append(both / (area.sum() + case.mask.sum()))
        print(f"beside {beside}: F1 {np.mean(list(chain(*scores.values()))):.4f} {means(scores)}")


if __name__ == "__main__":
    sys.exit(main())
