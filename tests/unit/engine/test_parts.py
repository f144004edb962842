"""The parts of what a user marked."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cleanplate.engine.find.parts import NEAR, boxed, parts


def test_letters_of_a_word_are_one_part_and_what_lies_apart_is_another() -> None:
    region = np.zeros((90, 200), bool)
    region[10:30, 10:20] = region[10:30, 20 + NEAR : 50] = True
    region[70:80, 150:190] = True
    labels = parts(region)
    assert labels[15, 15] == labels[15, 40] != labels[75, 160]
    assert labels.max() == 2
    assert (labels > 0).sum() == region.sum()


@settings(deadline=None)
@given(arrays(bool, (70, 90), elements=st.booleans(), fill=st.just(False)))
def test_each_part_has_the_smallest_box_that_holds_it(region: np.ndarray) -> None:
    labels = parts(region)
    boxes = boxed(labels)
    assert len(boxes) == labels.max()
    for part, box in enumerate(boxes, 1):
        assert box == cv2.boundingRect((labels == part).astype(np.uint8))
