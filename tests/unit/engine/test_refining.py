from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanplate.engine.fit import recovery, refining
from cleanplate.engine.fit.evidence import Level
from cleanplate.engine.fit.refining import CANDIDATES, LEVELS, PLANES, Clues, refined, told


def marked(seed: int, channels: int = 3, side: tuple[int, int] = (150, 300)) -> tuple[np.ndarray, ...]:
    """Half-white letters with a thin dark outline over leaves and sky: seen, clean, where the mark is."""
    rng = np.random.default_rng(seed)
    ground = np.zeros((*side, channels), np.float32)
    for scale, strength in ((24.0, 45.0), (5.0, 12.0), (1.5, 3.0)):
        noise = rng.normal(size=(*side, 1)) + 0.25 * rng.normal(size=ground.shape)  # light more than colour
        plane = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), scale)
        ground += (plane / plane.std() * strength).reshape(ground.shape)
    for _ in range(12):
        leaf = np.zeros(side, np.uint8)
        middle = (int(rng.integers(side[1])), int(rng.integers(side[0])))
        axes = (int(rng.integers(10, 50)), int(rng.integers(4, 20)))
        cv2.ellipse(leaf, middle, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1, cv2.LINE_AA)
        colour = rng.uniform(-50, 50) + rng.uniform(-12, 12, channels)
        ground += leaf[..., None] / np.float32(255) * colour.astype(np.float32)
    clean = np.clip(120 + ground, 0, 255)
    big = np.zeros((2 * side[0], 2 * side[1]), np.uint8)
    cv2.putText(big, "Kestrel", (40, 190), cv2.FONT_HERSHEY_DUPLEX, 4.0, 255, 14, cv2.LINE_AA)
    wide = cv2.dilate(big, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    fill, rim = (
        cv2.resize(p.astype(np.float32) / 255, side[::-1], interpolation=cv2.INTER_AREA) for p in (big, wide)
    )
    alpha = 0.5 * rim[..., None]
    seen = np.rint(clean * (1 - alpha) + 0.5 * 255 * fill[..., None])
    return seen.astype(np.float32), np.rint(clean).astype(np.float32), rim > 0.02


def stored(values: np.ndarray) -> np.ndarray:
    """As a JPEG of good quality gives them back."""
    data = cv2.imencode(".jpg", values.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 88])[1]
    return cv2.imdecode(data, cv2.IMREAD_COLOR).astype(np.float32)


def clues_of(seen: np.ndarray, area: np.ndarray, *, lossy: bool = False) -> Clues:
    """What the fit comes to."""
    kept: list[Clues] = []
    with pytest.MonkeyPatch.context() as swap:
        swap.setattr(recovery, "refined", lambda clues: kept.append(clues) or clues.values)
        recovery.recover(seen, area, lossy=lossy)
    return kept[0]


def test_what_the_fit_left_at_outlines_becomes_less() -> None:
    ratios = []
    for seed in range(6):
        seen, clean, area = marked(seed)
        seen, clean = (stored(one) for one in (seen, clean))
        clues = clues_of(seen, area, lossy=True)
        before, after = (((p - clean) ** 2)[area].mean() for p in (clues.values, refined(clues)))
        ratios.append(after / before)
    assert np.exp(np.log(ratios).mean()) < 0.93
    assert max(ratios) < 1.05


@pytest.mark.parametrize("channels", [1, 3])
def test_nothing_beside_the_mark_changes_and_the_same_comes_twice(channels: int) -> None:
    seen, _, area = marked(1, channels)
    clues = clues_of(seen, area)
    answer = refined(clues)
    assert answer.shape == seen.shape
    assert np.array_equal(answer[~area], seen[~area])
    assert answer.min() >= 0
    assert answer.max() <= 255
    assert np.array_equal(answer, refined(clues))


def test_a_mark_larger_than_a_tile_has_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, _, area = marked(2, side=(150, 520))
    area[:, 300:] |= np.roll(area, 280, 1)[:, 300:]
    clues = clues_of(seen, area)
    tiles = refined(clues)
    monkeypatch.setattr(refining, "TILE", 1024)
    whole = refined(clues)
    # the network sees about 50 pixels far and a tile's context is 24: what is beyond matters next to nothing
    assert np.abs(tiles - whole).mean() < 0.1
    assert np.percentile(np.abs(tiles - whole)[area], 99) < 3


@given(
    st.lists(st.tuples(st.floats(0.05, 0.8), st.floats(0, 255)), min_size=1, max_size=LEVELS),
    st.lists(st.floats(0, 1), min_size=LEVELS + 1, max_size=LEVELS + 1),
    st.floats(0, 255),
)
def test_whatever_share_of_a_pixel_a_level_covers_its_photo_is_a_mean_of_the_candidates(
    colours: list[tuple[float, float]], shares: list[float], photo: float
) -> None:
    """The promise that the network's answer stands on; see the module's docstring for the formula."""
    parts = np.array(shares[: len(colours) + 1]) + 1e-3
    parts /= parts.sum()
    opacity, colour = np.array(colours).T
    seen = (1 - (parts[1:] * opacity).sum()) * photo + (parts[1:] * opacity * colour).sum()
    bare = [seen, *((seen - a * c) / (1 - a) for a, c in colours)]
    weights = parts * np.array([1, *(1 - opacity)])
    assert (weights >= 0).all()
    assert np.dot(weights / weights.sum(), bare) == pytest.approx(photo, abs=1e-6)


