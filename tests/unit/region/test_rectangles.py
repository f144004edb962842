from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanplate.region import (
    Rectangle,
    Rectangles,
    RegionEmpty,
    RegionInvalid,
    RegionTooMany,
    rasterize,
)


@pytest.mark.parametrize(
    ("anchor", "left", "top"),
    [
        ("top-left", 4, 6),
        ("top-right", 100 - 4 - 20, 6),
        ("bottom-left", 4, 80 - 6 - 10),
        ("bottom-right", 76, 64),
    ],
)
@pytest.mark.parametrize("unit", ["pixel", "fraction"])
def test_a_corner_from_which_rectangles_count(anchor, left, top, unit):
    sides = (4, 6, 20, 10) if unit == "pixel" else (0.04, 0.075, 0.2, 0.125)
    area = rasterize(Rectangles.of([sides], unit, anchor), 100, 80)
    expected = np.zeros((80, 100), bool)
    expected[top : top + 10, left : left + 20] = True
    assert np.array_equal(area, expected)


def test_another_corner_is_refused():
    with pytest.raises(RegionInvalid, match="corner"):
        Rectangles.of([(0, 0, 1, 1)], anchor="middle")


numbers = st.floats(-50, 100, allow_nan=False)
lengths = st.floats(0.001, 100)
sides = st.integers(1, 40)


@given(st.lists(st.tuples(numbers, numbers, lengths, lengths), min_size=1, max_size=6), sides, sides)
def test_exactly_the_pixels_that_a_rectangle_touches_are_marked(corners, width, height):
    expected = np.zeros((height, width), bool)
    for row in range(height):
        for column in range(width):
            expected[row, column] = any(
                x < column + 1 - 1e-6 and x + w > column + 1e-6 and y < row + 1 - 1e-6 and y + h > row + 1e-6
                for x, y, w, h in corners
            )
    region = Rectangles.of(corners)
    if expected.any():
        area = rasterize(region, width, height)
        assert area.dtype == np.bool_
        assert np.array_equal(area, expected)
    else:
        with pytest.raises(RegionEmpty):
            rasterize(region, width, height)


@given(
    st.integers(0, 9),
    st.integers(0, 9),
    st.integers(1, 10),
    st.integers(1, 10),
    st.sampled_from([10, 30, 1000]),
)
def test_tenths_of_a_picture_mark_as_many_pixels_as_they_say(x, y, width, height, side):
    """0.1 of 1000 is 100, although 0.3 - 0.2 is not 0.1."""
    area = rasterize(Rectangles.of([(x / 10, y / 10, width / 10, height / 10)], "fraction"), side, side)
    tenth = side // 10
    assert area.sum() == min(width, 10 - x) * tenth * min(height, 10 - y) * tenth
    assert area[y * tenth, x * tenth]


def test_rectangles_larger_than_the_picture_are_clipped():
    assert rasterize(Rectangles.of([(0, 0, 1000, 1000)]), 6, 4).all()
    assert rasterize(Rectangles.of([(-5, -5, 7, 7)]), 6, 4).sum() == 4
    assert rasterize(Rectangles.of([(1e9, 0, 1, 1), (-5e8, -5e8, 1e9, 1e9)]), 6, 4).all()


@pytest.mark.parametrize(
    "numbers", [(-1e308, 0, 1e308, 1), (0, -1e10, 1, 1), (0, 0, 1.1e9, 1), (0, 0, 1, 1e300)]
)
@pytest.mark.parametrize("unit", ["pixel", "fraction"])
def test_numbers_beyond_any_picture_are_refused(numbers, unit):
    """Of -1e308 and 1e308 times a picture's width the sum is not a number."""
    with pytest.raises(RegionInvalid, match="between -1,000,000,000 and 1,000,000,000"):
        rasterize(Rectangles.of([numbers], unit), 1000, 10)


def test_nothing_inside_the_picture_says_how_large_it_is():
    with pytest.raises(RegionEmpty, match="6 × 4 pixels"):
        rasterize(Rectangles.of([(6, 0, 5, 5), (-3, -3, 3, 3)]), 6, 4)


