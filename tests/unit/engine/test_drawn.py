"""Whether a user's region is the mark's own outline, and what it brings to have drawn that."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import watermarked
from cleanplate import Rectangle, Rectangles, remove
from cleanplate.engine.find import find
from cleanplate.engine.find.drawn import drawn

VISIBLE = 0.02


@cache
def outline() -> np.ndarray:
    """Every pixel of the lettering."""
    return watermarked.opacity() > VISIBLE


def changed(area: np.ndarray, by: int) -> np.ndarray:
    """An area grown by so many pixels, or shrunk."""
    change = cv2.dilate if by > 0 else cv2.erode
    return change(area.astype(np.uint8), np.ones((3, 3)), iterations=abs(by)) > 0 if by else area


def smear() -> np.ndarray:
    """A brush drawn over the lettering."""
    return cv2.dilate(outline().astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (15, 15))) > 0


@pytest.mark.parametrize("by", [-1, 0, 1, 2])
def test_an_outline_is_known_by_the_steps_along_it(by: int) -> None:
    told = drawn(watermarked.marked(), changed(outline(), by))
    assert told is not None
    # soft edges leave a pixel to choose, and what grew together is not parted again
    assert not (changed(outline(), -1) & ~told).any()
    assert not (told & ~changed(changed(changed(outline(), 2), -2), 1)).any()


def test_depth_and_grey_make_no_difference() -> None:
    pixels = watermarked.marked()
    deep = drawn(pixels.astype(np.uint16) * 257, outline())
    grey = drawn(pixels.mean(2, keepdims=True).astype(np.uint8), outline())
    assert deep is not None
    assert grey is not None
    assert np.array_equal(deep, drawn(pixels, outline()))


@pytest.mark.parametrize("around", ["smear", "rectangle", "picture", "dot", "elsewhere"])
def test_what_only_lies_around_a_mark_is_no_outline(around: str) -> None:
    region = np.zeros(outline().shape, bool)
    if around == "smear":
        region = smear()
    elif around == "rectangle":
        region[watermarked.BAND] = True
    elif around == "picture":
        region[:] = True
    elif around == "dot":
        region[120, 160] = True
    else:
        region = np.roll(outline(), 60, axis=0)
    assert drawn(watermarked.marked(), region) is None


def test_an_outlines_mark_is_fitted_in_all_its_colours() -> None:
    """A disc under a word: of a smear over both, what lies in the disc's middle cannot be told."""
    disc = np.zeros(outline().shape, np.uint8)
    cv2.circle(disc, (160, 180), 30, 1, -1)
    word, orange = watermarked.opacity(), np.array((230, 120, 20))
    alpha = np.where(disc > 0, 0.4, word)[..., None]
    colour = np.where(disc[..., None] > 0, orange, 255)
    pixels = np.rint(watermarked.photo() * (1 - alpha) + colour * alpha).astype(np.uint8)
    region = alpha[..., 0] > VISIBLE
    answer = remove(pixels, region)
    off = answer.picture.pixels[region].astype(float) - watermarked.photo()[region]
    assert np.sqrt(np.mean(off**2)) < 10
    # what is told of it is what was fitted, not what was drawn
    (mark,) = answer.found
    x, y, width, height = mark.box
    inside = watermarked.opacity()[y : y + height, x : x + width] == watermarked.OPACITY
    assert abs(np.median(mark.opacity[inside]) - watermarked.OPACITY) < 0.05
    assert np.abs(np.median(mark.colour[inside], axis=0) - 255).max() < 12
    assert not mark.exact


@pytest.mark.parametrize("by", [-1, 1, 2])
def test_an_outline_that_is_a_pixel_or_two_off_is_as_good_inside_of_itself(by: int) -> None:
    """What of the mark lies outside of the region has to stay."""
    region = changed(outline(), by)
    answer = remove(watermarked.marked(), region).picture.pixels
    assert np.array_equal(answer[~region], watermarked.marked()[~region])
    inside = region & outline()
    off = answer[inside].astype(float) - watermarked.photo()[inside]
    before = watermarked.marked()[inside].astype(float) - watermarked.photo()[inside]
    assert np.mean(off**2) < 0.03 * np.mean(before**2)


def test_what_is_too_thin_to_be_too_large_is_not_shrunk() -> None:
    """Letters masked two pixels too large, the line under them exactly."""
    line = np.zeros(outline().shape, bool)
    line[158:160, 70:250] = True
    alpha = np.where(line, watermarked.OPACITY, watermarked.opacity())[..., None]
    pixels = np.rint(watermarked.photo() * (1 - alpha) + 255 * alpha).astype(np.uint8)
    answer = remove(pixels, changed(outline(), 2) | line)
    assert answer.area[line].mean() > 0.95


