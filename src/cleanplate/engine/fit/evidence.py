"""What is known of the pixels that a mark covers, and how well a level of it explains them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cleanplate.engine.fit.axes import along, axes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cleanplate.engine.fit.palette import Palette

FREEDOM = 3.0  # of Student's t: paintings fail by far more than their usual error at the edges of things
DIMENSIONS = 2.0  # what the errors along three axes, which go together, are worth
BLUNT = 0.7  # the painting may err where the mark is opaque too: a level may not fit all too well
SEEN_THROUGH = 0.1  # of the photo: with less, its colours are not told by what is seen
BEYOND = 12.0  # log-likelihood that a photo which does not exist costs at most


@dataclass(frozen=True, slots=True)
class Level:
    """One flat part of a mark: seen = through · photo + light.

    Attributes:
        through: 1 - α, in 0.01..1.
        light: α · colour, (C,) in 0..255.
    """

    through: float
    light: NDArray[np.float64]

    @property
    def opacity(self) -> float:
        return 1.0 - self.through

    @property
    def colour(self) -> NDArray[np.float64]:
        return np.clip(self.light / max(self.opacity, 1e-3), 0.0, 255.0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Pixels that a mark covers, along the axes of colour (`axes`).

    Attributes:
        seen: (N, C) float64.
        guess: (N, C), what a painting from outside the mark has there.
        error: (N, C), the guess's usual error along each axis, in levels.
        coverage: (N, C), how much of the pixel the mark is expected to cover: `seen` is corrected for it.
        doubt: (N, C), the usual error of that.
        noise: what storing the picture may have moved a value by, in levels.
        stands: how many pixels of the mark each of these stands for.
        palette: the colours that the photo has at all.
        elsewhere: (N,), how likely the photo there is something that the guess knows nothing of; it then has
            one of the palette's colours. 0 without a palette.
    """

    seen: NDArray[np.float64]
    guess: NDArray[np.float64]
    error: NDArray[np.float64]
    coverage: NDArray[np.float64]
    doubt: NDArray[np.float64]
    noise: float
    elsewhere: NDArray[np.float64]
    palette: Palette | None = None
    stands: float = 1.0

    @classmethod
    def told(
        cls,
        seen: NDArray[Any],
        guess: NDArray[Any],
        error: NDArray[Any],
        coverage: NDArray[Any],
        doubt: NDArray[Any],
        noise: float,
        palette: Palette | None = None,
        elsewhere: NDArray[Any] | float = 0.0,
    ) -> Evidence:
        """From colours, (N, C) in 0..255, and errors along the axes, (N, C), or the same along all, (N,)."""
        seen, guess = along(seen.astype(float)), along(guess.astype(float))
        error, coverage, doubt = (
            np.broadcast_to(one if one.ndim == 2 else one[:, None], seen.shape).astype(float)
            for one in (error, coverage, doubt)
        )
        share = np.broadcast_to(0.0 if palette is None else elsewhere, len(seen)).astype(float)
        palette = palette if share.any() else None
        return cls(guess + (seen - guess) / coverage, guess, error, coverage, doubt, noise, share, palette)

    def of(self, chosen: NDArray[Any] | slice) -> Evidence:
        """The evidence of some of its pixels: a boolean array or their numbers."""
        arrays = ("seen", "guess", "error", "coverage", "doubt", "elsewhere")
        return replace(self, **{name: getattr(self, name)[chosen] for name in arrays})

    def some(self, chosen: NDArray[Any] | slice) -> Evidence:
        """Likewise, for those that are to stand for all."""
        part = self.of(chosen)
        return replace(part, stands=self.stands * len(self.doubt) / max(1, len(part.doubt)))

    def misfit(self, level: Level) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Squared residuals over their expected square, (N,), and the expected error per axis, (N, C)."""
        change = along(level.light) - level.opacity * self.guess
        residual = self.seen - self.guess - change
        photo = max(level.through, BLUNT) + (1 - self.coverage)
        power = (photo * self.error) ** 2 + self.noise**2 + self.doubt**2 * change**2
        power /= self.coverage**2
        square = np.einsum("ic,ic->i", residual, residual / power) * (DIMENSIONS / self.seen.shape[1])
        return square, np.sqrt(power)

    def likelihood(self, level: Level) -> NDArray[np.float64]:
        """Log-likelihood of each pixel under a level, (N,)."""
        square, spread = self.misfit(level)
        volume = np.log(spread).mean(axis=1)
        said = -(FREEDOM + DIMENSIONS) / 2 * np.log1p(square / FREEDOM) - DIMENSIONS * volume
        if self.palette is None:
            return said
        known, other = np.log1p(-self.elsewhere), np.log(np.maximum(self.elsewhere, 1e-9))
        return np.logaddexp(known + said, other + self._common(level, self.palette))

    def _common(self, level: Level, palette: Palette) -> NDArray[np.float64]:
        """Log-likelihood of each pixel where the photo beneath has any of the palette's colours, (N,)."""
        through = max(level.through, SEEN_THROUGH)
        photo = (self.seen - along(level.light)) / through @ axes(self.seen.shape[1])
        inside = np.clip(photo, 0.0, 255.0)
        off = np.abs(photo - inside).max(axis=1) * through / (2 * self.noise)
        stretched = DIMENSIONS * np.log(through)
        return palette.at(along(inside)) - stretched - np.minimum(off * off / 2, BEYOND)
