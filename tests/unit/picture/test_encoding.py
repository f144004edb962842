from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cleanplate.picture import (
    PictureCannotBeWritten,
    decode,
    encode,
    from_array,
    inspect,
    sniff,
    written_format,
)
from cleanplate.picture.jpeg import standard_tables

LOSSLESS = ["PNG", "TIFF", "BMP", "JPEG2000", "WEBP"]


def loss(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first.astype(int) - second).mean())


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(LOSSLESS),
    dtype=st.sampled_from([np.uint8, np.uint16]),
    channels=st.integers(1, 4),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    seed=st.integers(0, 99),
)
def test_lossless_formats_give_back_every_value_they_can_hold(name, dtype, channels, height, width, seed):
    draw = np.random.default_rng(seed)
    if name == "JPEG2000" and dtype == np.uint16:
        height, width = height + 31, width + 31  # smaller ones are refused
    values = draw.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype, endpoint=True)
    picture = replace(from_array(values), lossless=True)
    again = decode(encode(picture, name))
    assert again.format == name
    expected, alpha = picture.pixels, picture.alpha
    if dtype == np.uint16 and name in ("BMP", "WEBP"):
        expected = np.rint(expected / 257).astype(np.uint8)
        alpha = None if alpha is None else np.rint(alpha / 257).astype(np.uint8)
    if not picture.grey or again.grey:
        assert again.grey == picture.grey
    assert np.array_equal(again.pixels, np.broadcast_to(expected, again.pixels.shape))
    assert again.pixels.dtype == expected.dtype
    if alpha is None:
        assert again.alpha is None
    elif again.alpha is None:
        assert alpha.min() == np.iinfo(alpha.dtype).max  # WebP drops an alpha channel that is all opaque
    else:
        assert np.array_equal(again.alpha, alpha)


@pytest.mark.parametrize("name", ["PNG", "TIFF", "JPEG2000", "BMP", "JPEG", "AVIF"])
def test_grey_comes_back_grey(name, photo):
    assert decode(encode(from_array(photo(channels=1)), name)).grey


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "JPEG2000"])
def test_an_unchanged_picture_comes_back_as_the_very_bytes(name, saved, photo):
    data = saved(photo(), name)
    assert encode(decode(data), history="cleanplate") == data
    assert encode(decode(data), name, quality=100) == data


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "AVIF", "JPEG2000"])
def test_a_changed_picture_keeps_its_format(name, saved, photo):
    picture = decode(saved(photo(), name))
    edited = picture.with_pixels(255 - picture.pixels)
    data = encode(edited)
    assert sniff(data) == name == written_format(edited)
    assert loss(decode(data).pixels, edited.pixels) < 4


def test_a_changed_gif_comes_back_as_png_with_all_its_colours(saved, photo):
    picture = decode(saved(Image.fromarray(photo()).quantize(8), "GIF"))
    edited = picture.with_pixels(photo())
    assert sniff(encode(edited)) == "PNG"
    assert np.array_equal(decode(encode(edited)).pixels, photo())


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("quality", [95, 98])
def test_jpeg_keeps_its_subsampling(subsampling, quality, saved, photo):
    picture = decode(saved(photo(), "JPEG", subsampling=subsampling))
    assert picture.jpeg is not None
    assert picture.jpeg.subsampling == subsampling
    again = decode(encode(picture.with_pixels(255 - picture.pixels), quality=quality))
    assert again.jpeg is not None
    assert again.jpeg.subsampling == subsampling


def test_jpeg_is_never_written_below_quality_95(saved, photo):
    coarse = decode(saved(photo(), "JPEG", quality=30))
    for asked in (None, 1, 60):
        again = decode(encode(coarse.with_pixels(photo()), quality=asked))
        assert again.jpeg is not None
        for own, floor in zip(again.jpeg.tables, standard_tables(95), strict=True):
            assert sum(own) <= sum(floor)


