"""Decoded samples of any kind → upright arrays of grey or RGB with an alpha channel."""

from __future__ import annotations

import struct
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image, ImageChops, ImageCms

from cleanplate.picture.errors import PictureFormatUnsupported

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cleanplate.picture.picture import Pixels

_STRIP_PIXELS = 1 << 16
"""Pixels copied at once from the decoder's memory: bounds what is held twice."""

_WITHOUT_ALPHA = {"L": 1, "RGB": 3}
_WITH_ALPHA = {"LA": 1, "RGBA": 3}


@dataclass(frozen=True, slots=True)
class Planes:
    """Samples as decoded: (H, W, 1 or 3) pixels, (H, W) alpha or None, and the profile they are now in."""

    pixels: Pixels
    alpha: Pixels | None
    icc: bytes | None = None


def planes(image: Image.Image, icc: bytes | None, orientation: int) -> Planes:
    """Convert a Pillow image of any mode to planes, applying an EXIF orientation on the way.

    Args:
        image: 8 bits a channel; consumed (closed) by the conversion.
        icc: its profile. CMYK and Lab go through it to sRGB, everything else stays in it.
        orientation: EXIF orientation, 1–8.

    Raises:
        PictureFormatUnsupported: for floats and 32-bit integers, whose white is not known.
    """
    converted, profile = _to_grey_or_rgb(image, icc)
    colours = _WITHOUT_ALPHA.get(converted.mode) or _WITH_ALPHA[converted.mode]
    width, height = converted.size
    shape = (width, height) if orientation >= 5 else (height, width)
    pixels = np.empty((*shape, colours), np.uint8)
    alpha = np.empty(shape, np.uint8) if converted.mode in _WITH_ALPHA else None
    stored_pixels = as_stored(pixels, orientation)
    stored_alpha = None if alpha is None else as_stored(alpha, orientation)
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        strip = np.asarray(converted.crop((0, top, width, bottom)))
        strip = strip[..., np.newaxis] if strip.ndim == 2 else strip
        stored_pixels[top:bottom] = strip[..., :colours]
        if stored_alpha is not None:
            stored_alpha[top:bottom] = strip[..., colours]
    converted.close()
    return Planes(pixels, alpha, profile)


def as_stored(upright: NDArray[Any], orientation: int) -> NDArray[Any]:
    """A view of an upright array in the frame in which it was stored (EXIF 2.32, 4.6.4 A)."""
    turned = upright.swapaxes(0, 1) if orientation >= 5 else upright
    rows = -1 if orientation in (3, 4, 6, 7) else 1
    columns = -1 if orientation in (2, 3, 7, 8) else 1
    return turned[::rows, ::columns]


def upright(stored: NDArray[Any], orientation: int) -> NDArray[Any]:
    """A view of a stored array in the frame in which it is seen; undoes `as_stored`."""
    rows = -1 if orientation in (3, 4, 6, 7) else 1
    columns = -1 if orientation in (2, 3, 7, 8) else 1
    turned = stored[::rows, ::columns]
    return turned.swapaxes(0, 1) if orientation >= 5 else turned


def _to_grey_or_rgb(image: Image.Image, icc: bytes | None) -> tuple[Image.Image, bytes | None]:
    """The image in mode L, LA, RGB or RGBA, and the profile that it is then in."""
    mode = image.mode
    if mode in _WITHOUT_ALPHA and "transparency" not in image.info:
        return image, icc
    if mode in _WITH_ALPHA:
        return image, icc
    if mode in ("CMYK", "LAB"):
        return _through_profile(image, icc)
    if mode in ("1", "L", "La"):
        return image.convert("LA" if mode == "La" or "transparency" in image.info else "L"), icc
    if mode in ("P", "PA", "RGB", "RGBa", "RGBX", "YCbCr"):
        see_through = mode in ("PA", "RGBa") or "transparency" in image.info or _palette_has_alpha(image)
        return image.convert("RGBA" if see_through else "RGB"), icc
    check_samples(mode)
    raise PictureFormatUnsupported(detail=f"mode {mode}")


def check_samples(mode: str) -> None:
    """Raise `PictureFormatUnsupported` for floats and 32-bit integers, whose white is not known."""
    if mode in ("F", "I"):
        raise PictureFormatUnsupported(
            "Floating-point and 32-bit pictures are not supported: save it with 8 or 16 bits a channel.",
            detail=f"mode {mode}",
        )


def _palette_has_alpha(image: Image.Image) -> bool:
    return image.palette is not None and image.palette.mode == "RGBA"


def _through_profile(image: Image.Image, icc: bytes | None) -> tuple[Image.Image, bytes | None]:
    """CMYK and Lab to sRGB, through the embedded profile where there is a usable one.

    Without one, CMYK is taken as plain complements (as every browser does), and Lab as D50.
    """
    srgb = _standard_profile("sRGB")
    profile: ImageCms.ImageCmsProfile | None = None
    if image.mode == "LAB":
        profile = _standard_profile("LAB")
    elif icc and icc[16:20] == b"CMYK":
        with suppress(OSError, ImageCms.PyCMSError):  # a damaged profile is as good as none
            profile = ImageCms.ImageCmsProfile(BytesIO(icc))
    if profile is not None:
        with suppress(ImageCms.PyCMSError):
            converted = ImageCms.profileToProfile(
                image,
                profile,
                srgb,
                renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
                outputMode="RGB",
                flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
            )
            if converted is not None:
                return converted, _undated(srgb.tobytes())
    return image.convert("RGB"), None


def _standard_profile(space: Literal["sRGB", "LAB"]) -> ImageCms.ImageCmsProfile:
    # the C module behind it has no stubs
    created: Any = getattr(ImageCms, "createProfile")(space)  # noqa: B009  # so pyright sees Any
    return ImageCms.ImageCmsProfile(created)


def _undated(profile: bytes) -> bytes:
    """The profile with a fixed date (ICC.1 7.2.1), so that the same input gives the same bytes."""
    return profile[:24] + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + profile[36:]


def inverted_cmyk(image: Image.Image) -> Image.Image:
    """CMYK samples turned round."""
    return ImageChops.invert(image)
