"""The fill network: what a hole hides, from all that is known round it.

A guess is made first without any weights: picture and known share are halved until everything is known, and
on the way back up each scale is smoothed where little is known. The network then says what the guess lacks,
so it starts from a smooth fill on its first step, and what it learns is detail. Its body is a U-Net from
stride 2 to stride 16 of residual blocks, dilated at stride 16, where attention over the whole crop lets it
continue what repeats. Batch norms, folded away for export, let it learn at a high rate.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  the name everyone reads

from training.network import Unit

STRIDE = 32
WIDTHS = (32, 48, 96, 128)  # channels at strides 2, 4, 8, 16
FINE = 12  # channels at full scale
LEVELS = 5  # halvings of the guess's pyramid
PASSES = 4  # of averaging at each level: they bring 1.2 dB, four times as many 0.2 more
SOFT = 8.0  # a pyramid's pixel counts fully when an eighth of it is known


def guess(picture: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """A smooth fill of what is not known.

    Args:
        picture: (N, 3, H, W), 0 where nothing is known.
        known: (N, 1, H, W), 1 or 0.
    """
    sums, weights = [picture], [known]
    for _ in range(LEVELS):
        sums.append(F.avg_pool2d(sums[-1], 2))
        weights.append(F.avg_pool2d(weights[-1], 2))
    total = weights[-1].mean((2, 3), keepdim=True)
    coarse = sums[-1].mean((2, 3), keepdim=True) / (total + 1e-4)
    coarse = coarse.expand(-1, -1, sums[-1].shape[2], sums[-1].shape[3])
    for level in range(LEVELS, -1, -1):
        if level < LEVELS:
            coarse = F.interpolate(coarse, scale_factor=2.0, mode="bilinear", align_corners=False)
        weight = weights[level]
        share = (weight * SOFT).clamp(max=1.0) if level else weight
        told = share * sums[level] / (weight + 1e-4)
        coarse = told + (1 - share) * coarse
        for _ in range(PASSES):
            around = F.avg_pool2d(F.pad(coarse, (1, 1, 1, 1), mode="replicate"), 3, 1)
            coarse = told + (1 - share) * around
    return coarse


class Block(nn.Module):
    """x + two normed 3×3 convolutions, the second dilated; starts as doing nothing."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.first = Unit(width, width, 3)
        self.second = Unit(width, width, 3, dilation=dilation)
        nn.init.zeros_(self.second.norm.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(F.relu(self.first(F.relu(x))))


class Attention(nn.Module):
    """x + attention of every place to every place of the crop (A. Vaswani et al., 2017), in four heads."""

    heads = 4

    def __init__(self, width: int) -> None:
        super().__init__()
        self.ask = nn.Conv2d(width, 3 * width, 1)
        self.answer = nn.Conv2d(width, width, 1)
        nn.init.normal_(self.answer.weight, std=0.005)
        nn.init.zeros_(self.answer.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count, width, rows, columns = x.shape
        # the mean length of a place's features is taken out, or the largest would take all attention
        level = x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-3)
        parts = self.ask(level).reshape(count, 3, self.heads, width // self.heads, rows * columns)
        query, key, value = (parts[:, k].transpose(2, 3) for k in range(3))
        scores = (query @ key.transpose(2, 3)) * (width // self.heads) ** -0.5
        mixed = (scores.softmax(-1) @ value).transpose(2, 3).reshape(count, width, rows, columns)
        return x + self.answer(mixed)


class Fill(nn.Module):
    """What was there, for each pixel of a hole."""

    def __init__(self) -> None:
        super().__init__()
        two, four, eight, sixteen = WIDTHS
        self.stem = Unit(16, two, 3)
        self.in2 = Block(two)
        self.to4 = Unit(two, four, 3, 2)
        self.in4 = Block(four)
        self.to8 = Unit(four, eight, 3, 2)
        self.in8 = nn.Sequential(Block(eight), Block(eight, 2))
        self.to16 = Unit(eight, sixteen, 3, 2)
        self.middle = nn.Sequential(
            Block(sixteen, 2),
            Block(sixteen, 4),
            Attention(sixteen),
            Block(sixteen, 8),
            Block(sixteen, 2),
            Block(sixteen, 4),
        )
        self.up8, self.out8 = nn.Conv2d(sixteen, eight, 1), nn.Sequential(Block(eight, 2), Block(eight))
        self.up4, self.out4 = nn.Conv2d(eight, four, 1), nn.Sequential(Block(four), Block(four))
        self.up2, self.out2 = nn.Conv2d(four, two, 1), nn.Sequential(Block(two), Block(two))
        self.spread = Unit(two, 4 * FINE, 3)
        self.join = Unit(FINE + 4, 16, 3)
        self.last = nn.Conv2d(16, 3, 3, padding=1)
        nn.init.normal_(self.last.weight, std=0.01)
        nn.init.zeros_(self.last.bias)

    def forward(self, picture: torch.Tensor, hole: torch.Tensor) -> torch.Tensor:
        """The picture with its hole painted.

        Args:
            picture: (N, 3, H, W), sRGB values in 0..1; what it holds inside the hole does not matter. H and W
                multiples of 32.
            hole: (N, 1, H, W), 1 where to paint, 0 elsewhere.

        Returns:
            (N, 3, H, W), not clipped; outside the hole as it came in.
        """
        known = 1 - hole
        picture = picture * known
        first = guess(picture, known)
        seen = torch.cat([first - 0.5, hole], 1)
        two = self.in2(self.stem(F.pixel_unshuffle(seen, 2)))
        four = self.in4(self.to4(F.relu(two)))
        eight = self.in8(self.to8(F.relu(four)))
        x = self.middle(self.to16(F.relu(eight)))
        x = self.out8(eight + _doubled(self.up8(x)))
        x = self.out4(four + _doubled(self.up4(x)))
        x = self.out2(two + _doubled(self.up2(x)))
        fine = F.pixel_shuffle(F.relu(self.spread(F.relu(x))), 2)
        detail = self.last(F.relu(self.join(torch.cat([fine, seen], 1))))
        return picture + hole * (first + detail)


def _doubled(x: torch.Tensor) -> torch.Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
