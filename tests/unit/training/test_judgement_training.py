from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("skl2onnx", reason="training is an extra of its own: needs scikit-learn and skl2onnx")

import onnxruntime
from training import judgement
from training import trees as fitted_trees

from cleanplate.engine.find.judgement import FEATURES


def case(rng: np.random.Generator, count: int, marked: bool) -> judgement.Case:
    """Objects of which those with a high first feature are right."""
    described = rng.normal(0, 1, (count, len(FEATURES))).astype(np.float32)
    right = (described[:, 0] > 0) & marked
    described[:, 0] -= 2 * (not marked)
    cores = np.column_stack([np.full(count, 100), 100 * right])
    return judgement.Case("logo" if marked else "none", described, right, cores, 100 * int(right.sum()))


def test_what_is_installed_says_what_was_fitted(tmp_path, monkeypatch) -> None:
    rng = np.random.default_rng(4)
    cases = [case(rng, 5, marked=bool(k % 2)) for k in range(120)]
    trees = judgement.fitted(cases, 1)
    kept = {"id": "find", "file": "find.onnx", "sha256": "as it was"}
    (tmp_path / "catalogue.json").write_text(
        json.dumps([kept, {"id": "judge", "file": "judge.onnx", "sha256": "", "bytes": 0, "bias": 0}])
    )
    monkeypatch.setattr(fitted_trees, "WEIGHTS", tmp_path)
    fitted_trees.install(
        fitted_trees.converted(trees, len(FEATURES)), "judge", "find", "fitted by a test", bias=-0.5
    )
    fitted_trees.install(fitted_trees.converted(trees, len(FEATURES)), "new", "undo", "fitted by a test")

    other, row, new = json.loads((tmp_path / "catalogue.json").read_text())
    assert other == kept
    assert (new["file"], new["task"]) == ("new.onnx", "undo")
    assert row["bias"] == -0.5
    assert row["bytes"] == (tmp_path / "judge.onnx").stat().st_size
    run = onnxruntime.InferenceSession((tmp_path / "judge.onnx").read_bytes())
    described = rng.normal(0, 1, (50, len(FEATURES))).astype(np.float32)
    (said,) = run.run(None, {run.get_inputs()[0].name: described})
    assert np.allclose(said, trees.predict_proba(described), atol=1e-4)
    assert said[described[:, 0] > 0.5, 1].mean() > said[described[:, 0] < -0.5, 1].mean() + 0.5
