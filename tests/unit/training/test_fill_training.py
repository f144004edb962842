from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("torch", reason="training is an extra of its own: needs torch")

import torch
from training import bank, batches, export, fill, holes
from training.fill_network import COUNT, Fill
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


def test_the_network_changes_nothing_outside_the_hole() -> None:
    torch.manual_seed(0)
    network = Fill().eval()
    paintings = torch.rand(2, 3 * COUNT, 64, 96)
    hole = (torch.rand(2, 1, 64, 96) > 0.7).float()
    with torch.no_grad():
        painted = network(paintings, hole)
    outside = (hole == 0).expand_as(painted)
    assert torch.equal(painted[outside], paintings[:, :3][outside])


def test_untrained_it_gives_about_the_mean_of_what_it_is_given() -> None:
    torch.manual_seed(0)
    network = Fill().eval()
    level = torch.rand(COUNT).view(1, COUNT, 1, 1, 1).expand(1, COUNT, 3, 64, 64)
    with torch.no_grad():
        painted = network(level.reshape(1, 3 * COUNT, 64, 64), torch.ones(1, 1, 64, 64))
    assert level.min() - 0.05 < painted.mean() < level.max() + 0.05


def steps(photos: Path, pieces: Path, folder: Path) -> batches.HoledSteps:
    return batches.HoledSteps(photos, pieces, 0, ((SIDE, 6),), 4, folder)


def test_samples_that_come_again_are_turned_and_always_the_same(
    photos: Path, pieces: Path, tmp_path: Path
) -> None:
    first, again = steps(photos, pieces, tmp_path / "one"), steps(photos, pieces, tmp_path / "other")
    fresh, kept, other = first[2], first[2], again[2]
    for name, values in fresh.items():
        assert torch.equal(values, kept[name])
        assert torch.equal(values, other[name])
    later = [first[2 + 4 * k]["hole"] for k in range(1, 6)]
    assert all(one.sum() == fresh["hole"].sum() for one in later)
    assert any(not torch.equal(one, fresh["hole"]) for one in later)


def test_the_loss_is_least_for_the_truth(photos: Path, pieces: Path, tmp_path: Path) -> None:
    batch = steps(photos, pieces, tmp_path)[3]

    def loss(painted: torch.Tensor) -> float:
        terms = fill.losses(painted, batch["paintings"][:, :3], batch["clean"], batch["hole"])
        return sum(fill.WEIGHTS[name] * float(value) for name, value in terms.items())

    best = loss(batch["clean"])
    for other in (torch.zeros_like(batch["clean"]), batch["clean"].flip(3), batch["clean"] * 0.9):
        assert best < loss(other)


def test_a_resumed_run_goes_on_as_if_it_had_never_stopped(photos: Path, pieces: Path, tmp_path: Path) -> None:
    recipe = fill.Recipe(
        warmup=2, bf16=False, threads=1, workers=0, validate_every=2, validation_cases=4, shapes=((64, 2),),
        pool=3,
    )  # fmt: skip

    def run(out: str, steps: int) -> dict[str, torch.Tensor]:
        words = ["--photos", str(photos), "--bank", str(pieces), "--resume"]
        asked, _ = fill.parsed([*words, "--out", str(tmp_path / out), "--steps", str(steps)])
        return fill.train(asked, recipe).ema.state_dict()

    whole = run("whole", 4)
    run("halves", 2)
    halves = run("halves", 4)
    assert all(torch.allclose(whole[name], halves[name], atol=1e-5) for name in whole)


def test_a_short_run_learns_to_paint_its_own_samples(photos: Path, pieces: Path, tmp_path: Path) -> None:
    recipe = fill.Recipe(
        rate=3e-3, warmup=5, ema=0.9, threads=1, workers=0, validate_every=60, validation_cases=4,
        shapes=((64, 8),), pool=10,
    )  # fmt: skip
    words = ["--photos", str(photos), "--bank", str(pieces), "--out", str(tmp_path), "--steps", "60"]
    learnt = fill.train(fill.parsed(words)[0], recipe).ema
    samples = batches.HoledSteps(photos, pieces, recipe.seed, recipe.shapes, 10, tmp_path / "pool")

    def loss(network: torch.nn.Module) -> float:
        network.eval()
        total = 0.0
        for batch in (samples[k] for k in range(10)):
            with torch.no_grad():
                painted = network(batch["paintings"], batch["hole"])
            terms = fill.losses(painted, batch["paintings"][:, :3], batch["clean"], batch["hole"])
            total += sum(fill.WEIGHTS[name] * float(value) for name, value in terms.items())
        return total

    torch.manual_seed(recipe.seed)
    assert loss(learnt) < 0.95 * loss(Fill())


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
        paintings = torch.rand(count, 3 * COUNT, height, width)
        hole = (torch.rand(count, 1, height, width) > 0.6).float()
        with torch.no_grad():
            same = network(paintings, hole).numpy()
        painted = run.run(None, {"paintings": paintings.numpy(), "hole": hole.numpy()})[0]
        assert np.abs(painted - same).max() < 1e-3
