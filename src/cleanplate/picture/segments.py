"""A JPEG as a row of marker segments (ITU-T T.81 annex B)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SOI, EOI, SOS, DRI, RST0, COM = 0xD8, 0xD9, 0xDA, 0xDD, 0xD0, 0xFE
APP0, APP1, APP2, APP14, APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
EXIF = b"Exif\0\0"
XMP = b"http://ns.adobe.com/xap/1.0/\0"
ICC = b"ICC_PROFILE\0"
LARGEST_PAYLOAD = 65_533
_MULTI_PICTURE = b"MPF\0"
_FILL, _STUFFED, _TEMPORARY = 0xFF, 0x00, 0x01


@dataclass(frozen=True, slots=True)
class Segment:
    """One marker segment.

    Attributes:
        marker: its second byte.
        payload: what follows marker and length.
        at: where its first byte is in the file.
    """

    marker: int
    payload: bytes
    at: int = 0

    @property
    def end(self) -> int:
        """Where its last byte's successor is in the file."""
        return self.at + 4 + len(self.payload)

    @property
    def written(self) -> bytes:
        """Marker, length and payload; at most `LARGEST_PAYLOAD` bytes fit."""
        return bytes([0xFF, self.marker]) + (len(self.payload) + 2).to_bytes(2) + self.payload

    @property
    def is_metadata(self) -> bool:
        return APP0 <= self.marker <= APP15 or self.marker == COM

    @property
    def is_exif(self) -> bool:
        return self.marker == APP1 and self.payload.startswith(EXIF)

    @property
    def is_xmp(self) -> bool:
        return self.marker == APP1 and self.payload.startswith(XMP)

    @property
    def is_icc(self) -> bool:
        return self.marker == APP2 and self.payload.startswith(ICC)

    @property
    def is_stale(self) -> bool:
        """Whether it points at bytes behind the picture (multi-picture index), which are not copied."""
        return self.marker == APP2 and self.payload.startswith(_MULTI_PICTURE)


def segments(data: bytes) -> Iterator[Segment]:
    """Every segment with a length, up to the first scan's own (T.81 B.2.3), which is the last.

    Bytes between segments are skipped, as decoders do. A file that ends in a segment gives what there is.
    """
    at = 2
    while at + 4 <= len(data):
        marker = data[at + 1]
        if data[at] != 0xFF or marker == _FILL:
            at += 1
            continue
        if marker == EOI:
            return
        if marker in (_STUFFED, _TEMPORARY) or RST0 <= marker <= SOI:
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4])
        if length < 2:
            return
        segment = Segment(marker, data[at + 4 : at + 2 + length], at)
        yield segment
        if marker == SOS:
            return
        at = segment.end
