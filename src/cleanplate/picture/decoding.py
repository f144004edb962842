"""Encoded bytes → a picture, under limits."""

from __future__ import annotations

from cleanplate.picture import exif as exif_block
from cleanplate.picture.header import open_picture, reading
from cleanplate.picture.limits import GENEROUS, Limits, check_metadata
from cleanplate.picture.picture import Picture, frozen
from cleanplate.picture.xmp import upright_xmp

_MOST_DPI = 1e6  # pixels of 25 nanometres; far larger numbers do not fit into TIFF and BMP


def decode(data: bytes, limits: Limits = GENEROUS) -> Picture:
    """Decode a picture: upright, grey or RGB, with its alpha channel and all its metadata.

    The first frame of an animation and the first page of a document is decoded. CMYK and Lab pictures are
    converted to sRGB through their profile; palettes are resolved; grey stays grey. PNG, TIFF and JPEG 2000
    of 16 bits stay so, HEIC of 10 or 12 bits is stretched to 16, AVIF of 10 or 12 bits is rounded to 8, and
    so is CMYK of 16.

    Args:
        data: the encoded picture; its format is told by its content alone.
        limits: what is accepted; checked on the header, before any pixel is allocated.

    Raises:
        PictureFormatUnsupported: no known format, or a kind of samples that has no clear meaning.
        PictureUnreadable: damaged or cut off.
        PictureTooLarge, PictureTooSmall, PictureTooManyFrames: outside the limits.
    """
    with reading():
        opened = open_picture(data, limits)
        decoded = opened.load()
        exif, xmp, dpi = opened.exif, opened.xmp, _plausible(opened.dpi)
        check_metadata("EXIF", len(exif or b""))
        check_metadata("XMP", len(xmp or b""))
        check_metadata("ICC", len(opened.icc or b""))
        if opened.orientation != 1:
            xmp = upright_xmp(xmp) if xmp else None
            if dpi is not None and opened.orientation >= 5:
                dpi = (dpi[1], dpi[0])
        return Picture(
            pixels=frozen(decoded.pixels),
            alpha=None if decoded.alpha is None else frozen(decoded.alpha),
            format=opened.format,
            icc=decoded.icc,
            exif=exif_block.upright(exif) if exif else None,
            xmp=xmp,
            dpi=dpi,
            jpeg=opened.jpeg,
            lossless=opened.lossless,
            extras=opened.extras,
            source=data,
        )


def _plausible(dpi: tuple[float, float] | None) -> tuple[float, float] | None:
    """A resolution of positive finite numbers as it is, any other as none."""
    return dpi if dpi and all(0 < value < _MOST_DPI for value in dpi) else None
