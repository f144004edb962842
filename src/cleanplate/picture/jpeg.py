"""What a JPEG carries beside its pixels: reading it, and putting it back; its quantisation tables."""

from __future__ import annotations

from dataclasses import dataclass

from cleanplate.picture.errors import PictureFormatUnsupported
from cleanplate.picture.limits import check_metadata
from cleanplate.picture.segments import (
    APP0,
    APP1,
    APP2,
    APP14,
    EXIF,
    FRAMES,
    ICC,
    LARGEST_PAYLOAD,
    XMP,
    Segment,
    segments,
)


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
    for segment in segments(data):
        if segment.is_exif and exif is None:
            exif = segment.payload[len(EXIF) :]
        elif segment.is_xmp and xmp is None:
            xmp = segment.payload[len(XMP) :]
        elif segment.is_icc:
            profile.append(segment.payload[len(ICC) :])
        elif segment.marker in FRAMES and segment.payload[:1] != b"\x08":
            raise PictureFormatUnsupported(
                "JPEGs of more than 8 bits are not supported: save it with 8 bits, or as PNG or TIFF."
            )
        elif segment.marker == APP14 and segment.payload.startswith(b"Adobe"):
            adobe = True
        elif segment.is_metadata and segment.marker != APP0 and not segment.is_stale:
            extras.append((bytes([segment.marker]), segment.payload))
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


def fits_xmp(xmp: bytes) -> bool:
    """Whether an XMP packet fits into the one segment it may have."""
    return len(XMP) + len(xmp) <= LARGEST_PAYLOAD


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
    if exif and len(EXIF) + len(exif) <= LARGEST_PAYLOAD:
        pieces.append(Segment(APP1, EXIF + exif).written)
    if xmp and fits_xmp(xmp):
        pieces.append(Segment(APP1, XMP + xmp).written)
    if icc:
        room = LARGEST_PAYLOAD - len(ICC) - 2
        parts = [icc[at : at + room] for at in range(0, len(icc), room)]
        if len(parts) <= 255:
            pieces += [
                Segment(APP2, ICC + bytes([number, len(parts)]) + part).written
                for number, part in enumerate(parts, start=1)
            ]
    pieces += [Segment(marker[0], payload).written for marker, payload in extras]
    at = 2
    if data[2:4] == bytes([0xFF, APP0]):
        at += 2 + int.from_bytes(data[4:6], "big")
    return b"".join((data[:at], *pieces, data[at:]))


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
