"""What a PicWish request asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cleanplate.http.area import area_of
from cleanplate.http.base64_text import decode_base64
from cleanplate.http.errors import FieldInvalid, SourceMissing, SourceRepeated
from cleanplate.http.form import WHOLE_BODY
from cleanplate.http.picwish.errors import STATES
from cleanplate.http.submission import Asked

if TYPE_CHECKING:
    from cleanplate.http.form import Form

Operation = Literal["watermark-remove", "inpaint", "watermark"]
AUTOMATIC: Operation = "watermark-remove"

# The vendor's names are `file` and `url` for the automatic call, `image_file` and `image_url` for the others.
# Clients mix them up, so each works on all; `image_base64` was tried by some.
FILES = ("file", "image_file")
URLS = ("url", "image_url")
BASE64_TEXT = "image_base64"
AREAS = ("mask_file", "mask_url", "rectangles")
URL, BASE64, BYTES = 1, 2, 3  # `return_type`

# What is wrong with a picture is a failed task here, not a refused request: clients read its state.
PICTURE_FAULTS = frozenset(code for code, state in STATES.items() if state in {-5, -7})
EMPTY_MASK = "region_empty"  # the same for those who do not wait on the line


def removal(form: Form, operation: Operation, max_rectangles: int) -> Asked:
    """A picture, where its mark is (where the call takes that), and how the result is to be given.

    Args:
        form: the request.
        operation: the call. `watermark-remove` looks at no area, `inpaint` needs one, and `watermark` without
            one finds the mark.
        max_rectangles: most rectangles accepted.

    Raises:
        SourceMissing, SourceRepeated, RegionRepeated: fields that are missing or exclude each other.
        RegionInvalid, RegionTooMany: rectangles that are not.
        Base64Invalid: base64 that is not.
        FieldInvalid: another field is not what it must be, or an area is missing.
    """
    picture = _picture(form)
    region = mask = None
    if operation != AUTOMATIC:
        region, mask = area_of(form, AREAS, max_rectangles)
    if operation == "inpaint" and region is None and not form.has("preset"):
        raise FieldInvalid("The area to clean is missing: send mask_file, mask_url or rectangles.")
    sync = form.flag("sync")
    return_type = form.choice("return_type", (URL, BASE64, BYTES), URL)
    if return_type == BYTES and not sync:
        raise FieldInvalid("return_type 3 needs sync=1: it answers with the picture itself.")
    return Asked(
        operation=operation,
        picture=picture,
        region=region,
        region_picture=mask,
        sync=sync,
        callback_url=form.text("callback_url"),
        return_type=return_type,
        sensitivity=form.fraction("sensitivity"),
        preset=form.text("preset"),
        for_browsers=True,  # clients draw results on a canvas
        told_by_task=PICTURE_FAULTS if sync else PICTURE_FAULTS | {EMPTY_MASK},
    )


def _picture(form: Form) -> bytes | str:
    sent = form.sent(*FILES, *URLS, BASE64_TEXT)
    if len(sent) > 1:
        raise SourceRepeated(f"{' and '.join(sent)} exclude each other: send one of them.")
    if not sent:
        raise SourceMissing
    [name] = sent
    if name in FILES:
        picture: bytes | str | None = form.file(name)
    else:
        picture = form.text(name, WHOLE_BODY)  # a `data:` URL may be long
        if picture is not None and name == BASE64_TEXT:
            picture = decode_base64(name, picture)
    if picture is None:
        raise SourceMissing
    return picture
