"""Networks: which there are, where they are kept, and running them.

* catalogue.py: those that are known by name; folder.py and download.py: fetching those that are not bundled.
* session.py and providers.py: running one with ONNX Runtime, on what there is.
* painting/: those that paint, whatever their inputs and outputs.
"""

from __future__ import annotations

from cleanplate.models.catalogue import BUNDLED, CATALOGUE, FETCHABLE, FILL, Weights, find
from cleanplate.models.errors import (
    DownloadFailed,
    DownloadWrong,
    LicenceNotAccepted,
    ModelBundled,
    ModelDamaged,
    ModelFailed,
    ModelNotFetched,
    ModelNotUnderstood,
    ModelsUnwritable,
    ModelUnknown,
    ModelUnreadable,
    ProviderMissing,
    WeightsDamaged,
    WeightsMissing,
)
from cleanplate.models.folder import HUB, ModelFolder, default_folder
from cleanplate.models.painting import Painter, asked_for, painter, resolve
from cleanplate.models.providers import PROVIDERS, Provider
from cleanplate.models.session import Model, configure, load
from cleanplate.models.warming import warm_up

__all__ = [
    "BUNDLED",
    "CATALOGUE",
    "FETCHABLE",
    "FILL",
    "HUB",
    "PROVIDERS",
    "DownloadFailed",
    "DownloadWrong",
    "LicenceNotAccepted",
    "Model",
    "ModelBundled",
    "ModelDamaged",
    "ModelFailed",
    "ModelFolder",
    "ModelNotFetched",
    "ModelNotUnderstood",
    "ModelUnknown",
    "ModelUnreadable",
    "ModelsUnwritable",
    "Painter",
    "Provider",
    "ProviderMissing",
    "Weights",
    "WeightsDamaged",
    "WeightsMissing",
    "asked_for",
    "configure",
    "default_folder",
    "find",
    "load",
    "painter",
    "resolve",
    "warm_up",
]
