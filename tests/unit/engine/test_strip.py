from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanplate.engine.find.strip import completed


def band(width: int = 380, height: int = 30) -> np.ndarray:
    return np.ones((height, width), bool)


def test_a_strip_is_completed_up_to_the_border_that_it_comes_close_to() -> None:
    ragged = band()
    ragged[5:25, 100:130] = False  # beside a letter the network was not sure
    ragged[:2, ::3] = False
    assert completed(ragged, (8, 200, 380, 30), (300, 400)) == (0, 200, 400, 30)
    assert completed(ragged[:, :280], (8, 200, 280, 30), (300, 400)) == (0, 200, 288, 30)  # a lower third


def test_a_strip_goes_on_to_the_border_where_the_users_region_does() -> None:
    seen = band(200)  # the right half lies on what is as dark as the strip
    region = np.zeros((300, 400), bool)
    region[198:232] = True
    assert completed(seen, (8, 200, 200, 30), (300, 400), region) == (0, 200, 400, 30)
    assert completed(seen.T, (200, 8, 30, 200), (400, 300), region.T) == (200, 0, 30, 400)
    region[:, 350:] = False  # somebody drew round something that ends before the border
    assert completed(seen, (8, 200, 200, 30), (300, 400), region) == (0, 200, 208, 30)


def test_a_strip_that_stands_upright_is_one_too() -> None:
    assert completed(band().T, (200, 8, 30, 380), (400, 300)) == (200, 0, 30, 400)


def test_only_the_strips_lines_are_completed_where_something_stands_out_of_it() -> None:
    area = np.vstack([np.zeros((20, 380), bool), band()])
    area[:20, 40:60] = True
    assert completed(area, (0, 180, 380, 50), (300, 380)) == (0, 200, 380, 30)


@pytest.mark.parametrize(
    ("area", "box"),
    [
        (band(300), (50, 200, 300, 30)),  # a pill: far from both borders
        (band(60), (0, 200, 60, 30)),  # a badge: not long
        (band(height=5), (0, 200, 380, 5)),  # a line
        (np.random.default_rng(1).random((30, 380)) < 0.55, (0, 200, 380, 30)),  # lettering: not full
        (np.zeros((30, 380), bool), (0, 200, 380, 30)),
    ],
    ids=["pill", "badge", "line", "lettering", "nothing"],
)
def test_what_is_no_strip_is_not_completed(area: np.ndarray, box: tuple[int, int, int, int]) -> None:
    assert completed(area, box, (300, 400)) is None


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(1, 90), st.floats(0.1, 1))
def test_a_strip_lies_in_the_picture_and_holds_most_of_the_object(
    seed: int, height: int, width: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    area = rng.random((height, width)) < share
    x, y = int(rng.integers(100 - width)), int(rng.integers(80 - height))
    strip = completed(area, (x, y, width, height), (80, 100))
    if strip is not None:
        left, top, wide, high = strip
        assert 0 <= left <= left + wide <= 100
        assert 0 <= top <= top + high <= 80
        assert left == 0 or top == 0 or left + wide == 100 or top + high == 80
        inside = np.zeros((80, 100), bool)
        inside[y : y + height, x : x + width] = area
        assert inside[top : top + high, left : left + wide].sum() >= 0.3 * wide * high
