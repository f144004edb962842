from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from cleanplate.picture import Limits, PictureTooLarge, PictureUnreadable, encode, from_array
from cleanplate.region import (
    Mask,
    RegionEmpty,
    RegionInvalid,
    RegionSizeMismatch,
    Smear,
    rasterize,
)

shapes = npst.array_shapes(min_dims=2, max_dims=2, max_side=24)
booleans = npst.arrays(bool, shapes)


def png(values: np.ndarray) -> bytes:
    return encode(from_array(values), "PNG")


def saved(image: Image.Image, name: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, name, **options)
    return buffer.getvalue()


@given(booleans.filter(np.any))
def test_white_marks_and_black_does_not_in_every_lossless_form(marked):
    height, width = marked.shape
    grey = np.where(marked, 255, 0).astype(np.uint8)
    opaque = np.full_like(grey, 255)
    forms = [
        png(grey),
        png(np.dstack([grey] * 3)),
        png(np.dstack([grey] * 3 + [opaque])),
        png(grey.astype(np.uint16) * 257),
        saved(Image.fromarray(grey).convert("1"), "PNG"),
        saved(Image.fromarray(grey).quantize(2), "PNG"),
        saved(Image.fromarray(grey), "BMP"),
    ]
    for form in forms:
        assert np.array_equal(rasterize(Mask.from_bytes(form), width, height), marked)
    for array in (marked, grey, marked.astype(np.uint8)):
        assert np.array_equal(rasterize(Mask(array), width, height), marked)


@given(npst.arrays(np.uint8, shapes))
def test_the_threshold_is_128(values):
    height, width = values.shape
    marked = values >= 128
    if marked.any():
        assert np.array_equal(rasterize(Mask.from_bytes(png(values)), width, height), marked)
    else:
        with pytest.raises(RegionEmpty, match="white"):
            Mask.from_bytes(png(values))


def test_luminance_counts_not_one_channel():
    colours = np.array(
        [[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [127, 127, 127], [128, 128, 128]]]
    )
    area = rasterize(Mask.from_bytes(png(colours.astype(np.uint8))), 6, 1)
    assert area[0].tolist() == [False, True, False, True, False, True]


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_jpeg_masks_work(quality):
    grey = np.zeros((64, 96), np.uint8)
    grey[16:40, 24:64] = 255
    area = rasterize(Mask.from_bytes(saved(Image.fromarray(grey), "JPEG", quality=quality)), 96, 64)
    assert (area != (grey == 255)).mean() < 0.01


def test_white_that_cannot_be_seen_does_not_mark():
    values = np.zeros((4, 4, 4), np.uint8)
    values[:2] = (255, 255, 255, 255)
    values[2:] = (255, 255, 255, 0)
    area = rasterize(Mask.from_bytes(png(values)), 4, 4)
    assert area[:2].all()
    assert not area[2:].any()


@pytest.mark.parametrize("hole", [(0, 0, 0, 0), (255, 255, 255, 0), (255, 255, 255, 127)])
def test_holes_mark_where_nothing_is_white(hole):
    values = np.zeros((4, 6, 4), np.uint8)
    values[..., 3] = 255
    values[1:3, 2:5] = hole
    area = rasterize(Mask.from_bytes(png(values)), 6, 4)
    assert area.sum() == 6
    assert area[1:3, 2:5].all()


def test_an_empty_mask_says_so_before_and_after_decoding():
    with pytest.raises(RegionEmpty, match="paint what should be removed white"):
        Mask.from_bytes(png(np.zeros((4, 4), np.uint8)))
    with pytest.raises(RegionEmpty, match="paint what should be removed white"):
        rasterize(Mask(np.zeros((4, 4), bool)), 4, 4)


@pytest.mark.parametrize(
    "array", [np.zeros((4, 4, 3), bool), np.zeros(4, bool), np.zeros((0, 4), bool), np.zeros((4, 4))]
)
def test_arrays_of_another_kind_are_refused(array):
    for kind in (Mask, Smear):
        with pytest.raises(RegionInvalid, match="array must be"):
            kind(array)


@given(booleans.filter(np.any), st.integers(2, 5))
def test_a_larger_picture_of_the_same_shape_gets_whole_blocks(marked, factor):
    height, width = marked.shape
    area = rasterize(Mask(marked), width * factor, height * factor)
    assert np.array_equal(area, np.kron(marked, np.ones((factor, factor), bool)))


