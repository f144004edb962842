#!/usr/bin/env python3
"""Time a removal, step by step, and measure its peak memory: small, middle and large pictures.

    python bench/speed.py [--only given|automatic]

Each row runs in a child process of its own, from the bytes of a JPEG to the bytes of the answer.

* Given: one thread; a picture that is drawn here, either with a logo of 400 × 150 in its corner, given as a
  rectangle, or with text tiled over it, given as an exact mask.
* Automatic: two threads; the sample's lake without its mark, scaled and with a little grain, as it is, with a
  see-through logo, or with tiled text, and nothing told; the quickest of REPEATS.

The steps are seconds of the processor, all threads together, whoever else was using the machine; "clock, s"
is how long it took here. Loading the network and the libraries is counted apart. "MiB used" is the peak over
what the process held before, "in all" its peak, the encoded picture included.

Prints Markdown tables and writes them into bench/SPEED.md.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from page import command, machine, today, write

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
PAGE = HERE / "SPEED.md"
SAMPLE = HERE.parent / "samples" / "lake.jpg"
GIVEN = {"0.25 MP": (576, 432), "1 MP": (1152, 864), "12 MP": (4000, 3000)}
AUTOMATIC = {"512 × 512": (512, 512), "1 MP": (1152, 868), "12 MP": (4000, 3000)}
MARKS = {"given": ("corner logo", "tiled text"), "automatic": ("no mark", "logo", "tiled text")}
STEPS = {
    "given": ("decode", "find", "undo", "fill", "compose", "encode"),
    "automatic": ("decode", "network", "repetition", "find, rest", "undo", "fill", "compose", "encode"),
}
THREADS = {"given": 1, "automatic": 2}
REPEATS = 3


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=tuple(MARKS))
    parser.add_argument("--dry", action="store_true", help="leave bench/SPEED.md as it is")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measured(options.child[0], Path(options.child[1]))))
        return 0
    for way in (options.only,) if options.only else tuple(MARKS):
        text = table(way)
        if not options.dry:
            write(PAGE, way, text)
    return 0


def table(way: str) -> str:
    head = ["picture", "mark", "MP removed", *STEPS[way], "processor, s", "clock, s"]
    head += ["loading, s", "MiB used", "MiB in all"]
    lines = [f"`{command()}` on {today()}, {machine()}; {THREADS[way]} thread{'s' * (THREADS[way] > 1)}.", ""]
    lines += ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    print("\n".join(lines), flush=True)
    for size in GIVEN if way == "given" else AUTOMATIC:
        for mark in MARKS[way]:
            lines.append(row(way, size, mark, in_child(way, size, mark)))
            print(lines[-1], flush=True)
    return "\n".join(lines) + "\n"


def in_child(way: str, size: str, mark: str) -> dict[str, Any]:
    """Draw here, so that drawing does not raise the peak that is measured; remove there."""
    width, height = (GIVEN if way == "given" else AUTOMATIC)[size]
    data, region = marked(width, height, mark) if way == "given" else photographed(width, height, mark)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "picture.jpg").write_bytes(data)
        if region is not None:
            np.save(Path(folder, "region.npy"), region)
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        done = subprocess.run(
            [sys.executable, __file__, "--child", way, folder],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **dict.fromkeys(names, str(THREADS[way]))},
        )
    return json.loads(done.stdout)


def measured(way: str, folder: Path) -> dict[str, Any]:
    """In the child: removals from bytes to bytes, the quickest of them."""
    data = (folder / "picture.jpg").read_bytes()
    region = np.load(folder / "region.npy") if (folder / "region.npy").is_file() else None
    started = time.perf_counter()
    from cleanplate import models
    from cleanplate.engine import remove

    cv2.setNumThreads(THREADS[way])
    models.configure(threads=THREADS[way])
    nothing = np.zeros((64, 64, 3), np.uint8)  # loads what is loaded once: the network, then the fill
    remove(nothing)
    remove(nothing, np.pad(np.ones((4, 4), bool), 30), "fill")
    loading = time.perf_counter() - started
    before = peak_mib()
    inner = processor_seconds()
    rounds: list[dict[str, Any]] = []
    for _ in range(REPEATS if way == "automatic" else 1):
        inner.clear()
        started, worked = time.perf_counter(), time.process_time()
        removal = remove(data, region)
        steps = {**removal.timings, **inner}
        encoding = time.process_time()
        removal.encode()
        steps["encode"] = time.process_time() - encoding
        steps["find, rest"] = steps["find"] - sum(inner.values())
        removed = float(removal.area.sum()) / 1e6
        worked, clock = time.process_time() - worked, time.perf_counter() - started
        rounds.append({"steps": steps, "worked": worked, "clock": clock, "removed": removed})
    best = min(rounds, key=lambda one: one["clock"])
    return {**best, "loading": loading, "used": peak_mib() - before, "peak": peak_mib()}


def processor_seconds() -> dict[str, float]:
    """Let the engine's own timings count the processor, and fill in what `find` spends on its two parts."""
    import importlib

    for name in ("pipeline", "removal"):
        module = importlib.import_module(f"cleanplate.engine.{name}")
        assert module.perf_counter is time.perf_counter
        module.perf_counter = time.process_time
    find = importlib.import_module("cleanplate.engine.find.finder")
    spent: dict[str, float] = {}

    def timed(step: str, does: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*values: Any, **named: Any) -> Any:
            started = time.process_time()
            answer = does(*values, **named)
            spent[step] = spent.get(step, 0.0) + time.process_time() - started
            return answer

        return wrapped

    find.see = timed("network", find.see)
    find.find_repeated = timed("repetition", find.find_repeated)
    return spent