@pytest.mark.parametrize("levels", [[Level(0.01, np.zeros(3))], [Level(0.99, np.array([2.0, 0, 0]))] * 4])
def test_what_is_told_stays_within_bounds(levels: list[Level]) -> None:
    """The network saw values of about -3..3; whatever a fit comes to must not leave them far behind."""
    seen, _, area = marked(3)
    clues = clues_of(seen, area)
    extreme = np.where(area[..., None], np.float32(255), np.float32(0)) + 0 * seen
    worst = replace(
        clues,
        seen=extreme,
        values=255 - extreme,
        levels=levels,
        doubts=np.full_like(clues.doubts, 250),
        error=np.full_like(clues.error, 250),
        odds=np.full_like(clues.odds, -40),
    )
    planes, photos = np.split(told(worst), [PLANES])
    assert planes.shape == (PLANES, *area.shape)
    assert photos.shape == (3 * CANDIDATES, *area.shape)
    assert np.abs(planes).max() <= 4
    assert photos.min() >= 0
    assert photos.max() <= 1
    assert np.isfinite(refined(worst)).all()


def test_neighbours_are_offered_as_they_are_trusted() -> None:
    """Specks must not come out as blots, nor what the fit does not believe run into what it does."""
    seen, _, area = marked(5)
    clues = replace(clues_of(seen, area), trust=np.where(area, np.float32(0.8), 0))
    clues.values[area] = 100
    clues.values[~area] = 100
    clues.seen[~area] = 100
    specks = area & (np.random.default_rng(3).random(area.shape) < 0.03)
    worse = replace(clues, values=np.where(specks[..., None], np.float32(250), clues.values))
    worse = replace(worse, trust=np.where(specks, np.float32(0), clues.trust))
    around = 255 * told(worse)[PLANES + 3 * (CANDIDATES - 3) :].reshape(3, 3, *area.shape)
    for photo in around:
        assert np.abs(photo - 100)[:, ~area].max() < 0.01
        assert np.abs(photo - 100).mean(axis=0)[area].mean() < 1
    believed = 255 * told(replace(worse, trust=clues.trust))[PLANES + 3 * (CANDIDATES - 1) :]
    assert np.abs(believed - 100).mean(axis=0)[area].mean() > 2


def test_an_outline_too_thin_to_be_found_is_offered() -> None:
    white, black = Level(0.5, np.full(3, 127.5)), Level(0.6, np.zeros(3))
    through, light = refining.offered([white])
    assert through.tolist() == [0.5, 0.5, 1.0]
    assert not light[1].any()
    through, light = refining.offered([black])
    assert light[1] == pytest.approx(0.4 * 255)
    through, _ = refining.offered([white, black])  # there is a dark one already
    assert through[2] == 1
    assert refining.offered([])[0].tolist() == [1.0] * LEVELS


def test_levels_alone_are_told_without_a_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiles that tell a large mark are fitted again: what is painted in them would be thrown away."""
    seen, _, area = marked(1)
    whole = recovery.recover(seen, area, lossy=False)
    for name in ("refined", "finished"):
        monkeypatch.setattr(recovery, name, lambda *_: pytest.fail("painted for nothing"))
    brief = recovery.recover(seen, area, lossy=False, brief=True)
    assert [(one.through, *one.light) for one in brief.levels] == [
        (one.through, *one.light) for one in whole.levels
    ]
    assert brief.confidence == whole.confidence


def test_a_strip_under_a_caption_is_left_to_the_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside letters that hide the photo the network draws their shadows."""
    _, clean, _ = marked(4)
    area = np.zeros(clean.shape[:2], bool)
    area[40:110] = True
    strip = np.where(area[..., None], 0.5 * clean + 127.5, clean)
    letters = np.zeros(area.shape, np.uint8)
    cv2.putText(letters, "Kestrel Bay", (20, 90), cv2.FONT_HERSHEY_DUPLEX, 1.2, 255, 3, cv2.LINE_AA)
    looks: list[Clues] = []
    monkeypatch.setattr(recovery, "refined", lambda clues: looks.append(clues) or clues.values)
    plain = recovery.recover(np.rint(strip), area, lossy=False)
    assert len(looks) == 1
    captioned = np.where(letters[..., None] > 0, strip * (1 - letters[..., None] / 255.0), strip)
    back = recovery.recover(np.rint(captioned).astype(np.float32), area, lossy=False)
    assert len(looks) == 1
    assert back.hidden[letters == 255].mean() > 0.9
    assert not plain.hidden.any()
