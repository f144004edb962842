"""Running networks with ONNX Runtime, in every process as it was told to."""

from __future__ import annotations

import hashlib
import logging
import os
import re
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from cleanplate.models.catalogue import FOLDER, Weights, find
from cleanplate.models.errors import ModelNotFetched, WeightsDamaged, WeightsMissing
from cleanplate.models.providers import CPU, RUNTIME_NAMES, Provider, preferred

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable
    from pathlib import Path

    from numpy.typing import NDArray

MOST_THREADS = 4  # more bring little to the bundled networks, and take the processor from other work
OUT_OF_MEMORY = re.compile(r"allocate memory|bad_alloc|bad allocation", re.IGNORECASE)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Runtime:
    """How networks that are loaded from now on are run, in this process.

    Attributes:
        threads: of one network; None is one a processor.
        provider: what it runs on.
        folder: where fetched networks are; None is `folder.default_folder()`.
        model: the network that paints where a call names none, by name or path; None is the bundled one.
    """

    threads: int | None = None
    provider: Provider = "auto"
    folder: Path | None = None
    model: str | Path | None = None


RUNTIME = Runtime()
_lock = Lock()
_models: dict[str, Model] = {}


def configure(
    *,
    threads: int | None = None,
    provider: Provider | None = None,
    folder: Path | None = None,
    model: str | Path | None = None,
) -> None:
    """Say how networks that are loaded from now on are run; what is None stays as it was.

    Args:
        threads: of one network, from 1 on; the bundled ones use no more than `MOST_THREADS`.
        provider: "cpu", "cuda", "openvino", or "auto", the best that there is.
        folder: where fetched networks are.
        model: the network that paints where a call names none, by name or path.
    """
    if threads is not None:
        RUNTIME.threads = max(1, threads)
    if provider is not None:
        RUNTIME.provider = provider
    if folder is not None:
        RUNTIME.folder = folder
    if model is not None:
        RUNTIME.model = model


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output of a network: its name, its type ("tensor(float)"), its sides as far as fixed."""

    name: str
    type: str
    sides: tuple[int | None, ...]


class Session:
    """A network that is ready to run; safe to call from many threads at once."""

    def __init__(self, session: Any, options: Any) -> None:
        self._session, self._options = session, options
        self.inputs = tuple(_port(each) for each in session.get_inputs())
        self.outputs = tuple(_port(each) for each in session.get_outputs())

    @property
    def provider(self) -> str:
        """What it runs on, in ONNX Runtime's words."""
        return str(self._session.get_providers()[0])

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """The network's first output.

        Raises:
            MemoryError: there is not enough memory for it.
        """
        try:
            outputs = self._session.run(None, dict(feeds), self._options)
        except Exception as error:
            if OUT_OF_MEMORY.search(str(error)):  # the runtime has no class of its own for it
                raise MemoryError(str(error)) from error
            raise
        return np.asarray(outputs[0])


