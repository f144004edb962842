"""The shares of a mark's levels at its edges, as pixels that lie alike in it teach each other."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanplate.engine.fit import recover, shape, shares
from cleanplate.engine.fit.axes import along
from cleanplate.engine.fit.shares import Mixed, Places, taught

SIDE, BIG = 240, 4


def photo() -> np.ndarray:
    """(H, W, 3) in 0..255."""
    planes = np.random.default_rng(4).normal(size=(SIDE, SIDE, 3)).astype(np.float32)
    planes = cv2.GaussianBlur(planes, (0, 0), 6)
    grey = planes.mean(axis=2, keepdims=True)
    return np.clip(115 + 20 * grey / grey.std() + 6 * planes / planes.std(), 0, 255).astype(np.float32)


def lettering() -> np.ndarray:
    """Small antialiased words all over, at an angle, (H, W) in 0..1."""
    plane = np.zeros((BIG * SIDE, BIG * SIDE), np.uint8)
    for number, row in enumerate(range(60, BIG * SIDE, 150)):
        for column in range(-100 + number % 2 * 130, BIG * SIDE, 330):
            cv2.putText(plane, "Sample", (column, row), cv2.FONT_HERSHEY_SIMPLEX, 2.2, 255, 6)
    turn = cv2.getRotationMatrix2D((BIG * SIDE / 2, BIG * SIDE / 2), 30, 1)
    plane = cv2.warpAffine(plane, turn, plane.shape)
    small = cv2.resize(plane.astype(np.float32) / 255, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def off(shadowed: bool) -> tuple[float, float, float]:
    """What opacity, α · colour and photo are off by in white words, root mean square."""
    fill = lettering()
    moved = np.roll(cv2.GaussianBlur(fill, (0, 0), 0.8), (2, 2), axis=(0, 1))
    alpha = 0.4 * (fill + (1 - fill) * (0.8 * moved if shadowed else 0))
    light = (0.4 * fill * 255)[..., None] * np.ones(3, np.float32)
    seen = np.clip(np.rint((1 - alpha[..., None]) * photo() + light), 0, 255).astype(np.float32)
    area = alpha > 0.02
    back = recover(seen, area, lossy=False)
    wrong = (back.opacity - alpha, back.light - light, back.values - photo())
    opacity, glow, values = (float(np.sqrt((one[area] ** 2).mean())) for one in wrong)
    return opacity, glow, values


@pytest.mark.parametrize("shadowed", [False, True])
def test_edges_are_told_better_by_all_that_lie_alike(shadowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    together = off(shadowed)
    monkeypatch.setattr(shape, "FEWEST", 10**9)
    alone = off(shadowed)
    assert together[0] < 0.85 * alone[0]
    assert together[1] < 0.75 * alone[1]
    assert together[2] < alone[2]


def mixture(seed: int, levels: int = 2, noise: float = 0.0) -> tuple[Mixed, np.ndarray, Places, tuple]:
    """Pixels of letters whose shares are told by how far inside they are, what they are, and their places."""
    rng = np.random.default_rng(seed)
    area = lettering()[:120, :120] > 0.02
    ys, xs = np.nonzero(area)
    depth = np.asarray(cv2.distanceTransform(area.view(np.uint8), cv2.DIST_L2, 5), np.float32)
    first = np.clip(depth[ys, xs] / 4, 0.1, 1)
    truth = np.stack([1 - first, first, *([np.zeros_like(first)] * (levels - 1))], axis=1).astype(float)
    through = np.append(1.0, rng.uniform(0.3, 0.8, levels))
    light = np.concatenate([np.zeros((1, 3)), rng.uniform(0, 120, (levels, 3))])
    guess = rng.uniform(30, 220, (len(ys), 3))
    under = guess + noise * rng.normal(size=guess.shape)
    seen = (truth @ through)[:, None] * under + truth @ light
    error = np.full_like(guess, max(noise, 0.5))
    mixed = Mixed(along(seen), along(guess), error, through, along(light), np.zeros(3), 0.6)
    return mixed, truth, Places(area, depth), (ys, xs)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.floats(0, 80))
def test_shares_are_shares_whatever_is_seen(seed: int, levels: int, noise: float) -> None:
    mixed, truth, places, at = mixture(seed, levels, noise)
    some = np.random.default_rng(seed).permutation(len(truth))[:400]
    arrays = (mixed.seen[some], mixed.guess[some], mixed.error[some])
    fewer = Mixed(*arrays, mixed.through, mixed.light, mixed.blur, mixed.noise)
    got = taught(fewer, truth[some], places, at[0][some], at[1][some])
    assert got.shape == truth[some].shape
    assert np.isfinite(got).all()
    assert (got >= -1e-9).all()
    assert (got <= 1 + 1e-9).all()
    assert np.allclose(got.sum(axis=1), 1)


def test_what_is_known_exactly_stays() -> None:
    mixed, truth, places, at = mixture(3)
    got = taught(mixed, truth, places, *at)
    assert np.abs(got - truth).max() < 0.05


def test_places_tell_what_single_pixels_do_not() -> None:
    mixed, truth, places, at = mixture(5, noise=60.0)
    rng = np.random.default_rng(0)
    first = truth.copy()
    first[:, 1] = np.clip(truth[:, 1] + rng.normal(0, 0.25, len(truth)), 0, 1)
    first[:, 0] = 1 - first[:, 1]
    got = taught(mixed, first, places, *at)
    assert np.abs(got - truth).mean() < 0.6 * np.abs(first - truth).mean()


class Crossed(Places):
    """Places told by traits whose product alone says anything."""

    def __init__(self, area: np.ndarray, depth: np.ndarray) -> None:
        super().__init__(area, depth)
        self.sown = np.random.default_rng(2).normal(size=(10, *area.shape)).astype(np.float32)

    def traits(self, ys: np.ndarray, xs: np.ndarray) -> np.ndarray:
        return self.sown[:, ys, xs].T


def test_shares_may_bend_with_places(monkeypatch: pytest.MonkeyPatch) -> None:
    mixed, truth, places, at = mixture(6, levels=1)
    crossed = Crossed(lettering()[:120, :120] > 0.02, places.depth)
    first, second = crossed.traits(*at)[:, :2].T
    truth[:, 1] = np.where(first * second > 0, 0.8, 0.2)
    truth[:, 0] = 1 - truth[:, 1]
    under = mixed.guess + 30 * np.random.default_rng(0).normal(size=mixed.guess.shape)
    seen = (truth @ mixed.through)[:, None] * under + truth @ mixed.light
    mixed = replace(mixed, seen=seen, error=np.full_like(seen, 30.0))
    half, unsure = np.full((len(truth), 1), 0.5), np.full((len(truth), 1, 1), 4.0)
    alone, _ = mixed.likeliest(np.arange(len(truth)), half, half, unsure)
    off = []
    for folds in (shares.FOLDS, 1):
        monkeypatch.setattr(shares, "FOLDS", folds)
        got = taught(mixed, np.concatenate([1 - alone, alone], axis=1), crossed, *at)
        off.append(np.abs(got - truth).mean())
    assert off[0] < 0.9 * off[1]
    assert off[0] < 0.95 * np.abs(alone - truth[:, 1:]).mean()


def test_pixels_are_told_alike_however_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    mixed, truth, places, at = mixture(8, noise=20.0)
    whole = taught(mixed, truth, places, *at)
    monkeypatch.setattr(shares, "CHUNK", 97)
    assert np.allclose(taught(mixed, truth, places, *at), whole, atol=1e-9)


def test_a_mark_of_few_pixels_is_taken_as_each_tells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = photo()
    area = np.zeros(seen.shape[:2], bool)
    area[40:52, 60:72] = True
    seen[area] = np.rint(0.6 * seen[area] + 0.4 * 255)
    usual = recover(seen, area, lossy=False).values
    monkeypatch.setattr(shape, "taught", lambda *_: pytest.fail("too few to teach anything"))
    assert np.array_equal(recover(seen, area, lossy=False).values, usual)
