"""JPEG 2000 boxes (ISO/IEC 15444-1 annex I) and the size in its codestream (annex A), without pixels."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleanplate.picture.errors import PictureUnreadable
from cleanplate.picture.limits import check_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF_UUID = b"JpgTiffExif->JP2"
_ICC_METHOD = b"\x02"
_KEPT = frozenset({b"uuid", b"xml ", b"uinf", b"jumb"})


@dataclass(frozen=True, slots=True)
class Structure:
    """What a JPEG 2000 says of itself; `extras` are (type, payload) of other metadata boxes."""

    width: int
    height: int
    components: int
    depth: int
    signed: bool
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
    for kind, start, end in _boxes(data, 0, len(data)):
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


def _boxes(data: bytes, at: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of the payload of every box."""
    while at + 8 <= stop:
        length, start = int.from_bytes(data[at : at + 4], "big"), at + 8
        if length == 1:
            length, start = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        end = stop if length == 0 else at + length
        if end < start or end > stop:
            raise PictureUnreadable(detail="JPEG 2000 box is cut off")
        yield data[at + 4 : at + 8], start, end
        at = end


def _profile(data: bytes, start: int, end: int) -> bytes | None:
    for kind, at, stop in _boxes(data, start, end):
        if kind == b"colr" and data[at : at + 1] == _ICC_METHOD:
            check_metadata("ICC", stop - at)
            return data[at + 3 : stop] or None
    return None


def _image_size(data: bytes, at: int) -> tuple[int, int, int, int, bool]:
    """Width, height, components, largest depth and whether any is signed, of the SIZ marker (A.5.1)."""
    if data[at : at + 4] != b"\xff\x4f\xff\x51" or len(data) < at + 45:
        raise PictureUnreadable(detail="no SIZ marker")
    right, bottom, left, top = struct.unpack_from(">IIII", data, at + 8)
    (components,) = struct.unpack_from(">H", data, at + 40)
    precisions = data[at + 42 : at + 42 + 3 * components : 3]
    if right <= left or bottom <= top or len(precisions) != components or not components:
        raise PictureUnreadable(detail="bad SIZ marker")
    depth = max((value & 0x7F) + 1 for value in precisions)
    return right - left, bottom - top, components, depth, any(value & 0x80 for value in precisions)


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
    for kind, start, end in _boxes(data, 0, len(data)):
        payload = data[start:end]
        if kind == b"jp2h" and icc:
            payload = b"".join(
                _box(b"colr", _ICC_METHOD + b"\0\0" + icc) if inner == b"colr" else _box(inner, data[at:stop])
                for inner, at, stop in _boxes(data, start, end)
            )
        pieces.append(_box(kind, payload))
    if xmp:
        pieces.append(_box(b"uuid", _XMP_UUID + xmp))
    if exif:
        pieces.append(_box(b"uuid", _EXIF_UUID + exif))
    pieces += [_box(kind, payload) for kind, payload in extras]
    return b"".join(pieces)


def _box(kind: bytes, payload: bytes) -> bytes:
    return (len(payload) + 8).to_bytes(4, "big") + kind + payload
