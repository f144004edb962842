from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest

from cleanplate.models import Weights
from hub import CONTENT, Hub


@pytest.fixture
def hub():
    server = Hub()
    yield server
    server.close()


@pytest.fixture
def weights() -> Weights:
    """A network of the hub's, as far as its file goes."""
    return Weights(
        id="small",
        task="fill",
        file="small.onnx",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        bytes=len(CONTENT),
        licence="MIT",
        source="a test",
        hub="someone/small/resolve/main/small.onnx",
    )


@pytest.fixture
def disputed(weights) -> Weights:
    """The same, with a licence that has to be accepted."""
    return replace(weights, consent=True, note="Ask a lawyer.")
