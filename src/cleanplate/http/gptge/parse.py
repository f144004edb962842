"""What a gpt.ge request asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleanplate.http.area import area_of
from cleanplate.http.errors import SourceMissing, SourceRepeated
from cleanplate.http.form import WHOLE_BODY
from cleanplate.http.submission import Asked

if TYPE_CHECKING:
    from cleanplate.http.form import Form

FILES = ("image_file", "file")  # the second is the name on `watermark_auto`; each works on both
URLS = ("image_url", "url")
AREAS = ("mask_file", "mask_url", "rectangles")
URL, BASE64 = 1, 2  # `return_type`


def watermark(form: Form, max_rectangles: int) -> Asked:
    """A picture, and where its mark is: a mask, rectangles, or nothing, which means: find it.

    Raises:
        SourceMissing, SourceRepeated, RegionRepeated: fields that are missing or exclude each other.
        RegionInvalid, RegionTooMany: rectangles that are not.
        FieldInvalid: another field is not what it must be.
    """
    region, mask = area_of(form, AREAS, max_rectangles)
    return Asked(
        operation="watermark",
        picture=_picture(form),
        region=region,
        region_picture=mask,
        sync=form.flag("sync"),
        callback_url=form.text("callback_url"),
        return_type=form.choice("return_type", (URL, BASE64), URL),
        sensitivity=form.fraction("sensitivity"),
        preset=form.text("preset"),
        for_browsers=True,  # clients draw results on a canvas
    )


def watermark_auto(form: Form) -> Asked:
    """A picture whose marks are to be found.

    Raises:
        SourceMissing, SourceRepeated: there is no picture, or more than one.
        FieldInvalid: another field is not what it must be.
    """
    return Asked(
        operation="watermark_auto",
        picture=_picture(form),
        sync=form.flag("sync"),
        callback_url=form.text("callback_url"),
        return_type=form.choice("return_type", (URL, BASE64), URL),
        sensitivity=form.fraction("sensitivity"),
        preset=form.text("preset"),
        for_browsers=True,  # clients draw results on a canvas
    )


def _picture(form: Form) -> bytes | str:
    sent = form.sent(*FILES, *URLS)
    if len(sent) > 1:
        raise SourceRepeated(f"{' and '.join(sent)} exclude each other: send one of them.")
    name = sent[0] if sent else ""
    # A `data:` URL may be long.
    picture = form.file(name) if name in FILES else form.text(name, WHOLE_BODY)
    if picture is None:
        raise SourceMissing
    return picture
