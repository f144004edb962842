"""Opening a picture without decoding it: what it is, what it carries, and what it would cost."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cleanplate.errors import CleanplateError
from cleanplate.picture.errors import PictureFormatUnsupported, PictureTooLarge, PictureUnreadable
from cleanplate.picture.formats import extension, media_type, sniff
from cleanplate.picture.limits import GENEROUS, Limits

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from cleanplate.picture.colour import Planes
    from cleanplate.picture.picture import JpegCoding


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a picture before it is decoded.

    Attributes:
        format: as `sniff` names it.
        width, height: in pixels, upright, as seen.
        frames: frames or pages; only the first is ever decoded.
        bit_depth: bits a channel as stored.
        has_alpha: whether it can be see-through.
        media_type: such as `"image/jpeg"`.
        extension: without the dot.
    """

    format: str
    width: int
    height: int
    frames: int
    bit_depth: int
    has_alpha: bool
    media_type: str
    extension: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A picture whose header has been read.

    Attributes:
        width, height: as stored, before `orientation` is applied.
        orientation: EXIF orientation that decoding still has to apply, 1–8.
        load: decodes the pixels; only called once the limits have been checked.
        dpi: as the file has it, which may be any number.
        others: as in `Picture` and `Header`.
    """

    format: str
    width: int
    height: int
    load: Callable[[], Planes]
    frames: int = 1
    bit_depth: int = 8
    has_alpha: bool = False
    orientation: int = 1
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    jpeg: JpegCoding | None = None
    lossless: bool = False
    extras: tuple[tuple[bytes, bytes], ...] = ()

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height as seen."""
        turned = self.orientation >= 5
        return (self.height, self.width) if turned else (self.width, self.height)


def inspect(data: bytes, limits: Limits = GENEROUS) -> Header:
    """Read a picture's header and check it against limits; no pixels are allocated.

    Args:
        data: the encoded picture.
        limits: what is accepted.

    Raises:
        PictureFormatUnsupported, PictureUnreadable, PictureTooLarge, PictureTooSmall, PictureTooManyFrames.
    """
    with reading():
        opened = open_picture(data, limits)
    width, height = opened.upright_size
    return Header(
        format=opened.format,
        width=width,
        height=height,
        frames=opened.frames,
        bit_depth=opened.bit_depth,
        has_alpha=opened.has_alpha,
        media_type=media_type(opened.format),
        extension=extension(opened.format),
    )


def open_picture(data: bytes, limits: Limits) -> Opened:
    """Read the header with the format's own reader and check every limit."""
    from cleanplate.picture.readers import READERS

    limits.check_bytes(len(data))
    found = sniff(data)
    if found is None:
        if not data:
            raise PictureUnreadable("The picture is empty: send a file with something in it.")
        raise PictureFormatUnsupported
    opened = READERS[found](data, limits)
    limits.check_size(*opened.upright_size)
    limits.check_frames(opened.frames)
    return opened


@contextmanager
def reading() -> Generator[None]:
    """Turn whatever a decoder raises on hostile input into one of this room's errors."""
    from PIL import Image

    try:
        yield
    except CleanplateError:
        raise
    except (MemoryError, Image.DecompressionBombError) as error:
        raise PictureTooLarge(detail=repr(error)) from error
    except Exception as error:  # decoders raise anything at all on damaged files
        raise PictureUnreadable(detail=repr(error)) from error
