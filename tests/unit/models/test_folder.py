from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cleanplate import models
from cleanplate.models.folder import FORGOTTEN_SECONDS, UNFINISHED, default_folder
from cleanplate.settings import load
from servers import COMMAND


@pytest.fixture
def folder(tmp_path) -> models.ModelFolder:
    return models.ModelFolder(tmp_path / "deep" / "down" / "models")


def _entries(folder: models.ModelFolder) -> list[str]:
    return sorted(entry.name for entry in folder.path.iterdir()) if folder.path.exists() else []


def test_a_network_is_fetched_once_and_works_offline_from_then_on(folder, hub, weights):
    told: list[int] = []

    assert folder.state(weights) == "absent"
    assert folder.pull(weights, mirror=f"{hub.url}/", told=told.append)

    assert hub.paths == ["/someone/small/resolve/main/small.onnx"]
    assert folder.file(weights).read_bytes() == hub.content
    assert _entries(folder) == ["small.onnx"]
    assert told == sorted(told)
    assert told[-1] == weights.bytes
    assert folder.state(weights) == "good"
    assert folder.has(weights)
    hub.failures = [500] * 10
    assert not folder.pull(weights, mirror=hub.url)
    assert folder.checked(weights) == folder.file(weights)
    assert len(hub.paths) == 1


def test_a_wrong_file_is_refused_and_nothing_is_left(folder, hub, weights):
    hub.content = hub.content[:-1] + b"!"
    with pytest.raises(models.DownloadWrong, match="another SHA-256"):
        folder.pull(weights, mirror=hub.url, tries=1)
    assert _entries(folder) == []


@pytest.mark.parametrize("declares_length", [True, False])
def test_no_more_is_taken_than_the_network_has(folder, hub, weights, declares_length):
    hub.content *= 40
    hub.declares_length = declares_length
    told: list[int] = []
    with pytest.raises(models.DownloadWrong, match="more than"):
        folder.pull(weights, mirror=hub.url, told=told.append)
    assert max(told) <= weights.bytes
    assert _entries(folder) == []


@pytest.mark.parametrize("declares_length", [True, False])
def test_a_connection_that_breaks_off_leaves_nothing(folder, hub, weights, declares_length):
    hub.cut_after = 1000
    hub.declares_length = declares_length
    with pytest.raises((models.DownloadFailed, models.DownloadWrong)):
        folder.pull(weights, mirror=hub.url, tries=1)
    assert _entries(folder) == []


def test_what_may_pass_is_tried_again(folder, hub, weights):
    hub.failures = [503]
    assert folder.pull(weights, mirror=hub.url)
    assert len(hub.paths) == 2


@pytest.mark.parametrize("status", [401, 404])
def test_what_will_not_pass_is_tried_once(folder, hub, weights, status):
    hub.failures = [status] * 9
    with pytest.raises(models.DownloadFailed, match=f"answers {status}.*MIRROR"):
        folder.pull(weights, mirror=hub.url)
    assert len(hub.paths) == 1
    assert _entries(folder) == []


def test_a_server_that_keeps_failing_is_given_up(folder, hub, weights):
    hub.failures = [500] * 9
    with pytest.raises(models.DownloadFailed, match="answers 500"):
        folder.pull(weights, mirror=hub.url, tries=2)
    assert len(hub.paths) == 2


@pytest.mark.parametrize(
    ("mirror", "said"),
    [
        ("http://127.0.0.1:1", "no connection"),
        ("http://", "not an address"),
        ("gopher://x", "not an address"),
    ],
)
def test_a_mirror_that_is_none_is_named(folder, weights, mirror, said):
    with pytest.raises(models.DownloadFailed, match=said):
        folder.pull(weights, mirror=mirror, tries=1)


def test_a_damaged_file_is_noticed_and_fetched_anew(folder, hub, weights):
    folder.pull(weights, mirror=hub.url)
    damaged = bytearray(folder.file(weights).read_bytes())
    damaged[1000] ^= 1
    folder.file(weights).write_bytes(damaged)

    assert folder.state(weights) == "damaged"
    with pytest.raises(models.ModelDamaged, match="cleanplate models pull small"):
        folder.checked(weights)
    assert folder.pull(weights, mirror=hub.url)
    assert folder.state(weights) == "good"


def test_a_network_that_was_not_fetched_says_how_to(folder, weights):
    with pytest.raises(models.ModelNotFetched, match="cleanplate models pull small"):
        folder.checked(weights)


def test_many_at_once_all_end_with_the_network(folder, hub, weights):
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: folder.pull(weights, mirror=hub.url), range(6)))
    assert _entries(folder) == ["small.onnx"]
    assert folder.state(weights) == "good"


