from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import networks
from cleanplate import models
from cleanplate.models.painting.arranging import paint
from cleanplate.models.painting.painter import resolve

KINDS = sorted(networks.WRITERS)
LEVEL = 1 / 255  # MI-GAN takes and gives bytes


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("networks")
    return {kind: write(folder / f"{kind}.onnx") for kind, write in networks.WRITERS.items()}


@pytest.fixture(scope="module")
def darkening(tmp_path_factory) -> dict[str, Path]:
    """Networks that paint half as bright as what is beside the hole, so that their paint is known by it."""
    folder = tmp_path_factory.mktemp("darkening")
    return {kind: write(folder / f"{kind}.onnx", tone=0.5) for kind, write in networks.WRITERS.items()}


def _rectangle(height: int, width: int, top: int, left: int, h: int, w: int) -> np.ndarray:
    hole = np.zeros((height, width), bool)
    hole[top : top + h, left : left + w] = True
    return hole


def _ramp(height: int, width: int) -> np.ndarray:
    """A smooth picture in 0.2..0.8 whose channels differ."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    planes = (0.2 + 0.6 * x / width, 0.2 + 0.6 * y / height, 0.8 - 0.3 * (x + y) / (width + height))
    return np.stack(planes, axis=-1).astype(np.float32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(512, 512), (300, 200), (33, 47), (1, 70), (700, 900)], ids=str)
def test_every_kind_paints_only_the_hole_with_what_is_round_it(darkening, kind, size):
    values = np.broadcast_to(np.float32([0.8, 0.4, 0.2]), (*size, 3)).copy()
    hole = _rectangle(*size, size[0] // 3, size[1] // 3, 1 + size[0] // 8, 1 + size[1] // 8)
    values[hole] = [
        0.0,
        1.0,
        1.0,
    ]  # the mark: a network that is shown it, or a mask upside down, gives it away

    answer = models.painter(darkening[kind]).paint(values, hole)

    assert answer.shape == values.shape
    assert answer.dtype == np.float32
    assert np.array_equal(answer[~hole], values[~hole])
    np.testing.assert_allclose(answer[hole], np.broadcast_to([0.4, 0.2, 0.1], (hole.sum(), 3)), atol=LEVEL)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_given_is_not_changed(files, kind):
    values, hole = _ramp(64, 64), _rectangle(64, 64, 20, 20, 10, 10)
    before = values.copy()
    models.painter(files[kind]).paint(values, hole)
    assert np.array_equal(values, before)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_hole_nothing_is_painted(files, kind):
    values = _ramp(40, 50)
    assert np.array_equal(models.painter(files[kind]).paint(values, np.zeros((40, 50), bool)), values)


def test_each_hole_of_a_large_picture_is_painted_from_its_own_surroundings(files):
    """Two marks in the corners of a picture that is dark on the left and bright on the right."""
    values = np.full((600, 1600, 3), 0.1, np.float32)
    values[:, 800:] = 0.9
    hole = _rectangle(600, 1600, 20, 20, 60, 200) | _rectangle(600, 1600, 520, 1380, 60, 200)

    answer = models.painter(files["lama"]).paint(values, hole)

    assert np.abs(answer[20:80, 20:220] - 0.1).max() < 0.01
    assert np.abs(answer[520:580, 1380:1580] - 0.9).max() < 0.01


class Nearsighted:
    """A network that takes squares of a side, and remembers what it was given."""

    def __init__(self, side: int) -> None:
        self.side = side
        self.seen: list[tuple[tuple[int, ...], np.ndarray]] = []

    def __call__(self, values, hole):
        assert max(hole.shape) <= self.side
        assert values.shape == (*hole.shape, 3)
        self.seen.append((values.shape, hole.copy()))
        known = values[~hole]
        return np.broadcast_to(known.mean(axis=0) if len(known) else np.float32([0.5] * 3), values.shape)


def test_a_hole_wider_than_the_reach_is_painted_from_coarse_to_fine():
    network = Nearsighted(64)
    values, hole = _ramp(300, 300), _rectangle(300, 300, 50, 50, 200, 200)
    truth = values.copy()
    values[hole] = 0

    answer = paint(network, values, hole)

    assert np.array_equal(answer[~hole], values[~hole])
    assert (answer[hole] > 0.1).all()  # nothing was left as it was
    assert len(network.seen) > 9  # not one square, and not at one size
    # the middle of the hole is near the middle of the ramp: what lies round it was seen, 100 pixels away
    assert np.abs(answer[140:160, 140:160] - truth[140:160, 140:160]).max() < 0.2
    assert all(not seen.all() for _, seen in network.seen)  # never asked to invent out of nothing
    for shape, seen in network.seen:
        ys, xs = np.nonzero(seen)
        if shape == (64, 64, 3):  # at full resolution what the next square will paint is known from before
            assert max(np.ptp(ys), np.ptp(xs)) < 48 + 8


def test_a_thin_strip_across_a_large_picture_keeps_full_resolution():
    network = Nearsighted(128)
    values, hole = _ramp(500, 2000), _rectangle(500, 2000, 240, 0, 20, 2000)

    answer = paint(network, values, hole)

    assert all(shape == (128, 128, 3) for shape, _ in network.seen)  # nothing was looked at smaller
    assert len(network.seen) <= 2 * 2000 / 96  # cost follows the hole
    assert np.abs(answer[hole] - _ramp(500, 2000)[hole]).max() < 0.1


def test_a_thousand_letters_cost_what_their_area_costs():
    network = Nearsighted(512)
    values, hole = _ramp(1024, 1024), np.zeros((1024, 1024), bool)
    hole[8::32, 8::32] = True
    paint(network, values, hole)
    assert len(network.seen) <= 36  # 1024 holes


@given(
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    side=st.sampled_from([16, 32, 40]),
    share=st.sampled_from([0.0, 0.02, 0.3, 0.9, 1.0]),
    block=st.sampled_from([1, 5, 30]),
    seed=st.integers(0, 2**16),
)
def test_whatever_the_hole_it_is_painted_and_nothing_else(height, width, side, share, block, seed):
    random = np.random.default_rng(seed)
    values = random.random((height, width, 3), np.float32)
    coarse = random.random((-(-height // block), -(-width // block))) < share
    hole = np.kron(coarse, np.ones((block, block), bool))[:height, :width].astype(bool)
    values[hole] = np.nan  # what is hidden must not matter

    answer = paint(Nearsighted(side), values, hole)

    assert np.array_equal(answer[~hole], values[~hole])
    assert np.isfinite(answer).all()
    assert (answer >= 0).all()
    assert (answer <= 1).all()


def test_a_network_is_loaded_once_however_many_ask(files):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(models.painter, [files["own"]] * 8))
    assert len({id(each) for each in found}) == 1


def test_a_file_that_is_written_anew_is_another_network(tmp_path):
    path = networks.write_own(tmp_path / "mine.onnx")
    values, hole = np.full((40, 40, 3), 0.8, np.float32), _rectangle(40, 40, 10, 10, 5, 5)
    before = models.painter(path).paint(values, hole)
    networks.write_own(path, tone=0.5)  # of the same size
    after = models.painter(path).paint(values, hole)
    np.testing.assert_allclose(before[hole], 0.8, atol=1e-4)
    np.testing.assert_allclose(after[hole], 0.4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_hidden_is_hidden_in_the_mirror_image_too(files, kind):
    """A picture smaller than the network's is continued as by mirrors, and so is its hole."""
    adapter = models.painter(files[kind])._network
    shown: dict[str, np.ndarray] = {}

    class Recording:
        def run(self, feeds):
            shown.update(feeds)
            return feeds["image" if "image" in feeds else "picture"]

    adapter._session, real = Recording(), adapter._session
    try:
        adapter(_ramp(40, 40), _rectangle(40, 40, 0, 30, 40, 5))
    finally:
        adapter._session = real
    mask = shown["hole" if kind == "own" else "mask"][0, 0]
    hidden = mask[0] == (0 if kind == "migan" else 1)
    assert np.flatnonzero(hidden)[:10].tolist() == [*range(30, 35), *range(45, 50)]


