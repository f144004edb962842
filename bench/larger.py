#!/usr/bin/env python3
"""Time networks that paint beside each other: ours, and random weights in LaMa's and MI-GAN's shapes.

    python bench/larger.py [--own FILE.onnx] [--threads 2] [--rounds 5]

All of them run through the same adapters on the same runtime, turn by turn in one process, so that whoever
else uses the machine disturbs them alike; told is the quickest turn and the median. What a network costs does
not depend on what it has learnt, so random weights will do.

* 512²: one crop of that size with a hole of a quarter of its width; without a network the engine's own fill,
  which completes so wide a hole with pieces of the picture.
* 1 MP: `cleanplate.remove` from the bytes of a JPEG of 1152 × 868 with a corner logo of 200 × 75, given as a
  rectangle and painted as a whole, to the pixels of the answer. "No network" is what the package does where
  nobody chooses one.

Prints a Markdown table and writes it into bench/SPEED.md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

import larger_shapes
from cleanplate import models
from cleanplate.engine import remove
from cleanplate.engine.fill import fill
from page import command, machine, today, write

if TYPE_CHECKING:
    from collections.abc import Callable

HERE = Path(__file__).resolve().parent
PAGE = HERE / "SPEED.md"
SIDE = 512
HEIGHT, WIDTH = 868, 1152
LOGO = (30, 763, 200, 75)  # x, y, width, height


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--own", type=Path, help="our network; without it the bundled one, where there is one"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dry", action="store_true", help="leave bench/SPEED.md as it is")
    options = parser.parse_args()
    if options.own is not None and not options.own.is_file():
        print(f"There is no {options.own}: give --own the ONNX file of our network.", file=sys.stderr)
        return 2
    cv2.setNumThreads(options.threads)
    models.configure(threads=options.threads, provider="cpu")
    with tempfile.TemporaryDirectory() as folder:
        text = table(files(Path(folder), options.own), options.rounds, options.threads)
    if not options.dry:
        write(PAGE, "beside larger networks", text)
    return 0


def files(folder: Path, own: Path | None) -> dict[str, tuple[str | Path, str]]:
    """Each network by the name in the table: what `painter` takes, and its size in words."""
    answer: dict[str, tuple[str | Path, str]] = {}
    bundled = [weights for weights in models.BUNDLED if weights.task == models.FILL]
    if own is not None:
        answer["ours"] = own, f"{own.stat().st_size / 2**20:.1f} MiB"
    elif bundled:
        answer["ours"] = bundled[0].id, f"{bundled[0].bytes / 2**20:.1f} MiB"
    for name, writes in (
        ("MI-GAN's shape", larger_shapes.write_migan),
        ("LaMa's shape", larger_shapes.write_lama),
    ):
        path = folder / f"{writes.__name__}.onnx"
        count = writes(path)
        answer[name] = path, f"{count / 1e6:.1f} M parameters"
    return answer


def table(networks: dict[str, tuple[str | Path, str]], rounds: int, threads: int) -> str:
    chosen = {name: model for name, (model, _) in networks.items()}
    all_of_them = {"no network": None, **chosen}
    crops = turns({name: crop_work(model) for name, model in all_of_them.items()}, rounds)
    whole = turns({name: whole_work(model) for name, model in all_of_them.items()}, rounds)
    lines = [
        f"`{command()}` on {today()}, {machine()}; {threads} threads, the quickest of {rounds} (median).",
        "",
        "| network | size | 512², s | times ours | 1 MP with a corner logo, s | times ours |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, (_, size) in {"no network": (None, "–"), **networks}.items():
        cells = [name, size]
        for taken in (crops, whole):
            ours = taken.get("ours") or taken.get("no network")  # until there is a network of ours
            cells += [told(taken.get(name)), ratio(taken.get(name), ours)]
        lines.append("| " + " | ".join(cells) + " |")
    print("\n".join(lines), flush=True)
    return "\n".join(lines) + "\n"


def turns(works: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each work, turn by turn, after one turn that is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            if turn:
                taken[name].append(time.perf_counter() - started)
    return taken


def crop_work(model: str | Path | None) -> Callable[[], Any]:
    pixels = photo(SIDE, SIDE)
    hole = np.zeros((SIDE, SIDE), bool)
    hole[3 * SIDE // 8 : 5 * SIDE // 8, 3 * SIDE // 8 : 5 * SIDE // 8] = True
    if model is None:
        return lambda: list(fill(pixels, hole))
    painter = models.painter(model)
    values = np.asarray(pixels / np.float32(255), np.float32)
    return lambda: painter.paint(values, hole)


def whole_work(model: str | Path | None) -> Callable[[], Any]:
    pixels = photo(HEIGHT, WIDTH)
    x, y, width, height = LOGO
    cv2.putText(pixels, "Aurelia", (x + 6, y + height - 20), cv2.FONT_HERSHEY_DUPLEX, 1.5, (250, 250, 250), 3)
    data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
    region = np.zeros((HEIGHT, WIDTH), bool)
    region[y : y + height, x : x + width] = True
    return lambda: remove(data, region, "fill", model=model)


def photo(height: int, width: int) -> np.ndarray:
    """Broad colours with grain, uint8."""
    random = np.random.default_rng(0)
    small = random.integers(40, 210, (height // 60, width // 60, 3), np.uint8)
    broad = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.add(broad, random.integers(0, 12, broad.shape, np.uint8))


def told(seconds: list[float] | None) -> str:
    return f"{min(seconds):.3f} ({statistics.median(seconds):.3f})" if seconds else "–"


def ratio(seconds: list[float] | None, ours: list[float] | None) -> str:
    return f"{min(seconds) / min(ours):.1f}" if seconds and ours else "–"


if __name__ == "__main__":
    sys.exit(main())