def test_a_licence_in_dispute_has_to_be_accepted_once(folder, hub, disputed):
    with pytest.raises(models.LicenceNotAccepted, match=r"Ask a lawyer\..*--accept-licence"):
        folder.pull(disputed, mirror=hub.url)
    assert hub.paths == []
    assert folder.pull(disputed, mirror=hub.url, accepted=True)
    assert not folder.pull(disputed, mirror=hub.url)  # it is there: nothing to ask


def test_a_fetched_network_can_be_deleted(folder, hub, weights):
    folder.pull(weights, mirror=hub.url)
    assert folder.remove(weights)
    assert not folder.remove(weights)
    assert folder.state(weights) == "absent"


def test_a_bundled_network_is_neither_fetched_nor_deleted(folder):
    with pytest.raises(models.ModelBundled):
        folder.pull(models.find("find"))
    with pytest.raises(models.ModelBundled):
        folder.remove(models.find("find"))


def test_a_folder_that_is_a_file_is_named(tmp_path, hub, weights):
    (tmp_path / "file").write_text("in the way")
    folder = models.ModelFolder(tmp_path / "file" / "models")
    with pytest.raises(models.ModelsUnwritable, match="CLEANPLATE_MODELS__FOLDER"):
        folder.pull(weights, mirror=hub.url)
    assert folder.state(weights) == "damaged"  # something is there that cannot be read
    with pytest.raises(models.ModelsUnwritable):
        folder.remove(weights)


def test_a_disk_without_room_is_named_before_anything_is_fetched(folder, hub, weights):
    from dataclasses import replace

    huge = replace(weights, bytes=1 << 60)
    with pytest.raises(models.ModelsUnwritable, match="make room"):
        folder.pull(huge, mirror=hub.url)
    assert hub.paths == []


def test_a_disk_that_fills_up_meanwhile_leaves_nothing(folder, hub, weights):
    described = {name: getattr(weights, name) for name in weights.__slots__}
    code = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
from pathlib import Path
from cleanplate import models
folder = models.ModelFolder(Path({str(folder.path)!r}))
try:
    folder.pull(models.Weights(**{described!r}), mirror={hub.url!r})
except models.ModelsUnwritable as error:
    print(error.public_message)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "cannot be written (File too large)" in done.stdout
    assert _entries(folder) == []


@pytest.mark.parametrize("signal_name", ["SIGINT", "SIGTERM"])
def test_a_download_that_is_stopped_leaves_nothing(tmp_path, hub, signal_name):
    import signal

    hub.held_after = 100_000
    environment = {
        **os.environ,
        "CLEANPLATE_MODELS__MIRROR": hub.url,
        "CLEANPLATE_MODELS__FOLDER": str(tmp_path / "m"),
    }
    with subprocess.Popen(
        [*COMMAND, "models", "pull", "migan"], env=environment, stderr=subprocess.DEVNULL
    ) as pulling:
        assert hub.held.wait(60)
        assert [entry.name.startswith(UNFINISHED) for entry in (tmp_path / "m").iterdir()] == [True]
        pulling.send_signal(getattr(signal, signal_name))
        status = pulling.wait(60)
    assert status in {130, 143}
    assert list((tmp_path / "m").iterdir()) == []


def test_what_a_killed_download_left_is_swept_away_some_day(folder, hub, weights):
    for name in (f"{UNFINISHED}old", f"{UNFINISHED}new"):
        (folder.path / name).mkdir(parents=True)
        (folder.path / name / "small.onnx").write_bytes(b"half of it")
    long_ago = time.time() - FORGOTTEN_SECONDS - 60
    os.utime(folder.path / f"{UNFINISHED}old", (long_ago, long_ago))

    folder.pull(weights, mirror=hub.url)

    assert _entries(folder) == [f"{UNFINISHED}new", "small.onnx"]  # another one may be at it


def test_the_usual_folder_is_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("CLEANPLATE_MODELS__FOLDER", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "cleanplate" / "models"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert default_folder() == tmp_path / "home" / ".cache" / "cleanplate" / "models"
    monkeypatch.setenv("CLEANPLATE_MODELS__FOLDER", str(tmp_path / "own"))
    assert default_folder() == tmp_path / "own"


def test_the_setting_and_the_library_fetch_from_the_same_place():
    assert load().models.mirror == models.HUB
    for weights in models.FETCHABLE:
        assert weights.hub.endswith(f"/{weights.file}")
        assert len(weights.sha256) == 64
        assert weights.note


def test_what_is_not_fetched_is_loaded_by_nobody(tmp_path):
    code = f"""
import sys
from pathlib import Path
from cleanplate import models
models.configure(folder=Path({str(tmp_path)!r}))
for call in (models.resolve, models.painter):
    try:
        call("migan")
    except models.ModelNotFetched as error:
        print(error.public_message)
print("onnxruntime" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count("`cleanplate models pull migan`") == 2
    assert done.stdout.endswith("False\n")
    assert list(Path(tmp_path).iterdir()) == []
