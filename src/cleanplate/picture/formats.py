"""The formats that are read, how each is recognised, and what each is answered with."""

from __future__ import annotations

from dataclasses import dataclass

from cleanplate.picture.errors import PictureCannotBeWritten


@dataclass(frozen=True, slots=True)
class Format:
    """One picture format.

    Attributes:
        media_type: as in a `Content-Type` header.
        extension: without the dot.
        written_as: the format that a changed picture of this one is answered with.
        deep: whether 16 bits a channel can be written.
        alpha: whether an alpha channel can be written.
    """

    media_type: str
    extension: str
    written_as: str
    deep: bool = False
    alpha: bool = False


FORMATS: dict[str, Format] = {
    "JPEG": Format("image/jpeg", "jpg", "JPEG"),
    "PNG": Format("image/png", "png", "PNG", deep=True, alpha=True),
    "WEBP": Format("image/webp", "webp", "WEBP", alpha=True),
    "BMP": Format("image/bmp", "bmp", "BMP", alpha=True),
    "TIFF": Format("image/tiff", "tif", "TIFF", deep=True, alpha=True),
    # 256 colours cannot hold what is painted: a GIF comes back as PNG.
    "GIF": Format("image/gif", "gif", "PNG", alpha=True),
    "AVIF": Format("image/avif", "avif", "AVIF", alpha=True),
    "JPEG2000": Format("image/jp2", "jp2", "JPEG2000", deep=True, alpha=True),
    # HEIC encoders are not free to ship: a HEIC comes back as JPEG, or as PNG where it has an alpha channel.
    "HEIF": Format("image/heic", "heic", "JPEG", deep=True, alpha=True),
    # A picture made of an array.
    "ARRAY": Format("application/octet-stream", "bin", "PNG", deep=True, alpha=True),
}

# What every browser shows. BMP is shown too, but not everywhere with its alpha, and has many times the bytes.
SHOWN = frozenset({"JPEG", "PNG", "WEBP", "GIF", "AVIF"})

_ALIASES = {
    "JPG": "JPEG",
    "JPE": "JPEG",
    "JFIF": "JPEG",
    "TIF": "TIFF",
    "DIB": "BMP",
    "JP2": "JPEG2000",
    "J2K": "JPEG2000",
    "JPEG-2000": "JPEG2000",
    "HEIC": "HEIF",
}

_BMP_HEADER_SIZES = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"mif2", b"msf1"}
)
_AVIF_BRANDS = frozenset({b"avif", b"avis"})


def sniff(data: bytes) -> str | None:
    """Name the format of a picture by its first bytes alone.

    Pure Python over at most the first 256 bytes, so it is safe on an event loop and on hostile input.

    Args:
        data: the encoded picture, or at least its beginning.

    Returns:
        `"JPEG"`, `"PNG"`, `"WEBP"`, `"BMP"`, `"TIFF"`, `"GIF"`, `"AVIF"`, `"JPEG2000"`, `"HEIF"` or None.
    """
    if data[:3] == b"\xff\xd8\xff":
        return "JPEG"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "PNG"
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "GIF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "TIFF"
    if data[:12] == b"\0\0\0\x0cjP  \r\n\x87\n" or data[:4] == b"\xff\x4f\xff\x51":
        return "JPEG2000"
    if data[:2] == b"BM" and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return "BMP"
    if data[4:8] == b"ftyp":
        return _sniff_brands(data)
    return None


def _sniff_brands(data: bytes) -> str | None:
    """Tell AVIF from HEIF by the brands of an ISO base media file."""
    end = min(max(int.from_bytes(data[:4], "big"), 16), 256)
    brands = [data[8:12], *(data[at : at + 4] for at in range(16, end, 4))]
    if _AVIF_BRANDS.intersection(brands):
        return "AVIF"
    if _HEIF_BRANDS.intersection(brands):
        return "HEIF"
    return None


def named(name: str) -> str:
    """The canonical name of a format that a person wrote, such as `"jpg"`.

    Raises:
        PictureCannotBeWritten: for a name that is not a format.
    """
    upper = name.strip().lstrip(".").upper()
    found = _ALIASES.get(upper, upper)
    if found not in FORMATS or found == "ARRAY":
        raise PictureCannotBeWritten(
            f"{name!r} is not a picture format: choose JPEG, PNG, WEBP, BMP, TIFF, AVIF or JPEG2000."
        )
    return found


def output_format(name: str, *, alpha: bool = False) -> str:
    """The format that a changed picture of format `name` is answered with.

    The same one wherever it can be written without harm. GIF becomes PNG, because 256 colours cannot hold
    what is filled in; HEIF becomes JPEG, or PNG when the picture has an alpha channel; an array becomes PNG.
    """
    if name == "HEIF" and alpha:
        return "PNG"
    return FORMATS[name].written_as


def media_type(name: str) -> str:
    """The media type of a format, such as `"image/jpeg"`."""
    return FORMATS[name].media_type


def extension(name: str) -> str:
    """The usual file name extension of a format, without the dot."""
    return FORMATS[name].extension
