"""Boxes, of which JPEG 2000 (ISO/IEC 15444-1 annex I) and HEIF (ISO/IEC 14496-12) files are made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleanplate.picture.errors import PictureUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterator


def boxes(data: bytes, at: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of the payload of every box between two offsets.

    Raises:
        PictureUnreadable: when a box reaches beyond `stop`.
    """
    while at + 8 <= stop:
        length, start = int.from_bytes(data[at : at + 4], "big"), at + 8
        if length == 1:
            length, start = int.from_bytes(data[at + 8 : at + 16], "big"), at + 16
        end = stop if length == 0 else at + length
        if end < start or end > stop:
            raise PictureUnreadable(detail="a box is cut off")
        yield data[at + 4 : at + 8], start, end
        at = end


def box(kind: bytes, payload: bytes) -> bytes:
    """One box."""
    return (len(payload) + 8).to_bytes(4, "big") + kind + payload
