from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cleanplate import models
from cleanplate.models import session
from cleanplate.models.catalogue import FOLDER


@pytest.mark.parametrize("weights", models.BUNDLED, ids=lambda weights: weights.id)
def test_every_bundled_file_is_the_one_that_the_catalogue_describes(weights: models.Weights) -> None:
    data = (FOLDER / weights.file).read_bytes()
    assert hashlib.sha256(data).hexdigest() == weights.sha256
    assert len(data) == weights.bytes
    assert weights.licence
    assert weights.source


def test_the_find_network_stays_small() -> None:
    assert models.find("find").bytes <= 6 * 2**20


def test_a_network_answers_in_its_range_whatever_the_size() -> None:
    network = models.load("find")
    for height, width in ((32, 32), (64, 96)):
        planes = network.run(np.random.default_rng(0).random((1, 3, height, width), np.float32))
        assert planes.shape == (1, 5, height, width)
        assert planes.dtype == np.float32
        assert 0 <= planes.min() <= planes.max() <= 1


def test_a_network_is_loaded_once_even_by_many_threads_at_once() -> None:
    with ThreadPoolExecutor(8) as pool:
        loaded = list(pool.map(models.load, ["find"] * 8))
    assert len({id(network) for network in loaded}) == 1


def test_an_unknown_network_is_named() -> None:
    with pytest.raises(models.ModelUnknown) as raised:
        models.load("magic")
    assert "magic" in raised.value.public_message
    assert "find" in raised.value.public_message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(models.WeightsMissing, match="install cleanplate again") as raised:
        session.read(models.find("find"), tmp_path)
    assert "find.onnx" in str(raised.value.detail)


def test_a_damaged_file_is_named_and_never_run(tmp_path: Path) -> None:
    weights = models.find("find")
    data = bytearray((FOLDER / weights.file).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / weights.file).write_bytes(data)
    with pytest.raises(models.WeightsDamaged, match="install cleanplate again"):
        session.read(weights, tmp_path)
    with pytest.raises(models.WeightsDamaged):
        session.read(replace(weights, sha256="0" * 64))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="counts threads as Linux tells them")
def test_threads_are_bounded_however_many_are_asked_for() -> None:
    code = """
import onnxruntime
from cleanplate import models

def running():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Threads:"))

before = running()
models.configure(threads=1000)
models.load("find")
print(running() - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < session.MOST_THREADS  # the caller's own thread works too


def test_the_catalogue_is_read_without_the_runtime() -> None:
    code = "import sys, cleanplate.models; print('onnxruntime' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("weights", models.BUNDLED, ids=lambda weights: weights.id)
def test_a_bundled_network_says_nothing_of_where_it_was_made(weights: models.Weights) -> None:
    """Exporters write stack traces into the file, with the paths of the machine that they ran on."""
    data = (FOLDER / weights.file).read_bytes()
    assert b".py" not in data
    assert b"/home/" not in data
