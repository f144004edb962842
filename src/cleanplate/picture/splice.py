"""A JPEG edited in place: blocks that were not touched keep the very values they had.

Decoding a JPEG and encoding it again changes every block a little, also where nobody wanted anything
changed. Here only the blocks under the edited area are encoded anew; all others keep their quantised DCT
coefficients, so they decode to bit-identical pixels.

The file may still have finer quantisation than its source, for the sake of the edited blocks: each step of
its tables is a divisor of the source's step, so an old coefficient `c·q` is written as `(c·k)·(q/k)`, which
is the same number. Metadata segments are copied byte for byte, and the picture stays in the frame in which
it was stored (an EXIF orientation keeps its meaning).

The transform is that of ITU-T T.81 A.3.3, the colour conversion that of JFIF (ITU-T T.871).
"""

from __future__ import annotations

import tempfile
import threading
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL.JpegImagePlugin import JpegImageFile

from cleanplate.picture import exif
from cleanplate.picture.colour import as_stored
from cleanplate.picture.jpeg import fits_xmp, read_metadata, standard_tables
from cleanplate.picture.segments import APP0, APP1, EXIF, FRAMES, SOS, XMP, Segment, segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 8
MOST_SAMPLES = 100_000_000  # all components; each takes about 8 bytes while it is edited
UNITS_IN_A_STRIP = 16  # rows of coding units handled at once: bounds the memory of the transform
LARGEST_COEFFICIENT = 1023  # more bits than that have no Huffman code in an 8-bit JPEG
_LIBRARY = threading.Lock()  # jpeglib keeps the chosen libjpeg and its error state in module globals


class CannotSplice(Exception):  # not an error of the user's: the caller encodes anew instead
    """This JPEG cannot be edited block by block."""


@dataclass(frozen=True)
class Component:
    """One colour component: (rows, columns, 8, 8) quantised coefficients, sampling, number of its table."""

    coefficients: NDArray[np.int16]
    vertical: int
    horizontal: int
    table: int


def splice(
    source: bytes, pixels: NDArray[np.uint8], area: NDArray[np.bool_], *, xmp: bytes | None = None
) -> bytes:
    """Write `pixels` over the blocks of `source` that `area` touches.

    Args:
        source: a JPEG that has been decoded without error before.
        pixels: (H, W, 3) RGB or (H, W, 1) grey, the edited picture, upright, in the source's own profile.
        area: (H, W), true where `pixels` differs from what `source` decodes to.
        xmp: XMP packet to store instead of the source's, if given.

    Returns:
        A JPEG of the same size, sampling and orientation. A pixel whose 8x8 block (16x16 with subsampled
        chroma), and the row or column of chroma next to it, holds nothing of `area` decodes to the very
        same value as before. Edited blocks are quantised at quality 95 or better.

    Raises:
        CannotSplice: for CMYK, RGB-coded, 12-bit, lossless or arithmetic JPEGs, and unusual sampling,
            and for pictures that would take too much memory.
    """
    original, frame = _read_segments(source)
    if frame not in (0xC0, 0xC1, 0xC2):
        raise CannotSplice(f"frame type {frame:#x}")
    opened = JpegImageFile(BytesIO(source))
    if opened.mode not in ("RGB", "L") or _coded_as_rgb(opened):
        raise CannotSplice(f"colours {opened.mode}")
    orientation = exif.orientation(read_metadata(source).exif)
    shares = [across * down for _, across, down, _ in opened.layer]
    if sum(shares) * area.size > MOST_SAMPLES * max(shares):
        raise CannotSplice("too large")
    stored, touched = (np.ascontiguousarray(as_stored(values, orientation)) for values in (pixels, area))
    with _LIBRARY, tempfile.TemporaryDirectory(prefix="cleanplate-") as folder:
        coded = _recode(source, stored, touched, Path(folder))
    return _join(original, coded, xmp)


def _coded_as_rgb(opened: JpegImageFile) -> bool:
    """Whether the components are red, green and blue: Adobe's marker says so, or without one their names do.

    The latter is libjpeg's rule (`default_decompress_parms`), which every decoder that matters follows.
    """
    named = [layer[0] for layer in opened.layer] == list(b"RGB")
    return opened.mode == "RGB" and (named or opened.info.get("adobe_transform", 1) == 0)


