"""A form: the fields of a request, whatever encoding they came in.

Fields may be text, files or JSON values, and clients send the strangest things for "nothing": an empty
string, `null`, a file of no bytes, or the words that JavaScript makes of a missing value. All of that is
absent here, before any rule about which fields exclude each other is looked at.
"""

from __future__ import annotations

import json
import math
import re
import sys
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from cleanplate.http.errors import BodyInvalid, FieldInvalid, FieldRepeated

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

MAX_TEXT = 64 * 1024  # characters of a text field, unless its reader expects more
WHOLE_BODY = sys.maxsize  # for a text that only the limit of the body bounds
MAX_NAME = 200
LARGEST = "1.8e308"  # what a float can no longer hold, rounded
BOM = b"\xef\xbb\xbf"
NOTHING = frozenset({"", "null", "undefined"})
YES = frozenset({"1", "true", "yes", "on"})
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
NO = frozenset({"0", "false", "no", "off"})


@dataclass(slots=True)
class Part:
    """One part of a multipart body, kept in a temporary file."""

    name: str
    is_file: bool  # it came with a file name; without one it is text, if it can be
    size: int
    spool: IO[bytes]

    def read(self) -> bytes:
        """All of its bytes."""
        self.spool.seek(0)
        return self.spool.read()


Word = TypeVar("Word", bound=str)
Value: TypeAlias = "str | int | float | bool | list[Any] | dict[str, Any] | Part | None"


class Form:
    """The fields of one request.

    Args:
        fields: name and value, in the order in which they were sent; a name may come more than once.
        query: the same of the query string, which is asked only for what `fields` lack.
    """

    def __init__(self, fields: Iterable[tuple[str, Value]], query: Iterable[tuple[str, str]] = ()) -> None:
        self._fields: dict[str, list[Value]] = {}
        for name, value in fields:
            if not _is_nothing(value):
                self._fields.setdefault(name, []).append(value)
        self._query: dict[str, list[Value]] = {}
        for name, value in query:
            if not _is_nothing(value):
                self._query.setdefault(name, []).append(value)

    def has(self, name: str) -> bool:
        """Whether the field was sent with something in it."""
        return name in self._fields or name in self._query

    def sent(self, *names: str) -> list[str]:
        """Those of the names that were sent with something in them."""
        return [name for name in names if self.has(name)]

    def value(self, name: str) -> Value:
        """The field as it came, or None.

        Raises:
            FieldRepeated: it came twice with different values.
        """
        values = self._fields.get(name) or self._query.get(name) or [None]
        first = values[0]
        if any(isinstance(other, Part) or other != first for other in values[1:]):
            raise FieldRepeated(f"{name} was sent more than once.")
        return first

    def text(self, name: str, max_chars: int = MAX_TEXT) -> str | None:
        """The field as text without white space around it, or None.

        Raises:
            FieldInvalid: it is not text, or longer than `max_chars`.
            FieldRepeated: it came twice with different values.
        """
        value = self.value(name)
        if value is None:
            return None
        text = _as_text(name, value, max_chars).strip()
        if len(text) > max_chars:
            raise FieldInvalid(f"{name} is longer than {max_chars} characters.")
        if "\x00" in text or not _encodable(text):
            raise FieldInvalid(f"{name} contains characters that are not text.")
        return text

    def file(self, name: str) -> bytes | None:
        """The bytes of an uploaded file, or None; its name and declared type are not looked at.

        Raises:
            FieldInvalid: it is not a file.
            FieldRepeated: two files came under this name.
        """
        value = self.value(name)
        if isinstance(value, Part):
            return value.read()
        if isinstance(value, str):  # a part without a file name that happens to be text
            return value.encode("utf-8", "surrogatepass")
        if value is None:
            return None
        raise FieldInvalid(f"{name} must be a file.")

    def flag(self, name: str) -> bool:
        """Whether the field says yes; absent is no.

        Raises:
            FieldInvalid: it says neither yes (1) nor no (0).
        """
        text = (self.text(name) or "0").lower()
        if text in YES:
            return True
        if text in NO:
            return False
        raise FieldInvalid(f"{name} must be 0 or 1.")

    def choice(self, name: str, choices: Collection[int], default: int) -> int:
        """The field as one of some whole numbers.

        Raises:
            FieldInvalid: it is something else.
        """
        text = self.text(name)
        if text is None:
            return default
        for choice in choices:
            if text == str(choice):
                return choice
        raise FieldInvalid(f"{name} must be {' or '.join(str(choice) for choice in choices)}.")

    def word(self, name: str, choices: Collection[Word]) -> Word | None:
        """The field as one of some words, or None.

        Raises:
            FieldInvalid: it is something else.
        """
        text = self.text(name)
        if text is None:
            return None
        for choice in choices:
            if text == choice:
                return choice
        *most, last = choices
        raise FieldInvalid(f"{name} must be {', '.join(most)} or {last}.")

    def document(self, name: str, max_bytes: int, max_depth: int) -> dict[str, Any]:
        """The field as a JSON object; absent is an empty one.

        Raises:
            FieldInvalid: it is something else, as JSON longer than `max_bytes`, or has more than `max_depth`
                lists and objects in each other, itself counted.
        """
        value = self.value(name)
        if not isinstance(value, dict):
            text = self.text(name)
            if text is None:
                return {}
            try:
                value = _loads(text)
            except (ValueError, RecursionError) as error:
                raise FieldInvalid(
                    f"{name} must be a JSON object, and no number in it {LARGEST} or more.",
                    detail=str(error)[:200],
                ) from error
        if not isinstance(value, dict):
            raise FieldInvalid(f"{name} must be a JSON object.")
        document = cast("dict[str, Any]", value)
        if _is_deeper(document, max_depth):  # first: what writes JSON gives up at some depth
            raise FieldInvalid(f"{name} has more than {max_depth} lists and objects in each other.")
        text = json.dumps(document, ensure_ascii=False)
        if not _encodable(text):
            raise FieldInvalid(f"{name} contains characters that are not text.")
        if len(text.encode()) > max_bytes:
            raise FieldInvalid(f"{name} is longer than {max_bytes} bytes of JSON.")
        return document

    def fraction(self, name: str) -> float | None:
        """The field as a number from 0 to 1, or None.

        Raises:
            FieldInvalid: it is something else.
        """
        text = self.text(name)
        if text is None:
            return None
        number = float(text) if NUMBER.fullmatch(text) else -1.0
        if not 0.0 <= number <= 1.0:
            raise FieldInvalid(f"{name} must be a number from 0 to 1.")
        return number

    def plain(self) -> dict[str, Value]:
        """All fields by name, the query string left out."""
        return {name: self.value(name) for name in self._fields}


