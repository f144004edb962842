"""What a native request asks for, checked strictly: a field that is not known is an error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from cleanplate.http import submission
from cleanplate.http.area import RECTANGLES, area_of, rectangles_of
from cleanplate.http.errors import FieldInvalid, SourceMissing, SourceRepeated
from cleanplate.http.form import WHOLE_BODY
from cleanplate.http.native import cursor
from cleanplate.picture.formats import named
from cleanplate.region import ANCHORS, UNITS, Rectangles
from cleanplate.task import Choice, State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cleanplate.http.form import Form
    from cleanplate.settings import Settings

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*$")
]
Moment = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
AREAS = (RECTANGLES, "mask_file", "mask_url", "smear_file", "smear_url")
HOW = frozenset(
    {"unit", "anchor", "preset", "mode", "sensitivity", "format", "quality", "metadata", "webhook"}
)
FIELDS = frozenset({"file", "url", *AREAS, *HOW, "sync"})
MODES = ("auto", "undo", "fill")
MOST_NAMED, MOST_OF_A_NAME = 10, 100  # of fields that do not exist, in what is said about them


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


class Listing(BaseModel):
    """Which removals are asked for, in the query string."""

    limit: int = Field(50, ge=1, le=200, description="Most on one page.")
    cursor: str | None = Field(None, max_length=500, description="`next_cursor` of the page before.")
    state: State | None = Field(None, description="Only those in this state.")
    batch: str | None = Field(None, max_length=36, description="Only those of this batch, by its id.")
    since: Moment | None = Field(None, description="Only those accepted then (Unix seconds) or later.")
    until: Moment | None = Field(None, description="Only those accepted before (Unix seconds).")

    def choice(self) -> Choice:
        """In the words of the room behind.

        Raises:
            FieldInvalid: the cursor is not one.
        """
        after = None if self.cursor is None else cursor.read(self.cursor)
        return Choice(self.limit, self.state, self.since, self.until, after, self.batch)


@dataclass(frozen=True, slots=True)
class NewPreset:
    """A region to be kept under a name."""

    name: str
    region: Rectangles


def preset(form: Form, max_rectangles: int) -> NewPreset:
    """Read a preset to be made.

    Raises:
        RegionInvalid, RegionTooMany: rectangles that are not.
        FieldInvalid: another field is not what it must be, or is not known.
    """
    refuse_unknown(form, frozenset({"name", "rectangles", "unit", "anchor"}))
    name = form.text("name")
    if name is None:
        raise FieldInvalid("name is missing.")
    unit, anchor = form.word("unit", UNITS) or "pixel", form.word("anchor", ANCHORS) or "top-left"
    return NewPreset(name, rectangles_of(form, max_rectangles, unit, anchor))


def refuse_unknown(form: Form, fields: frozenset[str]) -> None:
    """Accept a form only if each of its fields is known.

    Raises:
        FieldInvalid: one is not; with those that are.
    """
    unknown = sorted(set(form.plain()) - fields)
    if unknown:
        raise FieldInvalid(_no_such(unknown, fields))


def _no_such(unknown: Sequence[str], fields: Iterable[str]) -> str:
    named = ", ".join(name[:MOST_OF_A_NAME] for name in unknown[:MOST_NAMED])
    more = ", …" if len(unknown) > MOST_NAMED else ""
    return f"{named}{more}: there is no such field. There are: {', '.join(sorted(fields))}."


Model = TypeVar("Model", bound=Asked)


def parse(form: Form, model: type[Model]) -> Model:
    """Read a request.

    Raises:
        FieldInvalid: with every field that is wrong.
    """
    refuse_unknown(form, frozenset(model.model_fields))
    try:
        return model.model_validate(form.plain())
    except ValidationError as error:
        problems = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
        raise FieldInvalid("; ".join(problems)) from error


def removal(form: Form, settings: Settings) -> submission.Asked:
    """A picture, where its mark is (nothing: find it), and how it is to be cleaned.

    Raises:
        SourceMissing, SourceRepeated, RegionRepeated: fields that are missing or exclude each other.
        RegionInvalid, RegionTooMany: rectangles that are not.
        PictureCannotBeWritten: `format` is none.
        FieldInvalid: another field is not what it must be, or is not known.
    """
    refuse_unknown(form, FIELDS)
    if len(form.sent("file", "url")) > 1:
        raise SourceRepeated("file and url exclude each other: send one of them.")
    picture = form.file("file") if form.has("file") else form.text("url", WHOLE_BODY)
    if picture is None:
        raise SourceMissing
    asked = how(form, settings, picture)
    region, region_picture = area_of(
        form,
        AREAS,
        settings.region.max_rectangles,
        form.word("unit", UNITS) or "pixel",
        form.word("anchor", ANCHORS) or "top-left",
    )
    return replace(asked, region=region, region_picture=region_picture, sync=form.flag("sync"))


def how(form: Form, settings: Settings, picture: bytes | str) -> submission.Asked:
    """How a picture is to be cleaned, wherever its mark is.

    Raises:
        PictureCannotBeWritten: `format` is none.
        FieldInvalid: another field is not what it must be.
    """
    wanted = form.text("format")
    return submission.Asked(
        operation="remove",
        picture=picture,
        callback_url=form.text("webhook"),
        callback_field="webhook",
        sensitivity=form.fraction("sensitivity"),
        mode=form.word("mode", MODES) or "auto",
        format=named(wanted) if wanted else None,
        preset=form.text("preset"),
        quality=form.choice("quality", range(95, 101), 0) or None,
        metadata=form.document(
            "metadata", settings.http.max_metadata_bytes, settings.http.max_metadata_depth
        ),
    )
