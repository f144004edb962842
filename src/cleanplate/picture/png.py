"""PNG as a row of chunks (W3C PNG, third edition): reading the metadata, and putting it back."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cleanplate.picture.errors import PictureTooLarge, PictureUnreadable
from cleanplate.picture.limits import METADATA_BYTES, check_metadata

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cleanplate.picture.picture import Pixels

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP_KEYWORD = b"XML:com.adobe.xmp\0"
_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_TIED_TO_CODING = frozenset(
    {b"sBIT", b"bKGD", b"hIST", b"sPLT", b"iDOT", b"acTL", b"fcTL", b"fdAT", b"iCCP", b"eXIf"}
)
"""Chunks that speak of the old samples, of other frames, or that are written anew."""
_PAIR = 4  # bytes of a 16-bit sample of grey and one of alpha
_SUB = 1  # the filter that stores each byte's difference from that of the pixel before (9.2)
_STRIP_TARGET = 1 << 20  # bytes that are compressed at once
_PROFILE_OF_ANOTHER_SPACE = frozenset({b"cICP", b"sRGB", b"gAMA", b"cHRM"})


@dataclass(frozen=True, slots=True)
class Structure:
    """What a PNG says of itself, without its pixels.

    Attributes:
        width, height: in pixels.
        depth: bits a sample: 1, 2, 4, 8 or 16.
        colour: colour type: 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha.
        frames: 1, or those of an animation.
        transparency: payload of `tRNS`, or None.
        icc, exif, xmp: as in `Picture`.
        dpi: from `pHYs`.
        extras: (type, payload) of every other ancillary chunk worth keeping.
        bare: the same PNG with only the chunks that pixels need, so that no decoder sees the others; without
            `tRNS` where decoders get it wrong.
    """

    width: int
    height: int
    depth: int
    colour: int
    frames: int
    transparency: bytes | None
    icc: bytes | None
    exif: bytes | None
    xmp: bytes | None
    dpi: tuple[float, float] | None
    extras: tuple[tuple[bytes, bytes], ...]
    bare: bytes


def read_structure(data: bytes) -> Structure:
    """Walk the chunks of a PNG; compressed metadata is unpacked only up to a bound.

    Raises:
        PictureUnreadable: when the header is damaged or the file is cut off.
        PictureTooLarge: for metadata larger than any honest one.
    """
    header, transparency, icc, exif, xmp, dpi, frames = b"", None, None, None, None, None, 1
    extras: list[tuple[bytes, bytes]] = []
    spans: list[tuple[int, int]] = []
    for kind, start, end in _chunks(data):
        if kind in _NEEDED:
            if kind != b"tRNS" or not _is_misread(header):
                spans.append((start - 8, end + 4))
            if kind == b"IHDR":
                if header:
                    raise PictureUnreadable(detail="two headers")
                header = data[start:end]
            elif kind == b"tRNS":
                transparency = data[start:end]
            continue
        payload = data[start:end]
        if kind == b"iCCP" and icc is None:
            icc = _unpack_profile(payload)
        elif kind == b"eXIf" and exif is None:
            check_metadata("EXIF", len(payload))
            exif = payload
        elif kind == b"iTXt" and payload.startswith(_XMP_KEYWORD) and xmp is None:
            xmp = _unpack_xmp(payload)
        elif kind == b"acTL" and len(payload) >= 4:
            frames = max(1, int.from_bytes(payload[:4], "big"))
        elif kind not in _TIED_TO_CODING and kind[0:1].islower():
            extras.append((kind, payload))
            if kind == b"pHYs" and len(payload) == 9 and payload[8] == 1:
                per_metre = struct.unpack(">II", payload[:8])
                dpi = (per_metre[0] * 0.0254, per_metre[1] * 0.0254)
    if len(header) != 13:
        raise PictureUnreadable(detail="no IHDR")
    width, height, depth, colour = struct.unpack(">IIBB", header[:10])
    bare = b"".join((SIGNATURE, *(data[start:end] for start, end in spans)))
    return Structure(
        width, height, depth, colour, frames, transparency, icc, exif, xmp, dpi, tuple(extras), bare
    )


def _is_misread(header: bytes) -> bool:
    """Whether decoders get a `tRNS` wrong."""
    # they differ on it at 16 bits; grey of 2 or 4 bits is stretched to 8 by Pillow before it is compared
    return header[8:9] == b"\x10" or header[8:10] in (b"\x02\0", b"\x04\0")


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of the payload of every chunk up to IEND, which must be there."""
    at = len(SIGNATURE)
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        end = at + 8 + length
        if end + 4 > len(data):
            break
        yield kind, at + 8, end
        if kind == b"IEND":
            return
        at = end + 4
    raise PictureUnreadable(detail="PNG is cut off")


