"""A picture → encoded bytes, in its own format wherever that is possible.

What formats cannot hold: JPEG no alpha (it is laid over white); JPEG, WebP, AVIF and BMP no 16 bits (they
are scaled and rounded); BMP no profile, EXIF or XMP. Grey becomes RGB, and a profile of grey is left out,
in WebP, and where there is an alpha channel in AVIF, in BMP, and in TIFF and JPEG 2000 of 16 bits. GIF and
HEIC are not written at all (see `output_format`). A JPEG of more than 32 megapixels that is encoded anew is
never progressive. Only one frame or page is written. Metadata of other kinds, such as signed provenance
records, is carried over where the format stays JPEG, PNG, WebP or JPEG 2000; in AVIF and HEIC it is not.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from cleanplate.picture import bmp, exif, jp2, jpeg, png, tiff, webp
from cleanplate.picture.deep import encode_samples, to_8
from cleanplate.picture.errors import PictureCannotBeWritten
from cleanplate.picture.formats import SHOWN, named, output_format
from cleanplate.picture.picture import JpegCoding, Picture
from cleanplate.picture.splice import CannotSplice, splice
from cleanplate.picture.strips import encode_in_strips
from cleanplate.picture.xmp import with_history, without_padding

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cleanplate.picture.picture import Pixels

LOWEST_QUALITY = 95
_PNG_EFFORT = 2  # of 9: the smallest file is a tenth smaller and takes five times as long
_AVIF_SPEED = 9  # of 10: the same quality as slower ones at a tenth more bytes, in a third of the time
_WEBP_LARGEST_SIDE = 16_383
_JPEG_LARGEST_SIDE = 65_500
_JPEG_AT_ONCE = 32_000_000  # pixels; more are written in strips, for each takes four bytes in the encoder
_JPEG2000_SMALLEST_DEEP_SIDE = 32  # for the five wavelet levels that OpenCV insists on
_WITHOUT_PAIRS = frozenset({"AVIF", "BMP"})  # of grey and alpha
_WITHOUT_DEEP_PAIRS = _WITHOUT_PAIRS | {"JPEG2000", "TIFF"}  # neither Pillow nor OpenCV reads such a TIFF
_MODES = {(1, False): "L", (1, True): "LA", (3, False): "RGB", (3, True): "RGBA"}


def written_format(picture: Picture, format: str | None = None) -> str:  # noqa: A002  # the word users expect
    """The format that `encode` would write with the same arguments.

    Args:
        picture: what would be encoded.
        format: the format asked for; None for the picture's own.

    Raises:
        PictureCannotBeWritten: when the format asked for is not known.
    """
    asked = picture.format if format is None else named(format)
    if picture.source is not None and asked == picture.format:
        return asked
    return output_format(asked, alpha=picture.alpha is not None)


def shown_format(picture: Picture) -> str:
    """The format to `encode` a picture in for those who put it onto a page.

    The one that it would have anyway where every browser shows that, and PNG otherwise. One that is unchanged
    stays what it is.
    """
    own = written_format(picture)
    return own if picture.source is not None or own in SHOWN else "PNG"


def encode(
    picture: Picture,
    format: str | None = None,  # noqa: A002  # the word users expect
    quality: int | None = None,
    history: str | None = None,
) -> bytes:
    """Encode a picture. One whose pixels are unchanged comes back as the very bytes it was read from.

    Args:
        picture: what to encode.
        format: a format's name or extension; None for the picture's own, or what `output_format` says for it.
        quality: 95–100 for JPEG, lossy WebP and AVIF; less is raised to 95, the default. At 95, a JPEG is
            edited in place where it can be: blocks that hold no changed pixel keep their very values (see
            `splice`). Otherwise one whose own quantisation was finer keeps that.
        history: software to name in a new XMP history entry, such as `"cleanplate 0.1.0"`; None for no entry.

    Raises:
        PictureCannotBeWritten: when the format is unknown or cannot hold a picture of this size.
    """
    target = written_format(picture, format)
    if picture.source is not None and target == picture.format:
        return picture.source
    if target == "JPEG" and (quality or LOWEST_QUALITY) <= LOWEST_QUALITY:
        edited = _edited_in_place(picture, history)
        if edited is not None:
            return edited
    prepared = replace(
        _as_writable(picture, target),
        exif=exif.without_thumbnail(picture.exif) if picture.exif else None,
        xmp=with_history(picture.xmp, history) if history else picture.xmp,
        extras=picture.extras if target == picture.format else (),
    )
    try:
        return _WRITERS[target](prepared, max(LOWEST_QUALITY, min(100, quality or LOWEST_QUALITY)))
    except (OSError, ValueError, OverflowError, struct.error, cv2.error) as error:
        raise PictureCannotBeWritten(detail=repr(error)) from error


def _edited_in_place(picture: Picture, history: str | None) -> bytes | None:
    """The JPEG that the picture came from, with only the changed blocks coded anew; None if it cannot be."""
    before = picture.before
    if before is None or before.source is None or before.format != "JPEG":
        return None
    area = _changed(before.pixels, picture.pixels)
    if not area.any():
        return before.source
    xmp = None
    if history:
        xmp = with_history(jpeg.read_metadata(before.source).xmp, history)
        xmp = xmp if jpeg.fits_xmp(xmp) else without_padding(xmp)
    try:
        return splice(before.source, picture.pixels, area, xmp=xmp if xmp and jpeg.fits_xmp(xmp) else None)
    except (CannotSplice, ImportError, OSError, MemoryError):
        return None


def _changed(before: Pixels, after: Pixels) -> NDArray[np.bool_]:
    """(H, W), true where any channel differs."""
    area = np.empty(before.shape[:2], np.bool_)
    for old, new, target in zip(before, after, area, strict=True):
        np.any(old != new, axis=1, out=target)
    return area


def _to_pillow(picture: Picture, *, alpha: bool = True) -> Image.Image:
    """8-bit samples as a Pillow image, with or without the alpha channel."""
    pixels = to_8(picture.pixels)
    with_alpha = alpha and picture.alpha is not None
    mode = _MODES[pixels.shape[2], with_alpha]
    if with_alpha and picture.alpha is not None:
        return Image.fromarray(np.dstack((pixels, to_8(picture.alpha))), mode)
    return Image.fromarray(pixels[..., 0] if mode == "L" else pixels, mode)


def _flattened(picture: Picture) -> Picture:
    """The picture laid over white, which is how viewers show a picture whose alpha was dropped."""
    if picture.alpha is None:
        return picture
    pixels, alpha = to_8(picture.pixels), to_8(picture.alpha)
    flat = np.empty_like(pixels)
    for row, opacity, target in zip(pixels, alpha, flat, strict=True):
        weight = opacity[:, np.newaxis].astype(np.uint16)
        target[...] = (row * weight + (255 - weight) * 255 + 127) // 255
    return replace(picture, pixels=flat, alpha=None)


def _write_jpeg(picture: Picture, quality: int) -> bytes:
    _check_side(picture, _JPEG_LARGEST_SIDE, "JPEG")
    coding = picture.jpeg or JpegCoding()
    tables = _finest_tables(coding, quality, grey=picture.grey)
    options: dict[str, Any] = {"qtables": tables} if tables else {"quality": quality}
    options["subsampling"] = coding.subsampling
    if picture.dpi:
        options["dpi"] = tuple(min(65_535, max(1, round(value))) for value in picture.dpi)
    flat = _flattened(picture)
    if picture.width * picture.height > _JPEG_AT_ONCE:
        encoded = encode_in_strips(to_8(flat.pixels), **options)
    else:
        encoded = _jpeg_at_once(_to_pillow(flat), options, progressive=coding.progressive)
    xmp = picture.xmp
    if xmp and not jpeg.fits_xmp(xmp):
        xmp = without_padding(xmp)
    return jpeg.with_metadata(encoded, icc=picture.icc, exif=picture.exif, xmp=xmp, extras=picture.extras)


def _jpeg_at_once(image: Image.Image, options: dict[str, Any], *, progressive: bool) -> bytes:
    buffer = BytesIO()
    try:
        image.save(buffer, "JPEG", progressive=progressive, **options)
    except OSError:
        if not progressive:
            raise
        # Pillow's buffer for a progressive file is too small for noise of the highest quality
        buffer = BytesIO()
        image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


def _finest_tables(coding: JpegCoding, quality: int, *, grey: bool) -> list[list[int]] | None:
    """The input's own tables, where each is on the whole as fine as that of the quality asked for."""
    tables = coding.tables
    if len(tables) != (1 if grey else 2):
        return None
    asked = jpeg.standard_tables(quality)
    if all(sum(own) <= sum(other) for own, other in zip(tables, asked, strict=False)):
        return [list(table) for table in tables]
    return None


