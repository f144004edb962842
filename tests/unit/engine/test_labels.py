"""Which level each pixel of a mark is of, where a pixel alone tells little."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanplate.engine.fit import recover
from cleanplate.engine.fit.evidence import Level
from cleanplate.engine.fit.labels import FARTHEST, WAYS, distances, labelled, likelihoods, ruled
from cleanplate.engine.fit.shape import setting

WHITE, BLACK = Level(0.6, np.full(3, 102.0)), Level(0.7, np.zeros(3))
SIDE = 140


def lively(seed: int = 4) -> np.ndarray:
    """A photo that varies by as much as the levels differ."""
    rng = np.random.default_rng(seed)
    plane = cv2.GaussianBlur(rng.normal(size=(SIDE, SIDE)).astype(np.float32), (0, 0), 1.2)
    return np.clip(110 + 55 * plane / plane.std(), 0, 255)[..., None] * np.ones(3, np.float32)


def outlined_word() -> tuple[np.ndarray, np.ndarray]:
    """Where a word is, and where it is with an outline of three pixels."""
    plane = np.zeros((SIDE, SIDE), np.uint8)
    for row, text in ((50, "Owl"), (110, "Fox")):
        cv2.putText(plane, text, (8, row), cv2.FONT_HERSHEY_SIMPLEX, 1.9, 255, 7)
    letters = plane > 127
    return letters, cv2.dilate(letters.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0


def shadowed_word() -> tuple[np.ndarray, np.ndarray]:
    letters, _ = outlined_word()
    return letters, letters | np.roll(letters, (4, 4), axis=(0, 1))


@pytest.mark.parametrize("word", [outlined_word, shadowed_word])
def test_an_outline_is_as_wide_everywhere_and_a_shadow_falls_to_one_side(word: object) -> None:
    letters, area = word()  # type: ignore[operator]
    truth = lively()
    label = np.where(letters, 0, 1)[..., None]
    through, light = np.where(label, BLACK.through, WHITE.through), np.where(label, BLACK.light, WHITE.light)
    seen = np.where(area[..., None], through * truth + light, truth).astype(np.float32)
    here = setting(seen, area, 0.6, lossy=False)
    guess, error = np.full_like(seen, 110), np.full_like(seen, 55)
    told, misfit = labelled(here, guess, error, [WHITE, BLACK])
    by_pixels = likelihoods(here, guess, error, [WHITE, BLACK])[0].argmax(axis=0)
    right = np.where(letters, 0, 1)[area]
    wrong, wrong_by_pixels = (told[area] != right).mean(), (by_pixels[area] != right).mean()
    assert wrong < 0.06
    assert wrong < 0.6 * wrong_by_pixels
    assert (told[~area] == -1).all()
    assert np.isfinite(misfit[area]).all()


def test_distances_to_the_border_of_a_square() -> None:
    area = np.zeros((30, 40), bool)
    area[10:15, 20:27] = True
    depth = np.asarray(cv2.distanceTransform(area.view(np.uint8), cv2.DIST_L2, 5), np.float32)
    told = np.full((len(WAYS) + 1, *area.shape), -1)
    told[:, area] = np.stack(distances(area, depth))
    assert told[:, 12, 21].tolist() == [4, 6, 3, 3, 2, 2, 2, 3, 3]
    assert told[:, 10, 20].tolist() == [2, 7, 5, 5, 1, 1, 1, 1, 1]


def test_what_is_beyond_the_picture_is_outside_and_far_is_as_far_as_it_gets() -> None:
    area = np.ones((60, 60), bool)
    depth = np.full(area.shape, 99.0, np.float32)
    told = [one.reshape(area.shape) for one in distances(area, depth)]
    assert told[0].max() == 2 * FARTHEST
    assert told[1][30, 30] == FARTHEST
    assert told[1][30, 58] == 2


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 4), st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_a_rule_is_never_so_sure_that_pixels_could_not_speak_against_it(
    levels: int, count: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    said = rng.normal(0, 8, (levels, count)).astype(np.float32)
    places = [rng.integers(0, 9, count).astype(np.uint8) for _ in range(3)]
    added = ruled(said, places)
    assert added.shape == said.shape
    assert np.isfinite(added).all()
    spread = added.max(axis=0) - added.min(axis=0)
    assert spread.max() < 2 * np.log(levels / 0.02 * count)


def test_where_places_tell_nothing_a_rule_adds_next_to_nothing() -> None:
    rng = np.random.default_rng(2)
    said = rng.normal(0, 3, (2, 5000)).astype(np.float32)
    added = ruled(said, [rng.integers(0, 9, 5000).astype(np.uint8)])
    assert np.abs(added).mean() < 0.2


def test_a_small_part_in_another_colour_is_no_stray() -> None:
    """A blue disc within a white ring, as logos are: the disc is a tenth of it."""
    ramp = np.linspace(40, 200, SIDE, dtype=np.float32)
    truth = 0.1 * lively() + 0.8 * np.stack(
        [ramp + 0 * ramp[:, None], ramp[:, None] + 0 * ramp, ramp[::-1] + 0 * ramp[:, None]], 2
    )
    centre, plane = (SIDE // 2, SIDE // 2), np.zeros((SIDE, SIDE), np.uint8)
    ring, disc = plane.copy(), plane.copy()
    cv2.circle(ring, centre, 56, 255, 12, cv2.LINE_AA)
    cv2.circle(disc, centre, 13, 255, -1, cv2.LINE_AA)
    seen = truth
    for part, colour in ((ring, (255, 255, 255)), (disc, (30, 110, 200))):
        alpha = (part / np.float32(255) * np.float32(0.35))[..., None]
        seen = seen * (1 - alpha) + alpha * np.float32(colour)
    area = (ring > 12) | (disc > 12)
    back = recover(np.rint(seen).astype(np.float32), area, lossy=False)
    assert len(back.levels) == 2
    assert np.abs(back.levels[1].colour - (30, 110, 200)).max() < 60
    inner = disc == 255
    assert np.sqrt(((back.values - truth)[inner] ** 2).mean()) < 6
