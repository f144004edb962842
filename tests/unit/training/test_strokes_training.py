from __future__ import annotations

import cv2
import numpy as np
import pytest

pytest.importorskip("skl2onnx", reason="training is an extra of its own: needs scikit-learn and skl2onnx")

import onnxruntime
from sklearn.ensemble import HistGradientBoostingClassifier
from training import strokes
from training.trees import forest

from cleanplate.engine import undo
from cleanplate.engine.strokes import FEATURES


def test_the_exported_trees_say_what_was_fitted() -> None:
    rng = np.random.default_rng(2)
    described = rng.normal(0, 1, (4000, 6)).astype(np.float32)
    right = described[:, 0] * described[:, 1] > described[:, 2]
    trees = HistGradientBoostingClassifier(max_iter=30, random_state=1).fit(described, right)
    run = onnxruntime.InferenceSession(forest(trees, 6).SerializeToString())
    (said,) = run.run(None, {"features": described})
    assert np.allclose(said[:, 0], trees.predict_proba(described)[:, 1], atol=1e-5)
    assert said[right].mean() > said[~right].mean() + 0.5


def test_what_is_learnt_from_is_what_the_engine_is_about_to_paint() -> None:
    rng = np.random.default_rng(4)
    photo = cv2.GaussianBlur(rng.integers(0, 255, (240, 360, 3), np.uint8), (0, 0), 3)
    layer = np.zeros((240, 360), np.uint8)
    cv2.putText(layer, "Kestrel", (90, 150), cv2.FONT_HERSHEY_DUPLEX, 1.6, 255, 3, cv2.LINE_AA)
    mask = layer > 8
    seen = np.where(mask[..., None], np.uint8(240), photo)
    within = np.zeros_like(mask)
    within[90:180, 70:320] = True
    before = undo.without_gaps
    holes = strokes.told(rng, seen, mask, within)
    assert undo.without_gaps is before
    said, right = strokes.joined(holes)
    assert said.shape == (right.size, len(FEATURES))
    assert 0.2 < right.mean() < 0.95  # the letters, and gaps between them
    assert np.array_equal(seen, np.where(mask[..., None], np.uint8(240), photo))