@pytest.mark.parametrize(("width", "known"), [(1, True), (13, False)])
def test_strokes_finer_than_a_brush_are_an_outline_whatever_the_picture_says(width: int, known: bool) -> None:
    """Nothing is to be seen of them: only a brush could have drawn the wide ones."""
    strokes = np.zeros(outline().shape, np.uint8)
    cv2.polylines(strokes, [np.array([(40, 60), (120, 170), (200, 60), (280, 170)])], False, 1, width)
    assert (drawn(watermarked.photo(), strokes > 0) is not None) == known


def test_an_outline_larger_than_a_tile_is_taken_off_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cleanplate.engine.tiles.TILE", 96)
    answer = remove(watermarked.marked(), outline(), mode="undo")
    assert watermarked.is_restored(answer.picture.pixels)
    assert len(answer.found) == 1


def test_beside_an_outline_a_loose_part_is_not_taken_for_one() -> None:
    region = outline().copy()
    region[200:232, 20:120] = True
    assert drawn(watermarked.marked(), outline()) is not None
    assert drawn(watermarked.marked(), region) is None


def test_undo_takes_an_outline_off_without_painting() -> None:
    answer = remove(watermarked.marked(), outline(), mode="undo")
    assert not answer.fills
    assert watermarked.is_restored(answer.picture.pixels)


def test_an_opaque_marks_outline_is_painted_whole() -> None:
    pixels = watermarked.photo().copy()
    pixels[outline()] = (200, 30, 30)
    answer = remove(pixels, outline())
    assert answer.area[outline()].all()
    assert np.abs(answer.picture.pixels[outline()].astype(int) - (200, 30, 30)).sum(1).min() > 30
    assert sum(fill.pixels for fill in answer.fills) == outline().sum()
    assert [mark.kind for mark in answer.found] == ["opaque"]


def test_of_a_thing_in_the_photo_nothing_is_undone() -> None:
    """A user may have drawn the outline of something that is no mark: it goes as a whole."""
    pixels = watermarked.photo().copy()
    thing = np.zeros(outline().shape, np.uint8)
    cv2.ellipse(thing, (150, 110), (50, 28), 20, 0, 360, 1, -1)
    shade = np.linspace(0.25, 0.6, thing.shape[1])[None, :, None]  # a stone, lit from the right
    grain = np.random.default_rng(5).normal(0, 6, pixels.shape)
    stone = np.clip(shade * 255 + cv2.GaussianBlur(grain, (0, 0), 1.5) * 4, 0, 255)
    pixels = np.where(thing[..., None] > 0, stone, pixels).astype(np.uint8)
    region = thing > 0
    assert drawn(pixels, region) is not None  # by its steps it might be one
    answer = remove(pixels, region)
    assert answer.found == ()
    assert sum(fill.pixels for fill in answer.fills) == region.sum()


@settings(max_examples=20, deadline=None)
@given(
    left=st.integers(-40, 250),
    top=st.integers(-40, 180),
    by=st.integers(-1, 2),
)
def test_nothing_beyond_the_region_is_written_wherever_the_mark_lies(left: int, top: int, by: int) -> None:
    """At the picture's edges, too, where a mark is cut off."""
    height, width = outline().shape
    shift = np.float64([[1, 0, left - 30], [0, 1, top - 90]])
    alpha = cv2.warpAffine(watermarked.opacity(), shift, (width, height))
    through = alpha[..., None]
    pixels = np.rint(watermarked.photo() * (1 - through) + 255 * through).astype(np.uint8)
    region = changed(alpha > VISIBLE, by)
    if not region.any():
        return
    answer = remove(pixels, region)
    assert np.array_equal(answer.picture.pixels[~region], pixels[~region])
    assert not (answer.area & ~region).any()


def test_a_rectangle_that_is_the_mark_is_an_outline() -> None:
    """A see-through strip that someone marked to the pixel."""
    pixels = watermarked.photo().astype(float)
    pixels[90:130, 40:280] = 0.5 * pixels[90:130, 40:280] + 127.5
    seen = np.rint(pixels).astype(np.uint8)
    region = np.zeros(outline().shape, bool)
    region[90:130, 40:280] = True
    assert [mark.exact for mark in find(seen, region)] == [True]
    answer = remove(seen, Rectangles((Rectangle(40, 90, 240, 40),)))
    off = answer.picture.pixels[90:130, 40:280].astype(float) - watermarked.photo()[90:130, 40:280]
    assert np.sqrt(np.mean(off**2)) < 8


def test_a_finder_tells_that_it_was_given_an_outline() -> None:
    (mark,) = find(watermarked.marked(), outline())
    assert mark.exact
    assert mark.confidence == 1
    assert all(not mark.exact for mark in find(watermarked.marked(), smear()))
