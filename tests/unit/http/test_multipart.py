from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanplate.http.errors import BodyInvalid, TooManyFields
from cleanplate.http.form import Part
from cleanplate.http.multipart import MultipartBody, find_boundary

BOUNDARY = b"xYz"


def build(parts):
    body = b""
    for name, data, is_file in parts:
        file_name = b'; filename="f"' if is_file else b""
        body += b'--%s\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % (
            BOUNDARY,
            name,
            file_name,
            data,
        )
    return body + b"--%s--\r\n" % BOUNDARY


def receive(pieces, max_parts=64):
    body = MultipartBody(BOUNDARY, max_parts)
    try:
        for piece in pieces:
            body.write(piece)
        return [(name, _bytes(value), isinstance(value, Part)) for name, value in body.fields()]
    finally:
        body.close()


def _bytes(value):
    return value.read() if isinstance(value, Part) else value.encode()


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b", "ä"]), st.binary(max_size=300), st.booleans()), max_size=5),
    st.integers(1, 50),
)
def test_whatever_the_pieces_every_part_arrives(parts, step):
    """Data that looks like a boundary cannot be sent by an honest client, and is left out."""
    parts = [one for one in parts if b"--" + BOUNDARY not in b"\r\n" + one[1]]
    data = build([(name.encode(), body, is_file) for name, body, is_file in parts])
    got = receive(data[at : at + step] for at in range(0, len(data), step))
    assert [(name, body) for name, body, _ in got] == [(name, body) for name, body, _ in parts]
    assert all(is_part for (_, _, is_part), (_, _, is_file) in zip(got, parts, strict=True) if is_file)


def test_a_part_larger_than_memory_is_whole():
    data = bytes(range(256)) * 4096
    assert receive([build([(b"f", data, True)])]) == [("f", data, True)]


def test_text_that_is_not_utf_8_stays_bytes():
    assert receive([build([(b"f", b"\xff\xd8", False)])]) == [("f", b"\xff\xd8", True)]


@pytest.mark.parametrize(
    "data",
    [
        build([(b"f", b"x", False)])[:-4],
        b"--other\r\n\r\n",
        b"--xYz\r\n\r\nno name\r\n--xYz--\r\n",
        b"--xYz\r\nContent-Disposition: form-data\r\n\r\nno name\r\n--xYz--\r\n",
        b"--xYz\r\n" + b"A" * 100_000,
        b"--xYz\r\n" + b"A: b\r\n" * 1000,
    ],
)
def test_what_is_not_a_form(data):
    with pytest.raises(BodyInvalid):
        receive([data])


def test_most_parts():
    data = build([(b"f", b"x", False)] * 3)
    assert len(receive([data], max_parts=3)) == 3
    with pytest.raises(TooManyFields, match="more than 2"):
        receive([data], max_parts=2)


def test_temporary_files_are_removed():
    body = MultipartBody(BOUNDARY, 2)
    body.write(build([(b"f", b"x" * 1_000_000, True)])[:-4])
    spool = body._parts[0].spool
    body.close()
    assert spool.closed


@pytest.mark.parametrize(
    ("content_type", "start", "boundary"),
    [
        ("multipart/form-data; boundary=xYz", b"--xYz\r\n", b"xYz"),
        ('multipart/form-data; boundary="x Yz"', b"--x Yz\r\n", b"x Yz"),
        ("multipart/form-data", b"--xYz\r\n", b"xYz"),
        ("multipart/form-data", b"\r\n--xYz  \r\n", b"xYz"),
        ("multipart/form-data", b"--xYz\n", b"xYz"),
        ("multipart/form-data; boundary=other", b"--xYz\r\n", b"xYz"),
        ("", b"------WebKitFormBoundaryA1\r\n", b"----WebKitFormBoundaryA1"),
        ("multipart/form-data", b"xYz\r\n", None),
        ("multipart/form-data", b"--\r\n", None),
        ("multipart/form-data", b"--" + b"x" * 300 + b"\r\n", None),
        ("multipart/form-data", b"", None),
    ],
)
def test_the_boundary_is_what_the_body_begins_with(content_type, start, boundary):
    assert find_boundary(content_type, start) == boundary
