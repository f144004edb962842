from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cleanplate.settings import CONFIG_VARIABLE, Section, Settings, SettingsInvalid, load

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _clean_surroundings(monkeypatch, tmp_path):
    import os

    for name in list(os.environ):
        if name.startswith("CLEANPLATE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_starts_with_nothing_around_it(tmp_path):
    settings = load()

    assert settings.http.host == "127.0.0.1"
    assert settings.http.port == 8080
    assert settings.database_url == f"sqlite+aiosqlite:///{tmp_path / 'data' / 'cleanplate.db'}"
    assert settings.blobs_url == (tmp_path / "data" / "blobs").as_uri()
    assert settings.slots >= 1


def test_a_file_in_the_working_directory_is_read(tmp_path):
    (tmp_path / "cleanplate.toml").write_text('data_dir = "/srv/plates"\n[http]\nport = 9000\n')

    settings = load()

    assert settings.data_dir == Path("/srv/plates")
    assert settings.http.port == 9000
    assert settings.http.host == "127.0.0.1"  # the rest of the section keeps its defaults


def test_the_environment_wins_over_the_file_and_an_argument_over_both(tmp_path, monkeypatch):
    (tmp_path / "other.toml").write_text("[http]\nport = 9000\nmax_fields = 7\n")
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "other.toml"))
    assert load().http.port == 9000

    monkeypatch.setenv("CLEANPLATE_HTTP__PORT", "9001")
    assert load().http.port == 9001

    settings = load(http={"port": 9002})
    assert settings.http.port == 9002
    assert settings.http.max_fields == 7  # an argument replaces a value, not its whole section


def test_lists_and_tables_come_as_json(monkeypatch):
    monkeypatch.setenv("CLEANPLATE_FETCH__ALLOW_NETWORKS", '["10.0.0.0/8"]')
    monkeypatch.setenv("CLEANPLATE_FETCH__CONNECT_TO", '{"example.com:443": "127.0.0.1:9443"}')

    settings = load()

    assert [str(network) for network in settings.fetch.allow_networks] == ["10.0.0.0/8"]
    assert settings.fetch.connect_to == {"example.com:443": "127.0.0.1:9443"}


def test_all_problems_are_reported_together_each_with_its_variable(tmp_path, monkeypatch):
    (tmp_path / "cleanplate.toml").write_text("[http]\nprot = 80\n")
    monkeypatch.setenv("CLEANPLATE_PICTURE__MAX_SIDE", "-1")
    monkeypatch.setenv("CLEANPLATE_SECRET", "short")

    with pytest.raises(SettingsInvalid) as raised:
        load()

    message = raised.value.public_message
    assert "CLEANPLATE_HTTP__PROT" in message  # a slip of the pen is no silent default
    assert "CLEANPLATE_PICTURE__MAX_SIDE" in message
    assert "CLEANPLATE_SECRET" in message
    assert "short" not in message  # a secret is never printed


def test_a_named_file_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setenv(CONFIG_VARIABLE, "/nowhere/cleanplate.toml")

    with pytest.raises(SettingsInvalid, match=r"/nowhere/cleanplate\.toml"):
        load()


def test_a_file_that_is_no_toml_is_an_error(tmp_path):
    (tmp_path / "cleanplate.toml").write_text("[http\n")

    with pytest.raises(SettingsInvalid, match="could not be read"):
        load()


def test_settings_cannot_be_changed_after_they_were_read():
    settings = load()

    with pytest.raises(ValueError, match="frozen"):
        settings.http.port = 1


def test_the_secret_is_not_shown(monkeypatch):
    monkeypatch.setenv("CLEANPLATE_SECRET", "a very long secret indeed")

    assert "indeed" not in repr(load())


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("BLOBS__ENDPOINT", "s3.example.org", "CLEANPLATE_BLOBS__ENDPOINT"),
        ("BLOBS__ENDPOINT", "https://key:secret@s3.example.org", "CLEANPLATE_BLOBS__ENDPOINT"),
        ("BLOBS__PUBLIC_ENDPOINT", "https://s3.example.org/bucket", "CLEANPLATE_BLOBS__PUBLIC_ENDPOINT"),
        ("BLOBS__ACCESS_KEY", "key", "set both, or neither"),
        ("BLOBS__SECONDS", "0", "CLEANPLATE_BLOBS__SECONDS"),
        ("BLOBS__RETRY_SECONDS", "-1", "CLEANPLATE_BLOBS__RETRY_SECONDS"),
        ("BLOBS__REGION", "", "CLEANPLATE_BLOBS__REGION"),
        ("DATABASE__CONNECTIONS", "0", "CLEANPLATE_DATABASE__CONNECTIONS"),
        ("DATABASE__BUSY_SECONDS", "0", "CLEANPLATE_DATABASE__BUSY_SECONDS"),
        ("WORKER__PORT", "99999", "CLEANPLATE_WORKER__PORT"),
        ("WORKER__SLOTS", "0", "CLEANPLATE_WORKER__SLOTS"),
    ],
)
def test_what_many_machines_cannot_run_with_is_named(variable, value, said, monkeypatch):
    monkeypatch.setenv(f"CLEANPLATE_{variable}", value)
    with pytest.raises(SettingsInvalid) as caught:
        load()
    assert said in str(caught.value)
    assert "secret@" not in str(caught.value)


def test_a_password_in_the_database_url_is_not_shown(monkeypatch):
    monkeypatch.setenv("CLEANPLATE_DATABASE__URL", "postgresql://ann:hush@db/cleanplate")
    assert "hush" not in repr(load())
    assert load().database_url == "postgresql://ann:hush@db/cleanplate"


def _fields(model=Settings, path=()):
    for name, field in model.model_fields.items():
        if isinstance(field.default, Section):
            yield from _fields(type(field.default), (*path, name))
        else:
            yield (*path, name), field


@pytest.mark.parametrize(("path", "field"), [pytest.param(*each, id=".".join(each[0])) for each in _fields()])
def test_every_setting_is_documented(path, field):
    page = (ROOT / "docs/reference/settings.md").read_text()

    assert field.description, f"{'.'.join(path)} needs a description"
    assert f"`CLEANPLATE_{'__'.join(path).upper()}`" in page, "run make docs"


def test_the_reference_pages_are_what_the_source_says():
    checked = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stderr
