from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("torch", reason="training is an extra of its own: needs torch")
pytest.importorskip("sklearn", reason="training is an extra of its own: needs scikit-learn")

import torch
from torch import nn
from training import art, export, looks, marks, refine
from training.bank import Bank
from training.photos import VALIDATE, Photos
from training.refine_network import CANDIDATES, PLANES, Refine
from training.unet import Widths

from cleanplate.engine.fit import recovery, refining

if TYPE_CHECKING:
    from pathlib import Path

TOLD = PLANES + 3 * CANDIDATES


@pytest.fixture(scope="module")
def pool(photos: Path, pieces: Path) -> list[refine.Look]:
    """A few looks of either half."""
    bank, scenes = Bank.load(pieces, "train"), Photos(photos, VALIDATE)
    answer: list[refine.Look] = []
    with looks.richer():
        for number in range(12):
            answer += refine.exact(np.random.default_rng([3, number]), bank, scenes)
        for number in range(4):
            answer += refine.as_found(np.random.default_rng([4, number]), bank, scenes)
    return answer


def test_what_is_learnt_from_is_what_the_fit_came_to(pool: list[refine.Look]) -> None:
    assert recovery.refined is refining.refined
    assert art.styled.__module__ == "training.art"
    assert marks.draw.__module__ == "training.marks"
    assert len(pool) >= 4
    for clues, clean, _ in pool:
        assert clean.shape == clues.seen.shape
        shown = refine.told(clues)
        assert shown.shape == (TOLD, *clues.area.shape)
        outside = ~clues.area
        assert np.abs(shown[PLANES : PLANES + 3][:, outside] * 255 - clues.seen[outside].T).max() < 0.01


def test_the_network_has_the_planes_that_the_engine_tells() -> None:
    assert (refining.PLANES, refining.CANDIDATES) == (PLANES, CANDIDATES)


def test_untrained_it_gives_about_what_the_fit_came_to(pool: list[refine.Look]) -> None:
    torch.manual_seed(2)
    shown = torch.from_numpy(refine.told(pool[0][0])[None, :, :64, :64])
    with torch.no_grad():
        photo = Refine().eval()(shown)
    area = shown[:, :1] > 0
    assert torch.equal(photo * ~area, shown[:, PLANES : PLANES + 3] * ~area)
    assert ((photo - shown[:, PLANES : PLANES + 3]).abs() * area).mean() < 0.05


@pytest.mark.filterwarnings("ignore::FutureWarning")  # torch's exporter calls a deprecated name of its own
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_exported_network_says_what_was_trained(tmp_path: Path) -> None:
    torch.manual_seed(2)
    network = Refine().eval()
    path = tmp_path / "refine.onnx"
    export.export(network, path, "refine")
    told = torch.rand(1, TOLD, 40, 72)
    (photo,) = export.session(path).run(None, {"told": told.numpy()})
    with torch.no_grad():
        assert np.abs(photo - network(told).numpy()).max() < 0.01  # weights in half precision


def test_a_resumed_run_goes_on_as_if_it_had_never_stopped(
    photos: Path,
    pieces: Path,
    tmp_path: Path,
    pool: list[refine.Look],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(looks, "pool", lambda *_: pool)
    recipe = refine.Recipe(warmup=2, bf16=False, threads=1, validate_every=2, side=64, batch=2)

    def ran(out: Path, *words: str) -> dict[str, torch.Tensor]:
        asked, _ = refine.parsed(
            ["--photos", str(photos), "--bank", str(pieces), "--out", str(tmp_path / out), *words]
        )
        return refine.train(asked, recipe).network.state_dict()

    whole = ran(tmp_path / "whole", "--steps", "4")
    ran(tmp_path / "half", "--steps", "2")
    resumed = ran(tmp_path / "half", "--steps", "4", "--resume")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert (tmp_path / "half" / "curve.csv").exists()


def test_learning_lowers_the_loss(pool: list[refine.Look]) -> None:
    torch.manual_seed(1)
    recipe = refine.Recipe(warmup=1, bf16=False, threads=1, side=64, batch=4, rate=4e-3)
    asked, _ = refine.parsed(["--out", "unused"])
    run = refine.started(asked, recipe)
    same = refine.batch(pool, recipe, 0)
    losses = [refine.step(run, same, recipe)["ratio"] for _ in range(25)]
    assert np.mean(losses[-3:]) < 0.9 * losses[0]


def test_a_wider_network_goes_on_from_what_a_narrower_one_says() -> None:
    torch.manual_seed(2)
    narrow = Refine(Widths(6, 4, 6, 8, 10))
    nn.init.normal_(narrow.last.weight, std=0.2)
    told = torch.rand(2, TOLD, 32, 40)
    narrow(told)  # its norms have seen something
    wide = Refine(Widths(9, 7, 9, 13, 15))
    wide.grow(narrow.state_dict())
    said = narrow.eval()(told)
    assert (said - told[:, PLANES : PLANES + 3]).abs().mean() > 0.01
    assert torch.allclose(wide.eval()(told), said, atol=1e-5)
    wide.train()(told).square().sum().backward()
    for name, one in wide.named_parameters():
        assert one.grad is not None, name
        assert one.grad.abs().sum() > 0, name
