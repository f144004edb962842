from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from PIL import Image

from cleanplate.engine.find.finder import LEAST_SIDE, LIKELY, STROKES_NEARBY, find
from cleanplate.engine.find.parts import parts

if TYPE_CHECKING:
    from cleanplate.engine.mark import Mark

LAKE = Path(__file__).parents[3] / "samples/lake.jpg"
WHITE, OPACITY = 255.0, 0.6


@cache
def photo() -> np.ndarray:
    """A piece of the sample that its mark does not reach."""
    return np.asarray(Image.open(LAKE).convert("RGB"))[40:296, 300:684]


@cache
def strokes() -> np.ndarray:
    canvas = np.zeros(photo().shape[:2], np.uint8)
    cv2.putText(canvas, "PHOTOBANK", (60, 150), cv2.FONT_HERSHEY_DUPLEX, 1.5, 255, 4, cv2.LINE_AA)
    return canvas / 255


def marked(pixels: np.ndarray) -> np.ndarray:
    alpha = strokes()[..., None] * OPACITY
    top = np.iinfo(pixels.dtype).max
    return np.rint(pixels * (1 - alpha) + top * alpha).astype(pixels.dtype)


def covered(marks: tuple[Mark, ...], shape: tuple[int, int]) -> np.ndarray:
    """The pixels of all marks; fails where two overlap."""
    area = np.zeros(shape, int)
    for mark in marks:
        x, y, width, height = mark.box
        assert mark.opacity.shape == (height, width) == mark.area.shape
        area[y : y + height, x : x + width] += mark.area
    assert area.max(initial=0) <= 1
    return area > 0


@cache
def found(kind: str) -> tuple[Mark, ...]:
    pixels = marked(photo())
    if kind == "grey":
        return find(pixels.mean(2, keepdims=True).astype(np.uint8))
    if kind == "deep":
        return find(marked(photo().astype(np.uint16) * 257))
    return find(pixels)


@pytest.mark.parametrize("kind", ["colour", "grey", "deep"])
def test_a_see_through_word_is_found_as_one_mark(kind: str) -> None:
    marks = found(kind)
    assert len(marks) == 1
    area, truth = covered(marks, strokes().shape), strokes() > 0.1
    assert marks[0].likely is not None
    rather = covered((replace(marks[0], opacity=marks[0].opacity * (marks[0].likely > LIKELY)),), truth.shape)
    assert (rather & truth).sum() > 0.8 * truth.sum()
    assert cv2.dilate(truth.view(np.uint8), np.ones((15, 15)))[rather].mean() > 0.95
    # what may be the mark's as well lies beside that
    reach = 2 * (STROKES_NEARBY + 3) + 1
    assert not (area & (cv2.dilate(rather.view(np.uint8), np.ones((reach, reach))) == 0)).any()
    assert 0.5 <= marks[0].confidence <= 1
    assert marks[0].kind == "see-through"


def test_its_colour_is_told_in_the_pictures_range() -> None:
    for kind, top in (("colour", 255), ("grey", 255), ("deep", 65535)):
        mark = found(kind)[0]
        assert mark.colour.shape[-1] == (1 if kind == "grey" else 3)
        assert np.median(mark.colour[mark.area]) > 0.7 * top


def test_a_photo_without_a_mark_has_none() -> None:
    assert find(photo()) == ()


def test_a_higher_sensitivity_never_finds_less() -> None:
    pixels = marked(photo())
    areas = [covered(find(pixels, sensitivity=level), pixels.shape[:2]) for level in (0.0, 0.5, 1.0)]
    assert areas[1].any()
    for less, more in pairwise(areas):
        assert not (less & ~more).any()


def test_only_what_is_inside_a_region_is_found_there() -> None:
    pixels = marked(photo())
    within = np.zeros(pixels.shape[:2], bool)
    within[100:170, 50:180] = True  # half of the word
    area = covered(find(pixels, within), within.shape)
    truth = (strokes() > 0.1) & within
    assert not (area & ~within).any()
    assert (area & truth).sum() > 0.6 * truth.sum()


@pytest.mark.parametrize("opacity", [0.1, 0.25, 0.6])
def test_what_is_found_unasked_is_found_where_the_user_points(opacity: float) -> None:
    alpha = strokes()[..., None] * opacity
    seen = np.rint(photo() * (1 - alpha) + WHITE * alpha).astype(np.uint8)
    within = np.zeros(seen.shape[:2], bool)
    within[100:170, 40:350] = True
    unasked, truth = covered(find(seen), within.shape), strokes() > 0.1
    assert unasked.any()
    assert (covered(find(seen, within), within.shape) & truth).sum() > 0.9 * (unasked & truth).sum()


def test_a_region_in_which_nothing_is_evident_has_no_mark() -> None:
    within = np.zeros(photo().shape[:2], bool)
    within[100:170, 40:350] = True
    assert find(photo(), within) == ()


def test_in_a_large_region_a_hint_is_enough_where_painting_it_all_would_do_harm() -> None:
    small, large = (np.zeros(photo().shape[:2], bool) for _ in range(2))
    small[118:152, 60:340] = True
    large[60:200, 20:370] = True
    hinted = 0
    for opacity in np.linspace(0.04, 0.08, 9):
        alpha = strokes()[..., None] * opacity
        pixels = np.rint(photo() * (1 - alpha) + WHITE * alpha).astype(np.uint8)
        closely, loosely = find(pixels, small), find(pixels, large)
        assert loosely or not closely
        hinted += bool(loosely) and not closely
    assert hinted


def test_a_tiled_mark_is_known_by_its_copies_elsewhere_where_the_user_points_at_one() -> None:
    rows, columns = photo().shape[:2]
    alpha = np.zeros((rows, columns), np.uint8)
    for y in range(30, rows, 48):
        for x in range(8, columns, 94):
            cv2.putText(alpha, "SPECIMEN", (x, y), cv2.FONT_HERSHEY_DUPLEX, 0.5, 255, 1, cv2.LINE_AA)
    weight = alpha[..., None] / 255 * 0.45
    pixels = np.rint(photo() * (1 - weight) + WHITE * weight).astype(np.uint8)
    within = np.zeros(alpha.shape, bool)
    within[58:88, 98:194] = True
    marks = find(pixels, within)
    assert marks
    assert marks[0].kind == "tiled"
    area = covered(marks, alpha.shape)
    assert not (area & ~within).any()
    strokes_there = (alpha > 100) & within  # a pixel wide, so that their edges are uncertain
    assert (area & strokes_there).sum() > 0.7 * strokes_there.sum()


def test_nothing_can_be_read_in_a_tiny_picture() -> None:
    assert find(np.zeros((LEAST_SIDE - 1, 500, 3), np.uint8)) == ()


def test_the_parts_of_a_region_are_what_lies_close_together() -> None:
    region = np.zeros((100, 200), bool)
    region[10:20, 10:20] = region[10:20, 30:40] = True  # two letters
    region[60:90, 120:180] = True  # and a rectangle
    labels = parts(region)
    assert labels[15, 15] == labels[15, 35] > 0
    assert labels[70, 150] not in (0, labels[15, 15])
    assert np.array_equal(labels > 0, region)
