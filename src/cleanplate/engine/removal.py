"""The library's front door."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from cleanplate.engine.errors import RegionNotUnderstood, SensitivityInvalid
from cleanplate.engine.fill import TILE
from cleanplate.engine.pipeline import Filled, Mode, clean
from cleanplate.models import asked_for, painter
from cleanplate.picture import Limits, Picture, decode, encode, from_array
from cleanplate.region import Mask, Rectangles, Region, Smear, rasterize

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from numpy.typing import NDArray

    from cleanplate.engine.mark import Mark
    from cleanplate.models import Painter

HISTORY = f"cleanplate {metadata.version('cleanplate')}"
_HALF_CHROMA = frozenset({"WEBP", "AVIF", "HEIF"})  # 4:2:0 unless someone took the trouble to ask for more

_LOSSY = _HALF_CHROMA | {"JPEG", "JPEG2000"}


@dataclass(frozen=True, slots=True)
class Removal:
    """A cleaned picture, with what was done to it.

    Attributes:
        picture: the answer; the very picture that was given where nothing was removed.
        area: (H, W) boolean, the pixels that were removed. All others are those of the input, bit for bit.
        found: the marks that were found by the engine itself, as they are known after they were fitted.
        fills: what was painted, with which method.
        timings: seconds by step: decode (the picture and the region), find, undo, fill, compose.
    """

    picture: Picture
    area: NDArray[np.bool_] = field(repr=False)
    found: tuple[Mark, ...]
    fills: tuple[Filled, ...]
    timings: Mapping[str, float]

    @property
    def changed(self) -> bool:
        """Whether anything was removed."""
        return bool(self.area.any())

    @property
    def box(self) -> tuple[int, int, int, int] | None:
        """(x, y, width, height) round everything that was removed; None if nothing was."""
        x, y, width, height = cv2.boundingRect(self.area.view(np.uint8))
        return (x, y, width, height) if width else None

    def encode(
        self,
        format: str | None = None,  # noqa: A002  # the word users expect
        quality: int | None = None,
        history: str | None = HISTORY,
    ) -> bytes:
        """The answer as a file's bytes.

        Args:
            format: such as "PNG" or "JPEG"; None keeps the input's. A picture from which nothing was removed
                comes back as its own bytes unless another format is asked for.
            quality: 95..100 for lossy formats; None chooses.
            history: the software that the XMP history of a changed picture names; None adds no entry.
        """
        return encode(self.picture, format, quality, history if self.changed else None)

    def save(
        self,
        path: str | PathLike[str],
        format: str | None = None,  # noqa: A002  # the word users expect
        quality: int | None = None,
        history: str | None = HISTORY,
    ) -> None:
        """Write `encode`'s bytes to `path`; the format follows from `format`, not from the path's ending."""
        Path(path).write_bytes(self.encode(format, quality, history))

    def mask(self) -> Picture:
        """What was removed as a grey picture: white where something was, black elsewhere."""
        return from_array(self.area.astype(np.uint8)[..., None] * np.uint8(255))


def remove(
    source: Picture | str | PathLike[str] | bytes | NDArray[Any],
    region: Region | NDArray[Any] | None = None,
    mode: Mode = "auto",
    *,
    sensitivity: float = 0.5,
    model: str | PathLike[str] | None = None,
    limits: Limits | None = None,
    tile: int = TILE,
) -> Removal:
    """Take a watermark off a picture.

    Safe to call from many threads at once; nothing is shared between calls.

    Args:
        source: a picture, the path of one, a file's bytes, or an array of (H, W) or (H, W, 1) grey, (H, W, 2)
            grey and alpha, (H, W, 3) RGB or (H, W, 4) RGB and alpha, uint8 or uint16.
        region: where the mark is: `Rectangles`, a `Mask`, a `Smear`, or an array of (H, W), boolean or uint8
            with 128 and over meaning "remove". None lets the engine look everywhere by itself.
        mode: "auto" finds the marks (inside the region, if there is one), undoes what is see-through, fills
            what is hidden, and fills those parts of a region in which it finds nothing; "undo" never invents
            pixels; "fill" paints the whole region, or without one all that was found.
        sensitivity: in 0..1, how readily something is taken for a mark: 0 only what is certain, 0.5 leaves
            photos without a mark alone, 1 also what is faint.
        model: the network that paints what is hidden: a name from `cleanplate models list`, or the path of an
            ONNX file. None is what `cleanplate.models.configure` was told, or what comes with the package.
        limits: what a file may be; None is `Limits()`.
        tile: longest side of a piece that is painted at once, in pixels; bounds the memory.

    Returns:
        The removal. Outside its `area` every pixel, and all of the alpha channel, is that of the input.

    Raises:
        CleanplateError: a named subclass: the picture's and the region's own errors, `ModeUnknown`,
            `SensitivityInvalid`, `NothingToPaintFrom` when the region is the whole picture,
            `RegionNotUnderstood`; of a model `ModelUnknown`, `ModelNotFetched`, `ModelUnreadable`,
            `ModelNotUnderstood` and `ModelFailed`.
        OSError: when a path cannot be read; `FileNotFoundError` when nothing is there.
        TypeError, ValueError: for an array of another dtype, or of another shape.
    """
    if not 0.0 <= sensitivity <= 1.0:  # nor is it, when it is not a number
        raise SensitivityInvalid(detail=f"sensitivity {sensitivity!r}")
    chosen = _painter(model)
    started = perf_counter()
    picture = _picture(source, limits or Limits())
    where = None if region is None else rasterize(_region(region), picture.width, picture.height)
    decoded = perf_counter() - started
    cleaned = clean(
        picture.pixels,
        picture.alpha,
        where,
        mode,
        sensitivity=sensitivity,
        lossy=_lossy(picture),
        tile=tile,
        bleed=_bleed(picture),
        painter=chosen,
    )
    answer = picture if cleaned.pixels is picture.pixels else picture.with_pixels(cleaned.pixels)
    timings = {"decode": decoded, **cleaned.timings}
    return Removal(answer, cleaned.area, cleaned.found, cleaned.fills, timings)


def _picture(source: Picture | str | PathLike[str] | bytes | NDArray[Any], limits: Limits) -> Picture:
    if isinstance(source, Picture):
        return source
    if isinstance(source, np.ndarray):
        return from_array(source)
    if isinstance(source, bytes):
        return decode(source, limits)
    return decode(Path(source).read_bytes(), limits)


def _painter(model: str | PathLike[str] | None) -> Painter | None:
    """The network that someone chose for this call or for this process; None where nobody did."""
    chosen = asked_for(model if model is None or isinstance(model, str) else Path(model))
    return None if chosen is None else painter(chosen)


def _region(region: Region | NDArray[Any]) -> Region:
    if isinstance(region, np.ndarray):
        return Mask(region)
    if isinstance(region, (Rectangles, Mask, Smear)):  # pyright: ignore[reportUnnecessaryIsInstance]  # not every caller has a type checker
        return region
    raise RegionNotUnderstood(detail=f"a {type(region).__name__}")


def _lossy(picture: Picture) -> bool:
    """Whether the picture has been through a lossy encoder, as far as its file tells."""
    return picture.jpeg is not None or (picture.format in _LOSSY and not picture.lossless)


def _bleed(picture: Picture) -> int:
    """Pixels that a mark's colour has run past its edge: one with chroma at half resolution, two at less."""
    if picture.grey:
        return 0
    if picture.jpeg is not None:
        return min(2, picture.jpeg.chroma_step - 1)
    return int(picture.format in _HALF_CHROMA and not picture.lossless)
