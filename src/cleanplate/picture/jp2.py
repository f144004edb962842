"""JPEG 2000 boxes (ISO/IEC 15444-1 annex I) and the size in its codestream (annex A), without pixels."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from cleanplate.picture.boxes import box, boxes
from cleanplate.picture.errors import PictureUnreadable
from cleanplate.picture.limits import check_metadata

_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF_UUID = b"JpgTiffExif->JP2"
_ICC_METHOD = b"\x02"
_KEPT = frozenset({b"uuid", b"xml ", b"uinf", b"jumb"})


@dataclass(frozen=True, slots=True)
class Structure:
    """What a JPEG 2000 says of itself; `extras` are (type, payload) of other metadata boxes."""

    width: int
    height: int
    depth: int
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    extras: tuple[tuple[bytes, bytes], ...] = ()


def read_structure(data: bytes) -> Structure:
    """Read the size from the codestream itself, since that is what a decoder allocates for.

    Raises:
        PictureUnreadable: when the header is damaged or missing.
    """
    if data[:4] == b"\xff\x4f\xff\x51":
        return Structure(*_image_size(data, 0))
    icc, exif, xmp, size = None, None, None, None
    extras: list[tuple[bytes, bytes]] = []
    for kind, start, end in boxes(data, 0, len(data)):
        if kind == b"jp2c" and size is None:
            size = _image_size(data, start)
        elif kind == b"jp2h":
            icc = icc or _profile(data, start, end)
        elif kind in _KEPT:
            payload = data[start:end]
            check_metadata("metadata", len(payload))
            if kind == b"uuid" and payload.startswith(_XMP_UUID):
                xmp = payload[16:]
            elif kind == b"uuid" and payload.startswith(_EXIF_UUID):
                exif = payload[16:]
            else:
                extras.append((kind, payload))
    if size is None:
        raise PictureUnreadable(detail="JPEG 2000 without a codestream")
    return Structure(*size, icc=icc, exif=exif, xmp=xmp, extras=tuple(extras))


def _profile(data: bytes, start: int, end: int) -> bytes | None:
    for kind, at, stop in boxes(data, start, end):
        if kind == b"colr" and data[at : at + 1] == _ICC_METHOD:
            check_metadata("ICC", stop - at)
            return data[at + 3 : stop] or None
    return None


def _image_size(data: bytes, at: int) -> tuple[int, int, int]:
    """Width, height and largest depth of the SIZ marker (A.5.1)."""
    if data[at : at + 4] != b"\xff\x4f\xff\x51" or len(data) < at + 45:
        raise PictureUnreadable(detail="no SIZ marker")
    right, bottom, left, top = struct.unpack_from(">IIII", data, at + 8)
    (components,) = struct.unpack_from(">H", data, at + 40)
    precisions = data[at + 42 : at + 42 + 3 * components : 3]
    if right <= left or bottom <= top or len(precisions) != components or not components:
        raise PictureUnreadable(detail="bad SIZ marker")
    depth = max((value & 0x7F) + 1 for value in precisions)
    return right - left, bottom - top, depth


def with_metadata(
    data: bytes,
    *,
    icc: bytes | None,
    exif: bytes | None,
    xmp: bytes | None,
    extras: tuple[tuple[bytes, bytes], ...],
) -> bytes:
    """Put profile and metadata boxes into a freshly encoded JP2 file."""
    pieces: list[bytes] = []
    for kind, start, end in boxes(data, 0, len(data)):
        payload = data[start:end]
        if kind == b"jp2h" and icc:
            payload = b"".join(
                box(b"colr", _ICC_METHOD + b"\0\0" + icc) if inner == b"colr" else box(inner, data[at:stop])
                for inner, at, stop in boxes(data, start, end)
            )
        pieces.append(box(kind, payload))
    if xmp:
        pieces.append(box(b"uuid", _XMP_UUID + xmp))
    if exif:
        pieces.append(box(b"uuid", _EXIF_UUID + exif))
    pieces += [box(kind, payload) for kind, payload in extras]
    return b"".join(pieces)
