"""Exports weights as ONNX and checks the file.

    python -m training.export find --weights best.pt --out find.onnx

The graph of `find` takes `pixels`, (N, 3, H, W) float32 sRGB values in 0..1 with H and W multiples of 32, and
gives `planes`, (N, 5, H, W) float32 in 0..1: mark probability, opacity α, and the mark's red, green and blue.
That of `fill` takes `paintings`, (N, 3 K, H, W) float32, luma and chromas of K paintings in 0..1, and `hole`,
(N, 1, H, W) float32, 1 where to paint, and gives `painted`, (N, 3, H, W) float32, luma and chromas. That of
`outline` takes `planes`, (N, 14, H, W) float32 with H and W multiples of 8, and gives `odds`, (N, 1, H, W)
float32, log-odds. That of `refine` takes `told`, (N, 78, H, W) float32 with H and W multiples of 8, planes
and candidates, and gives `photo`, (N, 3, H, W) float32, sRGB of about 0..1. The weights are stored in half
precision and computed with in single: half the file, and no slower, since the casts are folded away when a
session starts.

`--install` puts the file where the package bundles it, and its size and SHA-256 into the package's catalogue.
A file that was exported before is installed with `find --out find.onnx --install`, without `--weights`. Fit
the judgement to new weights of `find` afterwards: `python -m training.judgement`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from training import refine_network
from training.fill_network import COUNT, Fill
from training.network import STRIDE, Find, fold
from training.outline_network import PLANES, Outline

if TYPE_CHECKING:
    from collections.abc import Callable

BUNDLED = Path(__file__).parents[1] / "src/cleanplate/models/weights"
SMALLEST = 256  # initialisers with fewer values (biases, constants) stay in single precision


class Planes(nn.Module):
    """The folded network with its planes as probabilities, opacities and colours instead of logits."""

    def __init__(self, network: Find) -> None:
        super().__init__()
        self.network = fold(network)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.network(pixels).sigmoid()


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the networks: how it is made, what of it is exported, and what its graph takes and gives."""

    network: Callable[[], nn.Module]
    exported: Callable[[nn.Module], nn.Module]
    inputs: dict[str, int]  # their channels
    output: str
    task: str
    licence: str
    source: str


KINDS = {
    "find": Kind(
        Find,
        Planes,
        {"pixels": 3},
        "planes",
        "find",
        "Apache-2.0",
        "fine-tuned from the backbone of PP-OCRv6_det_small (PaddleOCR, PaddlePaddle authors, Apache-2.0; "
        "from the rapidocr 3.10.0 wheel) on synthetic watermarks; see training/MODEL_CARD.md",
    ),
    "fill": Kind(
        Fill,
        fold,
        {"paintings": 3 * COUNT, "hole": 1},
        "painted",
        "mix",
        "Apache-2.0",
        "trained from nothing on synthetic holes in openly licensed photos; see training/MODEL_CARD.md",
    ),
    "outline": Kind(
        Outline,
        fold,
        {"planes": PLANES},
        "odds",
        "undo",
        "Apache-2.0",
        "trained from nothing on what the engine is told of synthetic watermarks; see training/MODEL_CARD.md",
    ),
    "refine": Kind(
        refine_network.Refine,
        fold,
        {"told": refine_network.PLANES + 3 * refine_network.CANDIDATES},
        "photo",
        "undo",
        "Apache-2.0",
        "trained from nothing on what the engine makes of synthetic watermarks; see training/MODEL_CARD.md",
    ),
}


def weights(path: Path, kind: str = "find") -> nn.Module:
    """The network with the weights of an EMA file (`best.pt`, a checkpoint) or of a run's `last.pt`."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    state = state.get("ema", state)
    network = KINDS[kind].network()
    network.load_state_dict({k: v.float() if v.dtype.is_floating_point else v for k, v in state.items()})
    return network.eval()


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with its large initialisers in half precision, cast back at the start."""
    casts = []
    for item in list(model.graph.initializer):
        values = numpy_helper.to_array(item)
        if item.data_type != TensorProto.FLOAT or values.size < SMALLEST:
            continue
        stored = numpy_helper.from_array(values.astype(np.float16), f"{item.name}.half")
        model.graph.initializer.remove(item)
        model.graph.initializer.append(stored)
        casts.append(helper.make_node("Cast", [stored.name], [item.name], to=TensorProto.FLOAT))
    for node in reversed(casts):
        model.graph.node.insert(0, node)
    onnx.checker.check_model(model)
    return model


