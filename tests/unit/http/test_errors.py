"""Every error of every room has its answer in every dialect."""

from __future__ import annotations

import importlib
import json
import pkgutil

import pytest

import cleanplate
from cleanplate.errors import CleanplateError
from cleanplate.http.dialects import DIALECTS, dialect_at
from cleanplate.http.errors import BodyTooSlow, MethodWrong, ServerBusy
from cleanplate.http.kaze.errors import CODES
from cleanplate.http.kaze.render import TIMEOUTS
from cleanplate.http.kinds import KINDS, Kind, headers_of, kind_of
from cleanplate.http.native.errors import STATUSES as NATIVE
from cleanplate.http.picwish.errors import DETAILS, STATES, STATUSES
from cleanplate.settings import Settings
from cleanplate.task import QueueFull

ABOVE = ("cleanplate.cli",)  # http serves no errors of the rooms above it


def every_error():
    for module in pkgutil.walk_packages(cleanplate.__path__, "cleanplate."):
        if not module.name.startswith(ABOVE) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, seen = [CleanplateError], []
    while found:
        one = found.pop()
        seen.append(one)
        found += [sub for sub in one.__subclasses__() if sub.__module__.startswith("cleanplate.")]
    return [one for one in seen if not one.__module__.startswith(ABOVE)]


ERRORS = sorted(every_error(), key=lambda one: one.__name__)


def test_every_error_has_a_kind():
    assert {error.code for error in ERRORS} - set(KINDS) == set()


def test_no_kind_is_given_to_an_error_that_does_not_exist():
    assert set(KINDS) - {error.code for error in ERRORS} == set()


@pytest.mark.parametrize("table", [CODES, STATUSES, NATIVE], ids=["kaze", "picwish and gptge", "native"])
def test_every_dialect_answers_every_kind(table):
    assert set(table) == set(Kind)


def test_tasks_fail_with_codes_that_exist():
    codes = {error.code for error in ERRORS}
    assert set(STATES) <= codes
    assert codes >= TIMEOUTS
    assert set(STATES.values()) <= set(DETAILS)


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.name)
@pytest.mark.parametrize("error", ERRORS, ids=lambda one: one.__name__)
def test_the_answer_says_what_to_do_and_blames_the_right_one(dialect, error):
    raised = error()
    answer = dialect.refuse(raised, Settings())
    body = json.loads(answer.body)
    text = body.get("message") or body.get("detail")
    assert text in {"task not found", raised.public_message}
    ours = kind_of(raised) in {Kind.INTERNAL, Kind.STORAGE}
    assert (answer.status_code >= 500) == ours


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/ext/v1/get_quota", "kaze"),
        ("/api/ext/v1", "kaze"),
        ("/api/ext/v10", "native"),
        ("/task/pic/watermark", "gptge"),
        ("/task", "gptge"),
        ("/tasks", "native"),
        ("/api/tasks/visual/inpaint", "picwish"),
        ("/api/tasks/visual/erase", "picwish"),
        ("/api/customers/package-credits", "picwish"),
        ("/api/taskss", "native"),
        ("/", "native"),
        ("/files/x", "native"),
    ],
)
def test_the_dialect_of_a_path(path, name):
    assert dialect_at(path).name == name


def test_headers_that_belong_to_errors():
    assert headers_of(QueueFull(retry_after=7)) == {"Retry-After": "7"}
    assert headers_of(ServerBusy()) == {"Retry-After": "2"}
    assert headers_of(MethodWrong(allow="POST")) == {"Allow": "POST"}
    assert headers_of(BodyTooSlow()) == {"Connection": "close"}