def test_finer_tables_than_those_asked_for_are_kept(saved, photo):
    fine = decode(saved(photo(), "JPEG", quality=99, subsampling="4:4:4"))
    again = decode(encode(replace(fine.with_pixels(photo()), before=None)))
    assert fine.jpeg is not None
    assert again.jpeg is not None
    assert again.jpeg.tables == fine.jpeg.tables
    other = decode(encode(from_array(photo()), "JPEG", quality=97))
    assert other.jpeg is not None
    assert other.jpeg.tables == tuple(tuple(table) for table in standard_tables(97))


def test_an_edited_jpeg_moves_no_pixel_far_from_the_edit(saved, photo):
    picture = decode(saved(photo(200, 300), "JPEG", quality=80, subsampling="4:2:0"))
    pixels = picture.pixels.copy()
    pixels[40:60, 50:80] = 128
    again = decode(encode(picture.with_pixels(pixels), history="cleanplate"))
    far = np.ones(pixels.shape[:2], bool)
    far[40 - 18 : 60 + 18, 50 - 18 : 80 + 18] = False
    assert np.array_equal(again.pixels[far], picture.pixels[far])
    assert loss(again.pixels[44:56, 56:74], pixels[44:56, 56:74]) < 3
    assert again.xmp is not None
    assert b"cleanplate" in again.xmp


def test_a_jpeg_whose_pixels_were_set_to_what_they_were_is_not_touched(saved, photo):
    data = saved(photo(), "JPEG")
    picture = decode(data)
    assert encode(picture.with_pixels(picture.pixels.copy()), history="cleanplate") == data


@pytest.mark.parametrize("orientation", [3, 5, 6])
def test_an_edited_jpeg_is_seen_the_same_way_up(orientation, saved, photo):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = decode(saved(photo(64, 96), "JPEG", exif=exif, quality=95))
    pixels = picture.pixels.copy()
    pixels[:16, :16] = 200
    for edited in (picture.with_pixels(pixels), replace(picture.with_pixels(pixels), before=None)):
        again = decode(encode(edited))
        assert (again.width, again.height) == (picture.width, picture.height)
        assert loss(again.pixels, pixels) < 3


@pytest.mark.parametrize("marked", [True, False])
def test_an_edited_jpeg_of_red_green_and_blue_keeps_its_colours(marked, saved):
    """Without Adobe's marker the components' names alone say that they are not brightness and chroma."""
    flat = np.full((64, 64, 3), (200, 60, 30), np.uint8)
    data = saved(flat, "JPEG", quality=95, keep_rgb=True)
    if not marked:
        at = data.index(b"\xff\xee\x00\x0eAdobe")
        data = data[:at] + data[at + 16 :]
    picture = decode(data)
    assert loss(picture.pixels, flat) < 1
    edited = picture.pixels.copy()
    edited[10:20, 10:20] = (20, 90, 160)
    again = decode(encode(picture.with_pixels(edited)))
    # as after any encoding at quality 95; colours that were taken for others are off by a hundred levels
    assert loss(again.pixels, edited) < 3


def test_a_progressive_jpeg_stays_progressive_even_where_it_is_all_noise(saved, photo):
    picture = decode(saved(photo(), "JPEG", progressive=True))
    again = decode(encode(picture.with_pixels(photo()), quality=96))
    assert again.jpeg is not None
    assert again.jpeg.progressive
    draw = np.random.default_rng(1)
    large = decode(saved(photo(400, 500), "JPEG", progressive=True, subsampling="4:4:4"))
    noise = draw.integers(0, 256, large.pixels.shape, np.uint8)
    # Pillow cannot buffer that much in one piece; a picture is worth more than its scan order
    assert loss(decode(encode(large.with_pixels(noise), quality=100)).pixels, noise) < 2


def test_webp_stays_lossless_if_it_was(saved, photo):
    values = photo(channels=4)
    values[:8, :, 3] = 0  # hidden colours count as well
    lossless = decode(saved(values, "WEBP", lossless=True, exact=True))
    again = decode(encode(lossless.with_pixels(255 - lossless.pixels)))
    assert again.lossless
    assert np.array_equal(again.pixels, 255 - values[..., :3])
    assert np.array_equal(again.alpha, values[..., 3])
    lossy = decode(saved(values[..., :3], "WEBP"))
    assert not decode(encode(lossy.with_pixels(lossy.pixels))).lossless


