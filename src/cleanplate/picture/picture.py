"""A picture in memory: its pixels, and all that must survive beside them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.unsignedinteger[Any]]
Subsampling = Literal["4:4:4", "4:2:2", "4:2:0"]


@dataclass(frozen=True, slots=True)
class JpegCoding:
    """How a JPEG was coded, so that it can be coded again no worse.

    Attributes:
        subsampling: of the chroma; an unusual one is recorded as the next finer one that can be written.
        progressive: whether it was progressive.
        tables: quantisation tables of luma and chroma in natural order, 64 values each; one for grey.
        chroma_step: pixels from one sample of chroma to the next, across or down, whichever are more: 1 where
            chroma is as fine as luma, 2 in 4:2:0 and also in 4:4:0, 4 in 4:1:1.
    """

    subsampling: Subsampling = "4:4:4"
    progressive: bool = False
    tables: tuple[tuple[int, ...], ...] = ()
    chroma_step: int = 1


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Picture:
    """Decoded pixels with what must survive beside them. Immutable; safe to share between threads.

    Attributes:
        pixels: (height, width, 3) RGB or (height, width, 1) grey; uint8 0–255 or uint16 0–65535; upright,
            C-contiguous, read-only. Values are in the space of `icc`, or sRGB without one.
        alpha: (height, width) of the same dtype, 0 = transparent, not premultiplied; None when opaque.
        format: the format it was decoded from, such as `"JPEG"`, or `"ARRAY"`.
        icc: the ICC profile.
        exif: a TIFF-structured EXIF block without any prefix, its orientation already reset to upright.
        xmp: the XMP packet, as UTF-8 or whatever encoding it came in.
        dpi: horizontal and vertical resolution in pixels an inch.
        jpeg: how a JPEG was coded.
        lossless: whether a WebP was coded without loss.
        extras: further metadata as raw pieces of its own format (`kind`, `payload`), written back verbatim
            when the format stays.
        source: the encoded bytes this was decoded from, as long as its pixels are unchanged.
        before: the unchanged picture that this one was made of, so that a file can be edited in place.
    """

    pixels: Pixels
    alpha: Pixels | None = None
    format: str = "ARRAY"
    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    jpeg: JpegCoding | None = None
    lossless: bool = False
    extras: tuple[tuple[bytes, bytes], ...] = ()
    source: bytes | None = None
    before: Picture | None = None

    @property
    def width(self) -> int:
        """Width in pixels, as seen."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels, as seen."""
        return int(self.pixels.shape[0])

    @property
    def grey(self) -> bool:
        """Whether there is one channel rather than three."""
        return self.pixels.shape[2] == 1

    @property
    def depth(self) -> int:
        """Bits a channel: 8 or 16."""
        return self.pixels.dtype.itemsize * 8

    def with_pixels(self, pixels: Pixels) -> Picture:
        """The same picture with other pixels, and so without the bytes it came from.

        Args:
            pixels: as `Picture.pixels`, of the same shape and dtype; frozen in place where contiguous.

        Raises:
            ValueError: when shape or dtype differ.
        """
        if pixels.shape != self.pixels.shape or pixels.dtype != self.pixels.dtype:
            raise ValueError(
                f"pixels must stay {self.pixels.shape} {self.pixels.dtype}, not {pixels.shape} {pixels.dtype}"
            )
        return replace(self, pixels=frozen(pixels), source=None, before=self.before or self)

    def __repr__(self) -> str:
        channels = ("grey" if self.grey else "RGB") + ("" if self.alpha is None else " with alpha")
        return f"<Picture {self.format} {self.width} × {self.height} {channels} {self.depth} bit>"


def frozen(values: Pixels) -> Pixels:
    """The same values, contiguous and read-only."""
    contiguous = np.ascontiguousarray(values)
    contiguous.flags.writeable = False
    return contiguous


def from_array(array: NDArray[Any]) -> Picture:
    """Make a picture of an array; its values are copied.

    Args:
        array: (H, W) or (H, W, 1) grey, (H, W, 2) grey and alpha, (H, W, 3) RGB or (H, W, 4) RGB and alpha;
            uint8 or uint16, in any byte order.

    Raises:
        TypeError: for another dtype; floats are never guessed at, because 0–1 and 0–255 look alike.
        ValueError: for another shape, or without any pixel.
    """
    if array.dtype.name not in ("uint8", "uint16"):
        raise TypeError(
            f"a picture's array must be uint8 or uint16, not {array.dtype}: scale it first, "
            "floats from 0 to 1 with (array * 255).round().astype('uint8')"
        )
    values = array[..., np.newaxis] if array.ndim == 2 else array
    if values.ndim != 3 or values.shape[2] not in (1, 2, 3, 4) or 0 in values.shape:
        raise ValueError(f"a picture's array must be (H, W), or (H, W, 1 to 4), not {array.shape}")
    colours = 3 if values.shape[2] > 2 else 1
    native = values.dtype.newbyteorder("=")  # what OpenCV and the encoders take every array for
    alpha = frozen(values[..., colours].astype(native, "C")) if values.shape[2] > colours else None
    return Picture(pixels=frozen(values[..., :colours].astype(native, "C")), alpha=alpha)
