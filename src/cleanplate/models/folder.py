"""The folder of fetched networks: what is in it, fetching into it, checking it, taking out of it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cleanplate.models.errors import (
    LicenceNotAccepted,
    ModelBundled,
    ModelDamaged,
    ModelNotFetched,
    ModelsUnwritable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from cleanplate.models.catalogue import Weights

FOLDER_VARIABLE = "CLEANPLATE_MODELS__FOLDER"
HUB = "https://huggingface.co"
UNFINISHED = ".pulling-"  # what the folders of downloads under way begin with
FORGOTTEN_SECONDS = 86_400  # a download that was killed so long ago is swept away
PIECE_BYTES = 1 << 20
MiB = 1024 * 1024

State = Literal["absent", "good", "damaged"]


def default_folder() -> Path:
    """Where networks are kept unless someone says otherwise: the variable's, or the user's cache folder."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "cleanplate" / "models"


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder of fetched networks.

    A network's file appears in it whole and checked, or not at all; several processes may fetch at once.

    Attributes:
        path: the folder; made at the first download.
    """

    path: Path

    def file(self, weights: Weights) -> Path:
        """Where this network is, or would be."""
        return self.path / weights.file

    def has(self, weights: Weights) -> bool:
        """Whether a file of the right size is there: quick, and enough to list what there is."""
        try:
            return self.file(weights).stat().st_size == weights.bytes
        except OSError:
            return False

    def state(self, weights: Weights) -> State:
        """Whether the network is there and is the one of the catalogue; reads it all."""
        try:
            good = _sha256(self.file(weights)) == weights.sha256
        except FileNotFoundError:
            return "absent"
        except OSError:
            return "damaged"
        return "good" if good else "damaged"

    def checked(self, weights: Weights) -> Path:
        """The network's file, checked against its SHA-256.

        Raises:
            ModelNotFetched: it is not there.
            ModelDamaged: it is another file, or cannot be read.
        """
        state = self.state(weights)
        detail = f"{self.file(weights)} is {state}"
        command = f"`cleanplate models pull {weights.id}`"
        if state == "absent":
            said = f"{weights.id} is not on this machine yet: {command} fetches it."
            raise ModelNotFetched(said, detail=detail)
        if state == "damaged":
            said = f"The file of {weights.id} is not the one in the catalogue: {command} fetches it again."
            raise ModelDamaged(said, detail=detail)
        return self.file(weights)

    def pull(
        self,
        weights: Weights,
        *,
        mirror: str = HUB,
        accepted: bool = False,
        tries: int = 3,
        told: Callable[[int], None] | None = None,
    ) -> bool:
        """Fetch a network, unless it is there and good.

        Args:
            weights: which.
            mirror: address of a model hub, or of a server with the same paths.
            accepted: whether someone has accepted the licence, where that is needed.
            tries: how often to try before giving up.
            told: how many bytes have come so far; may start again from 0.

        Returns:
            whether it had to be fetched.

        Raises:
            ModelBundled: it comes with the package.
            LicenceNotAccepted: its licence has to be accepted first.
            DownloadFailed: it could not be had.
            DownloadWrong: something else was had.
            ModelsUnwritable: the folder cannot be written, or has no room for it.
        """
        if weights.bundled:
            raise ModelBundled(detail=weights.id)
        if self.state(weights) == "good":
            return False
        if weights.consent and not accepted:
            raise LicenceNotAccepted(
                f"{weights.id}: {weights.note} To accept its licence, add --accept-licence."
            )
        from cleanplate.models.download import download

        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._sweep()
            self._make_room(weights)
            with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=self.path) as unfinished:
                file = Path(unfinished) / weights.file
                address = f"{mirror.rstrip('/')}/{weights.hub}"
                download(address, file, sha256=weights.sha256, size=weights.bytes, tries=tries, told=told)
                file.replace(self.file(weights))
        except OSError as error:
            raise ModelsUnwritable(
                f"The folder of networks, {self.path}, cannot be written ({error.strerror or error}): "
                "check its permissions and the space left, or set CLEANPLATE_MODELS__FOLDER."
            ) from error
        return True

    def remove(self, weights: Weights) -> bool:
        """Delete a fetched network; whether it was there.

        Raises:
            ModelBundled: it comes with the package.
            ModelsUnwritable: it cannot be deleted.
        """
        if weights.bundled:
            raise ModelBundled(detail=weights.id)
        try:
            self.file(weights).unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise ModelsUnwritable(f"{self.file(weights)} cannot be deleted: {error.strerror}.") from error
        return True

    def _sweep(self) -> None:
        """Remove what a download left behind that was killed without a chance to clean up."""
        for left in self.path.glob(f"{UNFINISHED}*"):
            try:
                if time.time() - left.stat().st_mtime > FORGOTTEN_SECONDS:
                    shutil.rmtree(left, ignore_errors=True)
            except FileNotFoundError:  # another process was faster
                continue

    def _make_room(self, weights: Weights) -> None:
        free = shutil.disk_usage(self.path).free
        if free < weights.bytes:
            raise ModelsUnwritable(
                f"{weights.id} needs {weights.bytes / MiB:.0f} MiB, and {self.path} has {free / MiB:.0f} MiB "
                "left: make room, or set CLEANPLATE_MODELS__FOLDER."
            )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()
