"""Pictures to test with, made on the spot."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def photo():
    """Makes (H, W, channels) arrays of smooth colours with noise, as a photo has."""

    def make(height: int = 48, width: int = 64, channels: int = 3, dtype: Any = np.uint8) -> np.ndarray:
        draw = np.random.default_rng(7)
        y, x = np.mgrid[:height, :width]
        ramps = np.stack([x / width, y / height, (x + y) / (width + height), 1 - x / width], axis=2)
        top = np.iinfo(dtype).max
        noisy = ramps[..., :channels] * top * 0.9 + draw.uniform(0, top * 0.1, (height, width, channels))
        return noisy.astype(dtype)

    return make


@pytest.fixture(scope="session")
def saved():
    """Encodes a Pillow image or an array with Pillow."""

    def save(image: Image.Image | np.ndarray, format_: str, **options: Any) -> bytes:
        buffer = BytesIO()
        if not isinstance(image, Image.Image):
            squeezed = image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image
            image = Image.fromarray(squeezed)
        image.save(buffer, format_, **options)
        return buffer.getvalue()

    return save


@pytest.fixture(scope="session")
def heic():
    """Reads a HEIC of 64 × 48 pixels that was made with pillow-heif: a ramp with a red top left corner."""
    folder = Path(__file__).parent / "data"
    return lambda name: (folder / f"{name}.heic").read_bytes()


@pytest.fixture(scope="session")
def cmyk_profile() -> bytes:
    """A small CMYK profile of version 2: a lookup table from ink to Lab, darker with every ink."""
    import struct

    def s15(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def tag_xyz(x: float, y: float, z: float) -> bytes:
        return b"XYZ \0\0\0\0" + s15(x) + s15(y) + s15(z)

    grid, inks = 2, 4
    identity = b"".join(s15(float(row == column)) for row in range(3) for column in range(3))
    ramp = bytes(range(256))
    nodes = b""
    for index in range(grid**inks):
        c, m, y, k = ((index >> (3 - ink)) & 1 for ink in range(4))
        light = (1 - k) * (100 - 25 * c - 30 * m - 8 * y)
        a = (1 - k) * (-30 * c + 60 * m + 0 * y)
        b = (1 - k) * (-40 * c - 5 * m + 80 * y)
        nodes += bytes([round(max(0, light) * 2.55), round(a) + 128, round(b) + 128])
    table = b"mft1\0\0\0\0" + bytes([inks, 3, grid, 0]) + identity + ramp * inks + nodes + ramp * 3
    text = b"text\0\0\0\0test profile\0"
    description = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(8 + 3 + 67)
    tags = {b"desc": description, b"cprt": text, b"wtpt": tag_xyz(0.9642, 1.0, 0.8249), b"A2B0": table}
    at = 128 + 4 + 12 * len(tags)
    directory, body = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        padded = value + bytes(-len(value) % 4)
        directory += name + struct.pack(">II", at + len(body), len(value))
        body += padded
    size = at + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + s15(0.9642) + s15(1) + s15(0.8249)
    return head.ljust(128, b"\0") + directory + body
