"""HEIF items (ISO/IEC 23008-12), looked over before the decoder sees them."""

from __future__ import annotations

from cleanplate.picture.boxes import boxes
from cleanplate.picture.errors import PictureUnreadable

_FULL_BOX = 4
_VERSION_AND_IDENTITY = 8


def check_items(data: bytes) -> None:
    """Refuse files whose item types and names are not text.

    libheif hands them on as they are, and the Python binding ends the process when they are not UTF-8.

    Raises:
        PictureUnreadable: for such a file, or one whose boxes are cut off.
    """
    for kind, start, end in boxes(data, 0, len(data)):
        if kind == b"meta":
            for inner, at, stop in boxes(data, start + _FULL_BOX, end):
                if inner == b"iinf":
                    _check_entries(data, at, stop)


def _check_entries(data: bytes, at: int, stop: int) -> None:
    count_size = 2 if data[at] == 0 else 4
    for kind, start, end in boxes(data, at + _FULL_BOX + count_size, stop):
        if kind == b"infe":
            identity = _VERSION_AND_IDENTITY if data[start] < 3 else _VERSION_AND_IDENTITY + 2
            try:
                data[start + identity : end].decode()
            except UnicodeDecodeError as error:
                raise PictureUnreadable(detail=repr(error)) from error
