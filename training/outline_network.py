"""The outline network: a small U-Net over what the fit knows of a mark's surroundings.

It is shown `cleanplate.engine.fit.belonging.PLANES` at full scale and gives the log-odds of each pixel being
the mark's. Four scales, whole to an eighth, let it see a word at once; batch norms are folded away for
export.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  the name everyone reads

from training.network import Unit

PLANES = 14
WIDTHS = (16, 32, 48, 64)  # channels at strides 1, 2, 4, 8


class Stage(nn.Sequential):
    """Normed 3×3 convolutions with ReLU after each; the first may halve the scale."""

    def __init__(self, inside: int, outside: int, count: int, stride: int = 1) -> None:
        units: list[nn.Module] = []
        for number in range(count):
            units += [
                Unit(outside if number else inside, outside, 3, 1 if number else stride),
                nn.ReLU(inplace=True),
            ]
        super().__init__(*units)


class Outline(nn.Module):
    """(N, PLANES, H, W) in, H and W multiples of 8; log-odds (N, 1, H, W) out."""

    def __init__(self) -> None:
        super().__init__()
        one, two, four, eight = WIDTHS
        self.in1 = Stage(PLANES, one, 2)
        self.in2 = Stage(one, two, 2, 2)
        self.in4 = Stage(two, four, 2, 2)
        self.in8 = Stage(four, eight, 4, 2)
        self.out4 = Stage(eight + four, four, 2)
        self.out2 = Stage(four + two, two, 1)
        self.out1 = Stage(two + one, one, 2)
        self.last = nn.Conv2d(one, 1, 1)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        full = self.in1(planes)
        half = self.in2(full)
        quarter = self.in4(half)
        quarter = self.out4(torch.cat([doubled(self.in8(quarter)), quarter], 1))
        half = self.out2(torch.cat([doubled(quarter), half], 1))
        return self.last(self.out1(torch.cat([doubled(half), full], 1)))


def doubled(planes: torch.Tensor) -> torch.Tensor:
    return F.interpolate(planes, scale_factor=2.0, mode="bilinear", align_corners=False)
