"""What can be wrong with a picture. Each first docstring line is what a user is told to do."""

from __future__ import annotations

from cleanplate.errors import CleanplateError


class PictureUnreadable(CleanplateError):
    """The picture is damaged or cut off: send the whole file again, or save it anew."""

    code = "picture_unreadable"


class PictureFormatUnsupported(CleanplateError):
    """This is no picture in a known format: send JPEG, PNG, WebP, BMP, TIFF, GIF, AVIF, JPEG 2000 or HEIC."""

    code = "picture_format_unsupported"


class PictureTooLarge(CleanplateError):
    """The picture is too large: send a smaller one."""

    code = "picture_too_large"


class PictureTooSmall(CleanplateError):
    """The picture is too small: send a larger one."""

    code = "picture_too_small"


class PictureTooManyFrames(CleanplateError):
    """The picture has too many frames or pages: send one with fewer, or a single frame of it."""

    code = "picture_too_many_frames"


class PictureTooSlow(CleanplateError):
    """The picture took too long to read: send a smaller or simpler one."""

    code = "picture_too_slow"


class PictureCannotBeWritten(CleanplateError):
    """The picture cannot be written in this format: choose another one."""

    code = "picture_cannot_be_written"
