"""One reader a format: header and metadata now, pixels when asked.

Pillow's classes are opened directly rather than through `Image.open`, because that applies Pillow's own
process-wide size limit, which is lower than ours may be; every size has been checked against ours before
`load` is called. Only the reader of the format that the first bytes name ever sees the data.
"""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, TiffImagePlugin
from PIL.AvifImagePlugin import AvifImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.Jpeg2KImagePlugin import Jpeg2KImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from cleanplate.picture import deep, exif, gif, jp2, jpeg, png, tiff, webp
from cleanplate.picture.colour import Planes, inverted_cmyk, planes, upright
from cleanplate.picture.errors import PictureFormatUnsupported, PictureUnreadable
from cleanplate.picture.header import Opened
from cleanplate.picture.limits import Limits, check_metadata
from cleanplate.picture.picture import JpegCoding, Subsampling

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEIC_INSTALL_LINE = "pip install 'cleanplate[heic]'"

_SUBSAMPLING: dict[tuple[int, int], Subsampling] = {(1, 1): "4:4:4", (1, 2): "4:2:2", (2, 2): "4:2:0"}


def _read_jpeg(data: bytes, limits: Limits) -> Opened:
    del limits
    metadata = jpeg.read_metadata(data)
    image = JpegImageFile(BytesIO(data))
    orientation = exif.orientation(metadata.exif)

    def load() -> Planes:
        image.load()
        # Pillow takes every CMYK JPEG for one of Adobe's, which are stored inverted.
        plain = image.mode == "CMYK" and not metadata.adobe
        return planes(inverted_cmyk(image) if plain else image, metadata.icc, orientation)

    return Opened(
        format="JPEG",
        width=image.width,
        height=image.height,
        load=load,
        orientation=orientation,
        icc=metadata.icc,
        exif=metadata.exif,
        xmp=metadata.xmp,
        dpi=_dpi(image),
        jpeg=_jpeg_coding(image),
        extras=metadata.extras,
    )


def _jpeg_coding(image: JpegImageFile) -> JpegCoding:
    """How the JPEG was coded; sampling that cannot be written again becomes none at all."""
    layers = image.layer
    used = layers[:1] if len(layers) != 3 else layers
    tables = [tuple(image.quantization.get(layer[3], ())) for layer in used]
    if len(tables) == 3:
        # one table serves both chroma components when written: the finer step of each
        tables = [tables[0], tuple(min(pair) for pair in zip(tables[1], tables[2], strict=False))]
    subsampling: Subsampling = "4:4:4"
    if len(layers) == 3 and layers[1][1:3] == layers[2][1:3] == (1, 1):
        subsampling = _SUBSAMPLING.get((layers[0][1], layers[0][2]), "4:4:4")
    complete = all(len(table) == 64 for table in tables)
    return JpegCoding(
        subsampling=subsampling,
        progressive=bool(image.info.get("progressive")),
        tables=tuple(tables) if complete else (),
    )


def _read_png(data: bytes, limits: Limits) -> Opened:
    del limits
    structure = png.read_structure(data)
    orientation = exif.orientation(structure.exif)
    deep_samples = structure.depth == 16

    def load() -> Planes:
        if deep_samples:
            return _deep_png(structure, orientation)
        image = PngImageFile(BytesIO(structure.bare))
        image.load()
        return planes(image, structure.icc, orientation)

    return Opened(
        format="PNG",
        width=structure.width,
        height=structure.height,
        load=load,
        frames=structure.frames,
        bit_depth=structure.depth,
        has_alpha=structure.colour in (4, 6) or structure.transparency is not None,
        orientation=orientation,
        icc=structure.icc,
        exif=structure.exif,
        xmp=structure.xmp,
        dpi=structure.dpi,
        extras=structure.extras,
    )


def _deep_png(structure: png.Structure, orientation: int) -> Planes:
    samples = deep.decode_samples(structure.bare, structure.width, structure.height)
    if samples.dtype != np.uint16:
        raise PictureUnreadable(detail="16-bit PNG came out with 8 bits")
    if structure.colour in (0, 4):  # OpenCV spreads grey over three channels when there is an alpha
        samples = samples[..., [0, -1]] if samples.shape[2] == 4 else samples[..., :1]
    return _split(samples, structure.icc, orientation)