@pytest.mark.parametrize("width", [0, -1, -0.0, math.nan, math.inf, -math.inf])
def test_sizes_must_be_finite_and_greater_than_nothing(width):
    with pytest.raises(RegionInvalid):
        Rectangle(0, 0, width, 10)
    with pytest.raises(RegionInvalid):
        Rectangle(0, 0, 10, width)


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf])
def test_positions_must_be_finite(x):
    with pytest.raises(RegionInvalid, match="finite"):
        Rectangle(x, 0, 10, 10)


def test_there_must_be_a_rectangle_and_a_known_unit():
    with pytest.raises(RegionInvalid, match="at least one"):
        Rectangles(())
    with pytest.raises(RegionInvalid, match="'pixel' or 'fraction'"):
        Rectangles((Rectangle(0, 0, 1, 1),), "percent")


@pytest.mark.parametrize(
    "given_",
    [
        '[{"x":1,"y":2,"width":30,"height":40}]',
        b'[{"x":"1","y":"2.0","width":"30","height":4e1, "note": "more keys are fine"}]',
        [{"x": 1, "y": 2, "width": 30, "height": 40}],
        ({"x": 1.0, "y": "2", "width": 30, "height": 40},),
    ],
)
def test_the_wire_forms_mean_the_same(given_):
    assert Rectangles.parse(given_).items == (Rectangle(1, 2, 30, 40),)


@pytest.mark.parametrize(
    "given_",
    [
        "",
        "nonsense",
        "{}",
        '{"x":0,"y":0,"width":1,"height":1}',
        "[]",
        "[1]",
        "[null]",
        '"[]"',
        "null",
        '[{"x":0,"y":0,"width":1}]',
        '[{"x":true,"y":0,"width":1,"height":1}]',
        '[{"x":null,"y":0,"width":1,"height":1}]',
        '[{"x":[],"y":0,"width":1,"height":1}]',
        '[{"x":"a","y":0,"width":1,"height":1}]',
        '[{"x":NaN,"y":0,"width":1,"height":1}]',
        '[{"x":0,"y":0,"width":Infinity,"height":1}]',
        '[{"x":0,"y":0,"width":"inf","height":1}]',
        '[{"x":0,"y":0,"width":1e999,"height":1}]',
        '[{"x":' + "9" * 400 + ',"y":0,"width":1,"height":1}]',
        '[{"x":' + "9" * 5000 + ',"y":0,"width":1,"height":1}]',
        "[" * 100_000,
        " " * (1 << 20) + "[]",
        b"\xff\xfe",
        [["x", 0]],
        5,
        {"x": 0},
    ],
)
def test_anything_else_is_refused(given_):
    with pytest.raises(RegionInvalid):
        Rectangles.parse(given_)


def test_a_missing_number_is_named():
    with pytest.raises(RegionInvalid, match="no width and no height"):
        Rectangles.parse('[{"x":0,"y":0}]')
    with pytest.raises(RegionInvalid, match="height must be a number"):
        Rectangles.parse('[{"x":0,"y":0,"width":1,"height":"tall"}]')


def test_more_than_the_limit_is_an_error_of_its_own():
    one = {"x": 0, "y": 0, "width": 1, "height": 1}
    assert len(Rectangles.parse([one] * 50).items) == 50
    with pytest.raises(RegionTooMany, match="51 rectangles, and at most 50"):
        Rectangles.parse(json.dumps([one] * 51))
    with pytest.raises(RegionTooMany, match="at most 2"):
        Rectangles.parse([one] * 3, max_count=2)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["x", "y", "width", "height"]), inner)
        ),
    )
)
def test_any_json_gives_rectangles_or_one_of_our_errors(value):
    try:
        parsed = Rectangles.parse(json.dumps(value))
    except (RegionInvalid, RegionTooMany):
        return
    assert all(item.width > 0 and item.height > 0 for item in parsed.items)
