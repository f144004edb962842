"""Run one method over a set of marked photos, a case at a time, resumably: what the other benches judge.

For each case of the set FOLDER gets `<id>.png`, the answer; `<id>.mask.png`, what was taken for a mark; and
`<id>.json`, the cost and what was found. A run that was cut off goes on where it stopped. Results of
another state of the engine (its sources, its networks) are thrown away first.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from quality import ONE_THREAD, neighbour, region_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

HERE = Path(__file__).resolve().parent
OURS = ("network", "network+fit", "cleanplate")
ROOMS = ("engine", "models", "picture", "region")


@dataclass(frozen=True)
class Run:
    """One method, asked in one way, over one set.

    Attributes:
        method: one of OURS, "nothing", "oracle_mix", or a method of the set's baselines, such as "telea5".
        ask: "auto", "rect", "smear" or "mask".
        manifest: of the set.
        folder: for the results.
        layers: where the exact marks are, for "oracle_mix".
        python: the interpreter to run it with.
    """

    method: str
    ask: str
    manifest: Path
    folder: Path
    layers: Path | None = None
    python: str = sys.executable


def run(asked: Run, ids: Iterable[str], jobs: int) -> dict[str, dict[str, Any]]:
    """Do what is missing of these cases, in `jobs` processes of one thread each; what each case cost."""
    ids = list(ids)
    asked.folder.mkdir(parents=True, exist_ok=True)
    _forget_others(asked)
    missing = [name for name in ids if not (asked.folder / f"{name}.json").is_file()]
    children = []
    for share in (missing[job::jobs] for job in range(jobs)):
        if share:
            command = [asked.python, __file__, asked.method, asked.ask, asked.manifest, asked.folder]
            command += ["--layers", asked.layers] if asked.layers else []
            child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.PIPE,
                text=True,
                env={**os.environ, **ONE_THREAD},
            )
            assert child.stdin
            child.stdin.write("\n".join(share))
            child.stdin.close()
            children.append(child)
    failed = [child.wait() for child in children]
    if any(failed):
        raise SystemExit(f"{asked.method}, asked with {asked.ask}: a child ended with {max(failed)}")
    return {name: json.loads((asked.folder / f"{name}.json").read_text()) for name in ids}


def _forget_others(asked: Run) -> None:
    """Throw away results that another state of the engine left in the folder."""
    state = engine_state() if asked.method in OURS else "-"
    mark = asked.folder / "state.txt"
    if mark.is_file() and mark.read_text() == state:
        return
    for path in asked.folder.iterdir():
        path.unlink()
    mark.write_text(state)


def engine_state() -> str:
    """A hash of the sources and networks that decide what a removal answers."""
    spec = importlib.util.find_spec("cleanplate")
    assert spec
    assert spec.origin
    digest = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((Path(spec.origin).parent / room).rglob("*")):
            if path.suffix in {".py", ".onnx"}:
                digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("method")
    parser.add_argument("ask", choices=("auto", "rect", "smear", "mask"))
    parser.add_argument("manifest", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--layers", type=Path)
    given = parser.parse_args()
    asked = Run(given.method, given.ask, given.manifest, given.folder, given.layers)
    cases = {case["id"]: case for case in json.loads(asked.manifest.read_text())["cases"]}
    cv2.setNumThreads(1)
    clean = cleaner(asked)
    for name in sys.stdin.read().split():
        _one(cases[name], asked, clean)
    return 0


Answer = tuple["NDArray[np.uint8]", "NDArray[np.bool_]", dict[str, Any]]
"""The picture, what was taken for a mark, and what is to be told of it: seconds at least."""


def _one(case: dict[str, Any], asked: Run, clean: Callable[[dict[str, Any]], Answer]) -> None:
    try:
        pixels, mask, told = clean(case)
    except Exception:  # noqa: BLE001  # whatever it is: one case must not end the run, and it counts as failed
        told = {"crash": traceback.format_exc(limit=-3)}
    else:
        Image.fromarray(pixels).save(asked.folder / f"{case['id']}.png", compress_level=1)
        Image.fromarray(mask.astype(np.uint8) * 255).save(asked.folder / f"{case['id']}.mask.png")
    (asked.folder / f"{case['id']}.json").write_text(json.dumps(told) + "\n")


def cleaner(asked: Run) -> Callable[[dict[str, Any]], Answer]:
    """How one case is cleaned with this method and this way of asking."""
    base = asked.manifest.parent
    if asked.method in OURS:
        _take_apart(asked.method)
        return lambda case: _by_cleanplate(case, base, asked.ask)
    baselines = neighbour(asked.manifest, "baselines")

    def by_baseline(case: dict[str, Any]) -> Answer:
        picture = np.asarray(Image.open(base / case["watermarked"]).convert("RGB"))
        if asked.method == "nothing" or case["kind"] == "none":
            return picture, np.zeros(picture.shape[:2], bool), {"seconds": 0.0}
        area = baselines.area(case, base, asked.ask, 0)
        started = time.process_time()
        if asked.method == "oracle_mix":
            result = baselines.oracle_mix(picture, case, asked.layers, area)
        else:
            result = np.where(area[..., None], baselines.METHODS[asked.method](picture, area), picture)
        return result, area, {"seconds": time.process_time() - started}

    return by_baseline


def _by_cleanplate(case: dict[str, Any], base: Path, ask: str) -> Answer:
    """Through the front door, as a user does: a file's bytes and, unless automatic, a region in its form."""
    import cleanplate
    from cleanplate.engine import NothingToPaintFrom

    data = (base / case["watermarked"]).read_bytes()
    region = None if ask == "auto" else region_of(case, base, ask)
    started = time.process_time()
    try:
        removal = cleanplate.remove(data, region)
    except NothingToPaintFrom as error:
        picture = np.asarray(Image.open(base / case["watermarked"]).convert("RGB"))
        spent = time.process_time() - started
        return picture, np.zeros(picture.shape[:2], bool), {"seconds": spent, "refused": error.code}
    spent = time.process_time() - started
    told = {
        "seconds": spent,
        "steps": dict(removal.timings),
        "same_bytes": not removal.changed and removal.encode() == data,
        "found": [
            {
                "kind": mark.kind,
                "box": list(mark.box),
                "confidence": round(mark.confidence, 3),
                "opacity": _typical(mark.opacity[mark.area]),
                "pixels": int(mark.area.sum()),
            }
            for mark in removal.found
        ],
        "filled": sum(fill.pixels for fill in removal.fills),
    }
    pixels = removal.picture.pixels
    return np.repeat(pixels, 3, 2) if pixels.shape[2] == 1 else pixels, removal.area, told


