from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cleanplate.http.errors import LinkInvalid
from cleanplate.http.files import MEDIA_TYPES
from cleanplate.http.links import Links
from cleanplate.task import Outcome, Request, Source, State, Task
from cleanplate.task.keys import result_key

ID = "3b950563-e53f-4036-a581-5ac04d0829b3"
SECRET = b"0123456789abcdef"


def task(attempt=1, extension="png", expires_at=2000.0, task_id=ID):
    key = result_key(task_id, attempt, extension)
    outcome = Outcome(key, "PNG", extension, "image/png", 10, 10, None, 0, 1, changed=True)
    request = Request("gptge", "watermark", Source("blob", "x"))
    return Task(task_id, "a", request, State.DONE, attempt, 0, 1.0, 1.0, 1.0, expires_at, outcome=outcome)


def split(url):
    parts = urlsplit(url)
    return parts.path.rpartition("/")[2], dict(parse_qsl(parts.query))


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@given(st.integers(1, 10**6), st.sampled_from(sorted(MEDIA_TYPES)), st.integers(1001, 10**10))
def test_a_link_leads_to_its_blob(attempt, extension, expires_at):
    one = task(attempt, extension, float(expires_at))
    links = Links(SECRET, clock=Clock())
    name, query = split(links.url(one, "https://h"))
    linked = links.open(name, query)
    assert linked.key == one.outcome.result_key
    assert (linked.name, linked.extension) == (f"{ID}.{extension}", extension)
    assert linked.seconds == expires_at - 1000


def test_the_form_of_a_link():
    url = Links(SECRET, clock=Clock()).url(task(), "https://h/base")
    assert url.startswith(f"https://h/base/files/{ID}.png?e=2000&a=1&s=")


def test_good_until_the_second_in_which_the_task_expires():
    clock = Clock()
    links = Links(SECRET, clock=clock)
    name, query = split(links.url(task(expires_at=2000.9), ""))
    clock.now = 1999.9
    assert links.open(name, query).seconds == 1
    clock.now = 2000.0
    with pytest.raises(LinkInvalid):
        links.open(name, query)


@given(st.sampled_from("eas"), st.text(max_size=60))
def test_any_other_value_is_refused(field, value):
    links = Links(SECRET, clock=Clock())
    name, query = split(links.url(task(), ""))
    if query[field] != value:
        with pytest.raises(LinkInvalid):
            links.open(name, query | {field: value})


@given(st.text(max_size=60) | st.from_regex(r"\A[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\.[a-z]{3}\Z"))
def test_any_other_name_is_refused(other):
    links = Links(SECRET, clock=Clock())
    name, query = split(links.url(task(), ""))
    if other != name:
        with pytest.raises(LinkInvalid):
            links.open(other, query)


def test_another_secret_is_refused():
    name, query = split(Links(SECRET, clock=Clock()).url(task(), ""))
    with pytest.raises(LinkInvalid):
        Links(b"fedcba9876543210", clock=Clock()).open(name, query)


def test_without_a_result_there_is_no_link():
    unfinished = Task(ID, "a", task().request, State.QUEUED, 0, 0, 1.0, None, None, 2000.0)
    with pytest.raises(ValueError, match="no result"):
        Links(SECRET).url(unfinished, "")


def test_the_secret_is_not_shown():
    assert "0123456789abcdef" not in repr(Links(SECRET))
