"""A mark that was blended onto a photo is explained, and taken off again."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cleanplate.engine.fit import Hint, recover
from cleanplate.engine.fit.confidence import confidence

SIDE = 160
WHITE, BLACK = (255.0, 255.0, 255.0), (0.0, 0.0, 0.0)
RED = (210.0, 40.0, 40.0)


def photo(seed: int = 5) -> np.ndarray:
    """Broad colours and finer texture, as of a meadow out of focus."""
    rng = np.random.default_rng(seed)
    values = np.zeros((SIDE, SIDE, 3), np.float32)
    for sigma, strength in ((24.0, 90.0), (5.0, 14.0), (1.5, 4.0)):
        plane = cv2.GaussianBlur(rng.normal(size=values.shape).astype(np.float32), (0, 0), sigma)
        values += plane / plane.std() * strength * np.float32(0.5)
    return np.clip(values + 110, 5, 250)


def lettering(scale: float = 2.0, thickness: int = 7) -> np.ndarray:
    """Coverage of an antialiased word."""
    large = np.zeros((SIDE * 4, SIDE * 4), np.uint8)
    for row in (200, 420):
        cv2.putText(
            large, "Mark", (60, row), cv2.FONT_HERSHEY_SIMPLEX, scale * 2.4, 255, thickness * 4, cv2.LINE_AA
        )
    return cv2.resize(large, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


def blended(under: np.ndarray, alpha: np.ndarray, colour: tuple[float, float, float]) -> np.ndarray:
    return under * (1 - alpha[..., None]) + alpha[..., None] * np.float32(colour)


def error(values: np.ndarray, truth: np.ndarray, area: np.ndarray) -> float:
    return float(np.sqrt(((values - truth)[area] ** 2).mean()))


@pytest.mark.parametrize("colour", [WHITE, BLACK, RED])
@pytest.mark.parametrize("opacity", [0.2, 0.45, 0.65])
def test_opacity_and_colour_are_found(colour: tuple[float, float, float], opacity: float) -> None:
    alpha = lettering() * np.float32(opacity)
    found = recover(blended(photo(), alpha, colour), alpha > 0.02, lossy=False).levels
    assert found[0].opacity == pytest.approx(opacity, abs=0.04)
    assert np.abs(found[0].colour - colour).max() < 40


def test_the_photo_comes_back_better_than_any_painting() -> None:
    truth, alpha = photo(), lettering() * np.float32(0.4)
    area = alpha > 0.02
    seen = blended(truth, alpha, WHITE)
    back = recover(seen, area, lossy=False)
    painting = recover(blended(truth, lettering(), WHITE), area, lossy=False)
    assert painting.trust.max() == 0  # the same word, opaque: nothing of the photo is left to be had
    assert error(back.values, truth, area) < error(painting.values, truth, area) / 2
    assert error(back.values, truth, area) < 5


def test_what_does_not_go_on_across_the_border_is_not_trusted() -> None:
    truth, alpha = photo(), lettering() * np.float32(0.4)
    area = alpha > 0.02
    usual, own = np.full(area.shape, 12.0, np.float32), np.full(area.shape, 1.0, np.float32)
    right = confidence(truth, truth, alpha, area, usual, own)
    wrong = confidence(truth, truth + np.float32(55), alpha, area, usual, own)
    assert wrong < 0.1
    assert right > 0.8


def test_a_fit_that_comes_to_no_mark_at_all_is_not_trusted() -> None:
    """Its opacity is 0 all over: a mean over no pixels, which is no number, would pass for any confidence."""
    truth, area = photo(), lettering() > 0.02
    usual, own = np.full(area.shape, 12.0, np.float32), np.full(area.shape, 1.0, np.float32)
    alpha = np.zeros(area.shape, np.float32)
    assert confidence(truth, truth, alpha, area, usual, own) == 0


def test_nothing_changes_outside() -> None:
    alpha = lettering() * np.float32(0.4)
    seen = blended(photo(), alpha, WHITE)
    back = recover(seen, alpha > 0.02, lossy=True)
    assert np.array_equal(back.values[alpha <= 0.02], seen[alpha <= 0.02])
    assert back.trust[alpha <= 0.02].max() == 0


def test_an_opaque_mark_is_recognised_and_painted() -> None:
    alpha = lettering() * np.float32(0.95)
    back = recover(blended(photo(), alpha, RED), alpha > 0.02, lossy=False)
    assert max(one.opacity for one in back.levels) > 0.8
    assert back.trust.max() == 0


def test_two_colours_of_one_mark() -> None:
    shapes = lettering()
    halves = np.zeros((SIDE, SIDE, 3), np.float32)
    halves[: SIDE // 2], halves[SIDE // 2 :] = WHITE, (20.0, 60.0, 130.0)
    truth, alpha = photo(), shapes * np.float32(0.5)
    back = recover(truth * (1 - alpha[..., None]) + alpha[..., None] * halves, alpha > 0.02, lossy=False)
    assert len(back.levels) >= 2
    assert error(back.values, truth, alpha > 0.02) < 8


def test_words_on_a_strip_are_told_from_the_strip() -> None:
    truth = photo()
    strip = np.zeros((SIDE, SIDE), np.float32)
    strip[50:110] = 0.5
    words = np.roll(lettering(), 40, axis=0) * (strip > 0) * (np.arange(SIDE)[:, None] > 60)
    seen = blended(blended(truth, strip, BLACK), words, WHITE)
    back = recover(seen, strip > 0.02, lossy=False)
    clear = (strip > 0) & (cv2.dilate(words, np.ones((5, 5))) < 0.01)
    assert back.levels[0].opacity == pytest.approx(0.5, abs=0.04)
    painting = recover(blended(truth, strip * 1.9, BLACK), strip > 0.02, lossy=False).values
    assert error(back.values, truth, clear) < error(painting, truth, clear)


def test_the_same_question_has_the_same_answer() -> None:
    alpha = lettering() * np.float32(0.3)
    seen = blended(photo(), alpha, WHITE)
    first, second = (recover(seen, alpha > 0.02, lossy=True).values for _ in range(2))
    assert np.array_equal(first, second)


def test_a_grey_picture() -> None:
    truth = photo()[..., :1]
    alpha = lettering() * np.float32(0.4)
    seen = truth * (1 - alpha[..., None]) + alpha[..., None] * 255
    back = recover(seen.astype(np.float32), alpha > 0.02, lossy=False)
    assert error(back.values, truth, alpha > 0.02) < 8


@pytest.mark.parametrize("thickness", [0, 1, 2])
def test_an_area_without_an_inside_is_no_trouble(thickness: int) -> None:
    seen, area = photo(), np.zeros((SIDE, SIDE), bool)
    area[60 : 60 + thickness, 20:140] = True
    seen[area] = 0.6 * seen[area] + 0.4 * 255
    back = recover(seen, area, lossy=False)
    assert np.isfinite(back.values).all()
    assert np.array_equal(back.values[~area], seen[~area])


def test_a_finder_may_be_wholly_certain() -> None:
    alpha = lettering() * np.float32(0.4)
    area = cv2.dilate(alpha, np.ones((7, 7), np.uint8)) > 0.02
    hint = Hint((alpha > 0.02).astype(np.float32), alpha)
    back = recover(blended(photo(), alpha, WHITE), area, lossy=False, hint=hint)
    assert np.isfinite(back.values).all()
    assert 0 <= back.opacity.min() <= back.opacity.max() <= 1


def test_lettering_that_no_level_explains_leaves_no_specks() -> None:
    truth, strip = photo(), np.full((SIDE, SIDE), 0.5, np.float32)
    seen = blended(truth, strip, WHITE)
    rng = np.random.default_rng(3)
    specks = np.zeros((SIDE, SIDE), bool)  # dark strokes, torn by an encoder: every second pixel is too dark
    specks[70:76, 30:130] = rng.random((6, 100)) < 0.5
    seen[specks] = 20.0
    area = np.zeros((SIDE, SIDE), bool)
    area[20:140, 10:150] = True
    seen[~area] = truth[~area]
    back = recover(seen, area, lossy=True)
    strokes = np.zeros((SIDE, SIDE), bool)
    strokes[71:75, 32:128] = True
    assert back.hidden[strokes].mean() > 0.9
    assert back.hidden[90:130, 20:140].mean() < 0.02


@pytest.mark.parametrize("hinted", [False, True])
def test_a_mark_without_anything_beside_it_is_left_to_painting(hinted: bool) -> None:
    """What covers all there is to see cannot be told from a paler photo."""
    seen = blended(photo(), np.full((SIDE, SIDE), 0.4, np.float32), WHITE)
    everywhere = np.ones((SIDE, SIDE), bool)
    likely = np.full((SIDE, SIDE), 0.9, np.float32)
    hint = Hint(likely, likely / 2) if hinted else None
    back = recover(seen, everywhere, lossy=True, hint=hint)
    assert back.hidden.all()
    assert back.confidence == 0
    assert (back.values == seen).all()
