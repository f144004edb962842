"""Encoded bytes ↔ pictures: safe decoding under limits, orientation, colour, alpha, metadata, encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cleanplate.picture.errors import (
    PictureCannotBeWritten,
    PictureFormatUnsupported,
    PictureTooLarge,
    PictureTooManyFrames,
    PictureTooSlow,
    PictureTooSmall,
    PictureUnreadable,
)
from cleanplate.picture.formats import extension, media_type, output_format, sniff
from cleanplate.picture.limits import Limits

if TYPE_CHECKING:
    from cleanplate.picture.decoding import decode
    from cleanplate.picture.encoding import encode, shown_format, written_format
    from cleanplate.picture.header import Header, inspect
    from cleanplate.picture.picture import JpegCoding, Picture, from_array

__all__ = [
    "Header",
    "JpegCoding",
    "Limits",
    "Picture",
    "PictureCannotBeWritten",
    "PictureFormatUnsupported",
    "PictureTooLarge",
    "PictureTooManyFrames",
    "PictureTooSlow",
    "PictureTooSmall",
    "PictureUnreadable",
    "decode",
    "encode",
    "extension",
    "from_array",
    "inspect",
    "media_type",
    "output_format",
    "shown_format",
    "sniff",
    "written_format",
]

_HEAVY = {
    "Header": "header",
    "JpegCoding": "picture",
    "Picture": "picture",
    "decode": "decoding",
    "encode": "encoding",
    "from_array": "picture",
    "inspect": "header",
    "shown_format": "encoding",
    "written_format": "encoding",
}
"""Names whose modules load numpy, Pillow or OpenCV: found on first use, so that `sniff` stays light."""


def __getattr__(name: str) -> Any:
    from importlib import import_module

    module = _HEAVY.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{module}"), name)
