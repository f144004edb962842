"""TIFF pages without pixels: sample layout, metadata, whether the file is whole; and writing one page."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from cleanplate.picture import directories
from cleanplate.picture.directories import LONG, RATIONAL, SHORT, UNDEFINED, Directory, Entry, integers
from cleanplate.picture.errors import PictureCannotBeWritten, PictureFormatUnsupported, PictureUnreadable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cleanplate.picture.picture import Pixels

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
STRIP_OFFSETS, ORIENTATION, SAMPLES, ROWS, STRIP_BYTES = 273, 274, 277, 278, 279
X_RESOLUTION, Y_RESOLUTION, PLANAR, UNIT, PREDICTOR = 282, 283, 284, 296, 317
TILE_OFFSETS, TILE_BYTES, EXTRA_SAMPLES, SAMPLE_FORMAT, XMP, ICC = 324, 325, 338, 339, 700, 34675
DNG_VERSION = 50706

_LAYOUT = frozenset(
    {
        254,
        255,
        WIDTH,
        HEIGHT,
        BITS,
        COMPRESSION,
        PHOTOMETRIC,
        263,
        264,
        265,
        266,
        STRIP_OFFSETS,
        SAMPLES,
        ROWS,
    }
    | {STRIP_BYTES, 280, 281, PLANAR, 288, 289, 290, 291, 292, 293, 301, PREDICTOR, 320, 321, 322, 323}
    | {TILE_OFFSETS, TILE_BYTES, 330, 332, 333, 334, 336, 337, EXTRA_SAMPLES, SAMPLE_FORMAT, 340, 341, 342}
    | {347, *range(512, 522), 529, 530, 531, 532, XMP, ICC, 50838, 50839}
)
"""Tags that say how the samples are stored, or that are kept in their own field."""

_MOST_STRIPS = 1_000_000
_STRIP_TARGET = 1 << 20
_LARGEST_LONG = 2**32 - 1
_LARGEST_FILE = 4_000_000_000
_EFFORT = 4  # of 9: the smallest file is a tenth smaller and takes four times as long
_ADOBE_DEFLATE, _HORIZONTAL = 8, 2
_DEEP_COMPRESSIONS = frozenset({1, 5, _ADOBE_DEFLATE, 32773, 32946})


@dataclass(frozen=True, slots=True)
class Page:
    """The first page's short integer tags, and the number of pages (counted up to a bound)."""

    tags: dict[int, tuple[int, ...]]
    orientation_at: int | None
    order: directories.ByteOrder
    pages: int

    def first(self, tag: int, default: int) -> int:
        """The first value of a tag."""
        return self.tags.get(tag, (default,))[0]

    @property
    def depth(self) -> int:
        """Bits a sample."""
        return max(self.tags.get(BITS, (1,)))

    @property
    def deep(self) -> bool:
        """Whether it is grey or RGB of 16-bit unsigned samples."""
        whole = set(self.tags.get(SAMPLE_FORMAT, (1,))) == {1}
        return self.depth == 16 and self.first(PHOTOMETRIC, 1) in (0, 1, 2) and whole

    def check_deep(self) -> None:
        """Raise `PictureFormatUnsupported` for layouts of deep samples that the decoder would get wrong."""
        interleaved = self.first(PLANAR, 1) == 1 or self.first(SAMPLES, 1) == 1
        known = self.first(COMPRESSION, 1) in _DEEP_COMPRESSIONS
        if not interleaved or not known or self.first(SAMPLES, 1) == 2:
            raise PictureFormatUnsupported(
                "This kind of 16-bit TIFF is not supported: save it interleaved and with LZW compression.",
                detail=f"{self.tags}",
            )


