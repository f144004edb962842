from __future__ import annotations

import json

import numpy as np
import pytest

from cleanplate.engine import Mark, Removal
from cleanplate.engine.report import described, seen
from cleanplate.picture import from_array


def mark(colour, opacity=0.4, kind="see-through", confidence=0.876):
    """Strokes of 4 pixels with edges of half their opacity in a box of 10 × 8."""
    map_ = np.zeros((8, 10), np.float32)
    map_[2:6, 1:9] = opacity / 2
    map_[3:5, 1:9] = opacity
    return Mark((30, 20, 10, 8), map_, np.float32(colour), confidence, kind)


def test_a_mark_in_numbers_that_json_can_hold():
    told = described(mark((255, 128.4, 0), kind="tiled"), 255)

    assert json.loads(json.dumps(told)) == {
        "box": [30, 20, 10, 8],
        "kind": "tiled",
        "opacity": 0.4,  # of its body, not of the edges, which are half of its pixels
        "colour": "#ff8000",
        "confidence": 0.88,
    }


@pytest.mark.parametrize(
    ("colour", "top", "told"),
    [
        ((200,), 255, "#c8c8c8"),  # grey
        ((65535, 0, 32896), 65535, "#ff0080"),  # 16 bits
        ((300, -20, 0), 255, "#ff0000"),  # a fit may overshoot
    ],
)
def test_colours_of_every_kind_of_picture(colour, top, told):
    assert described(mark(colour), top)["colour"] == told


def test_a_colour_for_each_pixel_is_told_as_that_of_the_body():
    gradient = np.zeros((8, 10, 3), np.float32)
    gradient[3:5] = (10, 20, 30)
    gradient[:3] = 255  # edges, where a colour is anybody's guess

    assert described(mark(gradient), 255)["colour"] == "#0a141e"


def test_a_mark_of_nothing_is_still_told():
    assert described(mark((255, 255, 255), opacity=0.0), 255)["opacity"] == 0.0


def test_what_a_removal_has_seen_in_a_picture_of_16_bits():
    picture = from_array(np.zeros((40, 50, 3), np.uint16))
    marks = tuple(mark((65535, 65535, 65535), confidence=sure) for sure in (0.9, 0.8, 0.7))
    removal = Removal(picture, np.zeros((40, 50), bool), marks, (), {})

    assert [one["confidence"] for one in seen(removal)] == [0.9, 0.8, 0.7]
    assert [one["colour"] for one in seen(removal, 2)] == ["#ffffff"] * 2
