"""The networks that come with the package, and where they come from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources

from cleanplate.models.errors import ModelUnknown

FOLDER = resources.files("cleanplate.models") / "weights"


@dataclass(frozen=True, slots=True)
class Weights:
    """One network's file.

    Attributes:
        id: its name in the catalogue.
        task: which of the engine's steps it works for.
        file: its name in the folder of bundled weights.
        sha256: of the file, in hexadecimal.
        bytes: the file's size.
        licence: SPDX expression of the weights.
        source: what they were made from.
        bias: log-odds added to what it says, so that 0.5 is where to decide; see `training.judgement`.
    """

    id: str
    task: str
    file: str
    sha256: str
    bytes: int
    licence: str
    source: str
    bias: float = 0.0


# training.export writes this file together with the weights, so that the two cannot disagree
CATALOGUE: tuple[Weights, ...] = tuple(
    Weights(**row) for row in json.loads((FOLDER / "catalogue.json").read_text(encoding="utf-8"))
)


def find(id: str) -> Weights:  # noqa: A002  # the catalogue's own word
    """The catalogue's entry of that name.

    Raises:
        ModelUnknown: there is none.
    """
    for weights in CATALOGUE:
        if weights.id == id:
            return weights
    raise ModelUnknown(detail=f"model {id!r}; there are {', '.join(each.id for each in CATALOGUE)}")
