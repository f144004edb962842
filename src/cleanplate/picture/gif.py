"""GIF blocks (GIF89a) without pixels: how many frames there are."""

from __future__ import annotations

_EXTENSION, _IMAGE = 0x21, 0x2C


def count_frames(data: bytes, max_frames: int) -> int:
    """Count the frames of a GIF, up to `max_frames + 1`; a damaged tail ends the count."""
    at = 13 + _table_size(data, 10)
    frames = 0
    while at < len(data) and frames <= max_frames:
        if data[at] == _EXTENSION:
            at = _skip_blocks(data, at + 2)
        elif data[at] == _IMAGE:
            frames += 1
            at = _skip_blocks(data, at + 11 + _table_size(data, at + 9))
        else:
            break
    return max(1, frames)


def _table_size(data: bytes, at: int) -> int:
    """Bytes of the colour table that the packed flags at an offset announce."""
    if at >= len(data) or not data[at] & 0x80:
        return 0
    return 3 << (data[at] & 7) + 1


def _skip_blocks(data: bytes, at: int) -> int:
    """The offset behind a row of sub-blocks."""
    while at < len(data) and data[at]:
        at += 1 + data[at]
    return at + 1