def _unpack(packed: bytes, name: str) -> bytes | None:
    """Decompress a bounded zlib stream; None when it is damaged."""
    stream = zlib.decompressobj()
    try:
        unpacked = stream.decompress(packed, METADATA_BYTES + 1)
    except zlib.error:
        return None
    if len(unpacked) > METADATA_BYTES:
        raise PictureTooLarge(f"The picture's {name} block is too large: save it without that block.")
    return unpacked if stream.eof else None


def _unpack_profile(payload: bytes) -> bytes | None:
    _, separator, rest = payload.partition(b"\0")
    if not separator or rest[:1] != b"\0":
        return None
    return _unpack(rest[1:], "ICC") or None


def _unpack_xmp(payload: bytes) -> bytes | None:
    flags = payload[len(_XMP_KEYWORD) : len(_XMP_KEYWORD) + 2]
    text = payload[len(_XMP_KEYWORD) + 2 :].split(b"\0", 2)
    if len(text) != 3:
        return None
    if flags[0]:
        return (_unpack(text[2], "XMP") or None) if flags[1] == 0 else None
    check_metadata("XMP", len(text[2]))
    return text[2] or None


def encode_deep_grey(pixels: Pixels, alpha: Pixels, effort: int) -> bytes:
    """Write 16-bit grey with alpha, which neither Pillow nor OpenCV does.

    Args:
        pixels: (H, W, 1) uint16.
        alpha: (H, W) uint16.
        effort: of the compression, 1 to 9.
    """
    height, width = alpha.shape
    packer = zlib.compressobj(effort)
    pieces = [SIGNATURE, _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, 4, 0, 0, 0))]
    rows = max(1, _STRIP_TARGET // (_PAIR * width))
    for top in range(0, height, rows):
        pair = np.dstack((pixels[top : top + rows], alpha[top : top + rows])).astype(">u2")
        stored = pair.view(np.uint8).reshape(-1, _PAIR * width)
        lines = np.pad(stored, ((0, 0), (1, 0)), constant_values=_SUB)
        lines[:, 1 + _PAIR :] -= stored[:, :-_PAIR]
        pieces.append(_chunk(b"IDAT", packer.compress(lines.tobytes())))
    pieces += [_chunk(b"IDAT", packer.flush()), _chunk(b"IEND", b"")]
    return b"".join(pieces)


def with_metadata(
    data: bytes,
    *,
    icc: bytes | None,
    exif: bytes | None,
    xmp: bytes | None,
    dpi: tuple[float, float] | None,
    extras: tuple[tuple[bytes, bytes], ...],
) -> bytes:
    """Put metadata chunks behind the header of a freshly encoded PNG without any of its own."""
    pieces: list[bytes] = []
    if icc:
        pieces.append(_chunk(b"iCCP", b"ICC Profile\0\0" + zlib.compress(icc)))
    kinds = {kind for kind, _ in extras}
    if dpi and b"pHYs" not in kinds:
        x, y = (min(2**31 - 1, max(0, round(value / 0.0254))) for value in dpi)
        pieces.append(_chunk(b"pHYs", struct.pack(">IIB", x, y, 1)))
    pieces += [
        _chunk(kind, payload)
        for kind, payload in extras
        if not (icc and kind in _PROFILE_OF_ANOTHER_SPACE - {b"cICP"})
    ]
    if exif:
        pieces.append(_chunk(b"eXIf", exif))
    if xmp:
        pieces.append(_chunk(b"iTXt", _XMP_KEYWORD + b"\0\0\0\0" + xmp))
    at = len(SIGNATURE) + 12 + 13
    return b"".join((data[:at], *pieces, data[at:]))


def _chunk(kind: bytes, payload: bytes) -> bytes:
    return (
        len(payload).to_bytes(4, "big")
        + kind
        + payload
        + zlib.crc32(payload, zlib.crc32(kind)).to_bytes(4, "big")
    )