@pytest.mark.parametrize("side", [64, 512])
def test_a_fixed_size_of_any_side_will_do(tmp_path, side):
    path = networks.write_lama(tmp_path / "mine.onnx", side)
    values, hole = _ramp(200, 150), _rectangle(200, 150, 90, 60, 10, 30)
    answer = models.painter(path).paint(values, hole)
    assert np.abs(answer[hole] - _ramp(200, 150)[hole]).max() < 0.2


def test_another_signature_is_refused_and_the_known_ones_are_told(tmp_path):
    path = networks.write_other(tmp_path / "find.onnx")
    with pytest.raises(models.ModelNotUnderstood) as raised:
        models.painter(path)
    said = raised.value.public_message
    assert "find.onnx" in said
    assert "pixels tensor(float)(1,3,?,?)" in said  # what it has
    assert "hole" in said  # what it should have
    assert "MI-GAN" in said
    assert "LaMa" in said


def test_a_bundled_network_that_does_not_paint_is_no_painter():
    with pytest.raises(models.ModelUnknown, match="migan"):
        models.painter("find")


@pytest.mark.parametrize(
    "content", [b"", b"this is no network", b"\x08\x09" * 100], ids=["empty", "text", "bytes"]
)
def test_a_file_that_is_no_network_is_named(tmp_path, content):
    path = tmp_path / "broken.onnx"
    path.write_bytes(content)
    with pytest.raises(models.ModelUnreadable, match=r"broken\.onnx"):
        models.painter(path)


def test_a_file_that_is_cut_off_is_named(tmp_path):
    path = networks.write_own(tmp_path / "cut.onnx")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises((models.ModelUnreadable, models.ModelNotUnderstood), match=r"cut\.onnx"):
        models.painter(path)


def test_a_path_without_a_file_and_a_name_without_a_network_are_told_apart(tmp_path):
    with pytest.raises(models.ModelUnreadable, match=r"nothing\.onnx"):
        models.painter(str(tmp_path / "nothing.onnx"))
    with pytest.raises(models.ModelUnreadable):
        models.painter(Path("lama"))  # a path is never a name
    with pytest.raises(models.ModelUnknown, match=r"there are .*migan, lama"):
        models.painter("lamma")
    with pytest.raises(models.ModelUnreadable):
        models.painter(tmp_path)  # a folder


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (networks.write_small_answer, "answered an array"),
        (networks.write_not_a_number, "no number"),
        (networks.write_breaking, "broke down"),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_a_network_that_breaks_down_is_named(tmp_path, write, said):
    painter = models.painter(write(tmp_path / "bad.onnx"))
    with pytest.raises(models.ModelFailed, match=said):
        painter.paint(_ramp(50, 65), _rectangle(50, 65, 20, 20, 5, 5))


def test_what_is_chosen_is_known_without_loading_it(files):
    assert resolve(files["own"]).path == files["own"]
    assert resolve(str(files["lama"])).name == "lama.onnx"
