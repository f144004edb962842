from __future__ import annotations

import struct
import sys
import zlib
from io import BytesIO

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from cleanplate.errors import CleanplateError
from cleanplate.picture import (
    PictureFormatUnsupported,
    PictureUnreadable,
    decode,
    encode,
    from_array,
    inspect,
)

ALL = ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF", "JPEG2000"]


def reference(data: bytes, mode: str) -> np.ndarray:
    """What Pillow makes of it, upright."""
    return np.asarray(ImageOps.exif_transpose(Image.open(BytesIO(data))).convert(mode))


@pytest.mark.parametrize("name", ALL)
def test_pixels_are_those_that_pillow_decodes(name, saved, photo):
    data = saved(photo(), name)
    picture = decode(data)
    assert picture.format == name
    assert np.array_equal(picture.pixels, reference(data, "RGB"))
    assert picture.alpha is None
    assert picture.source == data
    assert not picture.pixels.flags.writeable
    assert picture.pixels.flags.c_contiguous


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_pictures_come_upright_in_all_eight_orientations(name, orientation, saved, photo):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(photo(30, 50), name, exif=exif)
    header, picture = inspect(data), decode(data)
    expected = reference(data, "RGB")
    assert (header.width, header.height) == (picture.width, picture.height) == expected.shape[1::-1]
    assert np.array_equal(picture.pixels, expected)

    # what is written is upright by itself, so its tag must not turn it again
    again = Image.open(BytesIO(encode(picture.with_pixels(255 - picture.pixels), "PNG")))
    assert again.getexif().get(0x0112, 1) == 1
    assert again.size == (picture.width, picture.height)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", [".png", ".tiff"])
def test_sixteen_bits_come_upright_too(name, orientation, photo):
    stored = photo(30, 50, dtype=np.uint16)
    if name == ".png":
        exif = b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0) + bytes(4)
        chunk = b"eXIf" + exif
        encoded = encode(from_array(stored), "PNG")
        framed = struct.pack(">I", len(exif)) + chunk + struct.pack(">I", zlib.crc32(chunk))
        data = encoded[:33] + framed + encoded[33:]
    else:
        data = encode(from_array(stored), "TIFF")
        entry = struct.pack("<HHI", 0x0112, 3, 1)
        at = data.index(entry) + len(entry)
        data = data[:at] + struct.pack("<H", orientation) + data[at + 2 :]
    small = Image.fromarray((stored >> 8).astype(np.uint8))
    exif_only = Image.Exif()
    exif_only[0x0112] = orientation
    turned = BytesIO()
    small.save(turned, "PNG", exif=exif_only)
    picture = decode(data)
    assert picture.pixels.dtype == np.uint16
    assert np.array_equal(picture.pixels >> 8, reference(turned.getvalue(), "RGB"))
    assert (inspect(data).width, inspect(data).height) == (picture.width, picture.height)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *[(name, "1") for name in ("PNG", "TIFF", "BMP")],
        *[(name, "L") for name in ("PNG", "TIFF", "BMP", "JPEG", "AVIF", "JPEG2000", "GIF")],
    ],
)
def test_grey_stays_grey(name, mode, saved, photo):
    data = saved(Image.fromarray(photo()).convert(mode), name)
    picture = decode(data)
    expected = reference(data, "L")
    if name == "GIF":  # always a palette
        assert np.array_equal(picture.pixels[..., 1], expected)
    else:
        assert picture.pixels.shape == (48, 64, 1)
        assert np.array_equal(picture.pixels[..., 0], expected)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("name", ["PNG", "GIF", "TIFF", "BMP"])
def test_palettes_are_resolved(name, bits, saved, photo):
    data = saved(Image.fromarray(photo()).quantize(2**bits), name)
    assert np.array_equal(decode(data).pixels, reference(data, "RGB"))


@pytest.mark.parametrize("name", ["PNG", "GIF"])
def test_see_through_palette_entries_become_an_alpha_channel(name, saved, photo):
    paletted = Image.fromarray(photo()).quantize(16)
    data = saved(paletted, name, transparency=3)
    picture = decode(data)
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha == 0, np.asarray(paletted) == 3)
    assert inspect(data).has_alpha


