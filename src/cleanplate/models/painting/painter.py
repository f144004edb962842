"""The painter of a name or a path, made once per process."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from cleanplate.models.catalogue import CATALOGUE, FILL, Weights, find
from cleanplate.models.errors import (
    ModelNotUnderstood,
    ModelUnknown,
    ModelUnreadable,
)
from cleanplate.models.folder import ModelFolder, default_folder
from cleanplate.models.painting.arranging import paint
from cleanplate.models.painting.networks import Network, network
from cleanplate.models.session import RUNTIME, open_session, read

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cleanplate.models.session import Session

SUFFIX = ".onnx"

_lock = Lock()
_painters: dict[tuple[object, ...], ArrangedPainter] = {}


class Painter(Protocol):
    """Something that paints holes. Safe to call from many threads at once.

    Attributes:
        name: of the network, for people: its name in the catalogue, or its file's.
        provider: what it runs on, in ONNX Runtime's words.
    """

    name: str

    @property
    def provider(self) -> str: ...

    def paint(self, values: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
        """Paint a hole from what is round it.

        Args:
            values: (H, W, 3) float32 in 0..1, of any size; what is in the hole does not matter.
            hole: (H, W), what to paint.

        Returns:
            (H, W, 3) float32 in 0..1; outside the hole the very values that were given.

        Raises:
            ModelFailed: the network broke down.
            MemoryError: there is not enough memory for it.
        """
        ...


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a name or a path means: an entry of the catalogue, or a file of someone's own."""

    name: str
    weights: Weights | None = None
    path: Path | None = None


class ArrangedPainter:
    """A network that is given as much at a time as it can see."""

    def __init__(self, name: str, session: Session, adapter: Network) -> None:
        self.name = name
        self._session, self._network = session, adapter

    @property
    def provider(self) -> str:
        return self._session.provider

    def paint(self, values: NDArray[np.float32], hole: NDArray[np.bool_]) -> NDArray[np.float32]:
        return paint(self._network, values, hole)


def asked_for(model: str | Path | None = None) -> str | Path | None:
    """The network that someone chose, for this call or for this process; None where nobody did.

    Where nobody did, the engine chooses by its own rule, and the bundled network is only one of its ways.
    """
    return model or RUNTIME.model


def resolve(model: str | Path | None) -> Chosen:
    """Say what a name or a path means, without loading it: cheap, for looking at what was asked for.

    Args:
        model: a name of the catalogue; otherwise the path of an ONNX file. None is what `configure` was told,
            or the bundled one.

    Raises:
        ModelUnknown: neither a network that paints nor a path.
        ModelUnreadable: there is no such file.
        ModelNotFetched: a network of the catalogue that is not on this machine.
    """
    painting = {each.id: each for each in CATALOGUE if each.task == FILL}
    name = asked_for(model) or FILL
    if isinstance(name, str) and name in painting:
        weights = painting[name]
        folder = fetched()
        if not weights.bundled and not folder.file(weights).exists():
            folder.checked(weights)  # says that it is not there, and what to do
        return Chosen(name, weights)
    path = Path(name).expanduser()
    if isinstance(name, str) and path.suffix.lower() != SUFFIX and not path.is_file():
        raise ModelUnknown(
            f"There is no network {name!r} that paints: there are {', '.join(painting)}, or give the path of "
            "an ONNX file."
        )
    if not path.is_file():
        raise ModelUnreadable(f"There is no file {path}: check the path.")
    return Chosen(path.name, path=path)


def painter(model: str | Path | None = None) -> Painter:
    """The painter of this network, loaded and checked once per process.

    Args:
        model: a name of the catalogue; otherwise the path of an ONNX file. None is what `configure` was told,
            or the bundled one.

    Raises:
        ModelUnknown, ModelUnreadable, ModelNotFetched: as `resolve`.
        ModelDamaged, WeightsDamaged, WeightsMissing: its file is not the one that the catalogue describes.
        ModelUnreadable: it is no ONNX file.
        ModelNotUnderstood: it is one, and its inputs and outputs are of no kind that is known.
        ProviderMissing: the runtime cannot run on what `configure` was told.
    """
    chosen = resolve(model)
    with _lock:
        key = _key(chosen)
        if key not in _painters:
            _painters[key] = _loaded(chosen)
        return _painters[key]


def fetched() -> ModelFolder:
    """The folder of fetched networks in force in this process."""
    return ModelFolder(RUNTIME.folder or default_folder())


def _key(chosen: Chosen) -> tuple[object, ...]:
    running = RUNTIME.provider, RUNTIME.threads
    if chosen.path is None:
        return (chosen.name, RUNTIME.folder, *running)
    seen = chosen.path.stat()  # a file that was written anew is another network
    return (chosen.path.resolve(), seen.st_size, seen.st_mtime_ns, *running)


def _loaded(chosen: Chosen) -> ArrangedPainter:
    if chosen.weights is not None and chosen.weights.bundled:
        session = open_session(read(chosen.weights))
    else:
        session = _opened(chosen.path or fetched().checked(find(chosen.name)))
    try:
        return ArrangedPainter(chosen.name, session, network(session))
    except ModelNotUnderstood as error:
        raise ModelNotUnderstood(f"{chosen.name}: {error.public_message}") from error


def _opened(path: Path) -> Session:
    try:
        return open_session(path)
    except (OSError, MemoryError):
        raise
    except Exception as error:
        if type(error).__module__.startswith("onnxruntime"):
            raise ModelUnreadable(
                f"{path} cannot be read as an ONNX network: check the file.", detail=str(error)
            ) from error
        raise
