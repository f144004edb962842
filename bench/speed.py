#!/usr/bin/env python3
"""Time a removal, step by step, and measure its peak memory: small, middle and large pictures.

    python bench/speed.py [--out FILE]

Each row runs in a child process of its own with one thread: a photo-like picture of 0.25, 1 or 12
megapixels, either with a logo of 400 × 150 in its corner, given as a rectangle, or with text tiled over it,
given as an exact mask. Prints a Markdown table and keeps it in `bench/out/speed.md`. The steps are seconds on
the clock; "processor, s" is what the whole removal cost, whoever else was using the machine. The pictures are
drawn here, from a fixed seed: nothing has to be fetched.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np

HERE = Path(__file__).resolve().parent
SIZES = {"0.25 MP": (576, 432), "1 MP": (1152, 864), "12 MP": (4000, 3000)}
MARKS = ("corner logo", "tiled text")
STEPS = ("decode", "find", "undo", "fill", "compose", "encode")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=HERE / "out" / "speed.md")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measured(*options.child)))
        return 0
    head = ["picture", "mark", "MP filled", *STEPS, "clock, s", "processor, s", "MiB used", "MiB in all"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    print("\n".join(lines), flush=True)
    for size in SIZES:
        for mark in MARKS:
            command = [sys.executable, __file__, "--child", size, mark]
            environment = {**os.environ, **ONE_THREAD}
            done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
            lines.append(row(size, mark, json.loads(done.stdout)))
            print(lines[-1], flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text("\n".join(lines) + "\n")
    return 0


def measured(size: str, mark: str) -> dict[str, float]:
    """In the child: one removal from bytes to bytes."""
    import time

    import cleanplate
    from cleanplate.engine import remove

    cv2.setNumThreads(1)
    width, height = SIZES[size]
    data, region = marked(width, height, mark)
    # What is loaded once, is loaded.
    remove(np.zeros((64, 64, 3), np.uint8), np.pad(np.ones((4, 4), bool), 30))
    before = peak_mib()
    worked = time.process_time()
    removal = cleanplate.remove(data, region)
    started = time.perf_counter()
    removal.encode()
    seconds = {**removal.timings, "encode": time.perf_counter() - started}
    spent = time.process_time() - worked
    filled = float(removal.area.sum()) / 1e6
    return {**seconds, "worked": spent, "filled": filled, "used": peak_mib() - before, "peak": peak_mib()}


def marked(width: int, height: int, mark: str) -> tuple[bytes, np.ndarray]:
    """A JPEG of a photo-like picture with a mark on it, and where the mark is.

    Drawn in strips and written to be forgotten, so that making it does not raise the peak that is measured.
    """
    rng = np.random.default_rng(7)
    picture = np.zeros((height, width, 3), np.uint8)
    for side in (6, 40, 300):
        small = rng.integers(
            0, 256, (max(2, height * side // 3000), max(2, width * side // 3000), 3), np.uint8
        )
        layer = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        cv2.addWeighted(picture, 0.5, layer, 0.5, 0, dst=picture)
        del layer
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
    from PIL import Image

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


def row(size: str, mark: str, cost: dict[str, float]) -> str:
    steps = [f"{cost[step]:.2f}" for step in STEPS]
    total = sum(cost[step] for step in STEPS)
    cells = [size, mark, f"{cost['filled']:.3f}", *steps, f"{total:.2f}", f"**{cost['worked']:.2f}**"]
    return "| " + " | ".join([*cells, f"{cost['used']:.0f}", f"{cost['peak']:.0f}"]) + " |"


if __name__ == "__main__":
    sys.exit(main())
