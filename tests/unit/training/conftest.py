from __future__ import annotations

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

# `training` is no part of the installed package: it is found beside it, in the repository
sys.path.insert(0, str(Path(__file__).resolve().parents[3]))


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few synthetic photos in the folders that training and validation read."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(5)
    for folder in ("clic2025", "cid22", "elementary", "pop-os", "budgie", "cid22-validation"):
        (root / folder).mkdir()
        coarse = rng.integers(0, 255, (9, 12, 3), np.uint8)
        cv2.imwrite(
            str(root / folder / "a.png"), cv2.resize(coarse, (640, 480), interpolation=cv2.INTER_CUBIC)
        )
    return root


@pytest.fixture(scope="session")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank of boxes and discs in the place of letterings and icons."""
    out = tmp_path_factory.mktemp("bank")
    layers = []
    for k in range(700):
        layer = np.zeros((24, 40 + k % 50), np.uint8)
        cv2.putText(layer, f"{k}", (2, 19), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 255, 2)
        layers.append(layer)
    sizes = np.array([layer.size for layer in layers])
    shapes = np.array([layer.shape for layer in layers])
    np.save(out / "pixels.npy", np.concatenate([layer.ravel() for layer in layers]))
    np.save(out / "boxes.npy", np.column_stack([np.cumsum(sizes) - sizes, shapes]))
    (out / "bank.json").write_text(json.dumps({"letterings": 300, "icons": 400}))
    return out
