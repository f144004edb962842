"""The outline network: a U-Net over what the fit knows of a mark's surroundings.

It is shown `cleanplate.engine.fit.belonging.PLANES` at full scale and gives the log-odds of each pixel being
the mark's. Five scales, whole to a sixteenth, let it see a word at once; batch norms are folded away for
export.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  the name everyone reads

from training.network import Unit

PLANES = 14
WIDTHS = (24, 40, 64, 96, 112)  # channels at strides 1, 2, 4, 8, 16


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


class Added(nn.Module):
    """Two normed 3×3 convolutions, added to what they were given."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Unit(channels, channels, 3)
        self.second = Unit(channels, channels, 3)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        return F.relu(planes + self.second(F.relu(self.first(planes))))


class Outline(nn.Module):
    """(N, PLANES, H, W) in, H and W multiples of 16; log-odds (N, 1, H, W) out."""

    def __init__(self) -> None:
        super().__init__()
        steps = pairwise((PLANES, *WIDTHS))
        self.down = nn.ModuleList(Stage(*step, 2, 2 if number else 1) for number, step in enumerate(steps))
        self.deep = nn.Sequential(Added(WIDTHS[-1]), Added(WIDTHS[-1]))
        self.up = nn.ModuleList(Stage(below + beside, beside, 2) for beside, below in pairwise(WIDTHS))
        self.last = nn.Conv2d(WIDTHS[0], 1, 1)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        beside: list[torch.Tensor] = []
        for stage in self.down:
            planes = stage(planes)
            beside.append(planes)
        planes = self.deep(beside.pop())
        for stage in reversed(self.up):
            planes = stage(torch.cat([doubled(planes), beside.pop()], 1))
        return self.last(planes)


def doubled(planes: torch.Tensor) -> torch.Tensor:
    return F.interpolate(planes, scale_factor=2.0, mode="bilinear", align_corners=False)
