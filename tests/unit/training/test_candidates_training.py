from __future__ import annotations

import numpy as np
import pytest
from training.candidates import AXES, COUNT, candidates

LINES = 3


def striped(axis: tuple[int, int], side: int = 48) -> np.ndarray:
    """Working values that do not change along an axis."""
    rows, columns = np.mgrid[:side, :side]
    across = rows * axis[1] - columns * axis[0]
    luma = 120 + 60 * np.sin(across * 0.9)
    return np.stack([luma, 20 * np.cos(across * 0.5), luma * 0.1], axis=2).astype(np.float32)


def spot(side: int = 48) -> np.ndarray:
    hole = np.zeros((side, side), bool)
    hole[20:28, 19:27] = True
    return hole


@pytest.mark.parametrize("axis", AXES)
def test_lines_go_on_across_a_hole(axis: tuple[int, int]) -> None:
    photo, hole = striped(axis), spot()
    off = np.abs(candidates(np.where(hole[..., None], np.float32(100), photo), hole) - photo)
    error = off[:, hole].mean(axis=(1, 2))
    assert error[LINES] < 0.8 * np.delete(error, LINES).min()


def test_nothing_is_changed_outside_the_hole_and_the_first_is_what_was_given() -> None:
    photo, hole = striped((1, 2)), spot()
    answer = candidates(photo, hole, bleed=2)
    assert answer.shape == (COUNT, *photo.shape)
    assert np.array_equal(answer[0], photo)
    assert all(np.array_equal(one[~hole], photo[~hole]) for one in answer)


def test_colour_that_has_run_out_of_a_mark_is_not_painted_with() -> None:
    photo, hole = np.full((40, 40, 3), (128, 10, -10), np.float32), np.zeros((40, 40), bool)
    hole[15:25, 15:25] = True
    photo[14:26, 14:26, 1:] = 90  # one pixel round the hole has the mark's colour
    clean = candidates(photo, hole, bleed=1)[1:]
    assert np.abs(clean[:, hole] - (128, 10, -10)).max() <= 2  # the march rounds
    assert candidates(photo, hole)[1:, hole][..., 1].min() > 50


def test_where_no_line_ends_the_first_stands() -> None:
    photo = np.full((20, 20, 3), 50, np.float32)
    hole = np.ones((20, 20), bool)
    hole[0, 0] = False  # no line has two ends
    photo[1:] = 70
    assert np.array_equal(candidates(photo, hole)[LINES], photo)
