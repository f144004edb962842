"""Three hundred malformed pictures, made by mutation: each gets a named answer, and nothing else happens."""

from __future__ import annotations

import io
import resource
import struct
import zlib
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from cleanplate.http.kinds import KINDS, Kind

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")
PER_FORMAT = 50
GROWTH_MIB = 200  # of this process, which is the server: far less than any one of these claims to need


def seeds():
    y, x = np.mgrid[0:48, 0:64]
    pixels = np.stack([x * 3 % 256, y * 4 % 256, (x + y) % 256], axis=-1).astype(np.uint8)
    for picture_format in FORMATS:
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, picture_format)
        yield picture_format, buffer.getvalue()


def mutated(data, random):
    """The picture with something wrong: cut, flipped, repeated, or with other numbers in its head."""
    it = bytearray(data)
    for _ in range(int(random.integers(1, 5))):
        at = int(random.integers(0, max(1, len(it) - 8)))
        match int(random.integers(0, 6)):
            case 0:
                del it[at:]
            case 1:
                it[at] ^= 1 << int(random.integers(0, 8))
            case 2:
                it[at:at] = it[at : at + int(random.integers(1, 64))] * int(random.integers(1, 200))
            case 3:
                it[at : at + 4] = int(random.integers(0, 2**32)).to_bytes(4, "big")
            case 4:
                head = int(random.integers(0, min(64, max(1, len(it) - 4))))
                it[head : head + 4] = b"\xff\xff\xff\x7f"
            case _:
                it[at : at + 16] = bytes(random.integers(0, 256, 16, dtype=np.uint8))
        if not it:
            return b"\0"
    return bytes(it)


def bomb(width, height):
    """A PNG whose head, with a right checksum, claims this size, and whose few bytes unpack to some of it."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(5_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def memory_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.slow
def test_each_is_answered_by_name_and_the_server_stays_as_it_was(server, pictures):
    random = np.random.default_rng(20261121)
    cases = [(name, mutated(data, random)) for name, data in seeds() for _ in range(PER_FORMAT)]
    cases += [
        ("bomb", bomb(*size)) for size in ((60_000, 60_000), (20_000, 6_000), (2**31 - 1, 1), (1, 20_001))
    ]
    answers, before = Counter(), memory_mib()
    for name, data in cases:
        answer = server.client.post(
            "/v1/removals",
            files={"file": ("x", data, "image/png")},
            data={"rectangles": pictures.rectangles, "mode": "fill", "sync": "1"},
        )
        body = answer.json()
        assert answer.status_code in {200, 400, 413}, (name, body)
        code = body["code"] if answer.status_code != 200 else (body["error"] or {"code": "done"})["code"]
        answers[name, code] += 1
        assert code == "done" or KINDS[code] in {Kind.PARAMETER, Kind.TOO_LARGE}, (name, body)
    assert memory_mib() - before < GROWTH_MIB
    told = Counter()
    for (_, code), times in answers.items():
        told[code] += times
    assert told["picture_unreadable"] > 50  # they are bad pictures
    assert told["done"] > 5  # and not only bad heads: some are only a little wrong
    fine = server.client.post(
        "/v1/removals",
        files={"file": ("x", pictures.photo)},
        data={"rectangles": pictures.rectangles, "mode": "fill", "sync": "1"},
    )
    assert fine.json()["state"] == "done"
    assert server.client.get("/readyz").status_code == 200