def _recode(source: bytes, stored: NDArray[np.uint8], touched: NDArray[np.bool_], folder: Path) -> bytes:
    import jpeglib  # pyright: ignore[reportMissingTypeStubs]  # has no types

    jpeglib.version.set("turbo210")
    old, new = folder / "old.jpg", folder / "new.jpg"
    old.write_bytes(source)
    try:
        jpeg: Any = jpeglib.read_dct(str(old))
        if (jpeg.height, jpeg.width) != touched.shape:
            raise CannotSplice("another size")
        names = ["Y"] if stored.shape[2] == 1 else ["Y", "Cb", "Cr"]
        components = [
            Component(getattr(jpeg, name), int(factors[0]), int(factors[1]), int(table))
            for name, factors, table in zip(names, jpeg.samp_factor, jpeg.quant_tbl_no, strict=False)
        ]
        tables = np.asarray(jpeg.qt, np.int32)
        finer = _finer_tables(tables, components)
        for component in components:
            factor = (tables[component.table] // finer[component.table]).astype(np.int16)
            np.multiply(component.coefficients, factor, out=component.coefficients)
        _replace_blocks(components, stored, touched, finer)
        for name, component in zip(names, components, strict=True):
            setattr(jpeg, name, component.coefficients)
        jpeg.qt = finer.astype(np.uint16)
        jpeg.write_dct(str(new), flags=["+OPTIMIZE_CODING"])
    except (OSError, ValueError, IndexError) as error:
        raise CannotSplice(str(error)) from error
    return new.read_bytes()


def _finer_tables(tables: NDArray[np.int32], components: list[Component]) -> NDArray[np.int32]:
    """For each step the largest divisor that quality 95 allows and that every coefficient can bear."""
    finer = tables.copy()
    goals = [np.array(table, np.int32).reshape(BLOCK, BLOCK) for table in standard_tables(95)]
    for number in {component.table for component in components}:
        goal = goals[0] if number == components[0].table else goals[1]
        users = [component.coefficients for component in components if component.table == number]
        largest = np.max([np.maximum(c.max((0, 1)), -c.min((0, 1)).astype(np.int32)) for c in users], axis=0)
        for where, step in np.ndenumerate(tables[number]):
            bearable = max(1, LARGEST_COEFFICIENT // max(1, int(largest[where])))
            factors = [k for k in range(1, int(step) + 1) if step % k == 0 and k <= bearable]
            fine_enough = [k for k in factors if step // k <= goal[where]]
            finer[number][where] = step // (min(fine_enough) if fine_enough else max(factors))
    return finer


def _ycbcr(rgb: NDArray[np.uint8]) -> list[NDArray[Any]]:
    """Level-shifted component planes, (H, W) each, as in T.871 section 7."""
    if rgb.shape[2] == 1:
        return [rgb[..., 0].astype(np.float32) - 128]
    r, g, b = (rgb[..., i].astype(np.float32) for i in range(3))
    y = 0.299 * r + 0.587 * g + 0.114 * b
    return [y - 128, (b - y) / np.float32(1.772), (r - y) / np.float32(1.402)]


def _replace_blocks(
    components: list[Component],
    stored: NDArray[np.uint8],
    touched: NDArray[np.bool_],
    finer: NDArray[np.int32],
) -> None:
    """Overwrite, in place, the blocks of every component that `touched` reaches, strip by strip."""
    tallest, widest = max(c.vertical for c in components), max(c.horizontal for c in components)
    if any(tallest % c.vertical or widest % c.horizontal for c in components):
        raise CannotSplice("sampling factors that do not divide each other")
    unit_height, unit_width = BLOCK * tallest, BLOCK * widest
    height, width = touched.shape
    across = -(-width // unit_width) * unit_width
    step = unit_height * UNITS_IN_A_STRIP
    for top in range(0, height, step):
        strip = touched[top : top + step]
        if not strip.any():
            continue
        down = -(-len(strip) // unit_height) * unit_height
        marked = _pad(strip, down, across)
        samples = _ycbcr(_pad(stored[top : top + step], down, across))
        for component, plane in zip(components, samples, strict=False):
            shrink = (tallest // component.vertical, widest // component.horizontal)
            first = top // (BLOCK * shrink[0])
            rows = component.coefficients[first : first + down // (BLOCK * shrink[0])]
            _encode_blocks(rows, plane, marked, shrink, finer[component.table])


def _encode_blocks(
    coefficients: NDArray[np.int16],
    plane: NDArray[np.float32],
    marked: NDArray[np.bool_],
    shrink: tuple[int, int],
    table: NDArray[np.int32],
) -> None:
    tall, wide = BLOCK * shrink[0], BLOCK * shrink[1]
    shape = (plane.shape[0] // tall, tall, plane.shape[1] // wide, wide)
    chosen: NDArray[np.bool_] = np.any(marked.reshape(shape), axis=(1, 3))
    chosen = chosen[: coefficients.shape[0], : coefficients.shape[1]]
    at_rows, at_columns = np.nonzero(chosen)
    blocks = plane.reshape(shape).transpose(0, 2, 1, 3)[at_rows, at_columns]
    blocks = blocks.reshape(-1, BLOCK, shrink[0], BLOCK, shrink[1]).mean((2, 4))
    cosines = _cosines()
    levels = np.rint(cosines @ blocks @ cosines.T / table)
    coefficients[at_rows, at_columns] = np.clip(levels, -LARGEST_COEFFICIENT, LARGEST_COEFFICIENT)


def _cosines() -> NDArray[np.float32]:
    """The orthonormal DCT-II of 8 samples as a matrix (T.81 A.3.3)."""
    k, x = np.mgrid[:BLOCK, :BLOCK]
    matrix = np.cos((2 * x + 1) * k * np.pi / (2 * BLOCK)) / 2
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


def _pad(plane: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    """Repeat the last row and column up to the given size, as encoders do."""
    if plane.shape[:2] == (height, width):
        return plane
    beyond = ((0, height - plane.shape[0]), (0, width - plane.shape[1]))
    return np.pad(plane, beyond + ((0, 0),) * (plane.ndim - 2), mode="edge")


def _read_segments(data: bytes) -> tuple[list[Segment], int]:
    """The marker segments in front of the first scan, and the frame's marker (T.81 B.1.1)."""
    found: list[Segment] = []
    frame = 0
    for segment in segments(data):
        between = data[found[-1].end if found else 2 : segment.at]
        if between.strip(b"\xff"):
            raise CannotSplice("no marker where one should be")
        if segment.marker == SOS:
            return found, frame
        if segment.marker in FRAMES:
            frame = segment.marker
            if segment.payload[:1] != b"\x08":
                raise CannotSplice("not 8 bits a sample")
        found.append(segment)
    raise CannotSplice("no scan")


def _join(original: list[Segment], coded: bytes, xmp: bytes | None) -> bytes:
    """The source's metadata segments in front of the picture data of `coded`."""
    kept = [
        _without_thumbnail(segment)
        for segment in original
        if segment.is_metadata and not segment.is_stale and not (xmp and segment.is_xmp)
    ]
    if xmp:
        if not fits_xmp(xmp):
            raise CannotSplice("the XMP packet needs more than one segment")
        # JFIF wants to be first and Exif next, so the packet follows them
        ahead = sum(1 for segment in kept if segment.marker == APP0 or segment.is_exif)
        kept.insert(ahead, Segment(APP1, XMP + xmp))
    written, _ = _read_segments(coded)
    tables = [segment for segment in written if not segment.is_metadata]
    return b"".join([coded[:2], *(segment.written for segment in kept + tables), coded[written[-1].end :]])


def _without_thumbnail(segment: Segment) -> Segment:
    """The same segment; an EXIF one without its thumbnail, which shows the picture before the edit."""
    if not segment.is_exif:
        return segment
    return replace(segment, payload=EXIF + exif.without_thumbnail(segment.payload[len(EXIF) :]))
