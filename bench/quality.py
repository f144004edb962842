#!/usr/bin/env python3
"""Score cleanplate's fill beside OpenCV's on a set of marked photos whose truth is known.

    python bench/quality.py [--manifest FILE] [--methods a,b] [--asks mask,rect,smear] [--fsr PYTHON]

Each method runs over the set once for each way of asking (the exact mask, rectangles, a brush smear), in a
child process of its own with one thread, and the set's own `score.py` judges what it wrote. Prints one
Markdown table for each way of asking, and keeps pictures, scores and tables in `bench/out/quality/`.

The set is not part of the repository. When it is absent this says so and exits with status 2.

`fsr_fast` (frequency selective reconstruction) is in OpenCV's contrib build, which cannot be installed beside
the headless one. To have it in the table, give it an environment of its own:

    uv venv bench/out/contrib
    uv pip install -p bench/out/contrib/bin/python opencv-contrib-python-headless numpy pillow
    python bench/quality.py --fsr bench/out/contrib/bin/python
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

HERE = Path(__file__).resolve().parent
MANIFEST = HERE.parent.parent / "shared" / "bench" / "dev" / "manifest.json"
OUT = HERE / "out" / "quality"
ASKS = ("mask", "rect", "smear")
METHODS = ("nothing", "telea3", "telea5", "ns3", "ns5", "cleanplate")
KINDS = ("translucent-logo", "tiled-text", "corner-opaque", "banner")
ASKED = {"mask": "the exact mask", "rect": "rectangles", "smear": "a brush smear"}
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def main() -> int:
    options = arguments()
    if options.child:
        work(options.child, options.ask, options.manifest, options.out)
        return 0
    if not options.manifest.is_file():
        print(f"The bench's photos are not here: {options.manifest} does not exist.", file=sys.stderr)
        print(
            "Point --manifest at a set's manifest.json; there is nothing to measure without one.",
            file=sys.stderr,
        )
        return 2
    score = neighbour(options.manifest, "score")
    methods = [*options.methods, *(["fsr_fast"] if options.fsr else [])]
    tables: list[str] = []
    for ask in options.asks:
        rows: list[str] = []
        for method in methods:
            if method == "fsr_fast" and ask != "mask":
                continue  # it takes a quarter of an hour for what the others do in a minute
            folder = options.out / f"{method}-{ask}"
            cost = measured(method, ask, options, folder)
            report = score.score(folder, options.manifest)
            (folder / "score.json").write_text(json.dumps({"cost": cost, **report}, indent=1) + "\n")
            rows.append(row(method, report, cost))
            print(f"{ask:6s}{rows[-1]}", file=sys.stderr, flush=True)
        tables.append(table(ask, rows))
    text = "\n".join(tables)
    (options.out / "tables.md").write_text(text)
    print(text)
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--methods", type=lambda text: text.split(","), default=list(METHODS))
    parser.add_argument("--asks", type=lambda text: text.split(","), default=list(ASKS))
    parser.add_argument("--fsr", help="a Python that has opencv-contrib-python-headless")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--ask", help=argparse.SUPPRESS)
    return parser.parse_args()


def neighbour(manifest: Path, name: str) -> ModuleType:
    """A module of the bench that the manifest belongs to, beside its folder; else the dev set's."""
    path = manifest.resolve().parent.parent / f"{name}.py"
    path = path if path.is_file() else MANIFEST.parent.parent / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"bench_{name}", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measured(method: str, ask: str, options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Run one method in a child process; its seconds, megapixels and peak memory."""
    folder.mkdir(parents=True, exist_ok=True)
    python = options.fsr if method == "fsr_fast" else sys.executable
    command = [
        python,
        __file__,
        "--child",
        method,
        "--ask",
        ask,
        "--manifest",
        options.manifest,
        "--out",
        folder,
    ]
    subprocess.run([str(part) for part in command], check=True, env={**os.environ, **ONE_THREAD})
    return json.loads((folder / "cost.json").read_text())


def work(method: str, ask: str, manifest: Path, folder: Path) -> None:
    """In the child: clean every case of the set and write down what it cost."""
    cv2.setNumThreads(1)
    cases = json.loads(manifest.read_text())["cases"]
    base = manifest.parent
    clean = cleaner(method, ask, manifest)
    idle = peak_mib()
    seconds = filled = 0.0
    refused: list[str] = []
    for case in cases:
        picture = np.asarray(Image.open(base / case["watermarked"]).convert("RGB"))
        picture, area, spent = clean(case, base, picture)
        seconds += spent
        filled += area / 1e6
        if case["kind"] != "none" and not area:
            refused.append(case["id"])
        Image.fromarray(picture).save(folder / f"{case['id']}.png", compress_level=1)
    cost = {
        "seconds": seconds,
        "megapixels": filled,
        "peak_mib": peak_mib(),
        "idle_mib": idle,
        "refused": refused,
    }
    (folder / "cost.json").write_text(json.dumps(cost) + "\n")


def peak_mib() -> float:
    """Most memory this process has held so far, in MiB.

    Linux's own mark is asked for first: `ru_maxrss` of a child starts at what its parent held.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


Cleaned = tuple[np.ndarray, int, float]
"""The picture, the number of pixels filled, processor seconds."""


def cleaner(method: str, ask: str, manifest: Path) -> Callable[[dict[str, Any], Path, np.ndarray], Cleaned]:
    if method == "cleanplate":
        import cleanplate.engine  # noqa: F401  # what a process that has done nothing yet holds, counts as idle

        return lambda case, base, picture: by_cleanplate(case, base, picture, ask)
    baselines = neighbour(manifest, "baselines")

    def by_baseline(case: dict[str, Any], base: Path, picture: np.ndarray) -> Cleaned:
        if method == "nothing" or case["kind"] == "none":
            return picture, 0, 0.0
        area = baselines.area(case, base, ask, 0)
        started = time.process_time()
        result = baselines.METHODS[method](picture, area)
        spent = time.process_time() - started
        return np.where(area[..., None], result, picture), int(area.sum()), spent

    return by_baseline


def by_cleanplate(case: dict[str, Any], base: Path, picture: np.ndarray, ask: str) -> Cleaned:
    """Through the front door, as a user does: a file and a region in one of its three forms."""
    import cleanplate
    from cleanplate.engine import NothingToPaintFrom
    from cleanplate.picture import decode

    source = decode((base / case["watermarked"]).read_bytes())
    assert np.array_equal(source.pixels, picture), "both must start from the same pixels"
    region = region_of(case, base, ask)
    started = time.process_time()
    try:
        removal = cleanplate.remove(source, region, mode="fill")
    except NothingToPaintFrom:
        return picture, 0, time.process_time() - started
    return removal.picture.pixels, int(removal.area.sum()), time.process_time() - started


def region_of(case: dict[str, Any], base: Path, ask: str) -> Any:
    """The region in the form asked for; None for a picture without a mark."""
    from cleanplate import Mask, Rectangle, Rectangles, Smear

    if case["kind"] == "none":
        return None
    if ask == "mask":
        return Mask.from_bytes((base / case["mask"]).read_bytes())
    if ask == "smear":
        return Smear.from_bytes((base / case["smear"]).read_bytes())
    return Rectangles(tuple(Rectangle(**rectangle) for rectangle in case["rectangles"]))


def row(method: str, report: dict[str, Any], cost: dict[str, Any]) -> str:
    groups = [report["kinds"][kind] for kind in KINDS] + [report["marked"]]
    cells = [f"{group['psnrw']:.2f} / {group['left']:.2f} / {group['tex']:.2f}" for group in groups]
    cells[-1] = f"**{cells[-1]}**"
    rate = f"{cost['seconds'] / cost['megapixels']:.2f}" if cost["megapixels"] else "-"
    same = f"{100 * report['none']['same']:.0f} %" if report["none"] else "-"
    cells += [f"{report['marked']['hurt']:.2f}", same, rate]
    cells += [f"{cost['peak_mib'] - cost['idle_mib']:.0f}", f"{cost['peak_mib']:.0f}"]
    return f"| {method} | " + " | ".join(cells) + " |"


def table(ask: str, rows: list[str]) -> str:
    head = ["method", *KINDS, "all marked", "hurt %", "none same", "s / MP filled", "MiB used", "MiB in all"]
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *rows]
    return f"### Asked with {ASKED[ask]}: PSNRw / left / tex\n\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
