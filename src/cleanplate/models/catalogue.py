"""The networks that are known by name: those that come with the package, and those that can be fetched."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources

from cleanplate.models.errors import ModelUnknown

FOLDER = resources.files("cleanplate.models") / "weights"
FILL = "fill"  # the task of networks that paint, and the name of the one that comes with the package


@dataclass(frozen=True, slots=True)
class Weights:
    """One network's file.

    Attributes:
        id: its name in the catalogue.
        task: which of the engine's steps it works for.
        file: its name in the folder of bundled weights, or of fetched ones.
        sha256: of the file, in hexadecimal.
        bytes: the file's size.
        licence: SPDX expression of the weights.
        source: what they were made from, or who publishes them.
        bias: log-odds added to what it says, so that 0.5 is where to decide; see `training.judgement`.
        hub: where a model hub or a mirror of it has the file, below its address; empty for a bundled one.
        note: what to know before it is used.
        consent: whether someone has to accept the licence before the first download.
    """

    id: str
    task: str
    file: str
    sha256: str
    bytes: int
    licence: str
    source: str
    bias: float = 0.0
    hub: str = ""
    note: str = ""
    consent: bool = False

    @property
    def bundled(self) -> bool:
        """Whether it comes with the package."""
        return not self.hub


# training.export writes this file together with the weights, so that the two cannot disagree
BUNDLED: tuple[Weights, ...] = tuple(
    Weights(**row) for row in json.loads((FOLDER / "catalogue.json").read_text(encoding="utf-8"))
)
FETCHABLE: tuple[Weights, ...] = (
    Weights(
        id="migan",
        task=FILL,
        file="migan_pipeline_v2.onnx",
        sha256="6f1f3530a1a2324b19752018ce756088b07973cda8d7d890034ace5c8a48c40b",
        bytes=28_079_181,
        licence="MIT",
        source="MI-GAN (Sargsyan et al., ICCV 2023), trained on Places2, published by its authors",
        hub="andraniksargsyan/migan/resolve/main/migan_pipeline_v2.onnx",
        note="Its authors put code and weights under the MIT licence.",
    ),
    Weights(
        id="lama",
        task=FILL,
        file="inpainting_lama_2025jan.onnx",
        sha256="7df918ac3921d3daf0aae1d219776cf0dc4e4935f035af81841b40adcf74fdf2",
        bytes=92_591_623,
        licence="Apache-2.0",
        source="Big LaMa (Suvorov et al., WACV 2022), trained on Places2, from OpenCV's model zoo",
        hub="opencv/inpainting_lama/resolve/main/inpainting_lama_2025jan.onnx",
        note="The code, and the file as OpenCV gives it away, are under the Apache licence 2.0. Whether the "
        "weights may be used commercially is disputed: they were trained on Places2, whose terms allow "
        "research and teaching only. Decide for yourself, or ask a lawyer.",
        consent=True,
    ),
)
CATALOGUE: tuple[Weights, ...] = BUNDLED + FETCHABLE


def find(id: str) -> Weights:  # noqa: A002  # the catalogue's own word
    """The catalogue's entry of that name.

    Raises:
        ModelUnknown: there is none.
    """
    for weights in CATALOGUE:
        if weights.id == id:
            return weights
    names = ", ".join(each.id for each in CATALOGUE)
    raise ModelUnknown(f"There is no network {id!r}: there are {names}.", detail=f"model {id!r}")
