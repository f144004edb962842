from __future__ import annotations

import numpy as np

from cleanplate.engine.objects import SMALLEST, objects
from cleanplate.engine.sight import Sight

JUDGEMENT = {"best": 1.0, "mean": 0.5, "size": 0.0, "bias": 0.0}


def seen(probability: np.ndarray) -> Sight:
    values = probability.astype(np.float32)
    return Sight(values, values * 0, np.zeros((*values.shape, 3), np.float32))


def letters(canvas: np.ndarray, x: int, y: int, count: int, size: int = 10, gap: int = 4) -> None:
    for index in range(count):
        left = x + index * (size + gap)
        canvas[y : y + size, left : left + size] = 0.9


def test_the_letters_of_a_word_are_one_object_and_another_word_far_off_is_another() -> None:
    canvas = np.zeros((120, 300))
    letters(canvas, 20, 20, 6)
    letters(canvas, 200, 90, 4)
    found = objects(seen(canvas), canvas > 0.3)
    assert sorted(one.box for one in found) == [(20, 20, 80, 10), (200, 90, 52, 10)]
    assert sorted(int(one.area.sum()) for one in found) == [400, 600]


def test_a_frame_does_not_swallow_what_it_surrounds() -> None:
    canvas = np.zeros((200, 200))
    canvas[5:195, 5:195] = 0.9
    canvas[9:191, 9:191] = 0
    letters(canvas, 70, 95, 4)
    boxes = {one.box for one in objects(seen(canvas), canvas > 0.3)}
    assert boxes == {(5, 5, 190, 190), (70, 95, 52, 10)}


def test_specks_are_nothing() -> None:
    canvas = np.zeros((50, 50))
    canvas[10, 10 : 10 + SMALLEST - 1] = 1
    assert objects(seen(canvas), canvas > 0.3) == []
    assert objects(seen(np.zeros((50, 50))), np.zeros((50, 50), bool)) == []


def test_the_more_probable_object_is_judged_surer() -> None:
    canvas = np.zeros((60, 200))
    canvas[20:40, 20:60], canvas[20:40, 140:180] = 0.95, 0.5
    surer, less = objects(seen(canvas), canvas > 0.3)
    assert 0.5 < less.confidence(JUDGEMENT) + 0.1 < surer.confidence(JUDGEMENT) < 1
    assert abs(surer.half - 0.475) < 1e-3
