"""What a child process can be asked to do with a picture. Loads the engine: import it nowhere else."""

from __future__ import annotations

import dataclasses
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from cleanplate.engine import remove
from cleanplate.engine.removal import HISTORY
from cleanplate.engine.report import seen
from cleanplate.errors import CleanplateError
from cleanplate.picture import (
    Limits,
    PictureCannotBeWritten,
    PictureUnreadable,
    decode,
    encode,
    extension,
    inspect,
    media_type,
    shown_format,
    sniff,
)
from cleanplate.region import Mask, Rectangles, Region, Smear, rasterize
from cleanplate.worker import memory
from cleanplate.worker.looking import find_marks, make_thumbnail

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from cleanplate.worker.frames import Frame, Header

DECODED = "decoded"
MOST_LISTED = 1_000  # marks and fills told of; a mask of dust may have a hundred thousand


def inspect_upload(header: Header, bodies: list[bytes], step: Callable[[str], None]) -> Frame:
    """Look at an upload without decoding its picture's pixels, as far as there is anything to look at.

    Args:
        header: `limits`; `picture`, whether the first body is one; `region`, what was asked for, or None.
        bodies: the picture if there is one, then the mask or smear if there is one.
        step: not called.

    Returns:
        `header`: the fields of `picture.Header`, or None without a picture.
    """
    del step
    limits = Limits(**header["limits"])
    seen = inspect(bodies.pop(0), limits) if header["picture"] else None
    asked = header["region"]
    # A mask may still have to be fetched.
    here = asked is not None and (asked["kind"] == "rectangles" or len(bodies) > 0)
    region = _region(asked, bodies, limits) if here else None
    if region is not None and seen is not None:
        rasterize(region, seen.width, seen.height)
    return {"header": dataclasses.asdict(seen) if seen is not None else None}, []


def remove_mark(header: Header, bodies: list[bytes], step: Callable[[str], None]) -> Frame:
    """Clean a picture.

    Args:
        header: `limits`, `region`, `mode`, `sensitivity`, `format` (None: as the input), `for_browsers`
            (without a `format`: one that they show), `quality`, and `history`: whether the file may say that
            it was edited.
        bodies: the picture, then the mask or smear if there is one.
        step: told `"decoded"` when all that came from outside has been read.

    Returns:
        what `task.Outcome` needs to know, and the encoded result. No body and `same` when the result is the
        very picture that was sent.
    """
    limits = Limits(**header["limits"])
    data = bodies.pop(0)
    with _memory_errors(data, limits):
        return _removed(header, data, bodies, limits, step)


def _removed(
    header: Header, data: bytes, bodies: list[bytes], limits: Limits, step: Callable[[str], None]
) -> Frame:
    started = time.perf_counter()
    picture = decode(data, limits)
    region = _region(header["region"], bodies, limits)
    decoded = time.perf_counter()
    step(DECODED)
    removal = remove(picture, region, header["mode"], sensitivity=header["sensitivity"])
    width, height = picture.width, picture.height
    del picture, region  # a picture of 100 megapixels leaves no room for what is no longer needed
    removed = time.perf_counter()
    answer: dict[str, Any] = {
        "width": width,
        "height": height,
        "box": removal.box,
        "changed": removal.changed,
        "found": seen(removal, MOST_LISTED),
        "fills": [dataclasses.asdict(fill) for fill in removal.fills[:MOST_LISTED]],
    }
    cleaned, timings = removal.picture, removal.timings
    del removal  # its area is a byte a pixel, as long as encoding takes
    history = HISTORY if header["history"] and answer["changed"] else None
    wanted = header["format"] or (shown_format(cleaned) if header["for_browsers"] else None)
    result = encode(cleaned, wanted, header["quality"], history)
    encoded = time.perf_counter()
    format_ = sniff(result)
    assert format_ is not None  # noqa: S101  # what was just encoded is a known format
    answer |= {
        "same": result is data or result == data,
        "format": format_,
        "extension": extension(format_),
        "media_type": media_type(format_),
        "work_ms": (encoded - started) * 1000,
        "timings": {**timings, "decode": decoded - started, "encode": encoded - removed},
    }
    return answer, [] if answer["same"] else [result]


@contextmanager
def _memory_errors(data: bytes, limits: Limits) -> Generator[None]:
    """Name a lack of memory where a library only said that something does not work."""
    try:
        yield
    except (PictureUnreadable, PictureCannotBeWritten) as error:
        with suppress(CleanplateError):
            seen = inspect(data, limits)
            # One more image of four channels, the least that such a library asks for at once.
            if memory.was_short(seen.width * seen.height * 4 * seen.bit_depth // 8):
                raise MemoryError(error.detail) from error
        raise


def _region(asked: dict[str, Any] | None, bodies: list[bytes], limits: Limits) -> Region | None:
    if asked is None:
        return None
    if asked["kind"] == "rectangles":
        return Rectangles.of(asked["rectangles"], asked["unit"], asked["anchor"])
    # A mask is scaled to its picture, whose shortest side is limited already.
    kind = Mask if asked["kind"] == "mask" else Smear
    return kind.from_bytes(bodies.pop(0), dataclasses.replace(limits, min_side=1))


OPERATIONS = {
    "inspect": inspect_upload,
    "remove": remove_mark,
    "find": find_marks,
    "thumbnail": make_thumbnail,
}
