from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("torch", reason="training is an extra of its own: needs torch")

import torch
from training import bank, batches, export, fill, holed_validation, holes
from training.fill_network import Fill, guess
from training.photos import Photos

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 128


@pytest.mark.parametrize("kind", holes.KINDS)
def test_a_sample_hides_some_of_its_photo_and_is_the_same_for_the_same_seed(
    photos: Path, pieces: Path, kind: str
) -> None:
    held, layers = Photos(photos), bank.Bank.load(pieces)
    for seed in range(6):
        one, again = (
            holes.make(np.random.default_rng([seed, 2]), layers, held, SIDE, kind) for _ in range(2)
        )
        assert np.array_equal(one.seen, again.seen)
        assert np.array_equal(one.hole, again.hole)
        assert 0 < one.hole.mean() < 0.8
        if one.kind != "strokes":
            assert np.array_equal(one.seen, one.clean)


def test_the_network_changes_nothing_outside_the_hole_and_does_not_look_into_it() -> None:
    torch.manual_seed(0)
    network = Fill().eval()
    picture = torch.rand(2, 3, 64, 96)
    hole = (torch.rand(2, 1, 64, 96) > 0.7).float()
    with torch.no_grad():
        painted = network(picture, hole)
        other = network(torch.where(hole > 0, torch.rand_like(picture), picture), hole)
    outside = (hole == 0).expand_as(picture)
    assert torch.equal(painted[outside], picture[outside])
    assert torch.equal(painted, other)


def test_the_guess_of_a_plain_picture_is_plain() -> None:
    colour = torch.tensor([0.2, 0.5, 0.9]).view(1, 3, 1, 1)
    hole = torch.zeros(1, 1, 128, 128)
    hole[..., 20:120, 8:110] = 1
    first = guess(colour.expand(1, 3, 128, 128) * (1 - hole), 1 - hole)
    assert torch.allclose(first, colour.expand_as(first), atol=0.01)


def test_the_loss_is_least_for_the_truth(photos: Path, pieces: Path) -> None:
    batch = batches.HoledSteps(photos, pieces, 0, ((SIDE, 6),))[3]

    def loss(painted: torch.Tensor) -> float:
        known = 1 - batch["hole"]
        terms = fill.losses(painted, guess(batch["seen"] * known, known), batch["clean"], batch["hole"])
        return sum(fill.WEIGHTS[name] * float(value) for name, value in terms.items())

    best = loss(batch["clean"])
    for other in (torch.zeros_like(batch["clean"]), batch["clean"].flip(3), batch["clean"] * 0.9):
        assert best < loss(other)


def test_a_resumed_run_goes_on_as_if_it_had_never_stopped(photos: Path, pieces: Path, tmp_path: Path) -> None:
    recipe = fill.Recipe(
        warmup=2, bf16=False, threads=1, workers=0, validate_every=2, validation_cases=4, shapes=((64, 2),)
    )

    def run(out: str, steps: int) -> dict[str, torch.Tensor]:
        words = ["--photos", str(photos), "--bank", str(pieces), "--resume"]
        asked, _ = fill.parsed([*words, "--out", str(tmp_path / out), "--steps", str(steps)])
        return fill.train(asked, recipe).ema.state_dict()

    whole = run("whole", 4)
    run("halves", 2)
    halves = run("halves", 4)
    assert all(torch.allclose(whole[name], halves[name], atol=1e-5) for name in whole)


def test_a_short_run_paints_better_than_the_guess_it_starts_from(
    photos: Path, pieces: Path, tmp_path: Path
) -> None:
    recipe = fill.Recipe(
        rate=3e-3, warmup=5, ema=0.9, threads=1, workers=0, validate_every=60, validation_cases=8,
        shapes=((64, 8),),
    )  # fmt: skip
    words = ["--photos", str(photos), "--bank", str(pieces), "--out", str(tmp_path), "--steps", "60"]
    network = fill.train(fill.parsed(words)[0], recipe).ema
    held = holed_validation.cases(photos, pieces, 8)
    before = holed_validation.judge(holed_validation.painter(Fill()), held)
    after = holed_validation.judge(holed_validation.painter(network), held)
    assert after["psnr"] > before["psnr"]


@pytest.mark.filterwarnings("ignore::FutureWarning")  # torch's exporter calls a deprecated name of its own
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")  # two inputs of one size, which is what is meant
def test_the_exported_file_computes_the_same_at_any_size(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime", reason="checking an export needs onnxruntime")
    torch.manual_seed(2)
    network = Fill().eval()
    path = tmp_path / "fill.onnx"
    export.export(network, path, "fill")
    assert path.stat().st_size < 6 * 2**20
    run = export.session(path, threads=1)
    for count, height, width in ((1, 32, 64), (3, 96, 160)):
        picture, hole = (
            torch.rand(count, 3, height, width),
            (torch.rand(count, 1, height, width) > 0.6).float(),
        )
        with torch.no_grad():
            same = network(picture, hole).numpy()
        painted = run.run(None, {"picture": picture.numpy(), "hole": hole.numpy()})[0]
        assert np.abs(painted - same).max() < 1e-3