def read_page(data: bytes, max_pages: int) -> Page:
    """Read the first page's layout and count the pages, up to `max_pages + 1`.

    Raises:
        PictureUnreadable: when a directory, or the first page's picture data, is cut off.
    """
    reader = directories.Reader(data)
    tags: dict[int, tuple[int, ...]] = {}
    places: dict[int, NDArray[np.uint64]] = {}
    orientation_at: int | None = None
    for tag, kind, count, at in reader.spans(reader.first):
        width = {1: 1, 3: 2, 4: 4, 13: 4, 16: 8}.get(kind)
        if width is None:
            continue
        if tag in tags or tag in places:
            # decoders differ on which one counts, and so on what would be allocated
            raise PictureUnreadable(detail=f"tag {tag} twice")
        if tag in (STRIP_OFFSETS, STRIP_BYTES, TILE_OFFSETS, TILE_BYTES):
            if count > _MOST_STRIPS or at + width * count > len(data):
                raise PictureUnreadable(detail="TIFF strip table is cut off")
            sign = "<" if reader.order == "little" else ">"
            places[tag] = np.frombuffer(data, f"{sign}u{width}", count, at).astype(np.uint64)
        elif 0 < count <= 64:
            tags[tag] = tuple(reader.number(at + index * width, width) for index in range(count))
            if tag == ORIENTATION and kind == SHORT:
                orientation_at = at
    _check_whole(places, len(data))
    return Page(tags, orientation_at, reader.order, _count_pages(reader, max_pages))


def _check_whole(places: dict[int, NDArray[np.uint64]], size: int) -> None:
    """Every strip or tile must lie inside the file: decoders fill what is missing with grey, silently."""
    for offsets, counts in ((STRIP_OFFSETS, STRIP_BYTES), (TILE_OFFSETS, TILE_BYTES)):
        at, length = places.get(offsets), places.get(counts)
        if at is None or length is None:
            continue
        number = min(len(at), len(length))
        if np.any(at[:number] > size) or np.any(length[:number] > size - at[:number]):
            raise PictureUnreadable(detail="TIFF picture data is cut off")


def _count_pages(reader: directories.Reader, max_pages: int) -> int:
    at, seen = reader.first, set[int]()
    while at and at not in seen and len(seen) <= max_pages:
        seen.add(at)
        try:
            at = reader.after(at)
        except PictureUnreadable:
            break
    return len(seen)


def without_orientation(data: bytes, page: Page) -> bytes:
    """The same file with the first page's orientation tag set to upright."""
    at = page.orientation_at
    if at is None:
        return data
    return data[:at] + (1).to_bytes(2, page.order) + data[at + 2 :]


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a page carries beside its samples, as in `Picture`."""

    icc: bytes | None
    exif: bytes | None
    xmp: bytes | None
    dpi: tuple[float, float] | None


def read_metadata(data: bytes) -> Metadata:
    """The first page's profile, XMP and resolution, and its descriptive tags as an EXIF block."""
    reader = directories.Reader(data)
    tags = reader.read(reader.first, without=_LAYOUT - {ICC, XMP})
    icc, xmp = tags.pop(ICC, None), tags.pop(XMP, None)
    block = None
    if tags:
        block = directories.head(reader.order, 8) + directories.write(tags, reader.order, 8)
    return Metadata(icc.raw if icc else None, block, xmp.raw if xmp else None, _dpi(tags, reader.order))


def _dpi(tags: Directory, order: directories.ByteOrder) -> tuple[float, float] | None:
    """The resolution tags in pixels an inch; None when they are absent, or without a unit."""
    unit = tags.get(UNIT)
    number = int.from_bytes(unit.raw[:2], order) if unit else 2
    values: list[float] = []
    for tag in (X_RESOLUTION, Y_RESOLUTION):
        entry = tags.get(tag)
        if entry is None or entry.kind != RATIONAL or number not in (2, 3):
            return None
        below = int.from_bytes(entry.raw[4:8], order)
        values.append(int.from_bytes(entry.raw[:4], order) / below if below else 0)
    scale = 2.54 if number == 3 else 1.0
    return (values[0] * scale, values[1] * scale) if min(values) > 0 else None


