"""What the find network is trained to get right."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F  # noqa: N812  the name everyone reads


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of N samples of side S, float32.

    seen, clean, tint: (N, 3, S, S) in 0..1. alpha, mask, weight: (N, 1, S, S). blends: (N, 1, 1, 1), 1 where
    the mark is a plain blend.
    """

    seen: torch.Tensor
    clean: torch.Tensor
    alpha: torch.Tensor
    tint: torch.Tensor
    mask: torch.Tensor
    weight: torch.Tensor
    blends: torch.Tensor


def losses(planes: torch.Tensor, batch: Batch) -> dict[str, torch.Tensor]:
    """The terms for the network's logits, (N, 5, S, S).

    cross: weighted cross entropy of the mask, marked pixels twice, with the wrongest 2 % of unmarked pixels
    counted again (hard negatives). overlap: 1 − soft Dice, over the batch and per marked sample. alpha, tint:
    mean absolute error in and closely around the mark. blend: how far α·colour + (1 − α)·clean is from what
    is seen, inside it.
    """
    planes = planes.float()
    logit, alpha, tint = planes[:, :1], planes[:, 1:2].sigmoid(), planes[:, 2:].sigmoid()
    probability = logit.sigmoid()
    cross = F.binary_cross_entropy_with_logits(logit, batch.mask, reduction="none")
    cross = cross * batch.weight * (1 + batch.mask)  # marks are few: without this, faint ones are not dared
    wrong = (cross * (1 - batch.mask)).flatten()
    hardest = wrong.topk(max(1, wrong.numel() // 50)).values.mean()
    both = (probability * batch.mask * batch.weight).sum((1, 2, 3))
    either = ((probability + batch.mask) * batch.weight).sum((1, 2, 3))
    marked = (batch.mask.sum((1, 2, 3)) > 40).float()
    single = 1 - (2 * both + 20) / (either + 20)
    overlap = 0.5 * (1 - 2 * both.sum() / (either.sum() + 1)) + 0.5 * (
        single * marked
    ).sum() / marked.sum().clamp_min(1)
    plain = batch.blends * batch.weight
    near = F.max_pool2d(batch.mask, 5, 1, 2) * plain
    inside = batch.mask * plain
    far = (1 - near) * (1 - batch.mask)
    error = (alpha - batch.alpha).abs()
    alpha_loss = (error * near).sum() / near.sum().clamp_min(1) + 0.5 * (
        error * far
    ).sum() / far.sum().clamp_min(1)
    strength = inside * batch.alpha
    tint_loss = ((tint - batch.tint).abs().mean(1, keepdim=True) * strength).sum() / strength.sum().clamp_min(
        1
    )
    seen = alpha * tint + (1 - alpha) * batch.clean
    blend = ((seen - batch.seen).abs().mean(1, keepdim=True) * inside).sum() / inside.sum().clamp_min(1)
    return {
        "cross": cross.mean() * 2 + 0.05 * hardest,
        "overlap": overlap,
        "alpha": alpha_loss,
        "tint": tint_loss,
        "blend": blend,
    }


WEIGHTS = {"cross": 1.0, "overlap": 1.0, "alpha": 1.0, "tint": 0.5, "blend": 1.0}


def total(terms: dict[str, torch.Tensor]) -> torch.Tensor:
    return sum((WEIGHTS[name] * value for name, value in terms.items()), torch.zeros(()))
