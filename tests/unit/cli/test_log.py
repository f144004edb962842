from __future__ import annotations

import json
import subprocess
import sys

import pytest

SCRIPT = """
import logging
import structlog
from cleanplate.cli import log
from cleanplate.settings import Log
log.configure(Log(level={level!r}, format={form!r}))
structlog.get_logger("cleanplate.test").info("a picture was cleaned", task="t1", name="é")
structlog.get_logger("cleanplate.test").debug("too much to tell")
logging.getLogger("uvicorn.error").info("chatter")
logging.getLogger("uvicorn.error").warning("a library warns")
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger("cleanplate.test").exception("it broke")
"""


def _logged(level, form):
    script = SCRIPT.format(level=level, form=form)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == ""  # standard output belongs to answers
    return done.stderr


def test_json_is_one_object_a_line_whoever_logs():
    lines = [json.loads(line) for line in _logged("info", "json").splitlines()]

    assert [line["event"] for line in lines] == ["a picture was cleaned", "a library warns", "it broke"]
    assert lines[0]["task"] == "t1"
    assert lines[0]["name"] == "é"
    assert lines[0]["level"] == "info"
    assert lines[0]["logger"] == "cleanplate.test"
    assert "ZeroDivisionError" in lines[2]["exception"]


@pytest.mark.parametrize(("level", "heard"), [("info", False), ("debug", True)])
def test_chatter_is_heard_only_when_debugging(level, heard):
    said = _logged(level, "console")

    assert ("chatter" in said) is heard
    assert ("too much to tell" in said) is heard
    assert "a picture was cleaned" in said
    assert "ZeroDivisionError" in said