def photographed(width: int, height: int, mark: str) -> tuple[bytes, None]:
    """A JPEG of the sample's lake, above its own mark, with grain and perhaps a see-through mark."""
    lake = np.asarray(Image.open(SAMPLE).convert("RGB"))[:450]
    side = min(lake.shape[1], round(lake.shape[0] * width / height))
    crop = np.ascontiguousarray(lake[: round(side * height / width), :side])
    photo = cv2.resize(crop, (width, height), interpolation=cv2.INTER_CUBIC)
    grain = np.empty((height, width, 1), np.int8)
    cv2.randn(grain, 0, 3)
    photo = cv2.add(photo, np.repeat(grain, 3, 2), dtype=cv2.CV_8U)
    if mark != "no mark":
        layer = Image.new("L", (width, height), 0)
        draw = ImageDraw.Draw(layer)
        if mark == "logo":
            draw.text(
                (width * 0.3, height * 0.45), "Aurelia", fill=115, font=ImageFont.load_default(width // 9)
            )
        else:
            for line, top in enumerate(range(0, height, height // 7)):
                for left in range(-(line % 2) * width // 8, width, width // 4):
                    draw.text((left, top), "preview", fill=90, font=ImageFont.load_default(width // 22))
        opacity = np.asarray(layer, np.uint8)
        for strip in range(0, height, 256):
            part, alpha = photo[strip : strip + 256], opacity[strip : strip + 256, :, None] / np.float32(255)
            part[:] = np.rint(part + alpha * (np.float32(255) - part))
    file = BytesIO()
    Image.fromarray(photo).save(file, "JPEG", quality=92, subsampling="4:2:0")
    return file.getvalue(), None


def marked(width: int, height: int, mark: str) -> tuple[bytes, np.ndarray]:
    """A JPEG of a photo-like picture with a mark on it, and where the mark is."""
    rng = np.random.default_rng(7)
    picture = np.zeros((height, width, 3), np.uint8)
    for side in (6, 40, 300):
        small = rng.integers(
            0, 256, (max(2, height * side // 3000), max(2, width * side // 3000), 3), np.uint8
        )
        layer = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        cv2.addWeighted(picture, 0.5, layer, 0.5, 0, dst=picture)
    area = np.zeros((height, width), np.uint8)
    if mark == "corner logo":
        area[height - 170 : height - 20, width - 420 : width - 20] = 1
    else:
        scale = width / 1150
        for line, y in enumerate(range(int(40 * scale), height, int(90 * scale))):
            for x in range(-(line % 2) * int(150 * scale), width, int(300 * scale)):
                cv2.putText(
                    area, "Sample 2026", (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, 1, max(1, int(3 * scale))
                )
    picture[area > 0] = 240
    file = BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=92, subsampling="4:2:0")
    return file.getvalue(), area > 0


def peak_mib() -> float:
    """Most memory this process has held so far, in MiB.

    Linux's own mark is asked for first: `ru_maxrss` of a child starts at what its parent held.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def row(way: str, size: str, mark: str, cost: dict[str, Any]) -> str:
    steps = [f"{cost['steps'].get(step, 0.0):.2f}" for step in STEPS[way]]
    cells = [
        size,
        mark,
        f"{cost['removed']:.3f}",
        *steps,
        f"**{cost['worked']:.2f}**",
        f"**{cost['clock']:.2f}**",
    ]
    cells += [f"{cost['loading']:.1f}", f"{cost['used']:.0f}", f"**{cost['peak']:.0f}**"]
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    sys.exit(main())