class Model:
    """A bundled network of one input."""

    def __init__(self, weights: Weights, session: Session) -> None:
        self.weights = weights
        self._session = session
        self._input = session.inputs[0].name

    @property
    def provider(self) -> str:
        """What it runs on, in ONNX Runtime's words."""
        return self._session.provider

    @property
    def sees_pictures(self) -> bool:
        """Whether it takes pictures, and not what is known about them."""
        sides = self._session.inputs[0].sides
        return len(sides) == 4 and sides[1] == 3

    def run(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The network's first output for (N, C, H, W) float32 values.

        Raises:
            MemoryError: there is not enough memory for it.
        """
        return np.asarray(self._session.run({self._input: values}), np.float32)


def load(id: str) -> Model:  # noqa: A002  # the catalogue's own word
    """The bundled network of that name, read and checked once per process.

    Raises:
        ModelUnknown: the catalogue has no such network.
        WeightsMissing: its file is not there.
        WeightsDamaged: its file is not the one that the catalogue describes.
        ProviderMissing: the runtime cannot run on what `configure` was told.
    """
    with _lock:
        if id not in _models:
            weights = find(id)
            _models[id] = Model(weights, open_session(read(weights), MOST_THREADS))
        return _models[id]


def read(weights: Weights, folder: Traversable = FOLDER) -> bytes:
    """A bundled network's file, checked against its SHA-256.

    Raises:
        WeightsMissing: the file is not there.
        WeightsDamaged: it is another file.
        ModelNotFetched: it does not come with the package.
    """
    if not weights.bundled:
        raise ModelNotFetched(detail=f"{weights.id} is not bundled")
    try:
        data = (folder / weights.file).read_bytes()
    except OSError as error:
        raise WeightsMissing(detail=f"{weights.file}: {error}") from error
    if hashlib.sha256(data).hexdigest() != weights.sha256:
        raise WeightsDamaged(detail=f"{weights.file}: {len(data)} bytes of {weights.bytes}, another SHA-256")
    return data


def open_session(source: bytes | Path, most_threads: int | None = None) -> Session:
    """Make a network ready to run, on the best that `configure` allows and that starts.

    Args:
        source: the ONNX file's bytes, or its path where other files may belong to it.
        most_threads: more are not used, whatever `configure` was told.

    Raises:
        ProviderMissing: the runtime was not built with the provider that was asked for.
        Exception: whatever the runtime says of a file that it does not understand.
    """
    # Loaded here: it takes a quarter of a second. It has no types.
    runtime: Any = import_module("onnxruntime")
    names = preferred(RUNTIME.provider, runtime.get_available_providers())
    threads = min(RUNTIME.threads or len(_processors()), most_threads or os.cpu_count() or 1)
    for name in names[:-1]:
        if name == RUNTIME_NAMES["cuda"] and hasattr(runtime, "preload_dlls"):
            with redirect_stdout(sys.stderr):  # it prints, and a picture may be going to standard output
                runtime.preload_dlls()  # finds the libraries of the card where pip has put them
        session = _started(runtime, source, name, threads)
        if session is not None:
            return session
    return _session(runtime, source, CPU, threads)


def _started(runtime: Any, source: bytes | Path, name: str, threads: int) -> Session | None:
    """A session on this provider, or None with a line in the log where it does not start."""
    try:
        session = _session(runtime, source, name, threads)
    except Exception as error:  # noqa: BLE001  # the runtime has no class of its own for it
        log.warning("%s does not start (%s): running on the processor instead", name, _line(error))
        return None
    if session.provider != name:  # a library that it needs is missing; the runtime only says so on stderr
        log.warning("%s does not start: running on the processor instead", name)
        return None
    return session


def _session(runtime: Any, source: bytes | Path, name: str, threads: int) -> Session:
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Waiting threads sleep: spinning takes the processor from other work, such as the next picture. With two
    # slots on two processors a look at 512 × 512 takes 0.20 s of the processor with a thread each, 0.22 with
    # two each that sleep, and 0.35 with two each that spin, as the runtime does by itself.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # peak of the process at 1024 × 1024: 448 MiB like this, 683 without the arena, 743 with planned memory
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    providers: list[Any] = [(name, _provider_options(name, threads))]
    if name != CPU:
        providers.append(CPU)  # for the operations that the other one does not have
    file = source if isinstance(source, bytes) else str(source)
    session = runtime.InferenceSession(file, options, providers=providers, enable_fallback=0)
    run = runtime.RunOptions()
    arenas = "cpu:0;gpu:0" if session.get_providers()[0] == RUNTIME_NAMES["cuda"] else "cpu:0"
    run.add_run_config_entry("memory.enable_memory_arena_shrinkage", arenas)  # hand it back after each run
    run.log_severity_level = 3
    return Session(session, run)


def _provider_options(name: str, threads: int) -> dict[str, str]:
    if name == RUNTIME_NAMES["cuda"]:
        # Crops come in many sizes: trying out every algorithm for each would take longer than it brings. The
        # card's memory is shared with the other slots: take what is needed, not the next power of two.
        return {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"}
    if name == RUNTIME_NAMES["openvino"]:
        return {"device_type": "CPU", "num_of_threads": str(threads)}
    return {}


def _port(described: Any) -> Port:
    sides = tuple(side if isinstance(side, int) else None for side in described.shape)
    return Port(str(described.name), str(described.type), sides)


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _processors() -> set[int]:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))
