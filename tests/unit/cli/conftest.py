from __future__ import annotations

import logging
import os
from dataclasses import asdict

import cv2
import numpy as np
import pytest
import structlog


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch, tmp_path):
    """Each test in a folder of its own, without the settings of whoever runs it."""
    for name in list(os.environ):
        if name.startswith("CLEANPLATE_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _logs_as_before():
    """A command that runs in this process logs to the test's own stderr, which is closed after it."""
    root, told = logging.getLogger(), structlog.get_config()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.configure(**told)


@pytest.fixture
def runtime():
    """How networks are run in this process, as it was before once the test is over."""
    from cleanplate.models import session

    before = asdict(session.RUNTIME)
    yield session.RUNTIME
    for name, value in before.items():
        setattr(session.RUNTIME, name, value)


@pytest.fixture
def photo():
    """A smooth picture, (90, 120, 3), with a bright mark in the rectangle 30,40,50,20."""
    across = np.linspace(40, 160, 120)[None, :, None]
    down = np.linspace(0, 60, 90)[:, None, None]
    pixels = (across + down * np.array([1.0, 0.5, 0.2])).astype(np.uint8)
    pixels[45:55, 35:75] = 255
    return pixels


@pytest.fixture
def write(photo):
    """Write the marked photo to a path, in the format of its ending."""

    def to(path, pixels=None):
        path.parent.mkdir(parents=True, exist_ok=True)
        done, data = cv2.imencode(path.suffix, photo if pixels is None else pixels)
        assert done
        path.write_bytes(data.tobytes())
        return path

    return to