def _split(samples: NDArray[Any], icc: bytes | None, orientation: int) -> Planes:
    """Stored (H, W, 1 to 4) samples → upright planes."""
    seen = upright(samples, orientation)
    colours = 3 if seen.shape[2] >= 3 else 1
    alpha = np.ascontiguousarray(seen[..., colours]) if seen.shape[2] > colours else None
    return Planes(np.ascontiguousarray(seen[..., :colours]), alpha, icc)


def _read_webp(data: bytes, limits: Limits) -> Opened:
    structure = webp.read_structure(data, limits.max_frames)
    block = exif.bare(structure.exif) if structure.exif else None
    orientation = exif.orientation(block)

    def load() -> Planes:
        image = WebPImageFile(BytesIO(data))
        if image.size != (structure.width, structure.height):
            raise PictureUnreadable(detail="WebP of two sizes")
        image.load()
        return planes(image, structure.icc, orientation)

    return Opened(
        format="WEBP",
        width=structure.width,
        height=structure.height,
        load=load,
        frames=structure.frames,
        has_alpha=structure.alpha,
        orientation=orientation,
        icc=structure.icc,
        exif=block,
        xmp=structure.xmp,
        lossless=structure.lossless,
        extras=structure.extras,
    )


def _read_bmp(data: bytes, limits: Limits) -> Opened:
    del limits
    image = BmpImageFile(BytesIO(data))
    return _plain(image, frames=1)


def _read_gif(data: bytes, limits: Limits) -> Opened:
    frames = gif.count_frames(data, limits.max_frames)
    image = GifImageFile(BytesIO(data))
    return _plain(image, frames=frames)


def _plain(image: Image.Image, frames: int) -> Opened:
    """A format with hardly any metadata."""

    def load() -> Planes:
        image.load()
        return planes(image, None, 1)

    return Opened(
        format=str(image.format),
        width=image.width,
        height=image.height,
        load=load,
        frames=frames,
        has_alpha=image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info,
        dpi=_dpi(image),
    )


class _TiffImageFile(TiffImagePlugin.TiffImageFile):
    """Pillow's reader without its process-wide size limit, which ours has replaced."""

    def load_prepare(self) -> None:
        if self._im is None:
            self.im = Image.core.new(self.mode, self._tile_size)
        super().load_prepare()


def _read_tiff(data: bytes, limits: Limits) -> Opened:
    page = tiff.read_page(data, limits.max_frames)
    if tiff.DNG_VERSION in page.tags or data[8:10] == b"CR":
        raise PictureFormatUnsupported(
            "Camera raw files are not supported: develop it and send a JPEG or TIFF."
        )
    bits = page.tags.get(tiff.BITS, (1,))
    extra = page.tags.get(tiff.EXTRA_SAMPLES, ())
    orientation = page.first(tiff.ORIENTATION, 1)
    orientation = orientation if 1 <= orientation <= 8 else 1
    image = _TiffImageFile(BytesIO(data))
    icc, xmp = image.info.get("icc_profile"), image.info.get("xmp")
    for name, block in (("ICC", icc), ("XMP", xmp)):
        check_metadata(name, len(block or b""))
    deep_samples = max(bits) in (12, 16) and page.first(tiff.PHOTOMETRIC, 1) in (0, 1, 2)
    stored = image.size if orientation < 5 else (image.height, image.width)

    def load() -> Planes:
        if deep_samples and page.first(tiff.SAMPLE_FORMAT, 1) == 1:
            return _deep_tiff(data, page, stored, icc, orientation)
        image.load()  # Pillow turns it upright by itself
        return planes(image, icc, 1)

    return Opened(
        format="TIFF",
        width=stored[0],
        height=stored[1],
        load=load,
        frames=page.pages,
        bit_depth=max(bits),
        has_alpha=image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or bool({1, 2} & set(extra)),
        orientation=orientation,
        icc=icc,
        exif=tiff.exif_of(data),
        xmp=xmp if isinstance(xmp, bytes) else None,
        dpi=_dpi(image),
    )


