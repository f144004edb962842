from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections import Counter

import cleanplate
from cleanplate.errors import CleanplateError


def _declared():
    """Every error that a room declares."""
    for module in pkgutil.walk_packages(cleanplate.__path__, "cleanplate."):
        if "migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    waiting = [CleanplateError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        # not those of a test, nor those made at run time for a child's error whose class is not loaded
        declared = getattr(sys.modules.get(kind.__module__), kind.__name__, None) is kind
        if declared and kind.__module__.startswith("cleanplate.") and kind is not CleanplateError:
            yield kind


def test_a_code_names_one_error():
    """A child process tells its parent an error by its code, so two errors of one code would be mixed up."""
    codes = Counter(kind.code for kind in _declared() if "code" in vars(kind))

    assert [code for code, count in codes.items() if count > 1] == []


def test_codes_are_stable_names_and_messages_are_sentences():
    for kind in _declared():
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", kind.code)
        first = (kind.__doc__ or "").strip().splitlines()[0]
        assert first.endswith("."), f"{kind.__name__} should say what to do in one sentence"


def test_what_the_log_gets_is_not_in_what_the_user_sees():
    error = CleanplateError("Try again.", detail="/secret/path")

    assert str(error) == error.public_message == "Try again."
