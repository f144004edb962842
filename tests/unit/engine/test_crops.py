from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cleanplate.engine.crops import CELL, crops, window


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_cores_hold_the_area_and_respect_the_tile(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(1, 200), st.integers(1, 200)))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    area = rng.random(shape) < data.draw(st.sampled_from([0.0, 0.0005, 0.01, 0.5, 1.0]))
    tile = data.draw(st.sampled_from([1, 16, 40, 64, 512]))
    context = data.draw(st.sampled_from([0, 5, 64]))
    missed = area.copy()
    for crop in crops(area, tile, context):
        x, y, width, height = crop.core
        assert 0 < width <= max(CELL, tile)
        assert 0 < height <= max(CELL, tile)
        assert x + width <= shape[1]
        assert y + height <= shape[0]
        left, top, wide, high = crop.reach
        assert left == max(0, x - context)
        assert top == max(0, y - context)
        assert left + wide == min(shape[1], x + width + context)
        assert top + high == min(shape[0], y + height + context)
        missed[window(crop.core)] = False
    assert not missed.any()


def test_neighbouring_letters_share_a_crop() -> None:
    area = np.zeros((200, 400), bool)
    for left in range(20, 220, 24):
        area[50:70, left : left + 8] = True
    assert len(crops(area, 512, 64)) == 1


def test_thousands_of_specks_make_few_crops() -> None:
    area = np.zeros((2048, 2048), bool)
    area[::40, ::40] = True  # 2704 of them
    assert len(crops(area, 512, 64)) <= 64


def test_nothing_to_paint_makes_no_crops() -> None:
    assert crops(np.zeros((50, 50), bool), 512, 64) == []
