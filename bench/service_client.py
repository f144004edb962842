"""What benches of the service share: pictures, a client that asks with them, looks at what a server holds."""

from __future__ import annotations

import http.client
import json
import sqlite3
import time
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from servers import Cleanplate

SAMPLE = Path(__file__).resolve().parent.parent / "samples" / "lake.jpg"
SLOTS = 2
GRANTED = 100_000
VARIANTS = 24  # pictures that differ, sent again and again
PICTURES = {"1 MP": (1152, 868), "small": (256, 192)}
MARK = (0.78, 0.9, 0.16, 0.055)  # x, y, width, height in parts of the picture
WAIT = 1200  # seconds, for what must come

Body = tuple[bytes, dict[str, str]]
"""Bytes and headers."""


def settings() -> dict[str, object]:
    return {"WORKER__SLOTS": SLOTS, "TASK__KEEP_SECONDS": 86_400, "LOG__LEVEL": "warning"}


def picture(width: int, height: int, seed: int, box: tuple[int, int, int, int] | None = None) -> bytes:
    """A JPEG of the sample's lake above its own mark, with grain, and a white mark in the corner."""
    lake = np.asarray(Image.open(SAMPLE).convert("RGB"))[:450]
    side = min(lake.shape[1], round(lake.shape[0] * width / height))
    pixels = cv2.resize(
        np.ascontiguousarray(lake[: round(side * height / width), :side]),
        (width, height),
        interpolation=cv2.INTER_CUBIC,
    )
    cv2.setRNGSeed(seed)
    grain = np.empty((min(height, 1024), min(width, 1024), 3), np.int8)
    cv2.randn(grain, 0, 3)
    for top in range(0, height, 1024):
        for left in range(0, width, 1024):
            piece = pixels[top : top + 1024, left : left + 1024]
            piece[:] = cv2.add(piece, grain[: piece.shape[0], : piece.shape[1]], dtype=cv2.CV_8U)
    x, y, across, down = box or (round(MARK[0] * width), round(MARK[1] * height),
                                 round(MARK[2] * width), round(MARK[3] * height))  # fmt: skip
    image = Image.fromarray(pixels)
    ImageDraw.Draw(image).text(
        (x + across * 0.04, y), "SAMPLE", fill="white", font=ImageFont.load_default(down * 0.8)
    )
    file = BytesIO()
    image.save(file, "JPEG", quality=90)
    return file.getvalue()


def form(data: bytes, **fields: str) -> Body:
    """A multipart body of a picture and the mark's area, with its headers."""
    x, y, width, height = MARK
    area = json.dumps([{"x": x, "y": y, "width": width, "height": height}])
    border = uuid4().hex
    parts = [
        f'--{border}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in ({"rectangles": area, "unit": "fraction"} | fields).items()
    ]
    parts += [
        f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="p.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n".encode(),
        data,
        f"\r\n--{border}--\r\n".encode(),
    ]
    return b"".join(parts), {"Content-Type": f"multipart/form-data; boundary={border}"}


class Line:
    """One connection that is kept open, as a client's is."""

    def __init__(self, server: Cleanplate, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=WAIT)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        self._connection.request(method, path, body, {**self._headers, **(headers or {})})
        answer = self._connection.getresponse()
        return answer.status, answer.read()


def account_of(server: Cleanplate) -> str:
    """A token of a metered account."""
    made = server.run("token", "create", "bench", "--account", "bench")
    server.run("credits", "grant", "bench", str(GRANTED))
    return next(word for word in made.split() if word.startswith("cp_"))


def rows(server: Cleanplate, query: str) -> list[tuple[Any, ...]]:
    db = sqlite3.connect(server.folder / "data/cleanplate.db", timeout=30)
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


def states(server: Cleanplate) -> Counter[str]:
    return Counter(dict(rows(server, "SELECT state, count(*) FROM tasks GROUP BY state")))


def wait_for(true: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT
    while not true():
        if time.monotonic() > until:
            raise SystemExit("it did not come to an end")
        time.sleep(0.5)


def status_mib(pid: int, field: str) -> float:
    text = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith(f"{field}:"))


def table(head: list[str], lines: list[tuple[str, str]]) -> str:
    def written() -> Iterator[str]:
        yield f"| {' | '.join(head)} |"
        yield "|" + " --- |" * len(head)
        for name, value in lines:
            yield f"| {name} | {value} |"

    return "\n".join(written()) + "\n"
