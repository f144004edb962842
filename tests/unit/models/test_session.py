from __future__ import annotations

import logging
import warnings
from dataclasses import asdict

import numpy as np
import pytest

import networks
from cleanplate import models, settings
from cleanplate.models import session
from cleanplate.models.providers import RUNTIME_NAMES, preferred

CPU, CUDA, OPENVINO = "CPUExecutionProvider", "CUDAExecutionProvider", "OpenVINOExecutionProvider"


@pytest.fixture(autouse=True)
def _own_runtime():
    before = asdict(session.RUNTIME)
    yield
    for name, value in before.items():
        setattr(session.RUNTIME, name, value)


@pytest.fixture
def claims_cuda(monkeypatch):
    """A runtime that says it can run on a card, where there is none."""
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])


@pytest.mark.parametrize(
    ("wish", "available", "order"),
    [
        ("auto", [CPU], [CPU]),
        ("auto", ["TensorrtExecutionProvider", CUDA, CPU], [CUDA, CPU]),
        ("auto", [OPENVINO, CPU], [OPENVINO, CPU]),
        ("cpu", [CUDA, CPU], [CPU]),
        ("cuda", [CUDA, CPU], [CUDA, CPU]),
        ("openvino", [OPENVINO, CPU], [OPENVINO, CPU]),
    ],
)
def test_the_best_that_there_is_comes_first_and_the_processor_last(wish, available, order):
    assert preferred(wish, available) == order


@pytest.mark.parametrize(
    ("wish", "package"), [("cuda", "onnxruntime-gpu"), ("openvino", "onnxruntime-openvino")]
)
def test_a_provider_that_is_not_installed_names_its_package(wish, package):
    with pytest.raises(models.ProviderMissing, match=package):
        preferred(wish, [CPU])


def test_an_unknown_provider_is_named():
    with pytest.raises(models.ProviderMissing, match="'abacus': use auto, cpu, cuda, openvino"):
        preferred("abacus", [CPU])


def test_the_settings_know_the_same_providers():
    assert settings.Models.model_fields["provider"].annotation == models.Provider


@pytest.mark.parametrize(
    "action", ["error", "ignore"]
)  # it says so by a warning, or just runs on something else
def test_a_card_that_does_not_start_leaves_the_processor_and_a_line_in_the_log(
    claims_cuda, caplog, tmp_path, action
):
    path = networks.write_own(tmp_path / "own.onnx")
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING, "cleanplate"):
        warnings.simplefilter(action, UserWarning)
        painter = models.painter(path)

    assert painter.provider == CPU
    (line,) = [record.getMessage() for record in caplog.records]
    assert "CUDAExecutionProvider does not start" in line
    assert "running on the processor instead" in line
    values, hole = np.full((40, 40, 3), 0.5, np.float32), np.zeros((40, 40), bool)
    hole[10:20, 10:20] = True
    np.testing.assert_allclose(painter.paint(values, hole), 0.5, atol=1e-6)


def test_a_provider_that_starts_is_used(monkeypatch, caplog, tmp_path):
    """The second provider of the plain package stands for the others: it leaves all work to the processor."""
    import onnxruntime

    if "AzureExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this ONNX Runtime has no second provider")
    monkeypatch.setitem(RUNTIME_NAMES, "openvino", "AzureExecutionProvider")
    painter = models.painter(networks.write_own(tmp_path / "own.onnx"))
    assert painter.provider == "AzureExecutionProvider"
    assert not caplog.records


def test_without_a_wish_for_it_no_card_is_tried(claims_cuda, caplog, tmp_path):
    models.configure(provider="cpu")
    assert models.painter(networks.write_own(tmp_path / "own.onnx")).provider == CPU
    assert not caplog.records


def test_what_was_configured_stays_until_it_is_said_otherwise(tmp_path):
    models.configure(threads=3, folder=tmp_path)
    models.configure(provider="cpu")
    assert session.Runtime(threads=3, provider="cpu", folder=tmp_path) == session.RUNTIME
    models.configure(threads=0)
    assert session.RUNTIME.threads == 1


def test_the_process_may_choose_the_network_that_paints(tmp_path):
    path = networks.write_own(tmp_path / "own.onnx")
    assert models.asked_for() is None
    models.configure(model=path)
    assert models.asked_for() == path
    assert models.painter().name == "own.onnx"
    other = networks.write_migan(tmp_path / "other.onnx")
    assert models.painter(other).name == "other.onnx"  # a call's own choice comes first
    assert models.asked_for(other) == other


def test_a_network_with_its_weights_beside_it_is_read_by_its_path(tmp_path):
    path = networks.write_in_two_files(tmp_path / "two.onnx")
    assert (tmp_path / "two.onnx.data").exists()
    values, hole = np.full((40, 40, 3), 0.25, np.float32), np.zeros((40, 40), bool)
    hole[10:20, 10:20] = True
    np.testing.assert_allclose(models.painter(path).paint(values, hole), 0.25, atol=1e-6)


def test_a_lack_of_memory_is_told_as_such():
    class Runtime:
        def get_inputs(self):
            return []

        get_outputs = get_inputs

        def run(self, *_):
            raise RuntimeError("Failed to allocate memory for requested buffer of size 1")

    with pytest.raises(MemoryError):
        session.Session(Runtime(), None).run({})
