from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("torch", reason="training is an extra of its own: needs torch")

import torch
from training import bank, batches, export, find, losses, marks, sample
from training.network import Find, calibrate, fold
from training.photos import Photos

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 96


@pytest.mark.parametrize("kind", marks.KINDS)
def test_a_sample_obeys_the_blend_equation_and_is_the_same_for_the_same_seed(
    photos: Path, pieces: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "encoded", lambda _, pair: pair)  # what is left are rounding and resampling
    held, layers = Photos(photos), bank.Bank.load(pieces)
    for seed in range(6):
        one, again = (
            sample.make(np.random.default_rng([seed, 1]), layers, held, SIDE, kind) for _ in range(2)
        )
        assert np.array_equal(one.seen, again.seen)
        assert np.array_equal(one.alpha, again.alpha)
        assert one.alpha.min() >= 0
        assert one.alpha.max() <= 1
        if kind == "none":
            assert not one.mask.any()
            assert np.array_equal(one.seen, one.clean)
        if one.blends:
            alpha = one.alpha[..., None]
            seen = one.clean * (1 - alpha) + one.tint * 255 * alpha
            assert np.abs(seen - one.seen).mean() < 1.5


def test_validation_never_sees_a_trained_font_or_icon(pieces: Path) -> None:
    trained, held = bank.Bank.load(pieces), bank.Bank.load(pieces, "validate")
    assert not set(trained.letterings) & set(held.letterings)
    assert not set(trained.icons) & set(held.icons)
    assert len(held.letterings) > 0
    assert len(held.icons) > 0


def test_calibrating_and_folding_do_not_change_what_the_network_computes() -> None:
    torch.manual_seed(0)
    network = Find().eval()
    pixels = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        before = network(pixels)
        calibrate(network, [torch.rand(4, 3, 64, 64)])
        after = network.eval()(pixels)
        folded = fold(network)(pixels)
    assert torch.allclose(before, after, atol=1e-3)
    assert torch.allclose(before, folded, atol=1e-3)


def test_the_loss_is_least_for_the_truth(photos: Path, pieces: Path) -> None:
    batch = batches.Steps(photos, pieces, 0, ((SIDE, 6),))[3]
    truth = torch.cat([batch.mask * 40 - 20, batch.alpha.clamp(1e-6, 1 - 1e-6).logit()], 1)
    truth = torch.cat([truth, batch.tint.clamp(1e-6, 1 - 1e-6).logit()], 1)
    best = losses.total(losses.losses(truth, batch))
    for other in (torch.zeros_like(truth), truth.flip(3), truth * 0.1):
        assert best < losses.total(losses.losses(other, batch))


def test_a_resumed_run_goes_on_as_if_it_had_never_stopped(photos: Path, pieces: Path, tmp_path: Path) -> None:
    recipe = find.Recipe(
        warmup=2, bf16=False, threads=1, workers=0, validate_every=2, validation_cases=8, shapes=((64, 2),)
    )
    start = tmp_path / "start.pt"
    torch.manual_seed(1)
    torch.save(Find().state_dict(), start)

    def run(out: str, steps: int) -> dict[str, torch.Tensor]:
        words = ["--photos", str(photos), "--bank", str(pieces), "--start", str(start), "--resume"]
        asked, _ = find.parsed([*words, "--out", str(tmp_path / out), "--steps", str(steps)])
        return find.train(asked, recipe).ema.state_dict()

    whole = run("whole", 4)
    run("halves", 2)
    halves = run("halves", 4)
    assert all(torch.allclose(whole[name], halves[name], atol=1e-5) for name in whole)
    curve = (tmp_path / "whole" / "curve.csv").read_text()
    assert curve == (tmp_path / "halves" / "curve.csv").read_text() or len(curve.splitlines()) == 3


@pytest.mark.filterwarnings("ignore::FutureWarning")  # torch's exporter calls a deprecated name of its own
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_exported_file_computes_the_same_at_any_size(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="checking an export needs onnxruntime")
    torch.manual_seed(2)
    network = Find().eval()
    path = tmp_path / "find.onnx"
    export.export(network, path)
    assert path.stat().st_size < 6 * 2**20
    run = export.session(path, threads=1)
    for height, width in ((32, 64), (96, 160)):
        pixels = torch.rand(1, 3, height, width)
        with torch.no_grad():
            same = network(pixels).sigmoid().numpy()
        planes = run.run(None, {"pixels": pixels.numpy()})[0]
        assert planes.shape == (1, 5, height, width)
        assert np.abs(planes - same).max() < 2e-3
