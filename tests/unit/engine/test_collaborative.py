"""Narrow holes restored from blocks that are alike."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from cleanplate.engine.collaborative import REGION, Alike, collaborate
from cleanplate.engine.pyramid import FULL, paint, paint_colours

HOW = Alike((40.0, 25.0, 15.0, 9.0))


def _slanted(height: int, width: int) -> np.ndarray:
    """Stripes that are neither upright nor level: blocks of a cosine transform need many coefficients."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.asarray(128 + 70 * np.tanh(3 * np.sin((x + 0.6 * y) / 2.6)), np.float32)


def _strokes(height: int, width: int) -> np.ndarray:
    hole = np.zeros((height, width), bool)
    hole[20:-20:24, 10:-10] = hole[21:-19:24, 10:-10] = hole[22:-18:24, 10:-10] = True
    hole[23:-17:24, 10:-10] = hole[24:-16:24, 10:-10] = True
    return hole


def test_stripes_go_on_through_strokes_better_than_by_spectra_alone() -> None:
    truth, hole = _slanted(140, 150), _strokes(140, 150)
    seen = np.where(hole, np.float32(250), truth)[..., None]
    known = (~hole).astype(np.float32)
    off = {}
    for name, effort in (("alone", replace(FULL, alike=None)), ("alike", FULL)):
        done = paint(seen, known, effort.luma, None, effort.alike)[..., 0]
        assert np.array_equal(done[~hole], truth[~hole])
        off[name] = float(np.sqrt(np.mean((done - truth)[hole] ** 2)))
    assert off["alike"] < 0.8 * off["alone"]


def test_known_pixels_are_never_moved_in_any_region() -> None:
    random = np.random.default_rng(3)
    plane = random.uniform(0, 255, (REGION + 40, REGION + 70)).astype(np.float32)
    hole = random.random(plane.shape) < 0.02
    before = plane.copy()
    collaborate(plane[..., None], hole, HOW)
    assert np.array_equal(plane[~hole], before[~hole])
    assert np.isfinite(plane).all()
    assert (plane[hole] != before[hole]).any()


@pytest.mark.parametrize("shape", [(1, 1), (7, 60), (8, 8), (9, 8), (8, 200), (31, 17)])
def test_pictures_smaller_than_the_search_are_painted(shape: tuple[int, int]) -> None:
    plane = np.full(shape, 100, np.float32)
    hole = np.zeros(shape, bool)
    hole[shape[0] // 2, shape[1] // 2] = True
    plane[hole] = 104
    collaborate(plane[..., None], hole, HOW)
    assert np.all(np.abs(plane - 100) <= 4.01)


def test_nothing_to_improve_changes_nothing() -> None:
    plane = np.arange(400, dtype=np.float32).reshape(20, 20)
    before = plane.copy()
    collaborate(plane[..., None], np.zeros(plane.shape, bool), HOW)
    assert np.array_equal(plane, before)


def test_colours_go_on_where_brightness_does() -> None:
    light, hole = _slanted(140, 150), _strokes(140, 150)
    truth = np.stack([light, (light - 128) * 0.6, (128 - light) * 0.4], axis=2)
    seen = np.where(hole[..., None], np.float32(90), truth)
    known = (~hole).astype(np.float32)
    off = {}
    for name, effort in (("alone", replace(FULL, alike_chroma=None)), ("alike", FULL)):
        done = paint_colours(seen, known, effort)
        assert np.array_equal(done[~hole], truth[~hole])
        off[name] = float(np.sqrt(np.mean((done - truth)[hole][:, 1:] ** 2)))
    assert off["alike"] < 0.7 * off["alone"]


def test_colour_that_a_mark_ran_into_is_taken_from_further_away() -> None:
    light, hole = _slanted(140, 150), _strokes(140, 150)
    ran = cv2.dilate(hole.view(np.uint8), np.ones((3, 3), np.uint8)) > 0
    truth = np.stack([light, (light - 128) * 0.6, (128 - light) * 0.4], axis=2)
    seen = np.where(ran[..., None], np.float32(90), truth)
    seen[~hole, 0] = truth[~hole, 0]
    done = paint_colours(seen, (~hole).astype(np.float32), FULL, bleed=1)
    assert np.array_equal(done[..., 0][~hole], truth[..., 0][~hole])
    assert np.array_equal(done[~ran], truth[~ran])
    assert np.sqrt(np.mean((done - truth)[ran] ** 2)) < 16
