"""What a gpt.ge request asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleanplate.http.errors import FieldInvalid, RegionRepeated, SourceMissing, SourceRepeated
from cleanplate.http.form import WHOLE_BODY
from cleanplate.http.submission import Asked
from cleanplate.region import Rectangles
from cleanplate.task import AskedRegion

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
    areas = form.sent(*AREAS)
    if len(areas) > 1:
        raise RegionRepeated(f"{' and '.join(areas)} exclude each other: send one of them.")
    region, mask = None, None
    if areas == ["rectangles"]:
        region = _rectangles(form, max_rectangles)
    elif areas:
        region = AskedRegion("mask")
        mask = form.file("mask_file") if areas == ["mask_file"] else form.text("mask_url", WHOLE_BODY)
    return Asked(
        operation="watermark",
        picture=_picture(form),
        region=region,
        region_picture=mask,
        sync=form.flag("sync"),
        callback_url=form.text("callback_url"),
        return_type=form.choice("return_type", (URL, BASE64), URL),
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


def _rectangles(form: Form, max_count: int) -> AskedRegion:
    value = form.value("rectangles")
    if not isinstance(value, list):
        value = form.text("rectangles")
    if value is None:
        raise FieldInvalid("rectangles must be a JSON list.")
    parsed = Rectangles.parse(value, max_count=max_count)
    return AskedRegion(
        "rectangles",
        rectangles=tuple((one.x, one.y, one.width, one.height) for one in parsed.items),
        unit=parsed.unit,
    )
