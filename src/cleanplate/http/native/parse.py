"""What a native request asks for, checked strictly: a field that is not known is an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from cleanplate.http import submission
from cleanplate.http.area import RECTANGLES, area_of
from cleanplate.http.errors import FieldInvalid, SourceMissing, SourceRepeated
from cleanplate.http.form import WHOLE_BODY
from cleanplate.picture.formats import named

if TYPE_CHECKING:
    from cleanplate.http.form import Form

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*$")
]
AREAS = (RECTANGLES, "mask_file", "mask_url", "smear_file", "smear_url")
FIELDS = frozenset({"file", "url", *AREAS, "mode", "sensitivity", "format", "sync", "callback_url"})
MODES = ("auto", "undo", "fill")


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class NewToken(Asked):
    """A token to be made."""

    name: Name = Field(description="What it is for.")
    account: Name = Field("default", description="Whose it is; a new name makes a new account.")
    admin: bool = Field(False, description="Whether it may administer tokens and credits.")


class Grant(Asked):
    """Credits to be added."""

    credits: int = Field(ge=1, le=1_000_000_000)


Model = TypeVar("Model", bound=Asked)


def parse(form: Form, model: type[Model]) -> Model:
    """Read a request.

    Raises:
        FieldInvalid: with every field that is wrong.
    """
    try:
        return model.model_validate(form.plain())
    except ValidationError as error:
        problems = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
        raise FieldInvalid("; ".join(problems)) from error


def removal(form: Form, max_rectangles: int) -> submission.Asked:
    """A picture, where its mark is (nothing: find it), and how it is to be cleaned.

    Raises:
        SourceMissing, SourceRepeated, RegionRepeated: fields that are missing or exclude each other.
        RegionInvalid, RegionTooMany: rectangles that are not.
        PictureCannotBeWritten: `format` is none.
        FieldInvalid: another field is not what it must be, or is not known.
    """
    unknown = sorted(set(form.plain()) - FIELDS)
    if unknown:
        raise FieldInvalid(f"{', '.join(name[:100] for name in unknown)}: there is no such field.")
    if len(form.sent("file", "url")) > 1:
        raise SourceRepeated("file and url exclude each other: send one of them.")
    picture = form.file("file") if form.has("file") else form.text("url", WHOLE_BODY)
    if picture is None:
        raise SourceMissing
    region, region_picture = area_of(form, AREAS, max_rectangles)
    mode = form.text("mode") or "auto"
    if mode not in MODES:
        raise FieldInvalid("mode must be auto, undo or fill.")
    wanted = form.text("format")
    return submission.Asked(
        operation="remove",
        picture=picture,
        region=region,
        region_picture=region_picture,
        sync=form.flag("sync"),
        callback_url=form.text("callback_url"),
        sensitivity=form.fraction("sensitivity"),
        mode=mode,
        format=named(wanted) if wanted else None,
    )
