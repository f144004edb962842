"""Along which axes of colour a painting errs, and what a fit makes of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cleanplate.engine.fit import recover
from cleanplate.engine.fit.axes import along, axes, busy_along, length
from cleanplate.engine.fit.painting import busyness

SIDE = 200


@pytest.mark.parametrize("channels", [1, 3])
def test_axes_turn_colours_and_keep_their_distances(channels: int) -> None:
    turn = axes(channels)
    assert np.allclose(turn @ turn.T, np.eye(channels))
    values = np.random.default_rng(1).uniform(0, 255, (50, channels))
    assert np.allclose(np.linalg.norm(along(values), axis=1), np.linalg.norm(values, axis=1))
    assert np.allclose(along(values) @ turn, values)


def test_grey_has_no_chroma() -> None:
    assert np.allclose(along(np.full((4, 3), 80.0))[:, 1:], 0)


def test_what_only_the_light_does_makes_no_chroma_busy() -> None:
    light = np.random.default_rng(2).normal(128, 30, (SIDE, SIDE, 1)).astype(np.float32)
    seen = np.repeat(light, 3, axis=2)
    busy = busy_along(seen, np.ones((SIDE, SIDE), bool))
    assert busy.shape == (SIDE, SIDE, 3)
    assert busy[..., 1:].max() < 0.01 * busy[..., 0].min()
    assert np.allclose(busy[..., 0], np.sqrt(3) * busyness(seen, np.ones((SIDE, SIDE), bool)), rtol=1e-3)


def test_the_length_of_an_error_is_that_of_a_channel() -> None:
    assert np.allclose(length(np.full((2, 2, 3), 7, np.float32)), 7)


def shaded() -> np.ndarray:
    """Hard light and shade on broad colours: a painting gets the light wrong, and the colours right."""
    rng = np.random.default_rng(8)
    light = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE, 1)).astype(np.float32), (0, 0), 2.5)[..., None]
    colours = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE, 3)).astype(np.float32), (0, 0), 30)
    colours -= colours.mean(axis=2, keepdims=True)
    values = 120 + 32 * light / light.std() + 25 * colours / colours.std()
    return np.clip(values, 0, 255).astype(np.float32)


def test_a_mark_on_light_and_shade_is_told_by_the_colours() -> None:
    """The light under the mark differs from any painting by 40 levels, the colour hardly does."""
    large = np.zeros((SIDE * 4, SIDE * 4), np.uint8)
    for row in (240, 420, 600):
        cv2.putText(large, "Kestrel", (30, row), cv2.FONT_HERSHEY_SIMPLEX, 6, 255, 40, cv2.LINE_AA)
    alpha = cv2.resize(large, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255 * 0.45
    truth = shaded()
    seen = np.rint(truth * (1 - alpha[..., None]) + alpha[..., None] * np.float32([200, 40, 40]))
    area = alpha > 0.02
    back = recover(seen.astype(np.float32), area, lossy=False)
    assert back.levels[0].opacity == pytest.approx(0.45, abs=0.03)
    assert np.abs(back.levels[0].colour - [200, 40, 40]).max() < 15
