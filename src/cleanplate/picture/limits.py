"""What a picture may cost, checked before any pixel is allocated."""

from __future__ import annotations

from dataclasses import dataclass

from cleanplate.picture.errors import PictureTooLarge, PictureTooManyFrames, PictureTooSmall

MiB = 1024 * 1024

METADATA_BYTES = 16 * MiB
"""Most bytes that one profile, EXIF or XMP block may unpack to; a real one has at most a few."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The largest and smallest picture accepted. The defaults suit a library on its user's own files.

    Attributes:
        max_bytes: of the encoded picture.
        min_side: shortest side in pixels.
        max_side: longest side in pixels.
        max_pixels: width times height.
        max_frames: frames of an animation or pages of a document; only the first is ever decoded.
    """

    max_bytes: int = 512 * MiB
    min_side: int = 1
    max_side: int = 65_535
    max_pixels: int = 200_000_000
    max_frames: int = 10_000

    def check_bytes(self, count: int) -> None:
        """Raise `PictureTooLarge` when an encoded picture has too many bytes."""
        if count > self.max_bytes:
            raise PictureTooLarge(
                f"The picture has {count:,} bytes, and {self.max_bytes:,} are allowed: send a smaller one."
            )

    def check_size(self, width: int, height: int) -> None:
        """Raise `PictureTooLarge` or `PictureTooSmall` for a width and height in pixels."""
        if max(width, height) > self.max_side:
            raise PictureTooLarge(
                f"The picture is {width} × {height} pixels, and no side may be longer than {self.max_side}: "
                "send a smaller one."
            )
        if width * height > self.max_pixels:
            raise PictureTooLarge(
                f"The picture is {width} × {height} pixels, more than {self.max_pixels:,} in all: "
                "send a smaller one."
            )
        if min(width, height) < self.min_side:
            raise PictureTooSmall(
                f"The picture is {width} × {height} pixels, and no side may be shorter than {self.min_side}: "
                "send a larger one."
            )

    def check_frames(self, count: int) -> None:
        """Raise `PictureTooManyFrames`; `count` may have stopped at `max_frames + 1`."""
        if count > self.max_frames:
            raise PictureTooManyFrames(
                f"The picture has more than {self.max_frames:,} frames or pages: send one with fewer."
            )


GENEROUS = Limits()
"""What the library accepts unless it is told otherwise."""


def check_metadata(name: str, count: int) -> None:
    """Raise `PictureTooLarge` when a profile, EXIF or XMP block is larger than any honest one."""
    if count > METADATA_BYTES:
        raise PictureTooLarge(
            f"The picture's {name} block is larger than {METADATA_BYTES // MiB} MiB: save it without it."
        )
