from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from cleanplate.engine.pipeline import Cleaned, clean

LAKE = Path(__file__).parents[3] / "samples/lake.jpg"


@cache
def photo() -> np.ndarray:
    """A piece of the sample that its mark does not reach."""
    return np.asarray(Image.open(LAKE).convert("RGB"))[40:296, 300:684]


@cache
def alpha() -> np.ndarray:
    canvas = np.zeros(photo().shape[:2], np.uint8)
    cv2.putText(canvas, "PHOTOBANK", (60, 150), cv2.FONT_HERSHEY_DUPLEX, 1.5, 255, 4, cv2.LINE_AA)
    return canvas / 255 * 0.6


@cache
def marked() -> np.ndarray:
    opacity = alpha()[..., None]
    return np.rint(photo() * (1 - opacity) + 255 * opacity).astype(np.uint8)


@cache
def cleaned() -> Cleaned:
    return clean(marked(), None, None, "auto", lossy=False)


def error(pixels: np.ndarray) -> float:
    inside = alpha() > 0.02
    return float(np.square(pixels[inside].astype(float) - photo()[inside]).mean())


def test_a_see_through_word_is_found_and_taken_off_without_being_told() -> None:
    assert error(cleaned().pixels) < 0.5 * error(marked())
    assert cleaned().found
    outside = ~cleaned().area
    assert np.array_equal(cleaned().pixels[outside], marked()[outside])


def test_what_is_told_of_the_marks_has_pixels() -> None:
    assert all(mark.area.any() for mark in cleaned().found)


@pytest.mark.parametrize("mode", ["auto", "undo", "fill"])
def test_a_photo_without_a_mark_is_answered_with_itself(mode: str) -> None:
    pixels = photo()
    answer = clean(pixels, None, None, mode)  # pyright: ignore[reportArgumentType]  # one of the three
    assert answer.pixels is pixels
    assert answer.found == ()
    assert not answer.area.any()


def test_of_two_rectangles_the_one_with_a_mark_is_cleaned_and_the_other_filled() -> None:
    region = np.zeros(alpha().shape, bool)
    region[105:165, 50:350] = True  # round the word
    region[20:40, 40:90] = True  # sky
    answer = clean(marked(), None, region, "auto", lossy=False)
    assert not (answer.area & ~region).any()
    assert answer.area[20:40, 40:90].all()
    assert not answer.area[105:165, 50:350].all()
    assert error(answer.pixels) < error(marked())


def test_undo_paints_nothing_and_fill_undoes_nothing() -> None:
    assert clean(marked(), None, None, "undo", lossy=False).fills == ()
    region = np.zeros(alpha().shape, bool)
    region[105:165, 50:350] = True
    painted = clean(marked(), None, region, "fill")
    assert painted.found == ()
    assert np.array_equal(painted.area, region)