def test_a_see_through_picture_is_laid_over_white_where_there_is_no_alpha():
    values = np.zeros((16, 16, 4), np.uint8)
    values[..., 3] = np.repeat([[0], [255], [128], [64]], 4, axis=0)
    flat = decode(encode(from_array(values), "JPEG", quality=100))
    assert flat.alpha is None
    for row, expected in ((1, 255), (5, 0), (9, 127), (13, 191)):
        assert abs(int(flat.pixels[row, 0, 0]) - expected) <= 3


@given(st.lists(st.integers(0, 65535), min_size=1, max_size=50))
def test_sixteen_bits_are_rounded_not_cut(values):
    picture = from_array(np.array([values], np.uint16))
    eight = decode(encode(picture, "BMP")).pixels[0, :, 0]
    assert np.array_equal(eight, np.rint(np.array(values) / 257).astype(np.uint8))


@pytest.mark.parametrize("name", ["TIFF", "JPEG2000"])
def test_deep_grey_with_alpha_keeps_its_depth(name, photo):
    values = photo(channels=2, dtype=np.uint16)
    again = decode(encode(from_array(values), name))
    assert again.depth == 16
    assert np.array_equal(again.pixels[..., 1], values[..., 0])
    assert np.array_equal(again.alpha, values[..., 1])


def test_deep_grey_with_alpha_stays_grey_in_a_png_with_its_profile(photo):
    values = photo(600, 500, 2, np.uint16)
    profile = b"a profile of grey" * 20
    first = decode(encode(replace(from_array(values), icc=profile), "PNG"))
    again = decode(encode(first.with_pixels(first.pixels[::-1])))
    for picture, expected in ((first, values[..., :1]), (again, values[::-1, :, :1])):
        assert picture.grey
        assert picture.icc == profile
        assert np.array_equal(picture.pixels, expected)
        assert np.array_equal(picture.alpha, values[..., 1])


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_other_programs_read_what_is_written(name, photo):
    """Pillow's own decoder, for every kind of samples; it cuts deep colours to their upper byte."""
    for channels in (1, 2, 3, 4):
        for dtype in (np.uint8, np.uint16):
            values = photo(channels=channels, dtype=dtype)
            if channels == 2 and dtype == np.uint16 and name == "TIFF":
                continue  # which comes out as RGB, for Pillow could not read it
            seen = np.asarray(Image.open(BytesIO(encode(from_array(values), name)))).reshape(48, 64, -1)
            seen = seen[..., [0, 3]] if channels == 2 and dtype == np.uint16 else seen  # it spreads the grey
            expected = values >> 8 if seen.dtype == np.uint8 and dtype == np.uint16 else values
            assert np.array_equal(seen, expected)


def test_a_tiff_with_a_jpeg_inside_comes_back_lossless(saved, photo):
    picture = decode(saved(photo(), "TIFF", compression="jpeg"))
    assert np.array_equal(decode(encode(picture.with_pixels(photo()))).pixels, photo())


def test_large_tiffs_are_written_in_strips(photo):
    values = photo(1200, 800)
    data = encode(from_array(values), "TIFF")
    assert len(Image.open(BytesIO(data)).tag_v2[273]) > 1
    assert np.array_equal(decode(data).pixels, values)


@pytest.mark.parametrize("name", ["JPEG", "WEBP"])
def test_a_side_that_the_format_cannot_hold_is_said_so(name):
    picture = from_array(np.zeros((1, 65_501), np.uint8))
    with pytest.raises(PictureCannotBeWritten, match=r"65501 × 1 pixels.*PNG"):
        encode(picture, name)
    assert inspect(encode(picture, "TIFF")).width == 65_501


def test_deep_jpeg_2000_has_a_smallest_size():
    with pytest.raises(PictureCannotBeWritten, match="32 pixels a side: choose PNG"):
        encode(from_array(np.zeros((31, 99), np.uint16)), "JPEG2000")
