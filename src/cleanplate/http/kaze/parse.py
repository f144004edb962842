"""What a Kaze request asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cleanplate.http.base64_text import decode_base64
from cleanplate.http.errors import FieldInvalid, RegionRepeated, SourceMissing, SourceRepeated
from cleanplate.http.form import WHOLE_BODY
from cleanplate.http.submission import Asked
from cleanplate.task import AskedRegion

if TYPE_CHECKING:
    from cleanplate.http.form import Form


def submission(form: Form) -> Asked:
    """A picture by URL or base64; a smear by URL or base64, or none.

    Raises:
        SourceMissing, SourceRepeated, RegionRepeated: fields that are missing or exclude each other.
        Base64Invalid: base64 that is not.
        FieldInvalid: another field is not what it must be.
    """
    if len(form.sent("image_url", "image_base64")) > 1:
        raise SourceRepeated("image_url and image_base64 exclude each other: send one of them.")
    if len(form.sent("smear_url", "smear_base64")) > 1:
        raise RegionRepeated("smear_url and smear_base64 exclude each other: send one of them.")
    picture = _picture(form, "image")
    if picture is None:
        raise SourceMissing("image_url or image_base64 is missing.")
    smear = _picture(form, "smear")
    return Asked(
        operation="submit_watermark_removal",
        picture=picture,
        region=None if smear is None else AskedRegion("smear"),
        region_picture=smear,
        sensitivity=form.fraction("sensitivity"),
        preset=form.text("preset"),
        for_browsers=True,  # clients draw results on a canvas
    )


def task_id(form: Form) -> str:
    """The id asked for, without the spaces that the vendor's page prints around it.

    Raises:
        FieldInvalid: there is none.
    """
    asked = form.text("task_id")
    if asked is None:
        raise FieldInvalid("task_id is missing.")
    return asked


def _picture(form: Form, name: str) -> bytes | str | None:
    encoded = form.text(f"{name}_base64", WHOLE_BODY)
    if encoded is not None:
        return decode_base64(f"{name}_base64", encoded)
    return form.text(f"{name}_url", WHOLE_BODY)  # a `data:` URL may be long
