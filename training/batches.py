"""Samples as batches of tensors, the same for the same seed and step whoever makes them."""

from __future__ import annotations

import signal
from functools import cached_property
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from cleanplate.engine.values import working_values
from training import holes, sample
from training.bank import Bank
from training.candidates import RANGE
from training.losses import Batch
from training.photos import Photos

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# (side, samples) of a step's batch, in turn: about as many pixels each
SHAPES = ((192, 9), (256, 5), (224, 7), (256, 5))


def stacked(samples: list[sample.Sample]) -> Batch:
    def planes(values: list[np.ndarray], scale: float = 1.0) -> torch.Tensor:
        stack = torch.from_numpy(np.stack(values))
        stack = stack.unsqueeze(1) if stack.ndim == 3 else stack.permute(0, 3, 1, 2)
        return stack.float() * scale

    return Batch(
        seen=planes([s.seen for s in samples], 1 / 255),
        clean=planes([s.clean for s in samples], 1 / 255),
        alpha=planes([s.alpha for s in samples]),
        tint=planes([s.tint for s in samples]),
        mask=planes([s.mask for s in samples]),
        weight=planes([s.weight for s in samples]),
        blends=torch.tensor([float(s.blends) for s in samples]).view(-1, 1, 1, 1),
    )


def holed(samples: list[holes.Holed]) -> dict[str, np.ndarray]:
    """paintings: (N, S, S, 3 K), clean: (N, S, S, 3), luma and chromas, uint8; hole: (N, S, S), boolean."""

    def rounded(values: np.ndarray) -> np.ndarray:
        each = values.reshape(*values.shape[:3], -1, 3) + RANGE
        return np.rint(each.clip(0, 255)).astype(np.uint8).reshape(values.shape)

    painted = [holes.paintings(s.seen, s.hole, s.bleed) for s in samples]
    return {
        "paintings": rounded(np.stack([np.concatenate(list(each), 2) for each in painted])),
        "clean": rounded(np.stack([working_values(s.clean) for s in samples])),
        "hole": np.stack([s.hole for s in samples]),
    }


def turned(parts: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, torch.Tensor]:
    """The same as tensors (N, C, S, S), 0..1, all turned and mirrored alike."""
    quarters, mirror = int(rng.integers(4)), bool(rng.integers(2))

    def plane(values: np.ndarray) -> torch.Tensor:
        stack = values[..., None] if values.ndim == 3 else values
        stack = np.rot90(stack[:, ::-1] if mirror else stack, quarters, (1, 2))
        return torch.from_numpy(np.ascontiguousarray(stack.transpose(0, 3, 1, 2))).float()

    return {name: plane(values) / (1 if name == "hole" else 255) for name, values in parts.items()}


class Steps(Dataset[Any]):
    """Batch number `step`, made of (seed, step) alone: a resumed run goes on with what would have come.

    Holds paths only until its first use, so that a spawned worker process reads the photos itself (a forked
    one could hang in the thread pools that torch and OpenCV have already started).
    """

    def __init__(
        self, photos: Path, bank: Path, seed: int, shapes: tuple[tuple[int, int], ...] = SHAPES
    ) -> None:
        self._places, self.seed, self.shapes = (photos, bank), seed, shapes

    @cached_property
    def _sources(self) -> tuple[Bank, Photos]:
        photos, bank = self._places
        return Bank.load(bank), Photos(photos)

    def __getitem__(self, step: int) -> Any:
        side, count = self.shapes[step % len(self.shapes)]
        generators = (np.random.default_rng([self.seed, step, k]) for k in range(count))
        return self.batch(generators, side)

    def batch(self, generators: Iterable[np.random.Generator], side: int) -> Batch:
        """Samples for the find network."""
        bank, photos = self._sources
        return stacked([sample.make(rng, bank, photos, side) for rng in generators])


class HoledSteps(Steps):
    """The same for the fill network, as `turned` gives them.

    Painting in some ways takes longer than a step of the network: the samples of the first `pool` steps are
    kept in a folder and come again after them, turned otherwise. What comes still follows from seed and step.
    """

    def __init__(  # a recipe's parts
        self,
        photos: Path,
        bank: Path,
        seed: int,
        shapes: tuple[tuple[int, int], ...],
        pool: int,
        folder: Path,
    ) -> None:
        super().__init__(photos, bank, seed, shapes)
        self.pool, self.folder = pool, folder

    def __getitem__(self, step: int) -> Any:
        path = self.folder / f"{step % self.pool}.npz"
        if path.exists():
            with np.load(path) as kept:
                parts = dict(kept)
        else:
            parts = super().__getitem__(step % self.pool)
            self.folder.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(".new.npz")
            np.savez(fresh, **parts)
            fresh.replace(path)
        return turned(parts, np.random.default_rng([self.seed, step]))

    def batch(self, generators: Iterable[np.random.Generator], side: int) -> Any:
        bank, photos = self._sources
        return holed([holes.make(rng, bank, photos, side) for rng in generators])


def _alone(_: int) -> None:
    """A worker leaves stopping to its parent and takes one thread."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def stream(steps: Steps, first: int, last: int, workers: int) -> Iterator[Any]:
    """Batches `first` to `last` - 1 in order, made ahead by worker processes."""
    return iter(
        DataLoader(
            steps,
            batch_size=None,
            sampler=range(first, last),
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            worker_init_fn=_alone if workers else None,
            multiprocessing_context="spawn" if workers else None,
        )
    )


def calibration(photos: Path, bank: Path, seed: int, count: int) -> list[torch.Tensor]:
    """A few batches of seen pixels to take the norms' statistics from."""
    steps = Steps(photos, bank, seed, ((256, 8),))
    return [steps[10**9 + k].seen for k in range(count)]  # far beyond any step of a run
