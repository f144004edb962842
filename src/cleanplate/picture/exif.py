"""EXIF blocks, edited where they lie: a block that is written anew loses its maker notes.

A block is a little TIFF file (CIPA DC-008, TIFF 6.0): byte order, the offset of the first directory, and
directories of 12-byte entries followed by the offset of the next one. Only the bytes that must change do.
"""

from __future__ import annotations

import struct
from typing import Literal

from cleanplate.errors import CleanplateError
from cleanplate.picture.directories import Reader

ORIENTATION = 0x0112
UPRIGHT = 1
_PREFIX = b"Exif\0\0"

ByteOrder = Literal["little", "big"]


def bare(block: bytes) -> bytes:
    """The block without the `Exif` prefix that some formats put in front of it."""
    return block.removeprefix(_PREFIX)


def orientation(block: bytes | None) -> int:
    """The orientation tag of a bare block, 1–8; 1 when it is absent or not readable."""
    found = _find(block or b"", ORIENTATION)
    if found is None:
        return UPRIGHT
    at, order = found
    value = int.from_bytes((block or b"")[at : at + 2], order)
    return value if 1 <= value <= 8 else UPRIGHT


def is_sound(block: bytes) -> bool:
    """Whether every directory of a block can be read, so that its tags can be taken apart."""
    try:
        reader = Reader(block)
        reader.read(reader.first)
    except CleanplateError:
        return False
    return True


def upright(block: bytes) -> bytes:
    """The block with its orientation tag, if any, set to 1."""
    found = _find(block, ORIENTATION)
    if found is None:
        return block
    at, order = found
    return block[:at] + UPRIGHT.to_bytes(2, order) + block[at + 2 :]


def without_thumbnail(block: bytes) -> bytes:
    """The block with its second directory unlinked, which holds a thumbnail of the picture as it was."""
    directory = _first_directory(block)
    if directory is None:
        return block
    at, count, order = directory
    link = at + 12 * count
    if link + 4 > len(block) or not int.from_bytes(block[link : link + 4], order):
        return block
    return block[:link] + bytes(4) + block[link + 4 :]


def _first_directory(block: bytes) -> tuple[int, int, ByteOrder] | None:
    """Offset of the first entry, number of entries and byte order, or None for anything malformed."""
    order: ByteOrder
    match block[:4]:
        case b"II*\0":
            order = "little"
        case b"MM\0*":
            order = "big"
        case _:
            return None
    start = int.from_bytes(block[4:8], order)
    count = int.from_bytes(block[start : start + 2], order)
    if start < 8 or start + 2 + 12 * count > len(block):
        return None
    return start + 2, count, order


def _find(block: bytes, tag: int) -> tuple[int, ByteOrder] | None:
    """Offset of the value of a short tag in the first directory, and the byte order."""
    directory = _first_directory(block)
    if directory is None:
        return None
    at, count, order = directory
    sign = "<" if order == "little" else ">"
    for entry in range(at, at + 12 * count, 12):
        found, kind, values = struct.unpack_from(sign + "HHI", block, entry)
        if found == tag:
            return (entry + 8, order) if kind == 3 and values == 1 else None
    return None
