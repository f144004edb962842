"""A JPEG edited in place keeps every block that was not touched."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from cleanplate.picture.splice import CannotSplice, splice


def photo(width: int, height: int, channels: int = 3, seed: int = 1) -> np.ndarray:
    """Smooth colours with some noise, so that every coefficient is in use."""
    draw = np.random.default_rng(seed)
    coarse = draw.integers(0, 256, (6, 6, channels)).astype(np.uint8)
    smooth = np.stack(
        [np.asarray(Image.fromarray(coarse[..., c]).resize((width, height), 3)) for c in range(channels)], 2
    )
    return np.clip(smooth + draw.normal(0, 8, smooth.shape), 0, 255).astype(np.uint8)


def as_jpeg(pixels: np.ndarray, orientation: int = 1, **options: object) -> bytes:
    out = BytesIO()
    exif = Image.Exif()
    exif[0x0112] = orientation
    squeezed = pixels[..., 0] if pixels.shape[2] == 1 else pixels
    Image.fromarray(squeezed).save(out, "JPEG", **{"quality": 80, "exif": exif, **options})
    return out.getvalue()


def upright(data: bytes) -> np.ndarray:
    pixels = np.asarray(ImageOps.exif_transpose(Image.open(BytesIO(data))))
    return pixels[..., None] if pixels.ndim == 2 else pixels


def edit(data: bytes, box: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The picture with a box of another texture, and where it changed."""
    pixels = upright(data).copy()
    x, y, width, height = box
    area = np.zeros(pixels.shape[:2], bool)
    area[y : y + height, x : x + width] = True
    pixels[area] = 255 - pixels[area] // 2
    return pixels, area


def far_from(area: np.ndarray, margin: int) -> np.ndarray:
    rows, columns = np.nonzero(area)
    far = np.ones(area.shape, bool)
    far[
        max(0, rows.min() - margin) : rows.max() + margin + 1,
        max(0, columns.min() - margin) : columns.max() + margin + 1,
    ] = False
    return far


@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(17, 150),
    height=st.integers(17, 150),
    subsampling=st.sampled_from([0, 1, 2]),
    quality=st.integers(30, 100),
    progressive=st.booleans(),
    channels=st.sampled_from([1, 3]),
    orientation=st.integers(1, 8),
    data=st.data(),
)
def test_untouched_blocks_decode_to_the_same_values(
    width, height, subsampling, quality, progressive, channels, orientation, data
):
    options = {"quality": quality, "progressive": progressive}
    if channels == 3:
        options["subsampling"] = subsampling
    source = as_jpeg(photo(width, height, channels), orientation, **options)
    before = upright(source)
    tall, wide = before.shape[:2]
    x, y = data.draw(st.integers(0, wide - 1)), data.draw(st.integers(0, tall - 1))
    box = (x, y, data.draw(st.integers(1, wide - x)), data.draw(st.integers(1, tall - y)))
    pixels, area = edit(source, box)

    after = upright(splice(source, pixels, area))

    assert after.shape == before.shape
    # a coding unit is at most 16 pixels wide, and smooth chroma upsampling reaches one pixel further
    assert np.array_equal(after[far_from(area, 17)], before[far_from(area, 17)])
    if area.sum() < 256:
        return  # a few pixels share their chroma with other neighbours than in the ordinary encoder's frame
    # inside, no more is lost than by an ordinary encoder at quality 95, with room for its other rounding
    plain = as_jpeg(pixels, **{**options, "quality": 95})
    inner = ~far_from(area, 0)
    lost = np.abs(after.astype(int) - pixels)[inner].mean()
    assert lost <= np.abs(upright(plain).astype(int) - pixels)[inner].mean() * 1.25 + 3


def test_an_edited_block_is_written_at_quality_95_though_the_source_is_coarser():
    source = as_jpeg(photo(128, 128), quality=40, subsampling=0)
    pixels, area = edit(source, (32, 32, 64, 64))
    pixels[area] = photo(128, 128, seed=7)[area]
    plain = BytesIO()
    Image.fromarray(pixels).save(plain, "JPEG", quality=95, subsampling=0)

    after = upright(splice(source, pixels, area)).astype(int)

    loss = np.abs(after - pixels)[area].mean()
    assert loss <= np.abs(upright(plain.getvalue()).astype(int) - pixels)[area].mean() * 1.05


def test_metadata_segments_are_kept_byte_for_byte_and_a_packet_is_added():
    icc, comment = b"profile" * 40, b"do not lose me"
    source = as_jpeg(photo(64, 64), icc_profile=icc, comment=comment, xmp=b"<old/>")
    pixels, area = edit(source, (8, 8, 16, 16))

    kept = Image.open(BytesIO(splice(source, pixels, area)))
    assert (kept.info["icc_profile"], kept.info["comment"], kept.info["xmp"]) == (icc, comment, b"<old/>")

    replaced = Image.open(BytesIO(splice(source, pixels, area, xmp=b"<new/>")))
    assert replaced.info["xmp"] == b"<new/>"
    assert replaced.info["icc_profile"] == icc


@pytest.mark.filterwarnings("ignore:Image appears to be a malformed MPO")
def test_a_multi_picture_index_is_left_out_because_its_pictures_are():
    source = as_jpeg(photo(64, 64))
    payload = b"MPF\x00" + bytes(20)
    pixels, area = edit(source, (8, 8, 16, 16))
    marked = source[:2] + b"\xff\xe2" + struct.pack(">H", len(payload) + 2) + payload + source[2:]
    assert b"MPF\x00" in marked
    assert b"MPF\x00" not in splice(marked, pixels, area)


def test_size_stays_near_the_source():
    """Finer steps cost bits in edited blocks only: far less than encoding everything at quality 95."""
    source = as_jpeg(photo(400, 300), quality=75)
    pixels, area = edit(source, (0, 0, 24, 24))
    plain = BytesIO()
    Image.fromarray(pixels).save(plain, "JPEG", quality=95, subsampling=2)
    assert len(splice(source, pixels, area)) < len(plain.getvalue())


@pytest.mark.parametrize("mode", ["CMYK"])
def test_other_colour_models_are_refused(mode):
    out = BytesIO()
    Image.new(mode, (32, 32)).save(out, "JPEG")
    with pytest.raises(CannotSplice):
        splice(out.getvalue(), np.zeros((32, 32, 3), np.uint8), np.ones((32, 32), bool))


def test_an_rgb_coded_jpeg_is_refused():
    out = BytesIO()
    Image.fromarray(photo(32, 32)).save(out, "JPEG", keep_rgb=True)
    with pytest.raises(CannotSplice):
        splice(out.getvalue(), np.zeros((32, 32, 3), np.uint8), np.ones((32, 32), bool))