def plain(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without the exporter's notes, which hold paths of the machine that it ran on."""
    graph = model.graph
    named = (*graph.value_info, *graph.input, *graph.output, *graph.initializer)
    for part in (model, graph, *graph.node, *named):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    return model


def export(network: nn.Module, path: Path, kind: str = "find") -> None:
    height, width = (STRIDE * torch.export.Dim(name, min=1, max=4096) for name in ("rows", "columns"))
    shape = {0: torch.export.Dim("count"), 2: height, 3: width}
    asked = KINDS[kind]
    torch.onnx.export(
        asked.exported(network).eval(),
        tuple(torch.rand(2, channels, 4 * STRIDE, 6 * STRIDE) for channels in asked.inputs.values()),
        str(path),
        input_names=list(asked.inputs),
        output_names=[asked.output],
        dynamic_shapes=(shape,) * len(asked.inputs),
        opset_version=18,
        external_data=False,
        verbose=False,
    )
    onnx.save(plain(halved(onnx.load(str(path)))), str(path))


def session(path: Path, threads: int = 2) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@torch.no_grad()
def check(network: nn.Module, path: Path, kind: str = "find") -> dict[str, float]:
    """Largest difference to torch on some sizes, and seconds for 512² and 1024² on two threads."""
    run, asked = session(path), KINDS[kind]
    rng = np.random.default_rng(0)

    def given(*shape: int) -> dict[str, np.ndarray]:
        return {
            name: rng.random((1, channels, *shape), np.float32) for name, channels in asked.inputs.items()
        }

    figures = {"mib": path.stat().st_size / 2**20, "difference": 0.0}
    exported = asked.exported(network).eval()
    for shape in ((STRIDE, STRIDE), (192, 320), (512, 256)):
        values = given(*shape)
        same = exported(*(torch.from_numpy(value) for value in values.values())).numpy()
        figures["difference"] = max(
            figures["difference"], float(np.abs(same - run.run(None, values)[0]).max())
        )
    for side in (512, 1024):
        values, times = given(side, side), []
        for _ in range(5):
            start = time.perf_counter()
            run.run(None, values)
            times.append(time.perf_counter() - start)
        figures[f"seconds_{side}"] = min(times)
    return figures


def install(path: Path, name: str = "find") -> None:
    """Bundle an exported file under its catalogue entry, a new one where there is none."""
    data = path.read_bytes()
    onnx.checker.check_model(onnx.load_from_string(data))
    catalogue = BUNDLED / "catalogue.json"
    rows = json.loads(catalogue.read_text())
    row = next((row for row in rows if row["id"] == name), None)
    if row is None:
        kind = KINDS[name]
        row = {"id": name, "task": kind.task, "file": f"{name}.onnx"}
        row |= {"licence": kind.licence, "source": kind.source}
        rows.append(row)
    row |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (BUNDLED / row["file"]).write_bytes(data)
    catalogue.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")
    print("installed", row["file"], row["sha256"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=list(KINDS))
    parser.add_argument("--weights", type=Path, help="what to export; without it, OUT is there already")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--half", type=Path, help="also write the weights in half precision here, to go on from"
    )
    parser.add_argument("--install", action="store_true", help="bundle the file with the package")
    asked = parser.parse_args()
    if asked.weights:
        network = weights(asked.weights, asked.kind)
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        export(network, asked.out, asked.kind)
        figures = check(network, asked.out, asked.kind)
        print(" ".join(f"{k} {v:.4g}" for k, v in figures.items()))
        print("sha256", hashlib.sha256(asked.out.read_bytes()).hexdigest())
        if asked.half:
            state = network.state_dict()
            torch.save({k: v.half() if v.ndim > 1 else v for k, v in state.items()}, asked.half)
    if asked.install:
        install(asked.out, asked.kind)


if __name__ == "__main__":
    main()
