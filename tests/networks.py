"""Small ONNX files with the inputs and outputs of networks that paint, for tests to run.

Each fills the hole with the mean colour of what it is shown beside it, times a tone, so that a test can tell
from the answer what the network was shown, at which range, and which way round its mask was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path

FLOAT, BYTE = TensorProto.FLOAT, TensorProto.UINT8
IR_VERSION, OPSET = 9, 17
OWN_INPUTS: list[tuple[str, int, list[Any]]] = [
    ("picture", FLOAT, ["n", 3, "h", "w"]),
    ("hole", FLOAT, ["n", 1, "h", "w"]),
]


def write_own(path: Path, tone: float = 1.0) -> Path:
    """cleanplate's own signature: any sides, 0..1, 1 = hole; it takes for granted that the hole is zeroed."""
    return _write(path, _mean_painted("picture", "hole", "answer", zeroed=True), OWN_INPUTS, FLOAT, tone)


def write_in_two_files(path: Path) -> Path:
    """cleanplate's own signature, the weights in a file of their own beside it."""
    nodes = [
        *_mean_painted("picture", "hole", "painted"),
        helper.make_node("ReduceMean", ["many ones"], ["scale"], keepdims=0),
        helper.make_node("Mul", ["painted", "scale"], ["answer"]),
    ]
    model = onnx.load(_write(path, nodes, OWN_INPUTS, FLOAT))
    onnx.save(model, path, save_as_external_data=True, location=f"{path.name}.data", size_threshold=1024)
    return path


def write_migan(path: Path, tone: float = 1.0) -> Path:
    """MI-GAN's pipeline: bytes of any sides, 0 = hole."""
    nodes = [
        helper.make_node("Cast", ["image"], ["levels"], to=FLOAT),
        helper.make_node("Cast", ["mask"], ["known255"], to=FLOAT),
        helper.make_node("Div", ["known255", "top"], ["known01"]),
        helper.make_node("Sub", ["one", "known01"], ["hole01"]),
        *_mean_painted("levels", "hole01", "painted"),
        helper.make_node("Round", ["painted"], ["rounded"]),
        helper.make_node("Cast", ["rounded"], ["answer"], to=BYTE),
    ]
    return _write(
        path, nodes, [("image", BYTE, [1, 3, "h", "w"]), ("mask", BYTE, [1, 1, "h", "w"])], BYTE, tone
    )


def write_lama(path: Path, side: int = 512, tone: float = 1.0) -> Path:
    """LaMa as it is exported: one fixed size, 0..1 in and 0..255 out, 1 = hole."""
    nodes = [
        *_mean_painted("image", "mask", "painted"),
        helper.make_node("Mul", ["painted", "top"], ["answer"]),
    ]
    return _write(
        path, nodes, [("image", FLOAT, [1, 3, side, side]), ("mask", FLOAT, [1, 1, side, side])], FLOAT, tone
    )


WRITERS = {"own": write_own, "migan": write_migan, "lama": write_lama}


def write_other(path: Path) -> Path:
    """A network that does not paint: one input."""
    return _write(
        path,
        [helper.make_node("Identity", ["pixels"], ["answer"])],
        [("pixels", FLOAT, [1, 3, "h", "w"])],
        FLOAT,
    )


def write_small_answer(path: Path) -> Path:
    """cleanplate's own signature, and an answer of another size."""
    nodes = [
        helper.make_node("GlobalAveragePool", ["picture"], ["pooled"]),
        helper.make_node("Add", ["pooled", "zero"], ["answer"]),
    ]
    return _write(path, nodes, OWN_INPUTS, FLOAT)


def write_not_a_number(path: Path) -> Path:
    """cleanplate's own signature, and an answer that is no number."""
    nodes = [
        helper.make_node("Sub", ["hole", "hole"], ["nothing"]),
        helper.make_node("Div", ["nothing", "nothing"], ["nan"]),
        helper.make_node("Add", ["picture", "nan"], ["answer"]),
    ]
    return _write(path, nodes, OWN_INPUTS, FLOAT)


def write_breaking(path: Path) -> Path:
    """cleanplate's own signature, and a step that cannot be done with what it is given."""
    nodes = [helper.make_node("Reshape", ["picture", "seven"], ["answer"])]
    return _write(path, nodes, OWN_INPUTS, FLOAT)


def _mean_painted(picture: str, hole: str, answer: str, *, zeroed: bool = False) -> list[Any]:
    node = helper.make_node
    return [
        node("Sub", ["one", hole], ["known"]),
        node("Identity", [picture], ["shown"]) if zeroed else node("Mul", [picture, "known"], ["shown"]),
        node("ReduceSum", ["shown", "sides"], ["total"], keepdims=1),
        node("ReduceSum", ["known", "sides"], ["count"], keepdims=1),
        node("Max", ["count", "one"], ["counted"]),
        node("Div", ["total", "counted"], ["mean"]),
        node("Mul", ["mean", "tone"], ["toned"]),
        node("Mul", ["toned", hole], ["paint"]),
        node("Add", ["shown", "paint"], [answer]),
    ]


def _write(
    path: Path, nodes: list[Any], inputs: list[tuple[str, int, list[Any]]], kind: int, tone: float = 1.0
) -> Path:
    constants = {
        "one": np.float32(1),
        "tone": np.float32(tone),
        "zero": np.float32(0),
        "top": np.float32(255),
        "sides": np.array([2, 3], np.int64),
        "many ones": np.ones(1024, np.float32),
        "seven": np.array([7, -1], np.int64),
    }
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes,
        "painting",
        [helper.make_tensor_value_info(name, type_, sides) for name, type_, sides in inputs],
        [helper.make_tensor_value_info("answer", kind, ["a", "b", "c", "d"])],
        [
            numpy_helper.from_array(np.asarray(value), name)
            for name, value in constants.items()
            if name in used
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    return path
