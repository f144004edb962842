from __future__ import annotations

import pytest

from cleanplate.task.pace import Pace


def settled(seconds):
    pace = Pace()
    for _ in range(200):
        pace.note(seconds)
    return pace


@pytest.mark.parametrize(
    ("seconds", "depth", "slots", "wait"),
    [
        (4.0, 10, 2, 20),
        (4.0, 10, 1, 40),
        (0.0, 10, 1, 1),
        (0.5, 3, 4, 1),
        (60.0, 1000, 1, 600),
        (4.0, 0, 1, 1),
    ],
)
def test_the_wait_is_the_work_ahead_shared_by_the_slots(seconds, depth, slots, wait):
    assert abs(settled(seconds).retry_after(depth, slots) - wait) <= 1


def test_one_odd_task_does_not_decide():
    pace = settled(2.0)
    pace.note(30.0)
    assert pace.retry_after(10, 1) < 60


def test_a_clock_that_was_set_back_does_no_harm():
    pace = settled(2.0)
    pace.note(-1000.0)
    assert 1 <= pace.retry_after(10, 1) <= 20
