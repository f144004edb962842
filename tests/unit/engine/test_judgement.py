from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cleanplate.engine.find.judgement import FEATURES, MOST, features, judge
from cleanplate.engine.find.objects import Object, objects
from cleanplate.engine.find.sight import Sight, see

LAKE = Path(__file__).parents[3] / "samples/lake.jpg"


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """A piece of the sample that its mark does not reach."""
    return np.asarray(Image.open(LAKE).convert("RGB"))[40:296, 300:684]


def sure(sight: Sight) -> float:
    """The confidence of the surest object."""
    return float(judge(objects(sight, sight.probability > 0.3), sight).max(initial=0.0))


def test_a_see_through_word_is_sure_and_the_photo_is_not(photo: np.ndarray) -> None:
    canvas = np.zeros(photo.shape[:2], np.uint8)
    cv2.putText(canvas, "PHOTOBANK", (60, 150), cv2.FONT_HERSHEY_DUPLEX, 1.5, 255, 4, cv2.LINE_AA)
    alpha = canvas[..., None] / 255 * 0.6
    marked = np.rint(photo * (1 - alpha) + 255 * alpha).astype(np.uint8)
    assert sure(see(marked)) > 0.5 > sure(see(photo))


def test_a_picture_of_one_channel_and_one_of_sixteen_bits_are_judged_alike(photo: np.ndarray) -> None:
    grey = photo.mean(2, keepdims=True).astype(np.uint8)
    assert abs(sure(see(grey)) - sure(see(np.repeat(grey, 3, 2)))) < 1e-3
    assert abs(sure(see(photo.astype(np.uint16) * 257)) - sure(see(photo))) < 0.05


def test_of_hundreds_of_objects_only_the_likeliest_are_judged() -> None:
    probability = np.zeros((400, 400), np.float32)
    for number in range(100):
        y, x = 8 + number // 10 * 40, 8 + number % 10 * 40
        probability[y : y + 4, x : x + 4] = 0.4 + number * 0.005
    nothing = np.zeros((400, 400, 3))
    sight = Sight(probability, probability, probability, nothing.astype(np.float32), nothing.astype(np.uint8))
    seen = objects(sight, probability > 0.3)
    judged = judge(seen, sight) > 0
    assert len(seen) == 100
    assert judged.sum() == MOST
    assert min(one.best for one, is_judged in zip(seen, judged, strict=True) if is_judged) >= max(
        one.best for one, is_judged in zip(seen, judged, strict=True) if not is_judged
    )


def test_no_objects_are_no_confidences() -> None:
    nothing = np.zeros((64, 64), np.float32)
    sight = Sight(
        nothing, nothing, nothing, np.zeros((64, 64, 3), np.float32), np.zeros((64, 64, 3), np.uint8)
    )
    assert judge([], sight).shape == (0,)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32),
    st.tuples(st.integers(0, 40), st.integers(0, 30), st.integers(1, 40), st.integers(1, 30)),
    st.sampled_from([1, 3]),
)
def test_whatever_is_seen_is_described_by_finite_numbers(
    seed: int, box: tuple[int, int, int, int], channels: int
) -> None:
    rng = np.random.default_rng(seed)
    x, y, width, height = min(box[0], 63), min(box[1], 47), min(box[2], 64 - box[0]), min(box[3], 48 - box[1])
    area = rng.random((height, width)) < 0.7
    area[rng.integers(height), rng.integers(width)] = True
    probability = rng.random((48, 64), np.float32)
    sight = Sight(
        probability,
        rng.random((48, 64), np.float32),
        rng.random((48, 64), np.float32),
        rng.random((48, 64, 3), np.float32) * 255,
        rng.integers(0, 256, (48, 64, channels), np.uint8),
    )
    one = Object((x, y, width, height), area, float(probability[y : y + height, x : x + width][area].max()))
    described = features([one], sight, np.array([0]))
    assert described.shape == (1, len(FEATURES))
    assert np.isfinite(described).all()
    assert 0 <= judge([one], sight)[0] <= 1
