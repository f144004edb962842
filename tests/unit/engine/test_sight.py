from __future__ import annotations

import numpy as np
import pytest

from cleanplate.engine.find import sight
from cleanplate.engine.find.sight import see


def noise(height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (height, width, channels), np.uint8)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 47), (33, 64)])
def test_any_size_is_seen_at_its_own_scale(height: int, width: int) -> None:
    seen = see(noise(height, width))
    assert seen.shape == (height, width)
    assert seen.opacity.shape == (height, width)
    assert seen.colour.shape == (height, width, 3)
    assert 0 <= seen.probability.min() <= seen.probability.max() <= 1
    assert seen.colour.max() <= 255


def test_sixteen_bits_are_seen_as_eight_are() -> None:
    pixels = noise(40, 40)
    deep = see(pixels.astype(np.uint16) * 257)
    assert np.allclose(deep.probability, see(pixels).probability, atol=1e-3)


def test_a_grey_picture_is_seen_as_the_same_in_colour() -> None:
    grey = noise(40, 40, 1)
    assert np.allclose(see(grey).probability, see(np.repeat(grey, 3, 2)).probability, atol=1e-5)


def test_a_huge_picture_is_seen_small(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    class Network:
        def run(self, values: np.ndarray) -> np.ndarray:
            looked.append(values.shape[2] * values.shape[3])
            return np.zeros((1, sight.PLANES, *values.shape[2:]), np.float32)

    monkeypatch.setattr(sight, "load", lambda _: Network())
    seen = see(np.zeros((6000, 8000, 1), np.uint8))
    assert seen.probability.size <= 1.01 * sight.WORKING
    assert max(looked) <= (sight.TILE + sight.STRIDE) ** 2  # the memory of one look
    assert sum(looked) <= 1.6 * (1 + sight.SMALLER**2) * sight.WORKING  # and the time of both looks


def test_tiles_blend_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    class Network:
        """Sees each tile in its own way: where two meet, what is seen must pass over slowly."""

        def __init__(self) -> None:
            self.level = 0.0

        def run(self, values: np.ndarray) -> np.ndarray:
            self.level = 1.0 - self.level
            return np.full((1, sight.PLANES, *values.shape[2:]), self.level, np.float32)

    network = Network()
    monkeypatch.setattr(sight, "load", lambda _: network)
    monkeypatch.setattr(sight, "TILE", 160)
    seen = see(np.zeros((150, 250, 3), np.uint8))
    assert seen.opacity.min() == 0
    assert seen.opacity.max() == 1
    assert np.abs(np.diff(seen.opacity, axis=1)).max() <= 1.01 / sight.SEAM


def test_what_looks_like_a_mark_at_one_size_only_is_less_probable(monkeypatch: pytest.MonkeyPatch) -> None:
    widths: list[int] = []

    class Network:
        def run(self, values: np.ndarray) -> np.ndarray:
            widths.append(values.shape[3])
            return np.full((1, sight.PLANES, *values.shape[2:]), values.shape[3] == 320, np.float32)

    monkeypatch.setattr(sight, "load", lambda _: Network())
    seen = see(np.zeros((160, 320, 3), np.uint8))
    assert widths == [320, 224, 448]
    assert np.allclose(seen.probability, 1 / 3)
    assert np.allclose(seen.opacity, 1)


def test_the_real_network_sees_the_same_in_tiles_as_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = noise(96, 320)
    whole = see(pixels)
    monkeypatch.setattr(sight, "TILE", 192)
    monkeypatch.setattr(sight, "SEAM", 64)
    assert np.abs(see(pixels).probability - whole.probability).mean() < 0.05
