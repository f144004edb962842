"""The small U-Net of those networks that look at a fit: pixels one by one first, then at four scales.

Whole to an eighth; batch norms are folded away for export. The last layer begins near nothing, so that a
network which is to change a given answer begins with that.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  the name everyone reads

from training.network import Unit
from training.outline_network import Stage, doubled

WIDTHS = (24, 32, 48, 64)  # channels at strides 1, 2, 4, 8
STEM = 32


class UNet(nn.Module):
    """(N, planes, H, W), H and W multiples of 8, to (N, outputs, H, W), by `said`."""

    def __init__(self, planes: int, outputs: int) -> None:
        super().__init__()
        one, two, four, eight = WIDTHS
        self.stem = Unit(planes, STEM, 1)
        self.in1 = Stage(STEM, one, 1)
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
