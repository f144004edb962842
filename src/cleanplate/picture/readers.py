"""One reader a format: header and metadata now, pixels when asked.

Pillow's classes are opened directly rather than through `Image.open`, because that applies Pillow's own
process-wide size limit, which is lower than ours may be; every size has been checked against ours before
`load` is called. Only the reader of the format that the first bytes name ever sees the data.
"""

from __future__ import annotations

from dataclasses import replace
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
from cleanplate.picture.colour import Planes, check_samples, inverted_cmyk, planes, upright
from cleanplate.picture.errors import PictureFormatUnsupported, PictureUnreadable
from cleanplate.picture.header import Opened
from cleanplate.picture.heif import check_items
from cleanplate.picture.picture import JpegCoding, Subsampling

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from cleanplate.picture.limits import Limits
    from cleanplate.picture.picture import Pixels

HEIC_INSTALL_LINE = "pip install 'cleanplate[heic]'"

_SUBSAMPLING: dict[tuple[int, int], Subsampling] = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0"}


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
        chroma_step=_coarsest_step(layers),
    )


def _coarsest_step(layers: list[tuple[int, int, int, int]]) -> int:
    """The most pixels between two samples of a component; each is (id, across, down, table), T.81 A.1.1."""
    return max(-(-max(layer[side] for layer in layers) // layer[side]) for layer in layers for side in (1, 2))


def _read_png(data: bytes, limits: Limits) -> Opened:
    del limits
    structure = png.read_structure(data)
    orientation = exif.orientation(structure.exif)
    deep_samples = structure.depth == 16

    def load() -> Planes:
        if deep_samples:
            return _deep_png(structure, orientation)
        image = PngImageFile(BytesIO(structure.bare))
        _check_size(image, structure.width, structure.height)
        image.load()
        decoded = planes(image, structure.icc, orientation)
        if structure.transparency is not None and structure.colour == 0 and structure.depth in (2, 4):
            return replace(decoded, alpha=_alpha_of_few_greys(decoded.pixels, structure))
        return decoded

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


def _alpha_of_few_greys(pixels: Pixels, structure: png.Structure) -> Pixels:
    """(H, W), 0 where (H, W, 1) samples that were stretched to 0..255 are the grey that `tRNS` names."""
    (key,) = np.frombuffer(structure.transparency or b"", ">u2", 1)
    white = 2**structure.depth - 1
    opaque = pixels[..., 0] != (key & white) * 255 // white
    return opaque.astype(np.uint8) * np.uint8(255)


def _deep_png(structure: png.Structure, orientation: int) -> Planes:
    samples = deep.decode_samples(structure.bare, structure.width, structure.height)
    if samples.dtype != np.uint16:
        raise PictureUnreadable(detail="16-bit PNG came out with 8 bits")
    if structure.colour in (0, 4):  # OpenCV spreads grey over three channels when there is an alpha
        samples = samples[..., [0, -1]] if samples.shape[2] == 4 else samples[..., :1]
    if structure.transparency is not None and samples.shape[2] in (1, 3):
        key = np.frombuffer(structure.transparency, ">u2", samples.shape[2])
        opaque = np.any(samples != key, axis=2).astype(np.uint16) * np.uint16(65_535)
        samples = np.dstack((samples, opaque))
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
        _check_size(image, structure.width, structure.height)
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
    metadata = tiff.read_metadata(data)
    orientation = page.first(tiff.ORIENTATION, 1)
    orientation = orientation if 1 <= orientation <= 8 else 1
    if page.deep:
        load, has_alpha = _deep_tiff(data, page, metadata.icc)
    else:
        load, has_alpha = _plain_tiff(data, page, metadata.icc)
    return Opened(
        format="TIFF",
        width=page.first(tiff.WIDTH, 0),
        height=page.first(tiff.HEIGHT, 0),
        load=load,
        frames=page.pages,
        bit_depth=page.depth,
        has_alpha=has_alpha,
        orientation=orientation,
        icc=metadata.icc,
        exif=metadata.exif,
        xmp=metadata.xmp,
        dpi=metadata.dpi,
    )


def _plain_tiff(data: bytes, page: tiff.Page, icc: bytes | None) -> tuple[Callable[[], Planes], bool]:
    """What loads a page that Pillow reads in full, and whether it has an alpha channel."""
    try:
        image = _TiffImageFile(BytesIO(data))
    except SyntaxError as error:
        raise PictureFormatUnsupported(
            "This kind of TIFF is not supported: save it as RGB or grey with 8 or 16 bits a channel.",
            detail=repr(error),
        ) from error
    check_samples(image.mode)
    width, height = page.first(tiff.WIDTH, 0), page.first(tiff.HEIGHT, 0)
    turned = page.first(tiff.ORIENTATION, 1) in (5, 6, 7, 8)
    _check_size(image, *((height, width) if turned else (width, height)))

    def load() -> Planes:
        image.load()  # which turns it upright, too
        if image.mode.startswith("I;16"):
            return _split(deep.to_16(np.asarray(image)[..., np.newaxis], page.depth), icc, 1)
        return planes(image, icc, 1)

    return load, image.mode in ("RGBA", "LA", "PA", "La", "RGBa")


def _deep_tiff(data: bytes, page: tiff.Page, icc: bytes | None) -> tuple[Callable[[], Planes], bool]:
    """What loads a page of more than 8 bits a sample, and whether it has an alpha channel."""
    page.check_deep()
    extra = page.tags.get(tiff.EXTRA_SAMPLES, ())
    alpha = bool(extra) and extra[0] in (1, 2)
    orientation = page.first(tiff.ORIENTATION, 1)

    def load() -> Planes:
        size = page.first(tiff.WIDTH, 0), page.first(tiff.HEIGHT, 0)
        samples = deep.decode_samples(tiff.without_orientation(data, page), *size)
        if page.first(tiff.PHOTOMETRIC, 1) == 0:
            samples = np.invert(samples)
        colours = 3 if samples.shape[2] >= 3 else 1
        decoded = _split(samples if alpha else samples[..., :colours], icc, orientation)
        if alpha and extra[0] == 1 and decoded.alpha is not None:
            return Planes(deep.unassociated(decoded.pixels, decoded.alpha), decoded.alpha, icc)
        return decoded

    return load, alpha


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
    _check_size(image, structure.width, structure.height)
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
    check_items(data)
    heif: Any = pi_heif.open_heif(data, convert_hdr_to_8bit=False)  # pyright: ignore[reportUnknownMemberType]  # untyped
    info: dict[str, Any] = heif.info
    width, height = heif.size
    depth = int(info.get("bit_depth", 8))

    def load() -> Planes:
        samples = np.array(heif)  # a copy: what it shares is freed together with `heif`
        samples = samples[..., np.newaxis] if samples.ndim == 2 else samples
        if samples.dtype == np.uint16:  # shifted up, which leaves white short of 65535
            samples = deep.to_16(samples >> (16 - depth), depth)
        return _split(samples, info.get("icc_profile"), 1)

    return Opened(
        format="HEIF",
        width=width,
        height=height,
        load=load,
        frames=len(heif),
        bit_depth=depth,
        has_alpha=heif.has_alpha,
        icc=info.get("icc_profile"),
        exif=exif.bare(info["exif"]) if info.get("exif") else None,
        xmp=info.get("xmp"),
    )


def _check_size(image: Image.Image, width: int, height: int) -> None:
    """The size that Pillow would allocate must be the one that the limits were checked for."""
    if image.size != (width, height):
        raise PictureUnreadable(detail=f"{image.format} of two sizes")


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    """The resolution that Pillow found."""
    found = image.info.get("dpi")
    return (float(found[0]), float(found[1])) if found else None


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
