from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from cleanplate.engine import strokes
from cleanplate.engine.strokes import FEATURES, Clues, described, trimmed


def grown(area: np.ndarray, by: int) -> np.ndarray:
    return cv2.dilate(area.view(np.uint8), np.ones((2 * by + 1, 2 * by + 1), np.uint8)) > 0


def lettered(*, busy: float, channels: int = 3) -> tuple[Clues, np.ndarray, np.ndarray]:
    """Opaque letters on a ground with some texture, found too wide; the letters' pixels and the ground."""
    rng = np.random.default_rng(3)
    ground = cv2.GaussianBlur(rng.normal(0, 1, (120, 260, channels)).astype(np.float32), (0, 0), 2.5)
    ground = (110 + busy * ground / ground.std()).astype(np.float32).reshape(120, 260, channels)
    layer = np.zeros((120, 260), np.uint8)
    cv2.putText(layer, "Kestrel 21", (18, 74), cv2.FONT_HERSHEY_DUPLEX, 1.25, 255, 2, cv2.LINE_AA)
    alpha = (layer / np.float32(255))[..., None]
    colour = np.full((120, 260, channels), 235, np.float32)
    letters = layer > 8
    hole = grown(letters, 4)
    likely = cv2.GaussianBlur(grown(letters, 2).astype(np.float32), (0, 0), 2.0)
    clues = Clues(
        (ground * (1 - alpha) + colour * alpha).astype(np.float32),
        hole, likely, (0.9 * likely).astype(np.float32), colour, alpha[..., 0].copy(),
        np.where(grown(letters, 1), np.float32(3), np.float32(-3)), 0.8,
    )  # fmt: skip
    return clues, letters, ground


@pytest.mark.parametrize("channels", [1, 3])
def test_the_gaps_between_letters_are_not_painted_and_the_letters_are(channels: int) -> None:
    clues, letters, _ = lettered(busy=18, channels=channels)
    painted = trimmed(clues)
    assert (painted & letters).sum() > 0.99 * letters.sum()
    gaps = clues.hole & ~grown(letters, 1)
    assert (painted & gaps).sum() < 0.75 * gaps.sum()  # in doubt a pixel is painted


def test_no_pixel_is_added_and_the_same_clues_give_the_same_answer() -> None:
    clues, _, _ = lettered(busy=18)
    painted = trimmed(clues)
    assert not (painted & ~clues.hole).any()
    assert np.array_equal(painted, trimmed(clues))


def test_on_quiet_ground_all_of_it_is_painted() -> None:
    """There a painting is as good as the photo, and what would be left of a mark would be seen."""
    clues, _, _ = lettered(busy=0)
    assert np.array_equal(trimmed(clues), clues.hole)


def test_a_hole_of_a_few_pixels_and_one_that_is_too_large_stay_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clues, _, _ = lettered(busy=18)
    few = np.zeros_like(clues.hole)
    few[60, 20:30] = True
    assert np.array_equal(trimmed(replace(clues, hole=few)), few)
    monkeypatch.setattr(strokes, "MOST", int(clues.hole.sum()) - 1)
    assert np.array_equal(trimmed(clues), clues.hole)


def test_each_pixel_is_described_by_finite_numbers() -> None:
    clues, _, _ = lettered(busy=18)
    said = described(clues)
    assert said.shape == (clues.hole.sum(), len(FEATURES))
    assert said.dtype == np.float32
    assert np.isfinite(said).all()