def _write_png(picture: Picture, quality: int) -> bytes:
    del quality
    if picture.depth == 16 and picture.grey and picture.alpha is not None:
        encoded = png.encode_deep_grey(picture.pixels, picture.alpha, _PNG_EFFORT)
    elif picture.depth == 16:
        samples = _deep_samples(picture)
        encoded = encode_samples(".png", samples, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_EFFORT])
    else:
        buffer = BytesIO()
        _to_pillow(picture).save(buffer, "PNG", compress_level=_PNG_EFFORT)
        encoded = buffer.getvalue()
    return png.with_metadata(
        encoded, icc=picture.icc, exif=picture.exif, xmp=picture.xmp, dpi=picture.dpi, extras=picture.extras
    )


def _deep_samples(picture: Picture) -> NDArray[np.uint16]:
    """16-bit samples in one array, (H, W, 1, 3 or 4)."""
    pixels = picture.pixels.astype(np.uint16, copy=False)
    if picture.alpha is None:
        return pixels
    return np.dstack((pixels, picture.alpha.astype(np.uint16, copy=False)))


def _as_writable(picture: Picture, target: str) -> Picture:
    """Grey as RGB where the format, or the programs that read it, have no such grey."""
    without_pairs = _WITHOUT_DEEP_PAIRS if picture.depth == 16 else _WITHOUT_PAIRS
    if not picture.grey or not (target == "WEBP" or (picture.alpha is not None and target in without_pairs)):
        return picture
    # a profile of grey says nothing of RGB
    return replace(picture, pixels=np.repeat(picture.pixels, 3, axis=2), icc=None)