def _typical(opacity: NDArray[np.float32]) -> float:
    """Of the strokes, not of their soft edges."""
    return round(float(np.percentile(opacity, 80)), 3) if opacity.size else 0.0


def _take_apart(method: str) -> None:
    """Leave parts of the engine out, to see what each is worth; the product has no such switches."""
    find = importlib.import_module("cleanplate.engine.find.finder")
    pipeline = importlib.import_module("cleanplate.engine.pipeline")

    if method == "cleanplate":
        return
    assert callable(find.find_repeated)
    assert callable(pipeline.undo)
    find.find_repeated = lambda *_, **__: None
    if method == "network":
        pipeline.undo = plain_undo


def plain_undo(
    pixels: NDArray[Any], marks: tuple[Any, ...], within: NDArray[np.bool_] | None = None, **_: Any
) -> Any:
    """What the network says, un-blended as it is; what is nearly opaque is left to the fill."""
    from cleanplate.engine.undo import Undone

    done, hidden = np.zeros(pixels.shape[:2], bool), np.zeros(pixels.shape[:2], bool)
    top = np.iinfo(pixels.dtype).max
    for mark in marks:
        x, y, width, height = mark.box
        window = np.s_[y : y + height, x : x + width]
        area = mark.area if within is None else mark.area & within[window]
        clear = area & (mark.opacity <= 0.85)
        opacity = np.where(clear, mark.opacity, 0)[..., None]
        photo = (pixels[window] - opacity * mark.colour) / (1 - opacity)
        np.copyto(pixels[window], np.rint(photo).clip(0, top).astype(pixels.dtype), where=clear[..., None])
        done[window] |= clear
        hidden[window] |= area & ~clear
    return Undone(tuple(marks), done & ~hidden, hidden)


if __name__ == "__main__":
    sys.exit(main())
