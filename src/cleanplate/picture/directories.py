"""TIFF directories (TIFF 6.0, BigTIFF; EXIF blocks are the same thing), as raw values.

Values are never interpreted on their way from one file to another, so every type and every rounding survives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from cleanplate.picture.errors import PictureTooLarge, PictureUnreadable
from cleanplate.picture.limits import METADATA_BYTES

ByteOrder: TypeAlias = Literal["little", "big"]

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
_CLASSIC = frozenset(range(1, 14))

EXIF_POINTER, GPS_POINTER, INTEROP_POINTER = 0x8769, 0x8825, 0xA005
_POINTERS = frozenset({EXIF_POINTER, GPS_POINTER, INTEROP_POINTER})


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag: its type, number of values and raw bytes, or the directory that it points at."""

    kind: int
    count: int
    raw: bytes = b""
    below: Directory | None = None


Directory: TypeAlias = dict[int, Entry]


@dataclass(slots=True)
class Reader:
    """Reads directories of the classic layout with 32-bit offsets and of BigTIFF with 64-bit ones."""

    data: bytes
    order: ByteOrder = field(init=False)
    first: int = field(init=False)
    _word: int = field(init=False)
    _entry_size: int = field(init=False)
    _count_size: int = field(init=False)
    _budget: int = field(init=False)

    def __post_init__(self) -> None:
        self.order = "little" if self.data[:1] == b"I" else "big"
        large = self.number(2, 2) == 43
        self._word, self._entry_size, self._count_size = (8, 20, 8) if large else (4, 12, 2)
        self.first = self.number(8, 8) if large else self.number(4, 4)
        self._budget = METADATA_BYTES

    def number(self, at: int, size: int) -> int:
        """The unsigned integer of `size` bytes at an offset."""
        piece = self.data[at : at + size]
        if len(piece) < size:
            raise PictureUnreadable(detail="TIFF directory is cut off")
        return int.from_bytes(piece, self.order)

    def spans(self, at: int) -> list[tuple[int, int, int, int]]:
        """Tag, type, count and offset of the values of each entry of the directory at an offset."""
        count = self.number(at, self._count_size)
        start = at + self._count_size
        if start + count * self._entry_size > len(self.data):
            raise PictureUnreadable(detail="TIFF directory is cut off")
        found: list[tuple[int, int, int, int]] = []
        for entry in range(start, start + count * self._entry_size, self._entry_size):
            kind, values = self.number(entry + 2, 2), self.number(entry + 4, self._word)
            value_at = entry + 4 + self._word
            if SIZES.get(kind, 0) * values > self._word:
                value_at = self.number(value_at, self._word)
            found.append((self.number(entry, 2), kind, values, value_at))
        return found

    def after(self, at: int) -> int:
        """The offset of the directory after the one at an offset; 0 at the end."""
        return self.number(
            at + self._count_size + self.number(at, self._count_size) * self._entry_size, self._word
        )

    def read(self, at: int, without: frozenset[int] = frozenset(), depth: int = 0) -> Directory:
        """Copy a directory, and those below it, as raw values; what is cut off or unknown is left out.

        Raises:
            PictureTooLarge: when the values are larger than any honest ones, as overlapping ones can be.
        """
        directory: Directory = {}
        for tag, kind, count, value_at in self.spans(at):
            size = SIZES.get(kind, 0) * count
            if tag in without or tag in directory or kind not in _CLASSIC or value_at + size > len(self.data):
                continue
            self._budget -= size
            if self._budget < 0:
                raise PictureTooLarge("The picture's EXIF block is too large: save it without that block.")
            raw = self.data[value_at : value_at + size]
            if tag in _POINTERS:
                if depth < 2 and size == 4:
                    below = self._read_below(int.from_bytes(raw, self.order), depth + 1)
                    if below:
                        directory[tag] = Entry(LONG, 1, below=below)
            elif size:
                directory[tag] = Entry(kind, count, raw)
        return directory

    def _read_below(self, at: int, depth: int) -> Directory:
        try:
            return self.read(at, depth=depth)
        except PictureUnreadable:
            return {}


def write(directory: Directory, order: ByteOrder, at: int) -> bytes:
    """Lay out a classic directory, with its values and those below it behind it, for an even offset `at`."""
    size = 2 + 12 * len(directory) + 4
    entries: list[bytes] = [len(directory).to_bytes(2, order)]
    values: list[bytes] = []
    end = at + size
    for tag, entry in sorted(directory.items()):
        raw = entry.raw
        if entry.below is not None:
            below = write(entry.below, order, end)
            values.append(below)
            raw = end.to_bytes(4, order)
            end += len(below)
        elif len(raw) > 4:
            values.append(raw + bytes(len(raw) & 1))
            raw = end.to_bytes(4, order)
            end += len(values[-1])
        head = tag.to_bytes(2, order) + entry.kind.to_bytes(2, order) + entry.count.to_bytes(4, order)
        entries.append(head + raw.ljust(4, b"\0"))
    return b"".join((*entries, bytes(4), *values))


def head(order: ByteOrder, first: int) -> bytes:
    """The 8 bytes in front of a classic file."""
    return (b"II" if order == "little" else b"MM") + (42).to_bytes(2, order) + first.to_bytes(4, order)


def integers(kind: int, order: ByteOrder, *values: int) -> Entry:
    """An entry of whole numbers."""
    return Entry(kind, len(values), b"".join(value.to_bytes(SIZES[kind], order) for value in values))