def _write_webp(picture: Picture, quality: int) -> bytes:
    _check_side(picture, _WEBP_LARGEST_SIDE, "WebP")
    buffer = BytesIO()
    metadata = {"icc_profile": picture.icc, "exif": picture.exif, "xmp": picture.xmp}
    _to_pillow(picture).save(
        buffer,
        "WEBP",
        lossless=picture.lossless,
        quality=75 if picture.lossless else quality,
        method=4,
        exact=True,
        **{name: block for name, block in metadata.items() if block},
    )
    return webp.with_extras(buffer.getvalue(), picture.extras)


def _write_bmp(picture: Picture, quality: int) -> bytes:
    del quality
    if picture.alpha is not None:
        return bmp.encode_with_alpha(to_8(picture.pixels), to_8(picture.alpha), picture.dpi)
    buffer = BytesIO()
    _to_pillow(picture).save(buffer, "BMP", **({"dpi": picture.dpi} if picture.dpi else {}))
    return buffer.getvalue()


def _write_tiff(picture: Picture, quality: int) -> bytes:
    del quality
    block = picture.exif if picture.exif and exif.is_sound(picture.exif) else None
    return tiff.encode(
        picture.pixels, picture.alpha, icc=picture.icc, exif=block, xmp=picture.xmp, dpi=picture.dpi
    )


def _write_avif(picture: Picture, quality: int) -> bytes:
    buffer = BytesIO()
    block = picture.exif if picture.exif and exif.is_sound(picture.exif) else None
    metadata = {"icc_profile": picture.icc, "exif": block, "xmp": picture.xmp}
    _to_pillow(picture).save(
        buffer,
        "AVIF",
        quality=quality,
        speed=_AVIF_SPEED,
        subsampling="4:0:0" if picture.grey else "4:4:4",
        **{name: block for name, block in metadata.items() if block},
    )
    return buffer.getvalue()


def _write_jpeg2000(picture: Picture, quality: int) -> bytes:
    del quality
    if picture.depth == 16:
        if min(picture.width, picture.height) < _JPEG2000_SMALLEST_DEEP_SIDE:
            raise PictureCannotBeWritten(
                f"16-bit JPEG 2000 needs {_JPEG2000_SMALLEST_DEEP_SIDE} pixels a side: choose PNG."
            )
        encoded = encode_samples(
            ".jp2", _deep_samples(picture), [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000]
        )
    else:
        buffer = BytesIO()
        _to_pillow(picture).save(buffer, "JPEG2000", irreversible=False, mct=0 if picture.grey else 1)
        encoded = buffer.getvalue()
    return jp2.with_metadata(
        encoded, icc=picture.icc, exif=picture.exif, xmp=picture.xmp, extras=picture.extras
    )


def _check_side(picture: Picture, largest: int, name: str) -> None:
    if max(picture.width, picture.height) > largest:
        raise PictureCannotBeWritten(
            f"The picture is {picture.width} × {picture.height} pixels, and {name} ends at {largest} a side: "
            "choose PNG."
        )


_WRITERS: dict[str, Callable[[Picture, int], bytes]] = {
    "JPEG": _write_jpeg,
    "PNG": _write_png,
    "WEBP": _write_webp,
    "BMP": _write_bmp,
    "TIFF": _write_tiff,
    "AVIF": _write_avif,
    "JPEG2000": _write_jpeg2000,
}
