"""The memory of a child process: its limit, and whether running into it is what went wrong."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

MiB = 1024 * 1024
_FORGET_PEAK = "5"  # proc(5), /proc/pid/clear_refs
_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)


def limit(mib: int) -> None:
    """Let every allocation beyond `mib` MiB fail. On Linux; elsewhere no kernel keeps such a limit."""
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (mib * MiB, mib * MiB))


def forget_peak() -> None:
    """Count the peak from here."""
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text(_FORGET_PEAK, encoding="ascii")


def was_short(needed: int) -> bool:
    """Whether `needed` more bytes than at the peak would have been beyond the limit.

    For decoders that answer a failed allocation with an error like that of a damaged file.
    """
    allowed, _ = resource.getrlimit(resource.RLIMIT_DATA)
    if sys.platform != "linux" or allowed == resource.RLIM_INFINITY:
        return False
    peak = _PEAK.search(Path("/proc/self/status").read_text(encoding="ascii"))
    return peak is not None and int(peak[1]) * 1024 + needed > allowed
