"""The refining network: of what a pixel's photo may be, the weights that make the likeliest mean.

It is shown what `cleanplate.engine.fit.refining` tells of a fit at full scale, and gives each candidate a
weight, one for lightness and one for the chromas (which most encoders keep at half the size), and a little to
add. Untrained it gives the fit's own answer.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F  # noqa: N812  the name everyone reads

from training.unet import UNet, Widths

PLANES, CANDIDATES = 48, 10
WIDTHS = Widths(48, 40, 64, 96, 128)
SURE = 4.0  # log-odds by which the fit's own answer, the first candidate, leads untrained
KEEN = 4.0  # log-odds that one unit of the last layer is
UNHEARD = -0.5  # what the last layer says at first of a candidate that a network grown from did not have
ADDED = 16 / 255  # of full scale, likewise
AXES = ((1, 1, 1), (1, 0, -1), (1, -2, 1))


class Refine(UNet):
    """(N, PLANES + 3 · CANDIDATES, H, W) in, H and W multiples of 8; the photo, (N, 3, H, W), out.

    The planes come first, then the candidates' colours, 0..1; where the first plane is 0 the first is given.
    """

    turn: torch.Tensor
    lead: torch.Tensor

    def __init__(self, widths: Widths = WIDTHS) -> None:
        super().__init__(PLANES, 2 * CANDIDATES + 3, widths)
        turn = torch.tensor(AXES, dtype=torch.float32)
        self.register_buffer("turn", F.normalize(turn, dim=1)[:, :, None, None], persistent=False)
        lead = torch.tensor([SURE] + [0.0] * (CANDIDATES - 1))
        self.register_buffer("lead", lead[:, None, None], persistent=False)

    def forward(self, told: torch.Tensor) -> torch.Tensor:
        planes, candidates = told[:, :PLANES], told[:, PLANES:]
        said = self.said(planes).float()
        turned = F.conv2d(candidates.float(), self.turn.repeat(CANDIDATES, 1, 1, 1), groups=CANDIDATES)
        light = (KEEN * said[:, :CANDIDATES] + self.lead).softmax(1)
        colour = (KEEN * said[:, CANDIDATES:-3] + self.lead).softmax(1)
        first = (turned[:, ::3] * light).sum(1, keepdim=True)
        rest = [(turned[:, k::3] * colour).sum(1, keepdim=True) for k in (1, 2)]
        mixed = torch.cat([first, *rest], 1) + ADDED * said[:, -3:]
        # the axes are orthonormal, so the way back is the same turn transposed
        photo = F.conv2d(mixed, self.turn.transpose(0, 1))
        return torch.where(planes[:, :1] > 0, photo, candidates[:, :3].float())

    def grow(self, state: dict[str, torch.Tensor]) -> None:
        """As `UNet.grow`; candidates that were not among the network's are taken little of at first."""
        had = (len(state["last.bias"]) - 3) // 2
        state = dict(state)
        for name, start in (("last.weight", 0.0), ("last.bias", UNHEARD)):
            light, colour, added = state[name].split((had, had, 3))
            more = light.new_full((CANDIDATES - had, *light.shape[1:]), start)
            state[name] = torch.cat([light, more, colour, more, added])
        super().grow(state)