def from_json(data: bytes) -> list[tuple[str, Value]]:
    """The fields of a JSON object.

    Raises:
        BodyInvalid: it is not JSON, or not an object.
    """
    if not data.strip():
        return []
    try:
        document = _loads(data.removeprefix(BOM))
    except (ValueError, RecursionError) as error:  # also UnicodeDecodeError and numbers without end
        raise BodyInvalid(
            f"The body is not valid JSON, or a number in it is {LARGEST} or more.", detail=str(error)[:200]
        ) from error
    if not isinstance(document, dict):
        raise BodyInvalid("The body must be a JSON object.")
    return list(cast("dict[str, Value]", document).items())


def _loads(text: str | bytes) -> object:
    """JSON that can be told again as JSON.

    Raises:
        ValueError, RecursionError: it is none.
    """
    return json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    """A number of JSON. One too large for a float would become infinity, for which JSON has no word."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:50]} is too large")
    return number


def _is_deeper(document: dict[str, Any], levels: int) -> bool:
    """Whether more than so many lists and objects stand in each other, the outermost counted."""
    level: list[object] = [document]
    for _ in range(levels):
        level = [one for outer in level for one in _inside(outer) if isinstance(one, dict | list)]
    return bool(level)


def _inside(outer: object) -> Iterable[object]:
    values = cast("dict[str, object]", outer).values() if isinstance(outer, dict) else outer
    return cast("Iterable[object]", values)


def _is_nothing(value: Value) -> bool:
    if isinstance(value, Part):
        return value.size == 0
    if isinstance(value, str):
        return len(value) <= MAX_TEXT and value.strip() in NOTHING
    return value is None


def _encodable(text: str) -> bool:
    """Whether the text has no lone surrogates, which JSON can spell and nothing can store."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _as_text(name: str, value: Value, max_chars: int) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, Part):
        if value.size > 4 * max_chars:  # UTF-8 takes up to four bytes a character
            raise FieldInvalid(f"{name} is longer than {max_chars} characters.")
        try:
            return value.read().decode("utf-8")
        except UnicodeDecodeError as error:
            raise FieldInvalid(f"{name} must be text, not a file.") from error
    raise FieldInvalid(f"{name} must be text.")
