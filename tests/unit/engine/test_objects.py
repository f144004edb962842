from __future__ import annotations

import numpy as np

from cleanplate.engine.find.objects import SMALLEST, objects
from cleanplate.engine.find.sight import Sight


def seen(probability: np.ndarray) -> Sight:
    values = probability.astype(np.float32)
    return Sight(
        values,
        values * 0,
        values * 0,
        *(np.zeros((*values.shape, 3), kind) for kind in (np.float32, np.uint8)),
    )


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


def test_an_object_knows_its_best_pixels_and_its_core() -> None:
    canvas = np.zeros((60, 200))
    canvas[20:40, 20:60], canvas[20:40, 60:70] = 0.9, 0.4
    (one,) = objects(seen(canvas), canvas > 0.3)
    assert abs(one.best - 0.9) < 1e-3
    assert one.area.sum() == 20 * 50
    assert one.core(seen(canvas)).sum() == 20 * 40
