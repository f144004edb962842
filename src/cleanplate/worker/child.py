"""The child process: the only place of the service where pixels are decoded, cleaned and encoded.

Started by `children.Child` as `python -m cleanplate.worker.child`. It reads requests from its standard input
and answers on what was its standard output; the real standard output is turned to standard error first, so
that nothing a library prints can be taken for an answer. It serves one request at a time until its input
ends, knows no task, and may be killed at any moment.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from cleanplate.errors import CleanplateError
from cleanplate.worker import frames, memory
from cleanplate.worker.errors import ChildFailed, OutOfMemory

Step = Callable[[str], None]
Operation = Callable[[frames.Header, list[bytes], Step], frames.Frame]

PR_SET_PDEATHSIG = 1
CV_OUT_OF_MEMORY = -4  # cv::Error::StsNoMem


def main(arguments: list[str] | None = None) -> None:
    """Serve requests until the input ends."""
    parser = argparse.ArgumentParser(prog="cleanplate.worker.child")
    parser.add_argument("--parent", type=int, required=True, help="process id; this process dies with it")
    parser.add_argument("--memory-mib", type=int, required=True, help="most memory, in MiB")
    parser.add_argument("--threads", type=int, default=1, help="threads of one picture")
    parser.add_argument("--nice", type=int, default=0, help="added to the process' niceness")
    parser.add_argument("--networks", type=int, default=1, help="0: for looking at uploads, which needs none")
    parser.add_argument("--paints", type=int, default=1, help="0: it only looks for marks")
    parser.add_argument("--provider", default="auto", help="what networks run on")
    parser.add_argument("--model", help="the network that paints, where it is not the bundled one")
    parser.add_argument("--models", type=Path, help="folder of fetched networks")
    options = parser.parse_args(arguments)

    requests, answers = _take_pipes()
    _leave_to(options.parent)
    os.nice(options.nice)
    try:
        operations = _load(options)
    except CleanplateError as error:  # such as a network that is not there: whoever started this can say so
        _send(answers, {"error": frames.describe(error)})
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    memory.limit(options.memory_mib)
    # The parent may end first, and then nobody is left to answer.
    with contextlib.suppress(BrokenPipeError):
        _send(answers, {"answer": {"ready": os.getpid()}})
        while _serve(requests, answers, operations):
            pass


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return requests, answers


def _leave_to(parent: int) -> None:
    """Let the parent alone decide when this process ends: before it never, with it always."""
    # A service manager that stops the server tells every process of it; what is running may still finish.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before it could be watched
        raise SystemExit(0)


def _load(options: argparse.Namespace) -> Mapping[str, Operation]:
    """Load all that a request needs, so that the first one is as fast as the next."""
    # Only here: whatever these libraries print on being loaded must not meet the parent's pipe.
    import cv2
    import numpy as np

    from cleanplate import models
    from cleanplate.worker.pixels import OPERATIONS

    cv2.setNumThreads(options.threads)
    models.configure(
        threads=options.threads, provider=options.provider, folder=options.models, model=options.model
    )
    # OpenBLAS takes its memory at the first product, and ends the process where there is none left.
    np.matmul(np.ones((64, 64), np.float32), np.ones((64, 64), np.float32))
    if options.networks:
        models.warm_up(painting=bool(options.paints))
    return OPERATIONS


def _serve(requests: BinaryIO, answers: BinaryIO, operations: Mapping[str, Operation]) -> bool:
    """Answer one request; False: there will be no other."""
    try:
        received = frames.receive(requests)
        if received is None:
            return False
        header, bodies = received
        memory.forget_peak()
        answer, made = operations[header["operation"]](
            header, bodies, lambda step: _send(answers, {"step": step})
        )
        _send(answers, {"answer": answer}, made)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever it was, the parent is waiting for its name
        told = _told(error)
        _send(answers, {"error": frames.describe(told)})
        # After these nobody knows what state the process is in.
        return not isinstance(told, OutOfMemory | ChildFailed)
    return True


def _told(error: Exception) -> CleanplateError:
    if isinstance(error, CleanplateError):
        return error
    if isinstance(error, MemoryError) or getattr(error, "code", None) == CV_OUT_OF_MEMORY:
        return OutOfMemory(detail=repr(error))
    return ChildFailed(detail="".join(traceback.format_exception(error)))


def _send(answers: BinaryIO, header: frames.Header, bodies: list[bytes] | None = None) -> None:
    for piece in frames.pack(header, bodies or []):
        view = memoryview(piece)
        while view:
            view = view[answers.write(view) :]


if __name__ == "__main__":
    main()
