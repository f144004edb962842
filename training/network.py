"""The find network: the backbone of a text detector, fine-tuned, under a light U-Net head.

The backbone is that of PP-OCRv6's small detector (Apache-2.0, PaddleOCR; the weights come from the `rapidocr`
wheel): it knows strokes and lettering, which is most of what a watermark is, and starting from it is worth
more than ten times the training. The file holds it with batch norm folded away, so batch norm is put back in
behind every convolution (`calibrate`) to make it trainable.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  the name everyone reads

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

EPSILON = 1e-5
STRIDE = 32  # sides of what goes in must be multiples of it; `Find.forward` pads


class Unit(nn.Module):
    """Convolution and batch norm: one folded convolution of the detector's file."""

    def __init__(
        self, inside: int, outside: int, kernel: int, stride: int = 1, groups: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        rim = dilation * (kernel - 1) // 2 if kernel % 2 else 0
        self.conv = nn.Conv2d(
            inside, outside, kernel, stride, rim, groups=groups, dilation=dilation, bias=False
        )
        self.norm = nn.BatchNorm2d(outside, eps=EPSILON, momentum=0.03)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x))

    def take(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        """Holds a folded convolution exactly: a norm that only adds the bias."""
        with torch.no_grad():
            self.conv.weight.copy_(weight)
            self.norm.bias.copy_(bias)
            self.norm.weight.fill_((1 + EPSILON) ** 0.5)


class Gate(nn.Module):
    """Squeeze and excitation with a hard sigmoid."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down = nn.Conv2d(channels, channels // 4, 1)
        self.up = nn.Conv2d(channels // 4, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        squeezed = self.up(F.relu(self.down(x.mean((2, 3), keepdim=True))))
        return x * F.hardsigmoid(squeezed)


class Block(nn.Module):
    """Depth-wise mixing in space, then a residual two-layer mixing of channels."""

    def __init__(self, channels: int, *, gated: bool) -> None:
        super().__init__()
        self.space = Unit(channels, channels, 3, groups=channels)
        self.gate = Gate(channels) if gated else nn.Identity()
        self.widen = Unit(channels, channels * 2, 1)
        self.narrow = Unit(channels * 2, channels, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.gate(self.space(x))
        return x + self.narrow(F.gelu(self.widen(x)))


class Down(nn.Module):
    """Halves the size and doubles the channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.space = Unit(channels, channels, 3, 2, groups=channels)
        self.widen = Unit(channels, channels * 2, 1)
        self.mix = Unit(channels * 2, channels * 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.mix(F.gelu(self.widen(self.space(x))))


class Backbone(nn.Module):
    """Features of 24, 48, 96, 192 and 384 channels at strides 2, 4, 8, 16 and 32."""

    channels = (24, 48, 96, 192, 384)

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.ModuleList(
            [Unit(3, 24, 3, 2), Unit(24, 12, 2), Unit(12, 24, 2), Unit(48, 24, 3, 2), Unit(24, 48, 1)]
        )
        self.stage4 = nn.Sequential(Block(48, gated=True), Block(48, gated=False))
        self.stage8 = nn.Sequential(Down(48), Block(96, gated=True), Block(96, gated=False))
        self.stage16 = nn.Sequential(Down(96), *(Block(192, gated=k % 2 == 0) for k in range(4)))
        self.stage32 = nn.Sequential(Down(192), Block(384, gated=True), Block(384, gated=False))

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Features of pixels in -1..1, (N, 3, H, W), H and W multiples of 32."""
        first = F.relu(self.stem[0](x))
        fine = F.relu(self.stem[1](F.pad(first, (0, 1, 0, 1))))
        fine = F.relu(self.stem[2](F.pad(fine, (0, 1, 0, 1))))
        coarse = F.max_pool2d(
            F.pad(first, (0, 1, 0, 1)), 2, 1
        )  # after a ReLU a zero pads as minus infinity would
        four = F.relu(self.stem[3](torch.cat([coarse, fine], 1)))
        four = self.stage4(F.relu(self.stem[4](four)))
        eight = self.stage8(four)
        sixteen = self.stage16(eight)
        return [first, four, eight, sixteen, self.stage32(sixteen)]

    def load_detector(self, path: Path) -> None:
        """Takes the weights of `PP-OCRv6_det_small.onnx`; its input is BGR, ours RGB."""
        pairs = _folded_convolutions(path)
        for part in _in_file_order(self):
            weight, bias = next(pairs)
            if weight.shape[1] == 3 and part is self.stem[0]:
                weight = weight.flip(1)
            if isinstance(part, Unit):
                part.take(weight, bias)
            else:
                with torch.no_grad():
                    part.weight.copy_(weight)
                    part.bias.copy_(bias)


def _in_file_order(backbone: Backbone) -> Iterable[Unit | nn.Conv2d]:
    yield from backbone.stem
    for stage in (backbone.stage4, backbone.stage8, backbone.stage16, backbone.stage32):
        for part in stage:
            yield part.space
            if isinstance(part, Down):
                yield from (part.widen, part.mix)
                continue
            if isinstance(part.gate, Gate):
                yield from (part.gate.down, part.gate.up)
            yield from (part.widen, part.narrow)


def _folded_convolutions(path: Path) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
    """(weight, bias) of the convolutions in file order; the bias is the constant of the Add that follows."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path)).graph
    constants = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    added = {node.input[0]: node.input[1] for node in graph.node if node.op_type == "Add"}
    for node in graph.node:
        if node.op_type == "Conv":
            weight = torch.from_numpy(constants[node.input[1]].copy())
            bias = constants.get(added.get(node.output[0], ""))
            yield (
                weight,
                torch.zeros(len(weight)) if bias is None else torch.from_numpy(bias.copy()).flatten(),
            )


def calibrate(network: nn.Module, batches: Iterable[torch.Tensor]) -> None:
    """Gives every norm of the network real running statistics without changing what the network computes.

    A freshly loaded norm only adds a bias. Its inputs' mean and variance are gathered over the batches; then
    scale and shift are set so that in evaluation it still only adds that bias, and in training it normalises.
    """
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    sums = {norm: [0, 0.0, 0.0] for norm in norms}

    def gather(norm: nn.BatchNorm2d, inputs: tuple[torch.Tensor, ...], _: torch.Tensor) -> None:
        x = inputs[0].double()
        kept = sums[norm]
        kept[0] += x.numel() // x.shape[1]
        kept[1] = kept[1] + x.sum((0, 2, 3))
        kept[2] = kept[2] + x.square().sum((0, 2, 3))

    hooks = [norm.register_forward_hook(gather) for norm in norms]
    network.eval()
    with torch.no_grad():
        for batch in batches:
            network(batch)
    for hook in hooks:
        hook.remove()
    with torch.no_grad():
        for norm, (count, total, squares) in sums.items():
            mean = total / count
            variance = (squares / count - mean.square()).clamp_min(1e-8)
            old_scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
            old_shift = norm.bias.double() - norm.running_mean.double() * old_scale
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)
            norm.weight.copy_(old_scale * (variance + norm.eps).sqrt())
            norm.bias.copy_(old_shift + mean * old_scale)


class Mix(nn.Module):
    """The head's block: a depth-wise 5×5 and a point-wise layer, or a full 3×3 where channels are few."""

    def __init__(self, inside: int, outside: int, *, full: bool) -> None:
        super().__init__()
        if full:
            self.layers = nn.Sequential(Unit(inside, outside, 3), nn.ReLU())
        else:
            self.layers = nn.Sequential(
                Unit(inside, inside, 5, groups=inside),
                Unit(inside, outside, 1),
                nn.ReLU(),
                Unit(outside, outside, 1),
                nn.ReLU(),
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


class Head(nn.Module):
    """Top-down over the five scales to stride 2, then a pixel shuffle to five planes at full scale."""

    def __init__(self) -> None:
        super().__init__()
        widths = (32, 48, 64, 96, 96)
        self.sides = nn.ModuleList(
            [nn.Conv2d(c, w, 1) for c, w in zip(Backbone.channels, widths, strict=True)]
        )
        self.steps = nn.ModuleList(
            [
                Mix(widths[4] + widths[3], widths[3], full=False),
                Mix(widths[3] + widths[2], widths[2], full=False),
                Mix(widths[2] + widths[1], widths[1], full=True),
            ]
        )
        self.pixels = Unit(12, 32, 3)
        self.join = Mix(widths[1] + 32 + widths[0], 40, full=True)
        self.finish = Mix(40, 40, full=True)
        self.out = nn.Conv2d(40, 5 * 4, 3, padding=1)
        nn.init.normal_(self.out.weight, std=0.01)
        with torch.no_grad():  # marks cover little of a picture: start from there
            self.out.bias.zero_()
            self.out.bias[:4] = -2.0
            self.out.bias[4:8] = -1.0

    def forward(self, x: torch.Tensor, features: list[torch.Tensor]) -> torch.Tensor:
        two, four, eight, sixteen, last = (side(f) for side, f in zip(self.sides, features, strict=True))
        up = last
        for step, skip in zip(self.steps, (sixteen, eight, four), strict=True):
            up = step(torch.cat([F.interpolate(up, scale_factor=2.0, mode="nearest"), skip], 1))
        pixels = F.relu(self.pixels(F.pixel_unshuffle(x, 2)))
        up = self.join(torch.cat([F.interpolate(up, scale_factor=2.0, mode="nearest"), pixels, two], 1))
        return F.pixel_shuffle(self.out(self.finish(up)), 2)


class Find(nn.Module):
    """What is a mark, how opaque, and of which colour, for each pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = Backbone()
        self.head = Head()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of the planes.

        Args:
            x: (N, 3, H, W) float, sRGB values in 0..1; H and W multiples of 32.

        Returns:
            (N, 5, H, W): logits of mark probability, opacity α and the mark's red, green and blue in 0..1.
        """
        x = x * 2 - 1
        return self.head(x, self.backbone(x))


def fold(network: Find) -> Find:
    """A copy with every batch norm folded into its convolution, for export and fast inference."""
    import copy

    folded = copy.deepcopy(network).eval()
    for unit in [m for m in folded.modules() if isinstance(m, Unit)]:
        unit.conv = torch.nn.utils.fusion.fuse_conv_bn_eval(unit.conv, unit.norm)
        unit.norm = nn.Identity()
    return folded
