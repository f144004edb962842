"""Running a bundled network with ONNX Runtime."""

from __future__ import annotations

import hashlib
import os
import re
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from cleanplate.models.catalogue import FOLDER, Weights, find
from cleanplate.models.errors import WeightsDamaged, WeightsMissing

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from numpy.typing import NDArray

MOST_THREADS = 4  # more bring little to networks this small, and take the processor from other work
OUT_OF_MEMORY = re.compile(r"allocate memory|bad_alloc|bad allocation", re.IGNORECASE)

_lock = Lock()
_models: dict[str, Model] = {}
_threads: int | None = None


class Model:
    """A network that is ready to run; safe to call from many threads at once."""

    def __init__(self, weights: Weights, session: Any, options: Any) -> None:
        self.weights = weights
        self._session, self._options = session, options
        self._input: str = session.get_inputs()[0].name

    @property
    def provider(self) -> str:
        """What it runs on, in ONNX Runtime's words."""
        return str(self._session.get_providers()[0])

    def run(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The network's first output for (N, C, H, W) float32 values.

        Raises:
            MemoryError: there is not enough memory for it.
        """
        try:
            outputs = self._session.run(None, {self._input: values}, self._options)
        except Exception as error:
            if OUT_OF_MEMORY.search(str(error)):  # the runtime has no class of its own for it
                raise MemoryError(str(error)) from error
            raise
        return np.asarray(outputs[0], np.float32)


def threads(count: int) -> None:
    """Let networks that are loaded from now on use so many threads; by default one a processor.

    Args:
        count: from 1 on; more than `MOST_THREADS` are not used.
    """
    global _threads  # noqa: PLW0603  # a setting of the process, as the models that it holds are
    _threads = min(max(1, count), MOST_THREADS)


def load(id: str) -> Model:  # noqa: A002  # the catalogue's own word
    """The network of that name, read and checked once per process.

    Raises:
        ModelUnknown: the catalogue has no such network.
        WeightsMissing: its file is not there.
        WeightsDamaged: its file is not the one that the catalogue describes.
    """
    with _lock:
        if id not in _models:
            weights = find(id)
            _models[id] = _model(weights, read(weights))
        return _models[id]


def read(weights: Weights, folder: Traversable = FOLDER) -> bytes:
    """A network's file, checked against its SHA-256.

    Raises:
        WeightsMissing: the file is not there.
        WeightsDamaged: it is another file.
    """
    try:
        data = (folder / weights.file).read_bytes()
    except OSError as error:
        raise WeightsMissing(detail=f"{weights.file}: {error}") from error
    if hashlib.sha256(data).hexdigest() != weights.sha256:
        raise WeightsDamaged(detail=f"{weights.file}: {len(data)} bytes of {weights.bytes}, another SHA-256")
    return data


def _model(weights: Weights, data: bytes) -> Model:
    runtime: Any = import_module(
        "onnxruntime"
    )  # loaded here: it takes a quarter of a second; it has no types
    options = runtime.SessionOptions()
    options.intra_op_num_threads = _threads or min(len(_processors()), MOST_THREADS)
    options.inter_op_num_threads = 1
    # waiting threads sleep: spinning takes the processor from other work, such as the next picture
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # peak of the process at 1024 × 1024: 448 MiB like this, 683 without the arena, 743 with planned memory
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    run = runtime.RunOptions()
    run.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")  # hand it back after each run
    run.log_severity_level = 3
    return Model(weights, session, run)


def _processors() -> set[int]:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))
