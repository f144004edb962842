from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from cleanplate.engine.fit.belonging import CONTEXT, NOWHERE, PLANES, Clues, described, log_odds, shown
from cleanplate.engine.fit.evidence import Level
from cleanplate.engine.fit.hint import Hint
from cleanplate.engine.fit.outline import outlined


def lettered(channels: int = 3, side: tuple[int, int] = (131, 263)) -> tuple[Clues, np.ndarray]:
    """Half-white letters on a ground with some texture, seen too wide by the finder; the letters' pixels."""
    rng = np.random.default_rng(3)
    ground = cv2.GaussianBlur(rng.normal(0, 1, (*side, channels)).astype(np.float32), (0, 0), 4)
    ground = (100 + 18 * ground / ground.std()).astype(np.float32).reshape(*side, channels)
    layer = np.zeros(side, np.uint8)
    cv2.putText(layer, "Kestrel 21", (18, 84), cv2.FONT_HERSHEY_DUPLEX, 1.25, 255, 2, cv2.LINE_AA)
    alpha = (layer / np.float32(510))[..., None]
    letters = layer > 12
    asked = cv2.dilate(letters.view(np.uint8), np.ones((9, 9), np.uint8)) > 0
    near = cv2.dilate(letters.view(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    likely = np.asarray(0.8 * cv2.GaussianBlur(near, (0, 0), 2.0) * asked, np.float32)
    seen = (ground * (1 - alpha) + 255 * alpha).astype(np.float32)
    level = Level(0.5, np.full(channels, 127.5))
    off = seen - ground
    said = np.where(np.abs(off).mean(axis=2) > 25, 5, -5).astype(np.float32) * asked
    clues = Clues(
        seen, ground, np.full((*side, channels), 8, np.float32), asked, asked, said,
        Hint(likely, 0.5 * likely), [level], 0.6,
    )  # fmt: skip
    return clues, letters


@pytest.mark.parametrize("channels", [1, 3])
def test_letters_are_told_from_what_lies_between_them(channels: int) -> None:
    clues, letters = lettered(channels)
    odds = log_odds(clues)
    kept = odds > 0
    hit = (kept & letters).sum()
    assert 2 * hit / (kept.sum() + letters.sum()) > 0.8
    everything = 2 * letters.sum() / (clues.asked.sum() + letters.sum())
    assert everything < 0.7  # what the finder said


def test_only_where_it_is_asked() -> None:
    clues, _ = lettered()
    odds = log_odds(clues)
    assert odds.shape == clues.asked.shape
    assert (odds[~clues.asked] == NOWHERE).all()
    assert np.isfinite(odds).all()
    assert (log_odds(replace(clues, asked=np.zeros_like(clues.asked))) == NOWHERE).all()


def test_the_same_clues_give_the_same_odds_and_what_is_shown_lies_in_the_picture() -> None:
    clues, _ = lettered()
    odds = log_odds(clues)
    assert np.array_equal(odds, log_odds(clues))
    x, y, width, height = shown(clues.asked)
    assert x >= 0
    assert y >= 0
    assert x + width <= clues.asked.shape[1]
    assert y + height <= clues.asked.shape[0]
    rows, columns = np.nonzero(clues.asked)
    assert columns.min() - x == min(CONTEXT, columns.min())
    assert rows.min() - y == min(CONTEXT, rows.min())


@pytest.mark.parametrize("level", [Level(0.01, np.zeros(3)), Level(0.995, np.array([1.0, 0, 0]))])
def test_what_is_told_stays_within_bounds(level: Level) -> None:
    """The network saw values of about -2..2; whatever a fit comes to must not leave them far behind."""
    clues, _ = lettered()
    clues = replace(
        clues,
        seen=np.where(clues.asked[..., None], np.float32(255), np.float32(0)) + 0 * clues.seen,
        error=np.full(clues.seen.shape, 200, np.float32),
        levels=[level, Level(0.5, np.full(3, 500.0))],
    )
    planes = described(clues)
    assert planes.shape == (len(PLANES), *clues.asked.shape)
    assert np.isfinite(planes).all()
    assert np.abs(planes).max() < 3


def test_a_mark_that_is_seen_too_wide_is_drawn_narrower() -> None:
    clues, letters = lettered()
    outline = outlined(np.rint(clues.seen), clues.asked, clues.hint, 4.0)
    assert outline is not None
    assert (outline.area & letters).sum() > 0.9 * letters.sum()
    assert outline.area.sum() < 0.8 * clues.asked.sum()
    assert not (outline.area & ~cv2.dilate(clues.asked.view(np.uint8), np.ones((3, 3))).astype(bool)).any()