def _deep_tiff(
    data: bytes, page: tiff.Page, size: tuple[int, int], icc: bytes | None, orientation: int
) -> Planes:
    samples = deep.decode_samples(tiff.without_orientation(data, page), *size)
    return _split(samples, icc, orientation)


def _read_avif(data: bytes, limits: Limits) -> Opened:
    del limits
    image = AvifImageFile(BytesIO(data))
    return _box_based(image, "AVIF", exif.orientation(exif.bare(image.info.get("exif") or b"")))


def _box_based(image: Any, name: str, orientation: int) -> Opened:
    info: dict[str, Any] = image.info
    block = exif.bare(info["exif"]) if info.get("exif") else None
    icc = info.get("icc_profile")

    def load() -> Planes:
        image.load()
        return planes(image, icc, orientation)

    return Opened(
        format=name,
        width=image.width,
        height=image.height,
        load=load,
        frames=getattr(image, "n_frames", 1),
        has_alpha=image.mode in ("RGBA", "LA"),
        orientation=orientation,
        icc=icc,
        exif=block,
        xmp=info.get("xmp"),
    )


def _read_jpeg2000(data: bytes, limits: Limits) -> Opened:
    del limits
    structure = jp2.read_structure(data)
    image = Jpeg2KImageFile(BytesIO(data))
    if image.size != (structure.width, structure.height):
        raise PictureUnreadable(detail="JPEG 2000 of two sizes")
    orientation = exif.orientation(structure.exif)

    def load() -> Planes:
        if structure.depth > 8 and image.mode != "CMYK":
            samples = deep.decode_samples(data, structure.width, structure.height)
            return _split(deep.to_16(samples, structure.depth), structure.icc, orientation)
        image.load()
        return planes(image, structure.icc, orientation)

    return Opened(
        format="JPEG2000",
        width=structure.width,
        height=structure.height,
        load=load,
        bit_depth=structure.depth,
        has_alpha=image.mode in ("RGBA", "LA", "PA"),
        orientation=orientation,
        icc=structure.icc,
        exif=structure.exif,
        xmp=structure.xmp,
        dpi=_dpi(image),
        extras=structure.extras,
    )


def _read_heif(data: bytes, limits: Limits) -> Opened:
    del limits
    try:
        import pi_heif
    except ImportError as error:
        raise PictureFormatUnsupported(
            f"HEIC pictures need an extra that is not installed: {HEIC_INSTALL_LINE}", detail=repr(error)
        ) from error
    heif = pi_heif.open_heif(data, convert_hdr_to_8bit=False)
    info: dict[str, Any] = heif.info
    width, height = heif.size

    def load() -> Planes:
        samples = np.asarray(heif)
        samples = samples[..., np.newaxis] if samples.ndim == 2 else samples
        return _split(samples, info.get("icc_profile"), 1)

    return Opened(
        format="HEIF",
        width=width,
        height=height,
        load=load,
        frames=len(heif),
        bit_depth=int(info.get("bit_depth", 8)),
        has_alpha=heif.has_alpha,
        icc=info.get("icc_profile"),
        exif=exif.bare(info["exif"]) if info.get("exif") else None,
        xmp=info.get("xmp"),
    )


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    """The resolution, where it is a pair of positive finite numbers."""
    found = image.info.get("dpi")
    if not found:
        return None
    x, y = float(found[0]), float(found[1])
    return (x, y) if 0 < x < 1e6 and 0 < y < 1e6 else None


READERS: dict[str, Callable[[bytes, Limits], Opened]] = {
    "JPEG": _read_jpeg,
    "PNG": _read_png,
    "WEBP": _read_webp,
    "BMP": _read_bmp,
    "TIFF": _read_tiff,
    "GIF": _read_gif,
    "AVIF": _read_avif,
    "JPEG2000": _read_jpeg2000,
    "HEIF": _read_heif,
}
