"""Exports weights as ONNX and checks the file: `python -m training.export --weights best.pt --out find.onnx`.

The graph takes `pixels`, (N, 3, H, W) float32 sRGB values in 0..1 with H and W multiples of 32, and gives
`planes`, (N, 5, H, W) float32 in 0..1: mark probability, opacity α, and the mark's red, green and blue. The
weights are stored in half precision and computed with in single: half the file, and no slower, since the
casts are folded away when a session starts.

`--install` puts the file where the package bundles it, and its size and SHA-256 into the package's catalogue.
A file that was exported before is installed with `--out find.onnx --install`, without `--weights`. Fit the
judgement to new weights afterwards: `python -m training.judgement`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from training.network import STRIDE, Find, fold

BUNDLED = Path(__file__).parents[1] / "src/cleanplate/models/weights"
SMALLEST = 256  # initialisers with fewer values (biases, constants) stay in single precision


class Planes(nn.Module):
    """The folded network with its planes as probabilities, opacities and colours instead of logits."""

    def __init__(self, network: Find) -> None:
        super().__init__()
        self.network = fold(network)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.network(pixels).sigmoid()


def weights(path: Path) -> Find:
    """The network with the weights of an EMA file (`best.pt`, a checkpoint) or of a run's `last.pt`."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    state = state.get("ema", state)
    network = Find()
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


def export(network: Find, path: Path) -> None:
    height, width = (STRIDE * torch.export.Dim(name, min=1, max=4096) for name in ("rows", "columns"))
    torch.onnx.export(
        Planes(network).eval(),
        (torch.rand(2, 3, 4 * STRIDE, 6 * STRIDE),),
        str(path),
        input_names=["pixels"],
        output_names=["planes"],
        dynamic_shapes=({0: torch.export.Dim("count"), 2: height, 3: width},),
        opset_version=18,
        external_data=False,
        verbose=False,
    )
    onnx.save(halved(onnx.load(str(path))), str(path))


def session(path: Path, threads: int = 2) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


@torch.no_grad()
def check(network: Find, path: Path) -> dict[str, float]:
    """Largest difference to torch on some sizes, and seconds for 512² and 1024² on two threads."""
    run = session(path)
    figures = {"mib": path.stat().st_size / 2**20, "difference": 0.0}
    for height, width in ((STRIDE, STRIDE), (192, 320), (512, 256)):
        pixels = torch.rand(1, 3, height, width)
        same = network(pixels).sigmoid().numpy()
        planes = run.run(None, {"pixels": pixels.numpy()})[0]
        figures["difference"] = max(figures["difference"], float(np.abs(same - planes).max()))
    for side in (512, 1024):
        pixels = np.random.default_rng(0).random((1, 3, side, side), np.float32)
        times = []
        for _ in range(5):
            start = time.perf_counter()
            run.run(None, {"pixels": pixels})
            times.append(time.perf_counter() - start)
        figures[f"seconds_{side}"] = min(times)
    return figures


def install(path: Path, name: str = "find") -> None:
    """Bundle an exported file under its catalogue entry."""
    data = path.read_bytes()
    onnx.checker.check_model(onnx.load_from_string(data))
    catalogue = BUNDLED / "catalogue.json"
    rows = json.loads(catalogue.read_text())
    row = next(row for row in rows if row["id"] == name)
    row |= {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    (BUNDLED / row["file"]).write_bytes(data)
    catalogue.write_text(json.dumps(rows, indent=2) + "\n")
    print("installed", row["file"], row["sha256"])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", type=Path, help="what to export; without it, OUT is there already")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--half", type=Path, help="also write the weights in half precision here, to go on from"
    )
    parser.add_argument("--install", action="store_true", help="bundle the file with the package")
    asked = parser.parse_args()
    if asked.weights:
        network = weights(asked.weights)
        asked.out.parent.mkdir(parents=True, exist_ok=True)
        export(network, asked.out)
        figures = check(network, asked.out)
        print(" ".join(f"{k} {v:.4g}" for k, v in figures.items()))
        print("sha256", hashlib.sha256(asked.out.read_bytes()).hexdigest())
        if asked.half:
            state = network.state_dict()
            torch.save({k: v.half() if v.ndim > 1 else v for k, v in state.items()}, asked.half)
    if asked.install:
        install(asked.out)


if __name__ == "__main__":
    main()
