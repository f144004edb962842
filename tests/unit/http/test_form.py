from __future__ import annotations

import contextlib
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanplate.http.errors import BodyInvalid, FieldInvalid, FieldRepeated
from cleanplate.http.form import MAX_TEXT, WHOLE_BODY, Form, Part, from_json


def part(data, name="f"):
    return Part(name, is_file=True, size=len(data), spool=io.BytesIO(data))


@pytest.mark.parametrize("nothing", ["", "  ", "null", "undefined", None, part(b"")])
def test_nothing_in_any_spelling_is_absent(nothing):
    form = Form([("f", nothing)])
    assert not form.has("f")
    assert form.sent("f", "g") == []
    assert form.text("f") is form.file("f") is form.value("f") is None
    assert form.flag("f") is False
    assert form.choice("f", (1, 2), 1) == 1


@pytest.mark.parametrize("something", [0, False, [], {}, "0", part(b" ")])
def test_what_is_falsy_is_still_sent(something):
    assert Form([("f", something)]).has("f")


@pytest.mark.parametrize(
    ("value", "text"),
    [(" a ", "a"), (1, "1"), (1.0, "1"), (1.5, "1.5"), (True, "true"), (part("ä".encode()), "ä")],
)
def test_text_of_every_kind_of_value(value, text):
    assert Form([("f", value)]).text("f") == text


@pytest.mark.parametrize(
    "value", [[], {}, part(b"\xff\xd8"), "a\x00b", "\ud800", "x" * (MAX_TEXT + 1), part(b"x" * 5 * MAX_TEXT)]
)
def test_what_is_not_text(value):
    with pytest.raises(FieldInvalid, match=r"^f "):
        Form([("f", value)]).text("f")


def test_long_text_where_it_is_expected():
    text = "x" * 10 * MAX_TEXT
    assert Form([("f", text)]).text("f", WHOLE_BODY) == text
    assert Form([("f", part(text.encode()))]).text("f", WHOLE_BODY) == text


def test_files_keep_their_bytes():
    assert Form([("f", part(b"\xff\xd8"))]).file("f") == b"\xff\xd8"
    assert Form([("f", "ä")]).file("f") == "ä".encode()
    with pytest.raises(FieldInvalid):
        Form([("f", [1])]).file("f")


def test_the_query_is_asked_only_for_what_is_missing():
    form = Form([("a", "body"), ("b", "")], [("a", "query"), ("b", "query"), ("c", "query")])
    assert [form.text(name) for name in "abc"] == ["body", "query", "query"]


def test_repeated_fields():
    assert Form([("f", "1"), ("f", ""), ("f", "1")]).text("f") == "1"
    for other in ("2", part(b"1")):
        with pytest.raises(FieldRepeated, match=r"^f "):
            Form([("f", "1"), ("f", other)]).value("f")


@pytest.mark.parametrize("value", ["1", 1, 1.0, True, "true", "YES", "on"])
def test_yes(value):
    assert Form([("f", value)]).flag("f")


@pytest.mark.parametrize("value", ["0", 0, False, "false", "No", "off"])
def test_no(value):
    assert not Form([("f", value)]).flag("f")


@pytest.mark.parametrize("value", ["2", "maybe", 0.5, -1])
def test_neither_yes_nor_no(value):
    with pytest.raises(FieldInvalid, match="f must be 0 or 1"):
        Form([("f", value)]).flag("f")


@pytest.mark.parametrize(
    ("value", "number"),
    [("0.8", 0.8), (0.8, 0.8), (1, 1.0), (" 0 ", 0.0), ("1.0", 1.0), (".5", 0.5), ("5e-1", 0.5), ("", None)],
)
def test_a_fraction(value, number):
    assert Form([("f", value)]).fraction("f") == number


@pytest.mark.parametrize(
    "value",
    [
        "1.01",
        -0.1,
        "nan",
        "inf",
        "-inf",
        float("nan"),
        float("inf"),
        "1e999",
        "0_5",
        "0,5",
        "½",
        "٠",
        "high",
        True,
        [0.5],
    ],
)
def test_no_fraction(value):
    with pytest.raises(FieldInvalid):
        Form([("f", value)]).fraction("f")


def test_choice():
    assert Form([("f", "2")]).choice("f", (1, 2), 1) == 2
    with pytest.raises(FieldInvalid, match="f must be 1 or 2"):
        Form([("f", "3")]).choice("f", (1, 2), 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_every_json_object_is_read(document):
    assert dict(from_json(json.dumps(document).encode())) == document


@given(st.binary(max_size=50))
def test_any_bytes_are_fields_or_a_clear_error(data):
    with contextlib.suppress(BodyInvalid):
        assert isinstance(from_json(data), list)


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"[]",
        b"1",
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e400}',
        b'{"a":[-9.9e999]}',
        b'{"a":' + b"[" * 10**5,
    ],
)
def test_not_a_json_object(data):
    with pytest.raises(BodyInvalid):
        from_json(data)


def test_numbers_without_end():
    with pytest.raises(BodyInvalid):
        from_json(b'{"a":' + b"9" * 10_000 + b"}")
