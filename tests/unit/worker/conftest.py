"""Pictures to be cleaned, and how the children that clean them are brought up."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cleanplate.worker.children import Upbringing


@pytest.fixture(scope="session")
def make_picture():
    """An encoded picture of soft colours with a white stamp at (20, 10), 30 × 12 pixels."""

    def make(width: int = 160, height: int = 120, kind: str = "PNG", **options) -> bytes:
        noise = np.random.default_rng(7).integers(40, 200, (8, 8, 3), np.uint8)
        image = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
        image.paste((255, 255, 255), (20, 10, 50, 22))
        file = io.BytesIO()
        image.save(file, kind, **options)
        return file.getvalue()

    return make


@pytest.fixture(scope="session")
def make_mask():
    """An encoded mask, white on the stamp, or nowhere."""

    def make(width: int = 160, height: int = 120, *, empty: bool = False) -> bytes:
        image = Image.new("L", (width, height))
        if not empty:
            image.paste(255, (20, 10, 50, 22))
        file = io.BytesIO()
        image.save(file, "PNG")
        return file.getvalue()

    return make


@pytest.fixture(scope="module")
def upbringing() -> Upbringing:
    return Upbringing(memory_mib=1024, threads=1, start_seconds=60, requests=100)
