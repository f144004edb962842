"""Tiled marks are found by their lattice alone, photos are left alone, one copy comes out of all."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cleanplate.engine.find.copies import Copies
from cleanplate.engine.find.lattice import find_lattice, reduced
from cleanplate.engine.find.repetition import decide, find_repeated


def photo(rows: int, columns: int, seed: int = 5) -> np.ndarray:
    """Something like a photo: soft areas, some edges, fine noise; (rows, columns, 3) float32."""
    rng = np.random.default_rng(seed)
    answer = np.zeros((rows, columns, 3), np.float32)
    for side in (4, 16, 64):
        coarse = rng.uniform(0, 255, (side, side, 3)).astype(np.float32)
        answer += cv2.resize(coarse, (columns, rows), interpolation=cv2.INTER_CUBIC) / side**0.5
    answer = 40 + 150 * (answer - answer.min()) / np.ptp(answer)
    cv2.ellipse(answer, (columns // 3, rows // 2), (columns // 5, rows // 6), 20, 0, 360, (90, 60, 50), -1)
    return answer + rng.normal(0, 1.5, answer.shape).astype(np.float32)


def tiled(rows: int, columns: int, steps: np.ndarray, word: str = "Probe 7") -> np.ndarray:
    """Coverage 0..1 of a word on a lattice with `steps` as columns, exact to fractions of a pixel."""
    finer = 4
    (width, height), below = cv2.getTextSize(word, cv2.FONT_HERSHEY_SIMPLEX, 0.75 * finer, 2 * finer)
    piece = np.zeros((height + below + 8, width + 8), np.uint8)
    cv2.putText(
        piece, word, (4, height + 4), cv2.FONT_HERSHEY_SIMPLEX, 0.75 * finer, 255, 2 * finer, cv2.LINE_AA
    )
    canvas = np.zeros((rows * finer, columns * finer), np.float32)
    along = steps[:, 0] / np.hypot(*steps[:, 0])
    for i in range(-30, 31):
        for j in range(-30, 31):
            x, y = (steps @ (i, j) + (13.3, 21.8)) * finer
            place = np.array([[along[0], -along[1], x], [along[1], along[0], y]])
            if -width < x < columns * finer + width and -width < y < rows * finer + width:
                layer = cv2.warpAffine(piece, place, (columns * finer, rows * finer), flags=cv2.INTER_LINEAR)
                canvas = np.maximum(canvas, layer.astype(np.float32) / 255)
    return cv2.resize(canvas, (columns, rows), interpolation=cv2.INTER_AREA)


def marked(clean: np.ndarray, opacity: np.ndarray, colour: float) -> np.ndarray:
    return np.clip(clean * (1 - opacity[..., None]) + opacity[..., None] * colour + 0.5, 0, 255).astype(
        np.uint8
    )


def seen(clean: np.ndarray) -> np.ndarray:
    return np.clip(clean + 0.5, 0, 255).astype(np.uint8)


def luma(pixels: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)


LATTICES = {
    "straight": np.array([[131.4, 0.0], [0.0, 74.7]]),
    "turned": np.array([[115.3, -40.2], [63.1, 81.6]]),
    "bricks": np.array([[132.2, 66.1], [0.0, 61.3]]),
}


@pytest.mark.parametrize("name", LATTICES)
def test_a_lattice_is_found_to_a_tenth_of_a_pixel(name: str) -> None:
    steps = LATTICES[name]
    pixels = marked(photo(420, 560), 0.3 * tiled(420, 560, steps), 255)
    found = find_lattice(luma(pixels))
    assert found is not None
    counts = np.linalg.inv(steps) @ found.steps
    assert abs(abs(np.linalg.det(counts.round())) - 1) < 1e-6  # the very lattice, not one in it or around it
    assert np.abs(steps @ counts.round() - found.steps).max() < 0.1


@pytest.mark.parametrize(("width", "height", "shift"), [(230, 250, 80), (290, 160, 100), (240, 240, 84)])
def test_rows_that_are_shifted_by_a_part_of_the_step_are_two_to_a_cell(
    width: int, height: int, shift: int
) -> None:
    steps = np.array([[width, 0.0], [0.0, height]])
    coverage = tiled(420, 560, steps)
    moved = np.array([[1.0, 0, -shift], [0, 1.0, -height / 2]])
    shifted = cv2.warpAffine(tiled(420 + height, 560 + width, steps), moved, (560, 420))
    found = find_lattice(luma(marked(photo(420, 560), 0.3 * np.maximum(coverage, shifted), 255)))
    assert found is not None
    counts = np.linalg.inv(steps) @ found.steps
    assert abs(abs(np.linalg.det(counts.round())) - 1) < 1e-6
    assert np.abs(steps @ counts.round() - found.steps).max() < 0.3


@pytest.mark.parametrize(("name", "colour"), [("turned", 255.0), ("bricks", 0.0), ("straight", 255.0)])
def test_the_shape_opacity_and_colour_of_all_copies_come_out(name: str, colour: float) -> None:
    clean, coverage = photo(420, 560), tiled(420, 560, LATTICES[name])
    pixels = marked(clean, 0.3 * coverage, colour)
    found = find_repeated(pixels)
    assert found is not None
    truth, answer = coverage > 0.07, found.opacity > 0.02
    assert 2 * (truth & answer).sum() / (truth.sum() + answer.sum()) > 0.85
    core = coverage > 0.95
    assert abs(float(np.median(found.opacity[core])) - 0.3) < 0.05
    opacity = found.opacity[..., None]
    back = (pixels - opacity * found.colour) / (1 - opacity)
    before, after = (np.abs(each - clean)[truth].mean() for each in (pixels.astype(float), back))
    assert after < before / 3


def test_a_mark_seen_through_a_jpeg_is_found() -> None:
    pixels = marked(photo(420, 560), 0.3 * tiled(420, 560, LATTICES["turned"]), 255)
    _, packed = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert find_repeated(cv2.imdecode(packed, cv2.IMREAD_COLOR)) is not None


def test_a_grey_sixteen_bit_picture_is_answered_in_its_own_range() -> None:
    clean = photo(420, 560)[..., :1]
    pixels = (marked(clean, 0.3 * tiled(420, 560, LATTICES["turned"]), 255)).astype(np.uint16) * 257
    found = find_repeated(pixels)
    assert found is not None
    assert found.colour.shape == (1,)  # of one colour everywhere
    assert found.colour.max() > 60_000


def test_the_mark_holds_every_copy() -> None:
    pixels = marked(photo(420, 560), 0.3 * tiled(420, 560, LATTICES["turned"]), 255)
    found = find_repeated(pixels)
    assert found is not None
    mark = found.mark()
    x, y, width, height = mark.box
    whole = np.zeros((420, 560), bool)
    whole[y : y + height, x : x + width] = mark.area
    assert (whole == (found.opacity > 0.02)).all()
    assert mark.confidence > 0.5


def bricks() -> np.ndarray:
    """A wall seen at an angle, over the whole picture: no two bricks alike."""
    rng = np.random.default_rng(2)
    wall = np.full((640, 800, 3), 150.0, np.float32)
    for row in range(20):
        for column in range(-1, 13):
            x = column * 64 + (row % 2) * 32 + int(rng.integers(-3, 4))
            tone = rng.uniform(60, 150)
            cv2.rectangle(wall, (x, row * 32), (x + 58, row * 32 + 26), (tone, tone * 0.6, tone * 0.5), -1)
    wall += rng.normal(0, 5, wall.shape)
    corners = np.array([[0, 0], [800, 90], [0, 640], [800, 560]], np.float32)
    whole = np.array([[0, 0], [560, 0], [0, 420], [560, 420]], np.float32)
    return cv2.warpPerspective(wall, cv2.getPerspectiveTransform(corners, whole), (560, 420))


def stripes() -> np.ndarray:
    x = np.arange(560, dtype=np.float32)
    return photo(420, 560) * 0.4 + 60 * (np.sin(x / 9) > 0)[None, :, None]


def noise() -> np.ndarray:
    return np.random.default_rng(3).normal(128, 25, (420, 560, 3)).astype(np.float32)


def blocks() -> np.ndarray:
    """A picture squeezed so hard that the encoder's blocks stand out."""
    _, packed = cv2.imencode(".jpg", seen(photo(420, 560)), [cv2.IMWRITE_JPEG_QUALITY, 8])
    return cv2.imdecode(packed, cv2.IMREAD_COLOR).astype(np.float32)


