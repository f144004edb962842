"""What `cleanplate doctor` says of networks: the runtime, each network, and what one costs."""

from __future__ import annotations

import re
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from cleanplate.errors import CleanplateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cleanplate import models
    from cleanplate.settings import Settings

    Finding = tuple[bool, str, str]

RUNTIME = "onnxruntime"
SIDE = 512  # pixels of the picture that each network is tried on
MiB = 1024 * 1024
_RESIDENT = re.compile(r"^VmRSS:\s+(\d+) kB$", re.MULTILINE)
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def networks(settings: Settings) -> Iterator[Finding]:
    """The runtime, the networks that find marks, the one that paints, and those that were fetched."""
    from cleanplate import models

    section = settings.models
    models.configure(
        threads=section.threads, provider=section.provider, folder=section.folder, model=section.model
    )
    yield from _runtime(settings)
    for weights in models.BUNDLED:
        if weights.task != models.FILL:
            yield _bundled(weights)
    if section.model is not None or any(weights.task == models.FILL for weights in models.BUNDLED):
        yield _painting(section.model)
    yield from _fetched(models.ModelFolder(section.folder or models.default_folder()))


def _runtime(settings: Settings) -> Iterator[Finding]:
    """Which ONNX Runtime is installed, exactly one, and what it can run on."""
    from importlib import import_module

    installed = {str(found.metadata["Name"]).lower(): found.version for found in metadata.distributions()}
    names = sorted(name for name in installed if name == RUNTIME or name.startswith(f"{RUNTIME}-"))
    if len(names) != 1:
        several = " and ".join(names)
        yield (
            False,
            "ONNX Runtime",
            f"{several} share one name: pip uninstall all of them, then install only the one to be used"
            if names
            else f"not installed: pip install {RUNTIME}",
        )
        return
    from cleanplate.models.providers import RUNTIME_NAMES

    available = import_module(RUNTIME).get_available_providers()
    ways = [way for way, name in RUNTIME_NAMES.items() if name in available]
    wish = settings.models.provider
    found = f"{names[0]} {installed[names[0]]}, can run on {', '.join(ways)}; asked for: {wish}"
    yield wish == "auto" or wish in ways, "ONNX Runtime", found


def _bundled(weights: models.Weights) -> Finding:
    """A bundled network that is not for painting: whether its file is the released one, and loads."""
    import numpy as np

    from cleanplate import models

    name = f"network {weights.id}"
    said = f"{weights.file}, {weights.bytes / MiB:.1f} MiB, SHA-256 {weights.sha256[:12]}…"

    def ready() -> Callable[[], object] | None:
        model = models.load(weights.id)
        pixels = np.zeros((1, 3, SIDE, SIDE), np.float32)
        return (lambda: model.run(pixels)) if model.sees_pictures else None

    try:
        cost = _weighed(ready)
        return True, name, f"{said} as released; on {models.load(weights.id).provider}{cost}"
    except CleanplateError as error:
        return False, name, f"{error.public_message} {error.detail or ''}".strip()


def _painting(chosen: str | None) -> Finding:
    """The network that paints, tried on a hole."""
    import numpy as np

    from cleanplate import models

    hole = np.zeros((SIDE, SIDE), bool)
    hole[SIDE // 4 : SIDE // 2, SIDE // 4 : SIDE // 2] = True
    name = "network that paints"

    def ready() -> Callable[[], object]:
        painter = models.painter(chosen)
        return lambda: painter.paint(np.zeros((SIDE, SIDE, 3), np.float32), hole)

    try:
        cost = _weighed(ready)
        painter = models.painter(chosen)
    except CleanplateError as error:
        return False, name, f"{error.public_message} {error.detail or ''}".strip()
    return True, name, f"{painter.name} on {painter.provider}{cost}"


def _fetched(folder: models.ModelFolder) -> Iterator[Finding]:
    """Every network that was fetched: whether it is still what it was."""
    from cleanplate import models

    there = [weights for weights in models.FETCHABLE if folder.file(weights).exists()]
    for weights in there:
        good = folder.state(weights) == "good"
        advice = "" if good else f", damaged: cleanplate models pull {weights.id}"
        yield good, f"network {weights.id}", f"{folder.file(weights)}{advice}"
    others = [weights.id for weights in models.FETCHABLE if weights not in there]
    if others:
        yield True, "larger networks", f"not fetched: {', '.join(others)} (cleanplate models pull NAME)"


def _weighed(ready: Callable[[], Callable[[], object] | None]) -> str:
    """What it costs to have a network ready, and to run it once on a picture, where the system tells."""
    before = _memory(_RESIDENT)
    run = ready()
    loaded = _memory(_RESIDENT)
    if before is None or loaded is None:
        return ""
    said = f", {max(0, loaded - before)} MiB ready"
    if run is None:
        return said
    with suppress(OSError):
        if sys.platform == "linux":
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # count the peak from here
    run()
    peak = _memory(_PEAK)
    return said if peak is None else f"{said}, {max(0, peak - before)} MiB at work on {SIDE} × {SIDE}"


def _memory(what: re.Pattern[str]) -> int | None:
    """MiB of this process, as Linux tells it."""
    try:
        found = what.search(Path("/proc/self/status").read_text(encoding="ascii"))
    except OSError:
        return None
    return int(found[1]) // 1024 if found else None
