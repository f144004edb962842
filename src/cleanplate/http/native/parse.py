"""What a native request asks for: JSON, checked strictly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from cleanplate.http.errors import FieldInvalid

if TYPE_CHECKING:
    from cleanplate.http.form import Form

Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*$")
]


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