def plot() -> np.ndarray:
    """The grid of a plot, with a curve."""
    page = np.full((420, 560, 3), 250, np.float32)
    page[20::50] = 200
    page[:, 30::70] = 200
    points = np.array([[x, 210 + 150 * np.sin(x / 60)] for x in range(560)], np.int32)
    cv2.polylines(page, [points], False, (200, 30, 30), 2)
    return page


@pytest.mark.parametrize("draw", [bricks, stripes, noise, blocks, plot])
def test_what_repeats_in_a_picture_by_itself_is_no_mark(draw) -> None:
    assert find_repeated(seen(draw())) is None


@pytest.mark.parametrize("seed", range(6))
def test_a_photo_without_a_mark_is_left_alone(seed: int) -> None:
    assert find_repeated(seen(photo(300, 400, seed))) is None


@pytest.mark.parametrize("shape", [(1, 1), (40, 900), (70, 70), (64, 3000)])
def test_pictures_of_any_size_are_answered(shape: tuple[int, int]) -> None:
    assert find_repeated(np.full((*shape, 3), 90, np.uint8)) is None


def test_what_is_laid_over_a_picture_is_taken_back_from_every_copy() -> None:
    steps = LATTICES["turned"]
    copies = Copies(reduced(steps), (300, 400))
    rng = np.random.default_rng(1)
    cell = cv2.GaussianBlur(rng.normal(0, 1, (copies.rows, copies.columns)).astype(np.float32), (0, 0), 3.0)
    cell = cell * np.outer(np.hanning(copies.rows), np.hanning(copies.columns)).astype(np.float32)
    laid = copies.lay(cell)
    for place in copies.places:
        inside = cv2.erode(copies.inside(place).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
        assert np.abs(copies.take(laid, place) - cell)[inside].max(initial=0) < 0.05 * np.abs(cell).max()


def test_what_a_network_sees_of_the_strokes_confirms_weak_copies() -> None:
    coverage = tiled(420, 560, LATTICES["turned"])
    pixels = marked(photo(420, 560), 0.3 * coverage, 255)
    alone = decide(luma(pixels))
    told = decide(luma(pixels), coverage)
    assert alone is not None
    assert told is not None
    assert told.confidence > alone.confidence
    blind = decide(luma(pixels), np.zeros_like(coverage))
    assert blind is not None
    assert blind.confidence == alone.confidence  # what the network misses, the copies still show


def test_the_answer_for_a_part_of_the_picture_is_that_part_of_the_whole_answer() -> None:
    pixels = marked(photo(420, 560), 0.5 * tiled(420, 560, LATTICES["turned"]), 255)
    whole, part = find_repeated(pixels), find_repeated(pixels, box=(130, 90, 200, 300))
    assert whole is not None
    assert part is not None
    assert part.confidence == whole.confidence
    assert np.array_equal(part.opacity, whole.opacity[90:390, 130:330])
    assert np.array_equal(part.colour, whole.colour)
    x, y, width, height = part.mark().box
    assert x >= 130
    assert y >= 90
    assert x + width <= 330
    assert y + height <= 390


def test_it_is_known_how_much_of_what_a_network_sees_the_copies_explain() -> None:
    coverage = tiled(420, 560, LATTICES["turned"])
    found = find_repeated(marked(photo(420, 560), 0.3 * coverage, 255))
    assert found is not None
    strokes = (coverage > 0.5).astype(np.float32)
    assert found.explained(strokes) > 0.97
    beside = strokes.copy()
    beside[200:260, 200:300] = 1
    assert found.explained(beside) < 0.9
    assert found.explained(np.zeros_like(strokes)) == 1
