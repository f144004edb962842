"""What clients of both vendors do alike: the parts of a form that they send, and how they are refused."""

from __future__ import annotations


def text(fields):
    """Text parts of a multipart form, as Python requests makes them: no file name, no content type."""
    return {name: (None, value) for name, value in fields.items()}


def file(data, name="photo.png"):
    return (name, data, "image/png")


def refused(answer, status):
    body = answer.json()
    assert (answer.status_code, body["status"]) == (status, status), answer.text
    assert set(body) == {"status", "message"}
    assert body["message"]
    return body["message"]