def encode(
    pixels: Pixels,
    alpha: Pixels | None,
    *,
    icc: bytes | None,
    exif: bytes | None,
    xmp: bytes | None,
    dpi: tuple[float, float] | None,
) -> bytes:
    """Write one page without loss: strips of horizontally predicted samples, deflated.

    Args:
        pixels: (H, W, 1 or 3) uint8 or uint16.
        alpha: (H, W) of the same dtype, stored as an unassociated extra sample.
        icc: the profile.
        exif: an EXIF block, whose tags become the page's own.
        xmp: the packet.
        dpi: the resolution, unless `exif` has one.

    Raises:
        PictureCannotBeWritten: when it would not fit into the 4 GB of a classic TIFF.
    """
    height, width, colours = pixels.shape
    samples = colours + (alpha is not None)
    if height * width * samples * pixels.dtype.itemsize > _LARGEST_FILE:
        raise PictureCannotBeWritten("The picture is too large for TIFF, which ends at 4 GB: choose PNG.")
    reader = directories.Reader(exif) if exif else None
    order = reader.order if reader else "little"
    tags: Directory = reader.read(reader.first, without=_LAYOUT) if reader else {}
    rows = max(1, _STRIP_TARGET // (width * samples * pixels.dtype.itemsize))
    strips = [
        _strip(pixels[top : top + rows], None if alpha is None else alpha[top : top + rows], order)
        for top in range(0, height, rows)
    ]
    tags |= _layout(pixels, samples, rows, strips, order)
    tags |= _resolution(tags, dpi, order)
    if alpha is not None:
        tags[EXTRA_SAMPLES] = integers(SHORT, order, 2)
    if icc:
        tags[ICC] = Entry(UNDEFINED, len(icc), icc)
    if xmp:
        tags[XMP] = Entry(directories.BYTE, len(xmp), xmp)
    at = 8 + sum(len(strip) for strip in strips)
    return b"".join((directories.head(order, at), *strips, directories.write(tags, order, at)))


def _strip(pixels: Pixels, alpha: Pixels | None, order: directories.ByteOrder) -> bytes:
    """One compressed strip, predicted as in TIFF 6.0 section 14; of even length, so all offsets stay even."""
    samples = pixels if alpha is None else np.dstack((pixels, alpha))
    differences = samples.copy()
    differences[:, 1:] -= samples[:, :-1]
    if samples.dtype == np.uint16:
        differences = differences.astype("<u2" if order == "little" else ">u2")
    packed = zlib.compress(differences.tobytes(), _EFFORT)
    return packed + bytes(len(packed) & 1)


def _layout(
    pixels: Pixels, samples: int, rows: int, strips: list[bytes], order: directories.ByteOrder
) -> Directory:
    height, width, colours = pixels.shape
    ends = np.cumsum([8, *(len(strip) for strip in strips)]).tolist()
    return {
        WIDTH: integers(LONG, order, width),
        HEIGHT: integers(LONG, order, height),
        BITS: integers(SHORT, order, *[8 * pixels.dtype.itemsize] * samples),
        COMPRESSION: integers(SHORT, order, _ADOBE_DEFLATE),
        PHOTOMETRIC: integers(SHORT, order, 2 if colours == 3 else 1),
        STRIP_OFFSETS: integers(LONG, order, *ends[:-1]),
        ORIENTATION: integers(SHORT, order, 1),
        SAMPLES: integers(SHORT, order, samples),
        ROWS: integers(LONG, order, rows),
        STRIP_BYTES: integers(LONG, order, *(len(strip) for strip in strips)),
        PLANAR: integers(SHORT, order, 1),
        PREDICTOR: integers(SHORT, order, _HORIZONTAL),
    }


def _resolution(tags: Directory, dpi: tuple[float, float] | None, order: directories.ByteOrder) -> Directory:
    """The resolution tags, unless the page already has its own."""
    if dpi is None or X_RESOLUTION in tags:
        return {}
    # the numerator has to fit, too
    finest = [min(10_000, _LARGEST_LONG // max(1, ceil(value))) for value in dpi]
    exact = [Fraction(value).limit_denominator(most) for value, most in zip(dpi, finest, strict=True)]
    raw = [value.numerator.to_bytes(4, order) + value.denominator.to_bytes(4, order) for value in exact]
    return {
        X_RESOLUTION: Entry(RATIONAL, 1, raw[0]),
        Y_RESOLUTION: Entry(RATIONAL, 1, raw[1]),
        UNIT: integers(SHORT, order, 2),
    }