def test_the_shape_may_be_off_by_one_in_a_hundred():
    mask = Mask(np.ones((100, 200), bool))
    assert rasterize(mask, 1010, 500).shape == (500, 1010)
    assert rasterize(mask, 990, 500).shape == (500, 990)
    for kind, width in ((Mask, 1011), (Smear, 989)):
        with pytest.raises(RegionSizeMismatch, match=rf"200 × 100 pixels and the picture {width} × 500"):
            rasterize(kind(np.ones((100, 200), bool)), width, 500)


@given(st.integers(1, 6), st.integers(1, 6), st.integers(2, 7), st.data())
def test_a_smaller_picture_is_marked_wherever_it_holds_anything_marked(rows, columns, factor, data):
    own_height, own_width = rows * factor, columns * factor
    share = data.draw(st.integers(1, factor - 1))
    height, width = rows * share, columns * share
    marked = data.draw(npst.arrays(bool, (own_height, own_width)).filter(np.any))
    expected = np.zeros((height, width), bool)
    for row, column in np.argwhere(marked):
        down = slice(row * height // own_height, -(-(row + 1) * height // own_height))
        across = slice(column * width // own_width, -(-(column + 1) * width // own_width))
        expected[down, across] = True
    for kind in (Mask, Smear):
        assert np.array_equal(rasterize(kind(marked), width, height), expected)


@pytest.mark.parametrize("side", [1000, 999, 37])
def test_a_thin_line_in_a_large_mask_is_not_lost(side):
    marked = np.zeros((4000, 4000), bool)
    marked[1001, 500:3500] = True
    area = rasterize(Mask(marked), side, side)
    assert area.any(axis=0).sum() == pytest.approx(0.75 * side, abs=2)
    assert 1 <= area.any(axis=1).sum() <= 2


def test_a_line_is_not_lost_where_one_side_grows_and_the_other_shrinks():
    for row in range(200):
        marked = np.zeros((200, 400), bool)
        marked[row] = True
        assert rasterize(Mask(marked), 401, 199).any(axis=0).all()


def test_a_mask_is_turned_upright_by_its_own_orientation():
    grey = np.zeros((20, 30), np.uint8)
    grey[:5, :5] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    area = rasterize(Mask.from_bytes(saved(Image.fromarray(grey), "PNG", exif=exif)), 20, 30)
    assert area[:5, -5:].all()
    assert area.sum() == 25


def test_masks_are_read_under_limits():
    data = png(np.full((20, 20), 255, np.uint8))
    for kind in (Mask, Smear):
        with pytest.raises(PictureTooLarge):
            kind.from_bytes(data, Limits(max_pixels=399))
        with pytest.raises(PictureUnreadable):
            kind.from_bytes(data[:-20])


@given(npst.arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12), st.just(4))))
def test_a_smear_marks_every_visible_colour_that_is_neither_near_black_nor_near_white(values):
    height, width = values.shape[:2]
    rgb, alpha = values[..., :3], values[..., 3]
    marked = ~((rgb <= 24).all(2) | (rgb >= 231).all(2)) & (alpha > 0)
    if marked.any():
        assert np.array_equal(rasterize(Smear.from_bytes(png(values)), width, height), marked)
    else:
        with pytest.raises(RegionEmpty):
            Smear.from_bytes(png(values))


@pytest.mark.parametrize("background", [0, 255])
def test_a_red_stroke_is_found_whatever_jpeg_does_to_the_background(background):
    values = np.full((64, 96, 3), background, np.uint8)
    values[16:40, 24:64] = (255, 0, 0)
    data = saved(Image.fromarray(values), "JPEG", quality=90, subsampling=0)
    area = rasterize(Smear.from_bytes(data), 96, 64)
    assert area[16:40, 24:64].mean() > 0.99
    assert not area[:8].any()
    assert not area[48:].any()


def test_a_white_on_black_mask_is_no_smear_and_the_error_tells_why():
    values = np.zeros((8, 8), np.uint8)
    values[:4] = 255
    with pytest.raises(RegionEmpty, match=r"colour.*black and white mark nothing"):
        Smear.from_bytes(png(values))


def test_grey_strokes_and_deep_smears_count():
    values = np.zeros((8, 8), np.uint16)
    values[2:4] = 128 << 8
    assert rasterize(Smear.from_bytes(png(values)), 8, 8).sum() == 16
