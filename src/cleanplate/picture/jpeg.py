"""JPEG as a row of marker segments (ITU-T T.81 annex B): reading the metadata, and putting it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleanplate.picture.errors import PictureFormatUnsupported
from cleanplate.picture.limits import check_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ICC = b"ICC_PROFILE\0"
_MULTI_PICTURE = b"MPF\0"
_LARGEST_PAYLOAD = 65_533

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
SOI, SOS, APP0, APP1, APP2, APP14, APP15, COM = 0xD8, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a JPEG carries beside its pixels; `extras` are (marker byte, payload) of all other segments."""

    icc: bytes | None
    exif: bytes | None
    xmp: bytes | None
    adobe: bool
    extras: tuple[tuple[bytes, bytes], ...]


def read_metadata(data: bytes) -> Metadata:
    """Collect the metadata segments in front of the picture's first scan."""
    exif, xmp, adobe = None, None, False
    profile: list[bytes] = []
    extras: list[tuple[bytes, bytes]] = []
    for marker, payload in _segments(data):
        if marker == APP1 and payload.startswith(_EXIF) and exif is None:
            exif = payload[len(_EXIF) :]
        elif marker == APP1 and payload.startswith(_XMP) and xmp is None:
            xmp = payload[len(_XMP) :]
        elif marker == APP2 and payload.startswith(_ICC):
            profile.append(payload[len(_ICC) :])
        elif marker in _FRAMES and payload[:1] != b"\x08":
            raise PictureFormatUnsupported(
                "JPEGs of more than 8 bits are not supported: save it with 8 bits, or as PNG or TIFF."
            )
        elif marker == APP14 and payload.startswith(b"Adobe"):
            adobe = True
        elif marker == COM or (APP0 < marker <= APP15 and not payload.startswith(_MULTI_PICTURE)):
            # A multi-picture index points behind the picture, at what is not written back.
            extras.append((bytes([marker]), payload))
    return Metadata(_join_profile(profile), exif, xmp, adobe, tuple(extras))


def _join_profile(pieces: list[bytes]) -> bytes | None:
    """Join the pieces of an ICC profile by their number (ICC.1 annex B.4); None when one is missing."""
    if not pieces or any(len(piece) < 2 or piece[1] != len(pieces) for piece in pieces):
        return None
    ordered = sorted(pieces, key=lambda piece: piece[0])
    if [piece[0] for piece in ordered] != list(range(1, len(pieces) + 1)):
        return None
    joined = b"".join(piece[2:] for piece in ordered)
    check_metadata("ICC", len(joined))
    return joined or None


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and payload of every segment with a length, up to the first scan."""
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            at += 1
            continue
        marker = data[at + 1]
        if marker in (SOS, 0xD9):
            return
        if marker in (0xFF, 0x00, 0x01) or 0xD0 <= marker <= SOI:
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2:
            return
        yield marker, data[at + 4 : at + 2 + length]
        at += 2 + length


def fits_xmp(xmp: bytes) -> bool:
    """Whether an XMP packet fits into the one segment it may have."""
    return len(_XMP) + len(xmp) <= _LARGEST_PAYLOAD


def with_metadata(
    data: bytes,
    *,
    icc: bytes | None,
    exif: bytes | None,
    xmp: bytes | None,
    extras: tuple[tuple[bytes, bytes], ...],
) -> bytes:
    """Put metadata segments behind the JFIF segment of a freshly encoded JPEG.

    EXIF and XMP blocks that are longer than a segment can be are left out; JPEG has no room for them.
    """
    pieces: list[bytes] = []
    if exif and len(_EXIF) + len(exif) <= _LARGEST_PAYLOAD:
        pieces.append(_segment(APP1, _EXIF + exif))
    if xmp and fits_xmp(xmp):
        pieces.append(_segment(APP1, _XMP + xmp))
    if icc:
        room = _LARGEST_PAYLOAD - len(_ICC) - 2
        parts = [icc[at : at + room] for at in range(0, len(icc), room)]
        if len(parts) <= 255:
            pieces += [
                _segment(APP2, _ICC + bytes([number, len(parts)]) + part)
                for number, part in enumerate(parts, start=1)
            ]
    pieces += [_segment(marker[0], payload) for marker, payload in extras]
    at = 2
    if data[2:4] == bytes([0xFF, APP0]):
        at += 2 + int.from_bytes(data[4:6], "big")
    return b"".join((data[:at], *pieces, data[at:]))


def _segment(marker: int, payload: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(payload) + 2).to_bytes(2, "big") + payload


_LUMA = (
    "16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62 "
    "18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 "
    "72 92 95 98 112 100 103 99"
)
_CHROMA_CORNER = "17 18 24 47 18 21 26 66 24 26 56 99 47 66 99 99"


def standard_tables(quality: int) -> tuple[list[int], list[int]]:
    """Luma and chroma quantisation tables of T.81 annex K, scaled as libjpeg does for qualities above 50."""
    luma = [int(step) for step in _LUMA.split()]
    chroma = [99] * 64
    for index, step in enumerate(_CHROMA_CORNER.split()):
        chroma[index // 4 * 8 + index % 4] = int(step)
    scale = 200 - 2 * quality
    scaled = [[min(255, max(1, (step * scale + 50) // 100)) for step in table] for table in (luma, chroma)]
    return scaled[0], scaled[1]
