"""ONNX files of random weights in the published shapes of larger networks, for timing them.

What a network costs does not depend on what it has learnt. Both files have the signatures of the real ones,
so that they run through the same adapters.

* LaMa, "big" (Suvorov et al., WACV 2022): 7 × 7 to 64 channels, three halvings to 512 of which 384 are
  global, 18 residual blocks of two fast Fourier convolutions, three doublings, 7 × 7 to 3. The Fourier
  transforms are products with constant matrices, which is faster than the runtime's own DFT.
* MI-GAN 512 (Sargsyan et al., ICCV 2023): separable convolutions from 512² with 64 channels down to 4² with
  512 and back, skips at every size, a picture at every size on the way back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from pathlib import Path

IR_VERSION, OPSET = 9, 17
SIDE = 512


def write_lama(path: Path) -> int:
    """Write it, and tell how many parameters it has."""
    graph = Graph()
    known = graph.add("Sub", graph.constant(1.0), "mask")
    x = graph.add("Concat", graph.add("Mul", "image", known), "mask", axis=1)
    x = graph.relu(graph.conv(graph.reflected(x, 3), 4, 64, 7))
    for channels in (64, 128):
        x = graph.relu(graph.conv(graph.reflected(x, 1), channels, 2 * channels, 3, stride=2))
    x = graph.reflected(x, 1)
    near = graph.relu(graph.conv(x, 256, 128, 3, stride=2))
    far = graph.relu(graph.conv(x, 256, 384, 3, stride=2))
    fourier = Fourier(graph, SIDE // 8)
    for _ in range(18):
        before = near, far
        for _ in range(2):
            near, far = _fast_fourier_convolution(graph, fourier, near, far)
        near, far = graph.add("Add", before[0], near), graph.add("Add", before[1], far)
    x = graph.add("Concat", near, far, axis=1)
    for channels in (512, 256, 128):
        x = graph.relu(graph.doubled(x, channels, channels // 2))
    x = graph.add("Sigmoid", graph.conv(graph.reflected(x, 3), 64, 3, 7))
    return graph.write(
        path,
        graph.add("Mul", x, graph.constant(255.0)),
        [("image", TensorProto.FLOAT, [1, 3, SIDE, SIDE]), ("mask", TensorProto.FLOAT, [1, 1, SIDE, SIDE])],
        TensorProto.FLOAT,
    )


def _fast_fourier_convolution(graph: Graph, fourier: Fourier, near: str, far: str) -> tuple[str, str]:
    edged_near, edged_far = graph.reflected(near, 1), graph.reflected(far, 1)
    local = graph.add("Add", graph.conv(edged_near, 128, 128, 3), graph.conv(edged_far, 384, 128, 3))
    narrow = graph.relu(graph.conv(far, 384, 192, 1))
    spectrum = graph.relu(graph.conv(fourier.forward(narrow), 384, 384, 1))
    wide = graph.conv(graph.add("Add", narrow, fourier.backward(spectrum)), 192, 384, 1)
    return graph.relu(local), graph.relu(graph.add("Add", graph.conv(edged_near, 128, 384, 3), wide))


def write_migan(path: Path) -> int:
    """Write it, and tell how many parameters it has."""
    graph = Graph()
    levels = graph.add("Cast", "image", to=TensorProto.FLOAT)
    known = graph.add("Div", graph.add("Cast", "mask", to=TensorProto.FLOAT), graph.constant(255.0))
    centred = graph.add("Sub", graph.add("Div", levels, graph.constant(127.5)), graph.constant(1.0))
    x = graph.add(
        "Concat", graph.add("Sub", known, graph.constant(0.5)), graph.add("Mul", centred, known), axis=1
    )
    channels = {side: min(512, 32768 // side) for side in (512, 256, 128, 64, 32, 16, 8, 4)}
    x = graph.leaky(graph.conv(x, 4, channels[SIDE], 1))
    skips: dict[int, str] = {}
    for side, count in channels.items():
        x = skips[side] = graph.separable(x, count, count)
        if side > 4:
            x = graph.separable(x, count, channels[side // 2], stride=2)
    picture = ""
    for side in sorted(channels):
        count = channels[side]
        if side > 4:
            x = graph.twice(graph.separable(x, channels[side // 2], count))
        x = graph.add("Add", graph.separable(graph.add("Add", x, skips[side]), count, count), skips[side])
        seen = graph.conv(x, count, 3, 1)
        picture = graph.add("Add", seen, graph.twice(picture)) if picture else seen
    painted = graph.add("Mul", graph.add("Add", picture, graph.constant(1.0)), graph.constant(127.5))
    hole = graph.add("Sub", graph.constant(1.0), known)
    whole = graph.add("Add", graph.add("Mul", levels, known), graph.add("Mul", painted, hole))
    clipped = graph.add("Clip", whole, graph.constant(0.0), graph.constant(255.0))
    return graph.write(
        path,
        graph.add("Cast", clipped, to=TensorProto.UINT8),
        [("image", TensorProto.UINT8, [1, 3, SIDE, SIDE]), ("mask", TensorProto.UINT8, [1, 1, SIDE, SIDE])],
        TensorProto.UINT8,
    )


class Graph:
    """An ONNX graph that is being written, layer by layer; every layer answers the name of its output."""

    def __init__(self) -> None:
        self._nodes: list[Any] = []
        self._weights: list[Any] = []
        self._constants: dict[Any, str] = {}
        self._parameters = 0
        self._random = np.random.default_rng(0)

    def add(self, kind: str, *inputs: str, **how: Any) -> str:
        name = f"{kind}{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **how))
        return name

    def halves(self, x: str) -> tuple[str, str]:
        """The first and the second half of the channels."""
        names = f"first{len(self._nodes)}", f"second{len(self._nodes)}"
        self._nodes.append(helper.make_node("Split", [x], list(names), axis=1))
        return names

    def constant(self, value: float | np.ndarray) -> str:
        array = np.asarray(value, np.float32 if not isinstance(value, np.ndarray) else value.dtype)
        key = array.tobytes(), array.shape, array.dtype.str
        if key not in self._constants:
            self._constants[key] = f"constant{len(self._constants)}"
            self._weights.append(numpy_helper.from_array(array, self._constants[key]))
        return self._constants[key]

    def conv(
        self, x: str, ins: int, outs: int, kernel: int, *, stride: int = 1, group: int = 1, pad: int = 0
    ) -> str:
        weights = self._learnt(outs, ins // group, kernel, kernel)
        biases = self._learnt(outs)
        return self.add(
            "Conv",
            x,
            weights,
            biases,
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            group=group,
            pads=[pad] * 4,
        )

    def doubled(self, x: str, ins: int, outs: int) -> str:
        """A transposed convolution that doubles the sides."""
        return self.add(
            "ConvTranspose",
            x,
            self._learnt(ins, outs, 3, 3),
            self._learnt(outs),
            kernel_shape=[3, 3],
            strides=[2, 2],
            pads=[1, 1, 1, 1],
            output_padding=[1, 1],
        )

    def separable(self, x: str, ins: int, outs: int, *, stride: int = 1) -> str:
        each = self.leaky(self.conv(x, ins, ins, 3, group=ins, stride=stride, pad=1))
        return self.leaky(self.conv(each, ins, outs, 1))

    def reflected(self, x: str, by: int) -> str:
        return self.add(
            "Pad", x, self.constant(np.array([0, 0, by, by, 0, 0, by, by], np.int64)), mode="reflect"
        )

    def twice(self, x: str) -> str:
        return self.add("Resize", x, "", self.constant(np.array([1, 1, 2, 2], np.float32)), mode="linear")

    def relu(self, x: str) -> str:
        return self.add("Relu", x)

    def leaky(self, x: str) -> str:
        return self.add("LeakyRelu", x, alpha=0.2)

    def write(self, path: Path, answer: str, inputs: list[tuple[str, int, list[int]]], kind: int) -> int:
        self._nodes.append(helper.make_node("Identity", [answer], ["answer"]))
        graph = helper.make_graph(
            self._nodes,
            path.stem,
            [helper.make_tensor_value_info(*each) for each in inputs],
            [helper.make_tensor_value_info("answer", kind, [1, 3, SIDE, SIDE])],
            self._weights,
        )
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION
        )
        onnx.checker.check_model(model)
        onnx.save(model, path)
        return self._parameters

    def _learnt(self, *shape: int) -> str:
        spread = 1 / np.sqrt(np.prod(shape[1:]) if len(shape) > 1 else 1)
        name = f"weights{len(self._weights)}"
        self._weights.append(
            numpy_helper.from_array((self._random.standard_normal(shape) * spread).astype(np.float32), name)
        )
        self._parameters += int(np.prod(shape))
        return name


class Fourier:
    """Real Fourier transforms over squares of one side, as products with matrices."""

    def __init__(self, graph: Graph, side: int) -> None:
        self._graph = graph
        angles = 2 * np.pi * np.outer(np.arange(side), np.arange(side)) / side
        half = side // 2 + 1
        scale = 1 / np.sqrt(side)
        self._cos, self._sin = (
            graph.constant((way(angles) * scale).astype(np.float32)) for way in (np.cos, np.sin)
        )
        self._cos_half, self._sin_half = (
            graph.constant(np.ascontiguousarray(way(angles)[:, :half] * scale).astype(np.float32))
            for way in (np.cos, np.sin)
        )
        twice = np.where((np.arange(half) == 0) | (np.arange(half) == side // 2), 1, 2)[:, None] * scale
        self._cos_back, self._sin_back = (
            graph.constant((way(angles)[:half] * twice).astype(np.float32)) for way in (np.cos, np.sin)
        )

    def forward(self, x: str) -> str:
        """(1, 2C, S, S / 2 + 1) of (1, C, S, S): real parts, then imaginary ones."""
        add = self._graph.add
        real, imaginary = (
            add("MatMul", x, self._cos_half),
            add("MatMul", x, self._sin_half),
        )  # minus is left out
        first = add("Sub", add("MatMul", self._cos, real), add("MatMul", self._sin, imaginary))
        second = add("Add", add("MatMul", self._cos, imaginary), add("MatMul", self._sin, real))
        return add("Concat", first, add("Neg", second), axis=1)

    def backward(self, x: str) -> str:
        """(1, C, S, S) of what `forward` answers."""
        add = self._graph.add
        real, imaginary = self._graph.halves(x)
        first = add("Sub", add("MatMul", self._cos, real), add("MatMul", self._sin, imaginary))
        second = add("Add", add("MatMul", self._cos, imaginary), add("MatMul", self._sin, real))
        return add("Sub", add("MatMul", first, self._cos_back), add("MatMul", second, self._sin_back))