def test_a_see_through_colour_becomes_an_alpha_channel(saved):
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4] = (9, 8, 7)
    picture = decode(saved(pixels, "PNG", transparency=(9, 8, 7)))
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha[:, 0], [0] * 4 + [255] * 4)


@pytest.mark.parametrize(
    ("name", "mode"),
    [*((name, "RGBA") for name in ("PNG", "WEBP", "TIFF", "JPEG2000")), ("PNG", "LA"), ("TIFF", "LA")],
)
def test_alpha_is_kept(name, mode, saved, photo):
    options = {"lossless": True, "exact": True} if name == "WEBP" else {}
    source = Image.fromarray(photo(channels=4)).convert(mode)
    picture = decode(saved(source, name, **options))
    expected = np.asarray(source)
    assert np.array_equal(picture.alpha, expected[..., -1])
    assert np.array_equal(picture.pixels, expected[..., :-1])


@pytest.mark.parametrize(("sampling", "step"), [("444", 1), ("422", 2), ("440", 2), ("420", 2), ("411", 4)])
def test_how_coarse_a_jpegs_chroma_is_stored_is_told(sampling, step, photo):
    factors = getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{sampling}")
    data = cv2.imencode(".jpg", photo(), [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, factors])[1].tobytes()
    assert decode(data).jpeg.chroma_step == step


def test_a_grey_jpeg_has_no_coarse_chroma(saved, photo):
    assert decode(saved(photo(channels=1), "JPEG")).jpeg.chroma_step == 1


def test_a_plain_cmyk_picture_and_one_of_adobes_mean_the_same_colours(saved, photo):
    rgb = Image.fromarray(photo())
    adobe = saved(rgb.convert("CMYK"), "JPEG", quality=100)
    assert b"Adobe" in adobe[:200]
    # without Adobe's marker the very samples are stored the other way round
    inverted = Image.frombytes("CMYK", rgb.size, bytes(255 - v for v in rgb.convert("CMYK").tobytes()))
    data = saved(inverted, "JPEG", quality=100)
    at = data.index(b"\xff\xee")
    plain = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") :]
    for coded in (adobe, plain):
        picture = decode(coded)
        assert np.abs(picture.pixels.astype(int) - np.asarray(rgb)).mean() < 3
        assert picture.icc is None


