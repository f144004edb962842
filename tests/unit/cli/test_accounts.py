from __future__ import annotations

import re
import stat
from pathlib import Path

from cleanplate.cli.app import run


def test_a_token_is_shown_once_listed_by_its_beginning_and_revoked(capsys):
    assert run(["token", "create", "scanner", "--account", "shop"]) == 0
    secret = capsys.readouterr().out.strip()
    assert re.fullmatch(r"cp_[\w-]{43}", secret)

    assert run(["token", "list"]) == 0
    listed = capsys.readouterr().out
    assert secret not in listed
    assert f"{secret[:8]}…\tscanner\tshop\t" in listed
    assert "\tgood" in listed

    assert run(["token", "revoke", secret[:8]]) == 0
    capsys.readouterr()
    assert run(["token", "list", "--account", "shop"]) == 0
    assert "\trevoked " in capsys.readouterr().out


def test_secrets_are_not_on_disk(capsys):
    run(["token", "create"])
    secret = capsys.readouterr().out.strip()

    for file in Path("data").iterdir():
        assert secret.encode() not in file.read_bytes()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_credits_are_unlimited_until_some_are_granted(capsys):
    assert run(["credits", "show"]) == 0
    assert capsys.readouterr().out == "default: unlimited, 0 used\n"

    assert run(["credits", "grant", "default", "500"]) == 0
    assert capsys.readouterr().out == "default: 500 left of 500, 0 used\n"

    assert run(["credits", "grant", "default", "20"]) == 0
    assert capsys.readouterr().out == "default: 520 left of 520, 0 used\n"


def test_mistakes_are_one_line(capsys):
    for arguments in (
        ["token", "revoke", "nobody"],
        ["credits", "show", "nobody"],
        ["credits", "grant", "x", "1"],
    ):
        assert run(arguments) == 1
        assert len(capsys.readouterr().err.splitlines()) == 1
    assert run(["credits", "grant", "default", "0"]) == 2
