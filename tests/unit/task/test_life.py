from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanplate.task import Failure, Outcome, Request, Source, State, TransitionRefused, life

LEASE, KEEP, MOST, PAUSES = 15.0, 100.0, 3, (1.0, 15.0)
REQUEST = Request("kaze", "x", Source("url", "http://x/"))
OUTCOME = Outcome("results/a/1.png", "PNG", "png", "image/png", 1, 1, None, 0, 1, True)
FAILURE = Failure("picture_unreadable", "No.")

# One step: what is tried, how late, and by whose attempt.
steps = st.lists(
    st.tuples(
        st.sampled_from(
            ["claim", "take", "extend", "finish", "fail", "lose", "set_back", "hand_back", "expire"]
        ),
        st.sampled_from([0.0, 1.0, 14.0, 15.0, 40.0]),
        st.integers(0, 4),
    ),
    max_size=25,
)


def step(task, name, now, attempt):
    match name:
        case "claim":
            return life.claim(task, now, "w", LEASE)
        case "take":
            return life.take(task, now, "w", LEASE, MOST)
        case "extend":
            return life.extend(task, attempt, now, LEASE)
        case "finish":
            return life.finish(task, attempt, now, OUTCOME)
        case "fail":
            return life.fail(task, attempt, now, FAILURE)
        case "lose":
            return life.lose(task, attempt, now, MOST)
        case "set_back":
            return life.set_back(task, attempt, now, FAILURE, PAUSES)
        case "hand_back":
            return life.hand_back(task, attempt)
        case "expire":
            return life.expire(task, now)
    raise AssertionError(name)


@given(steps)
def test_whatever_is_tried_a_life_makes_sense(history):
    task, now = life.accept("a", "ann", REQUEST, 0.0, KEEP), 0.0
    for name, later, attempt in history:
        now += later
        before = task
        with suppress(TransitionRefused):
            task = step(before, name, now, attempt)
        if before.state.final:
            assert task is before  # nothing changes any more
        if task is not before and name in {"extend", "finish", "fail", "lose", "set_back", "hand_back"}:
            assert before.state is State.RUNNING
            assert before.attempt == attempt  # only the holder of the fence moves it
        assert task.attempt - before.attempt in (0, 1)
        assert (task.attempt > before.attempt) <= (task.state is State.RUNNING)
        assert task.losses <= MOST
        assert task.setbacks <= len(PAUSES)
        assert (task.next_at is None) or (task.state is State.QUEUED)
        if task.attempt > before.attempt:
            assert before.next_at is None or now >= before.next_at  # nobody claims what rests
        assert (task.lease_until is not None) == (task.state is State.RUNNING)
        assert (task.finished_at is not None) == task.state.final
        assert (task.outcome is not None) == (task.state is State.DONE)
        assert (task.failure is not None) == (task.state is State.FAILED)
        assert (task.id, task.account_id, task.request, task.expires_at) == ("a", "ann", REQUEST, KEEP)


@pytest.fixture
def queued():
    return life.accept("a", "ann", REQUEST, 0.0, KEEP)


@pytest.fixture
def running(queued):
    return life.claim(queued, 1.0, "w1", LEASE)


def test_the_usual_life(queued, running):
    assert (running.state, running.attempt, running.started_at, running.lease_until) == (
        State.RUNNING,
        1,
        1.0,
        16.0,
    )
    done = life.finish(running, 1, 2.0, OUTCOME)
    assert (done.state, done.finished_at, done.outcome, done.worker) == (State.DONE, 2.0, OUTCOME, None)


def test_a_running_task_cannot_be_claimed_until_its_lease_ends(running):
    for now in (1.0, 15.9):
        with pytest.raises(TransitionRefused):
            life.take(running, now, "w2", LEASE, MOST)
    assert life.take(running, 16.0, "w2", LEASE, MOST).attempt == 2


def test_a_silent_worker_counts_as_lost(running):
    taken = life.take(running, 16.0, "w2", LEASE, MOST)
    assert (taken.losses, taken.worker, taken.state) == (1, "w2", State.RUNNING)
    at_last = replace(taken, losses=MOST - 1)
    assert life.take(at_last, 99.0, "w3", LEASE, MOST).failure == Failure.of(life.WorkerCrashed())


def test_what_the_server_kept_from_being_done_rests_longer_each_time_and_then_fails(running):
    once = life.set_back(running, 1, 2.0, FAILURE, PAUSES)
    assert (once.state, once.setbacks, once.losses, once.next_at) == (State.QUEUED, 1, 0, 3.0)
    with pytest.raises(TransitionRefused):
        life.take(once, 2.9, "w2", LEASE, MOST)
    twice = life.set_back(life.take(once, 3.0, "w2", LEASE, MOST), 2, 4.0, FAILURE, PAUSES)
    assert (twice.setbacks, twice.next_at) == (2, 19.0)
    last = life.set_back(life.take(twice, 19.0, "w3", LEASE, MOST), 3, 20.0, FAILURE, PAUSES)
    assert (last.state, last.failure, last.losses, last.next_at) == (State.FAILED, FAILURE, 0, None)


def test_setbacks_and_losses_do_not_add_up(running):
    task = running
    for _ in range(len(PAUSES)):
        task = life.set_back(task, task.attempt, 2.0, FAILURE, PAUSES)
        task = life.take(task, task.next_at, "w2", LEASE, MOST)
    assert life.lose(task, task.attempt, 30.0, MOST).state is State.QUEUED


def test_a_task_that_rests_can_be_cancelled_and_expires(running):
    rests = life.set_back(running, 1, 2.0, FAILURE, (1000.0,))
    for ended in (
        life.cancel(rests, 3.0),
        life.expire(rests, KEEP),
        life.take(rests, KEEP, "w2", LEASE, MOST),
    ):
        assert (ended.state, ended.next_at) == (State.FAILED, None)


def test_an_older_attempt_is_refused_everything(running):
    current = life.take(running, 16.0, "w2", LEASE, MOST)
    for late in (
        lambda: life.extend(current, 1, 17.0, LEASE),
        lambda: life.finish(current, 1, 17.0, OUTCOME),
        lambda: life.fail(current, 1, 17.0, FAILURE),
        lambda: life.lose(current, 1, 17.0, MOST),
        lambda: life.set_back(current, 1, 17.0, FAILURE, PAUSES),
        lambda: life.hand_back(current, 1),
    ):
        with pytest.raises(TransitionRefused):
            late()


def test_what_has_ended_cannot_be_taken(running):
    for ended in (life.finish(running, 1, 2.0, OUTCOME), life.fail(running, 1, 2.0, FAILURE)):
        for now in (2.0, KEEP):
            with pytest.raises(TransitionRefused):
                life.take(ended, now, "w2", LEASE, MOST)


def test_a_task_past_its_time_fails_whoever_is_at_it(queued, running):
    with pytest.raises(TransitionRefused):
        life.expire(queued, KEEP - 0.1)
    for task in (queued, running):
        assert life.expire(task, KEEP).failure.code == "task_expired"
        assert life.take(task, KEEP, "w2", LEASE, MOST).failure.code == "task_expired"
    with pytest.raises(TransitionRefused):
        life.finish(running, 1, KEEP, OUTCOME)