def test_cmyk_goes_through_its_profile_to_srgb(saved, photo, cmyk_profile):
    rgb = Image.fromarray(photo())
    data = saved(rgb.convert("CMYK"), "TIFF", icc_profile=cmyk_profile)
    picture = decode(data)
    expected = ImageCms.profileToProfile(
        Image.open(BytesIO(data)),
        ImageCms.ImageCmsProfile(BytesIO(cmyk_profile)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    assert np.array_equal(picture.pixels, np.asarray(expected))
    assert picture.icc is not None
    assert picture.icc[16:20] == b"RGB "


@pytest.mark.parametrize("icc", [b"junk", b"\0" * 16 + b"CMYK" + b"\0" * 200])
def test_cmyk_with_a_broken_profile_is_taken_as_plain(icc, saved, photo):
    rgb = Image.fromarray(photo())
    picture = decode(saved(rgb.convert("CMYK"), "TIFF", icc_profile=icc))
    assert np.abs(picture.pixels.astype(int) - np.asarray(rgb)).mean() < 1


def test_ycbcr_and_lab_tiffs_are_shown_as_meant(saved, photo):
    rgb = Image.fromarray(photo())
    lab = ImageCms.profileToProfile(
        rgb, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB", 5000), outputMode="LAB"
    )
    for source in (rgb.convert("YCbCr"), lab):
        picture = decode(saved(source, "TIFF"))
        assert np.abs(picture.pixels.astype(int) - np.asarray(rgb)).mean() < 2


@pytest.mark.parametrize(
    ("extension", "channels"),
    [
        *((".png", channels) for channels in (1, 3, 4)),
        *((".jp2", channels) for channels in (1, 3, 4)),
        *((".tiff", channels) for channels in (1, 3)),  # OpenCV does not say what a fourth sample is
    ],
)
def test_sixteen_bits_from_another_program_are_kept(extension, channels, photo):
    values = photo(channels=channels, dtype=np.uint16)
    swapped = values[..., [2, 1, 0, 3][:channels]] if channels > 1 else values
    options = [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000] if extension == ".jp2" else []
    data = cv2.imencode(extension, swapped, options)[1].tobytes()
    picture = decode(data)
    assert inspect(data).bit_depth == 16
    assert np.array_equal(picture.pixels, values[..., : min(3, channels)])
    assert (picture.alpha is None) == (channels < 4)
    assert channels < 4 or np.array_equal(picture.alpha, values[..., 3])


def test_sixteen_bit_grey_with_a_see_through_value_gets_an_alpha_channel(photo):
    values = photo(channels=1, dtype=np.uint16)
    values[:10] = 4660
    encoded = encode(from_array(values), "PNG")
    chunk = b"tRNS" + struct.pack(">H", 4660)
    framed = struct.pack(">I", 2) + chunk + struct.pack(">I", zlib.crc32(chunk))
    picture = decode(encoded[:33] + framed + encoded[33:])
    assert np.array_equal(picture.pixels, values)
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha == 0, values[..., 0] == 4660)


def _chunk(kind: bytes, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + kind + payload + struct.pack(">I", zlib.crc32(kind + payload))


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_see_through_grey_of_few_bits_becomes_an_alpha_channel(depth):
    most = 2**depth - 1
    levels = np.tile(np.arange(16, dtype=np.uint8) & most, (4, 1))
    rows = np.packbits(np.unpackbits(levels[..., None], axis=2)[..., -depth:].reshape(4, -1), axis=1)
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 4, depth, 0, 0, 0, 0))
    body = _chunk(b"IDAT", zlib.compress(np.pad(rows, ((0, 0), (1, 0))).tobytes()))
    for key in {0, 1, most // 2, most}:
        see_through = _chunk(b"tRNS", struct.pack(">H", key))
        data = b"\x89PNG\r\n\x1a\n" + head + see_through + body + _chunk(b"IEND", b"")
        picture = decode(data)
        assert inspect(data).has_alpha
        assert np.array_equal(picture.pixels[..., 0], levels * (255 // most))
        assert np.array_equal(picture.alpha, np.where(levels == key, 0, 255))


def test_twelve_bit_tiffs_are_stretched_to_white():
    packed = bytes([0x00, 0x0F, 0xFF, 0x80, 0x00, 0x01])
    tags = [(256, 4), (257, 1), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, 6)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    data = b"II*\0" + struct.pack("<I", 14) + packed + struct.pack("<H", len(tags)) + entries + bytes(4)
    picture = decode(data)
    assert picture.pixels.ravel().tolist() == [0, 65535, (2048 << 4) | (2048 >> 8), 16]


def test_premultiplied_samples_are_divided_again():
    alpha = np.array([[65535, 32768, 0, 1]], np.uint16)
    plain = np.array([[[60000], [30000], [0], [65535]]], np.uint16)
    stored = (plain[..., 0].astype(np.uint64) * alpha // 65535).astype(np.uint16)
    rgb = np.repeat(stored[..., None], 3, axis=2)
    data = encode(from_array(np.dstack((rgb, alpha))), "TIFF")
    entry = struct.pack("<HHI", 338, 3, 1)
    at = data.index(entry) + len(entry)
    picture = decode(data[:at] + struct.pack("<H", 1) + data[at + 2 :])
    assert np.array_equal(picture.alpha, alpha)
    assert np.abs(picture.pixels[0, :2].astype(int) - plain[0, :2]).max() <= 2


@pytest.mark.parametrize("mode", ["F", "I"])
def test_samples_whose_white_is_unknown_are_refused_in_plain_words(mode, saved, photo):
    data = saved(Image.fromarray(photo()).convert("L").convert(mode), "TIFF")
    for look in (inspect, decode):
        with pytest.raises(PictureFormatUnsupported, match="8 or 16 bits"):
            look(data)


def test_camera_raw_is_refused_rather_than_its_preview_cleaned(saved, photo):
    data = saved(photo(), "TIFF", tiffinfo={50706: b"\x01\x04\0\0"})
    with pytest.raises(PictureFormatUnsupported, match="raw"):
        decode(data)


def test_twelve_bit_jpegs_are_refused_in_plain_words(saved, photo):
    data = bytearray(saved(photo(), "JPEG"))
    data[data.index(b"\xff\xc0") + 4] = 12
    with pytest.raises(PictureFormatUnsupported, match="8 bits"):
        decode(bytes(data))


def test_the_first_frame_of_an_animation_is_taken(saved, photo):
    first, second = Image.fromarray(photo()), Image.fromarray(255 - photo())
    for name in ("GIF", "PNG", "WEBP", "TIFF", "AVIF"):
        options = {"lossless": True} if name == "WEBP" else {}
        data = saved(first, name, save_all=True, append_images=[second, first], **options)
        alone = decode(saved(first, name, **options))
        assert inspect(data).frames == 3
        # AVIF codes a sequence a little differently; the other frame is about 100 levels away
        assert np.abs(decode(data).pixels.astype(int) - alone.pixels).mean() < 6, name


@pytest.mark.parametrize("name", ALL)
def test_what_is_cut_off_is_refused(name, saved, photo):
    data = saved(photo(), name)
    for part in (0.3, 0.6, 0.9):
        with pytest.raises(CleanplateError) as caught:
            decode(data[: int(len(data) * part)])
        assert caught.value.code in ("picture_unreadable", "picture_format_unsupported")


def test_a_jpeg_without_its_last_bytes_is_refused(saved, photo):
    with pytest.raises(PictureUnreadable):
        decode(saved(photo(), "JPEG")[:-40])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_tiff_whose_strips_are_missing_is_refused(dtype, photo):
    data = encode(from_array(photo(400, 400, dtype=dtype)), "TIFF")
    entry = data.index(struct.pack("<HH", 279, 4))
    count = struct.unpack_from("<I", data, entry + 4)[0]
    at = entry + 8 if count == 1 else struct.unpack_from("<I", data, entry + 8)[0]
    with pytest.raises(PictureUnreadable):
        decode(data[:at] + struct.pack("<I", 10**9) + data[at + 4 :])


def test_nothing_and_no_picture_are_told_apart():
    with pytest.raises(PictureUnreadable, match="empty"):
        decode(b"")
    with pytest.raises(PictureFormatUnsupported, match="JPEG, PNG"):
        decode(b"%PDF-1.7 and so on")


def test_heic_is_read_upright_with_its_metadata(heic):
    plain, turned = decode(heic("plain")), decode(heic("turned"))
    assert (plain.width, plain.height) == (64, 48)
    assert plain.pixels[4, 4, 0] > 240
    assert plain.pixels[4, 4, 1] < 16
    assert plain.exif is not None
    assert b"cleanplate test" in plain.exif
    assert plain.xmp is not None
    # stored with the orientation that turns it by a right angle: the red corner is seen at the top right
    assert (turned.width, turned.height) == (48, 64)
    assert inspect(heic("turned")).width == 48
    assert turned.pixels[4, -4, 0] > 240
    assert turned.pixels[4, -4, 1] < 16


def test_heic_keeps_alpha_and_depth(heic):
    with_alpha = decode(heic("alpha"))
    assert with_alpha.alpha is not None
    assert abs(int(with_alpha.alpha[20, 10]) - 255) < 4
    assert abs(int(with_alpha.alpha[20, 60]) - 40) < 4
    deep = decode(heic("deep"))
    assert deep.pixels.dtype == np.uint16
    assert inspect(heic("deep")).bit_depth == 10
    assert deep.pixels.max() > 65_400


def test_without_the_extra_heic_names_the_install_line(heic, monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    with pytest.raises(PictureFormatUnsupported, match=r"pip install 'cleanplate\[heic\]'"):
        inspect(heic("plain"))
