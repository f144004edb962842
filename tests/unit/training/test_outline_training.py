from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

pytest.importorskip("torch", reason="training is an extra of its own: needs torch")
pytest.importorskip("sklearn", reason="training is an extra of its own: needs scikit-learn")

import torch
from training import export, outline, sample
from training.outline_network import PLANES, Outline

from cleanplate.engine.fit import belonging
from cleanplate.engine.fit import outline as engine

if TYPE_CHECKING:
    from pathlib import Path


def scene() -> tuple[np.ndarray, sample.Sample, np.ndarray]:
    """A lettered picture, what is true of it, and a rectangle round the letters."""
    rng = np.random.default_rng(4)
    photo = cv2.GaussianBlur(rng.integers(0, 255, (240, 360, 3), np.uint8), (0, 0), 3)
    layer = np.zeros((240, 360), np.uint8)
    cv2.putText(layer, "Kestrel", (90, 150), cv2.FONT_HERSHEY_DUPLEX, 1.6, 255, 3, cv2.LINE_AA)
    alpha = layer / np.float32(255) * np.float32(0.7)
    seen = np.rint(photo * (1 - alpha[..., None]) + 255 * alpha[..., None]).astype(np.uint8)
    within = np.zeros(alpha.shape, bool)
    within[90:180, 70:320] = True
    mask = alpha > 0.02
    one = sample.Sample(
        "logo", seen, photo, alpha, np.ones_like(photo, np.float32), mask, np.ones_like(alpha), True, False
    )
    return seen, one, within


def test_what_is_learnt_from_is_what_the_fit_is_asked() -> None:
    seen, one, within = scene()
    usual, before = engine.log_odds, seen.copy()
    looks = list(outline.told(seen, one, within, lossy=True))
    assert engine.log_odds is usual
    assert np.array_equal(seen, before)
    assert len(looks) >= engine.ROUNDS
    for look in looks:
        assert look.planes.shape == (len(belonging.PLANES), *look.right.shape)
        assert not look.weight[look.planes[belonging.PLANES.index("asked")] == 0].any()
    best = max(looks, key=lambda look: look.right.sum())
    assert best.right.sum() > 0.8 * one.mask.sum()  # the truth lies where the planes do
    likely = best.planes[belonging.PLANES.index("likely")]
    assert likely[best.right].mean() > likely[~best.right].mean()


def test_the_network_has_the_planes_that_the_engine_tells() -> None:
    assert len(belonging.PLANES) == PLANES


@pytest.mark.filterwarnings("ignore::FutureWarning")  # torch's exporter calls a deprecated name of its own
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_exported_network_says_what_was_trained(tmp_path: Path) -> None:
    torch.manual_seed(2)
    network = Outline().eval()
    path = tmp_path / "outline.onnx"
    export.export(network, path, "outline")
    planes = torch.rand(1, PLANES, 40, 72)
    (odds,) = export.session(path).run(None, {"planes": planes.numpy()})
    with torch.no_grad():
        assert np.abs(odds - network(planes).numpy()).max() < 0.01  # weights in half precision


def test_a_resumed_run_goes_on_as_if_it_had_never_stopped(
    photos: Path, pieces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, one, within = scene()
    looks = list(outline.told(one.seen, one, within, lossy=False))
    monkeypatch.setattr(outline, "pool", lambda *_: looks)
    recipe = outline.Recipe(warmup=2, bf16=False, threads=1, validate_every=2, side=64, batch=2)

    def ran(out: Path, *words: str) -> dict[str, torch.Tensor]:
        asked, _ = outline.parsed(
            ["--photos", str(photos), "--bank", str(pieces), "--out", str(tmp_path / out), *words]
        )
        return outline.train(asked, recipe).network.state_dict()

    whole = ran(tmp_path / "whole", "--steps", "4")
    ran(tmp_path / "half", "--steps", "2")
    resumed = ran(tmp_path / "half", "--steps", "4", "--resume")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert (tmp_path / "half" / "curve.csv").exists()


def test_learning_lowers_the_loss() -> None:
    torch.manual_seed(1)
    _, one, within = scene()
    looks = list(outline.told(one.seen, one, within, lossy=False))
    recipe = outline.Recipe(warmup=1, bf16=False, threads=1, side=96, batch=4)
    asked, _ = outline.parsed(["--out", "unused"])
    run = outline.started(asked, recipe)
    share = np.full(len(looks), 1 / len(looks))
    losses = [
        sum(outline.step(run, outline.batch(looks, share, recipe, number), recipe).values())
        for number in range(12)
    ]
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:3])
