from __future__ import annotations

from dataclasses import replace

import pytest

from cleanplate.task import Request, Source
from cleanplate.task.repeats import fingerprint

REQUEST = Request("native", "remove", Source("blob", "source"), metadata={"order": 1})
UPLOADS = {"source": b"picture"}


@pytest.mark.parametrize(
    "again",
    [
        replace(REQUEST, request_id="another"),
        replace(REQUEST, base_url="https://other.example.org"),
        replace(REQUEST, credits=9),
        replace(REQUEST, for_browsers=True),
        replace(REQUEST, trace=f"00-{'1' * 32}-{'2' * 16}-01"),
    ],
    ids=["request id", "server's name", "price", "browsers", "trace"],
)
def test_how_a_request_came_does_not_make_it_another(again):
    assert fingerprint(again, UPLOADS) == fingerprint(REQUEST, UPLOADS)


@pytest.mark.parametrize(
    ("again", "uploads"),
    [
        (replace(REQUEST, mode="fill"), UPLOADS),
        (replace(REQUEST, metadata={"order": 2}), UPLOADS),
        (replace(REQUEST, callback_url="https://example.org/x"), UPLOADS),
        (REQUEST, {"source": b"another picture"}),
    ],
)
def test_what_is_asked_for_does(again, uploads):
    assert fingerprint(again, uploads) != fingerprint(REQUEST, UPLOADS)
