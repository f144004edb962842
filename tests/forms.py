"""What clients of both vendors meet alike: the parts of a form, how these are refused, how a task fails."""

from __future__ import annotations

FAILURES = [  # what a task failed of, and what both vendors call that
    ("region_empty", -1, "Failed"),
    ("worker_crashed", -1, "Failed"),
    ("storage_failed", -2, "Upload failed"),
    ("fetch_failed", -3, "Download failed"),
    ("fetch_refused", -3, "Download failed"),
    ("fetch_timeout", -3, "Download failed"),
    ("fetch_too_large", -5, "File too large"),
    ("picture_too_large", -5, "File too large"),
    ("picture_unreadable", -7, "Invalid file"),
    ("picture_format_unsupported", -7, "Invalid file"),
    ("picture_too_small", -7, "Invalid file"),
    ("picture_too_slow", -8, "Timeout"),
    ("task_timeout", -8, "Timeout"),
]


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
