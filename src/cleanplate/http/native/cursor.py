"""Cursors: where the next page of a list begins, in a form that nobody is tempted to make up."""

from __future__ import annotations

import binascii
import json
import math
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TYPE_CHECKING, cast

from cleanplate.http.errors import FieldInvalid

if TYPE_CHECKING:
    from cleanplate.task import Place


def write(place: Place) -> str:
    """The cursor behind a place."""
    return urlsafe_b64encode(json.dumps(place).encode()).rstrip(b"=").decode()


def read(cursor: str) -> Place:
    """The place that a cursor stands for.

    Raises:
        FieldInvalid: it was not made by `write`.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        place: object = json.loads(urlsafe_b64decode(padded))
    except (UnicodeError, binascii.Error, ValueError, RecursionError) as error:
        raise FieldInvalid("cursor is not one that a list has given.") from error
    if isinstance(place, list):
        match cast("list[object]", place):
            case [float(created_at), str(task_id)] if math.isfinite(created_at):
                return created_at, task_id
            case _:
                pass
    raise FieldInvalid("cursor is not one that a list has given.")
