"""WebP as a row of RIFF chunks (RFC 9649): size and metadata without touching a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleanplate.picture.errors import PictureUnreadable
from cleanplate.picture.limits import check_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

_ALPHA_FLAG = 0x10
_KNOWN = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP "})


@dataclass(frozen=True, slots=True)
class Structure:
    """What a WebP says of itself; `extras` are (type, payload) of unknown chunks, as C2PA's."""

    width: int
    height: int
    frames: int
    alpha: bool
    lossless: bool
    icc: bytes | None
    exif: bytes | None
    xmp: bytes | None
    extras: tuple[tuple[bytes, bytes], ...]


def read_structure(data: bytes, max_frames: int) -> Structure:
    """Walk the chunks of a WebP; frames are counted up to `max_frames + 1`.

    Raises:
        PictureUnreadable: when the header is damaged or the file is cut off.
    """
    if 8 + int.from_bytes(data[4:8], "little") > len(data):
        raise PictureUnreadable(detail="WebP is cut off")
    size: tuple[int, int] | None = None
    found: dict[bytes, bytes] = {}
    extras: list[tuple[bytes, bytes]] = []
    frames, alpha, lossless = 0, False, False
    for kind, start, end in _chunks(data):
        if kind in (b"VP8 ", b"VP8L", b"VP8X"):
            lossless = lossless or kind == b"VP8L"
            if size is None:
                size = _size(kind, data[start : start + 10])
                alpha = _alpha(kind, data[start : start + 5])
        elif kind == b"ANMF":
            frames += 1
            lossless = lossless or data[start + 16 : start + 20] == b"VP8L"
            if frames > max_frames:
                break
        elif kind in (b"ICCP", b"EXIF", b"XMP "):
            check_metadata(kind.decode().strip(), end - start)
            found.setdefault(kind, data[start:end])
        elif kind not in _KNOWN:
            extras.append((kind, data[start:end]))
    if size is None:
        raise PictureUnreadable(detail="WebP without a picture")
    return Structure(
        *size,
        frames=max(1, frames),
        alpha=alpha,
        lossless=lossless,
        icc=found.get(b"ICCP"),
        exif=found.get(b"EXIF"),
        xmp=found.get(b"XMP "),
        extras=tuple(extras),
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of the payload of every chunk."""
    at, stop = 12, min(len(data), 8 + int.from_bytes(data[4:8], "little"))
    while at + 8 <= stop:
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        end = at + 8 + length
        if end > stop:
            raise PictureUnreadable(detail="WebP chunk is cut off")
        yield data[at : at + 4], at + 8, end
        at = end + (length & 1)


def _size(kind: bytes, head: bytes) -> tuple[int, int]:
    if kind == b"VP8X":
        return int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1
    if kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
    return int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF


def _alpha(kind: bytes, head: bytes) -> bool:
    if kind == b"VP8X":
        return bool(head[0] & _ALPHA_FLAG)
    return kind == b"VP8L" and bool(int.from_bytes(head[1:5], "little") >> 28 & 1)


def with_extras(data: bytes, extras: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """Append unknown chunks to a freshly encoded WebP.

    Only the extended form (`VP8X`) may hold them; a plain one, which has no other metadata either, is
    returned as it is.
    """
    if not extras or data[12:16] != b"VP8X":
        return data
    pieces = [data]
    for kind, payload in extras:
        pieces.append(kind + len(payload).to_bytes(4, "little") + payload + bytes(len(payload) & 1))
    joined = b"".join(pieces)
    return joined[:4] + (len(joined) - 8).to_bytes(4, "little") + joined[8:]
