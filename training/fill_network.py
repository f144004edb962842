"""The fill network: of some paintings of a hole the best mixture, and what they all lack.

The hole is first painted without any weights in some ways (`cleanplate.engine.candidates`). The network is
shown these paintings and where the hole is. For every place it says how much each of them is worth there, for
brightness and for colour, and what to add. So it starts from their mean, and what it learns is what no rule
knows: which edges go on, and where a texture ends. Its body is a U-Net from stride 2 to stride 8 of residual
blocks; batch norms, folded away for export, let it learn at a high rate.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  the name everyone reads

from training.candidates import COUNT
from training.network import Unit

WIDTHS = (32, 48, 64)  # channels at strides 2, 4, 8
FINE = 16  # channels at full scale
SEEN = 3 * COUNT + 1
APART = 4.0  # times that the paintings differ by is what the network sees
ADDED = 0.1  # of full scale: what it can add easily


class Block(nn.Module):
    """x + two normed 3×3 convolutions, the second dilated."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = Unit(width, width, 3)
        self.second = Unit(width, width, 3, dilation=dilation)
        nn.init.constant_(self.second.norm.weight, 0.3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(F.relu(self.first(F.relu(x))))


class Fill(nn.Module):
    """What was there, for each pixel of a hole; untrained, about the mean of what it was given."""

    def __init__(self) -> None:
        super().__init__()
        two, four, eight = WIDTHS
        self.stem = Unit(4 * SEEN, two, 3)
        self.in2 = Block(two)
        self.to4 = Unit(two, four, 3, 2)
        self.in4 = nn.Sequential(Block(four), Block(four, 2))
        self.to8 = Unit(four, eight, 3, 2)
        self.in8 = nn.Sequential(Block(eight), Block(eight, 2), Block(eight, 4), Block(eight, 2))
        self.up4, self.out4 = nn.Conv2d(eight, four, 1), Block(four)
        self.up2, self.out2 = nn.Conv2d(four, two, 1), Block(two)
        self.spread = Unit(two, 4 * FINE, 3)
        self.join = Unit(FINE + SEEN, 24, 3)
        self.last = nn.Conv2d(24, 2 * COUNT + 3, 3, padding=1)
        nn.init.normal_(self.last.weight, std=0.01)
        nn.init.zeros_(self.last.bias)
        with torch.no_grad():  # the first is the best on its own
            self.last.bias[0] = self.last.bias[COUNT] = 0.7

    def forward(self, paintings: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
        """The picture with its hole painted.

        Args:
            paintings: (N, 3 K, H, W), luma and two chromas of each painting in turn, in 0..1. H and W
                multiples of 8.
            hole: (N, 1, H, W), 1 where to paint, 0 elsewhere.

        Returns:
            (N, 3, H, W), luma and chromas, not clipped; outside the hole as the first painting.
        """
        each = [paintings[:, 3 * k : 3 * k + 3] for k in range(COUNT)]
        first = each[0]
        seen = torch.cat([first - 0.5, *(APART * (other - first) for other in each[1:]), hole], 1)
        two = self.in2(self.stem(F.pixel_unshuffle(seen, 2)))
        four = self.in4(self.to4(F.relu(two)))
        eight = self.in8(self.to8(F.relu(four)))
        four = self.out4(four + _doubled(self.up4(eight)))
        two = self.out2(two + _doubled(self.up2(four)))
        fine = F.pixel_shuffle(F.relu(self.spread(F.relu(two))), 2)
        said = self.last(F.relu(self.join(torch.cat([fine, seen], 1))))
        luma, chroma = said[:, :COUNT].softmax(1), said[:, COUNT : 2 * COUNT].softmax(1)
        mixed = torch.cat(
            [
                sum((luma[:, k : k + 1] * one[:, :1] for k, one in enumerate(each)), torch.zeros(())),
                sum((chroma[:, k : k + 1] * one[:, 1:] for k, one in enumerate(each)), torch.zeros(())),
            ],
            1,
        )
        return first + hole * (mixed + ADDED * said[:, 2 * COUNT :] - first)


def _doubled(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
