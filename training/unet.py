"""The U-Net of those networks that look at a fit: pixels one by one first, then at four scales.

Whole to an eighth; batch norms are folded away for export. The last layer begins near nothing, so that a
network which is to change a given answer begins with that. One that has learnt can be made wider and goes on
from what it knows (T. Chen, I. Goodfellow, J. Shlens, "Net2Net", ICLR 2016).
"""

from __future__ import annotations

from dataclasses import astuple, dataclass

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  the name everyone reads

from training.network import Unit
from training.outline_network import Stage, doubled


@dataclass(frozen=True, slots=True)
class Widths:
    """Channels: of the stem, and at strides 1, 2, 4 and 8."""

    stem: int
    one: int
    two: int
    four: int
    eight: int


class UNet(nn.Module):
    """(N, planes, H, W), H and W multiples of 8, to (N, outputs, H, W), by `said`."""

    def __init__(self, planes: int, outputs: int, widths: Widths) -> None:
        super().__init__()
        stem, one, two, four, eight = astuple(widths)
        self.widths = widths
        self.stem = Unit(planes, stem, 1)
        self.in1 = Stage(stem, one, 1)
        self.in2 = Stage(one, two, 2, 2)
        self.in4 = Stage(two, four, 2, 2)
        self.in8 = Stage(four, eight, 3, 2)
        self.out4 = Stage(eight + four, four, 2)
        self.out2 = Stage(four + two, two, 2)
        self.join = Unit(two + one, one, 1)
        self.out1 = Stage(one, one, 1)
        self.last = nn.Conv2d(one, outputs, 1)
        nn.init.normal_(self.last.weight, std=0.003)
        nn.init.zeros_(self.last.bias)

    def said(self, planes: torch.Tensor) -> torch.Tensor:
        """The last layer's word."""
        full = self.in1(F.relu(self.stem(planes)))
        half = self.in2(full)
        quarter = self.in4(half)
        quarter = self.out4(torch.cat([doubled(self.in8(quarter)), quarter], 1))
        half = self.out2(torch.cat([doubled(quarter), half], 1))
        return self.last(self.out1(F.relu(self.join(torch.cat([doubled(half), full], 1)))))

    @torch.no_grad()
    def grow(self, state: dict[str, torch.Tensor]) -> None:
        """Takes the weights of a network as wide or narrower: says what that says, with room to learn more.

        Channels that it did not have begin as they are, at random, but what it had hears nothing of them.
        """
        had, has = astuple(_widths(state)), astuple(self.widths)
        pairs = list(zip(had, has, strict=True))
        _, one, two, four, eight = pairs
        joined = {"out4.0": (eight, four), "out2.0": (four, two), "join": (two, one)}  # see two side by side
        mine = self.state_dict()
        for name, theirs in state.items():
            whole = mine[name]
            if theirs.ndim < 4:  # norms and biases
                whole[tuple(slice(length) for length in theirs.shape)] = theirs
                continue
            outside, inside = theirs.shape[:2]
            layer = name.removesuffix(".weight").removesuffix(".conv")
            whole[:outside] = 0
            read = written = 0
            for narrow, wide in joined.get(layer, ((inside, whole.shape[1]),)):
                whole[:outside, written : written + narrow] = theirs[:, read : read + narrow]
                read, written = read + narrow, written + wide


def _widths(state: dict[str, torch.Tensor]) -> Widths:
    """Those of a network with these weights."""
    first = ("stem", "in1.0", "in2.0", "in4.0", "in8.0")
    return Widths(*(len(state[f"{layer}.conv.weight"]) for layer in first))
