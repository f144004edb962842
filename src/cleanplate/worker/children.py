"""The parent's side of child processes: one of them, the slots of a worker, the inspector of uploads."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import os
import sys
from asyncio.subprocess import PIPE
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import structlog

from cleanplate import metrics
from cleanplate.errors import CleanplateError
from cleanplate.picture import Header, PictureTooSlow
from cleanplate.worker import frames
from cleanplate.worker.errors import ChildDied, ChildFailed, ChildNotStarted, OutOfMemory, TaskTimeout

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from pathlib import Path

    from cleanplate import settings
    from cleanplate.task import AskedRegion

log = structlog.get_logger(__name__)

NICE = 5  # pictures give way to the event loop that answers requests
SPENT = {OutOfMemory.code, ChildFailed.code}  # after these a child ends itself
STREAM_BYTES = 1 << 20
COLLECT_SECONDS = 10.0  # for a killed process to be gone
LINE_BYTES = 4096  # longest piece of a child's standard error that becomes one line of the log


@dataclass(frozen=True, slots=True)
class Upbringing:
    """How children are started.

    Attributes:
        memory_mib: most memory of one.
        threads: threads that one may use for a picture.
        start_seconds: longest that it may take until it is ready.
        requests: requests after which one is replaced.
        networks: whether it has the networks ready from its start.
        paints: whether the network that paints is among them.
        model: the network that paints, by name or path; None is the bundled one.
        models: the folder of fetched networks; None is the usual one.
        provider: what networks run on.
    """

    memory_mib: int
    threads: int
    start_seconds: float
    requests: int
    networks: bool = True
    paints: bool = True
    model: str | None = None
    models: Path | None = None
    provider: str = "auto"

    @classmethod
    def of(cls, section: settings.Worker, slots: int, networks: settings.Models) -> Upbringing:
        """As the settings say, the processors shared out among the slots."""
        return cls(
            memory_mib=section.child_memory_mib,
            threads=networks.threads or max(1, (os.cpu_count() or 1) // slots),
            start_seconds=section.start_seconds,
            requests=section.child_tasks,
            model=networks.model,
            models=networks.folder,
            provider=networks.provider,
        )


class Child:
    """One child process, which answers one request at a time. Made by `start`.

    A request that ends in any other way than with an answer (a deadline, a cancellation, a broken pipe) kills
    the process: what it was doing cannot be interrupted otherwise.
    """

    def __init__(self, process: asyncio.subprocess.Process, upbringing: Upbringing) -> None:
        self._process = process
        self._requests_left = upbringing.requests
        self._killed = False
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def start(cls, upbringing: Upbringing) -> Self:
        """Start one and wait until it is ready.

        Raises:
            ChildNotStarted: the machine has no room for it, it ended, or was not ready in time.
        """
        # No settings, which may hold secrets, for a process that handles what strangers send. One thread for
        # each numerical library: their own pools would fight with the other slots, and the stacks of their
        # threads count as memory.
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith("CLEANPLATE_")
        }
        environment |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        arguments = {
            "--parent": os.getpid(),
            "--memory-mib": upbringing.memory_mib,
            "--threads": upbringing.threads,
            "--nice": NICE,
            "--networks": int(upbringing.networks),
            "--paints": int(upbringing.paints),
            "--provider": upbringing.provider,
        }
        if upbringing.model is not None:
            arguments["--model"] = upbringing.model
        if upbringing.models is not None:
            arguments["--models"] = str(upbringing.models)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "cleanplate.worker.child",
                *(f"{name}={value}" for name, value in arguments.items()),
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                limit=STREAM_BYTES,
                env=environment,
                start_new_session=True,  # Ctrl-C in a terminal is for the server, which ends its children
            )
        except OSError as error:  # no memory, no process, no file left for it
            raise ChildNotStarted(detail=repr(error)) from error
        metrics.children_started.inc()
        child = cls(process, upbringing)
        try:
            async with asyncio.timeout(upbringing.start_seconds):
                await child._answer(lambda _: None)
        except (ChildDied, TimeoutError) as error:
            await child.kill()
            raise ChildNotStarted(detail=f"exit status {process.returncode}: {error!r}") from error
        except CleanplateError as error:
            await child.kill()
            raise ChildNotStarted(
                f"The server cannot start its picture processes: {error.public_message}", detail=error.detail
            ) from error
        except BaseException:
            await child.kill()
            raise
        return child

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether another request may be sent to it."""
        return not self._killed and self._requests_left > 0 and not self._ended()

    def _ended(self) -> bool:
        # The kernel knows it before asyncio does, which may still have to hear of it.
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    async def request(
        self,
        header: frames.Header,
        bodies: Sequence[bytes],
        *,
        seconds: float,
        decode_seconds: float | None = None,
    ) -> frames.Frame:
        """Have one request answered.

        Args:
            header: `{"operation": …}` and what that operation needs.
            bodies: bytes that go with it.
            seconds: longest that the answer may take.
            decode_seconds: longest that it may take until the child reports that it has decoded.

        Raises:
            CleanplateError: what the child found wrong, as its own class.
            ChildDied: the process ended, whoever or whatever ended it.
            TaskTimeout: `seconds` were over.
            PictureTooSlow: `decode_seconds` were over.
        """
        self._requests_left -= 1
        decoding = asyncio.timeout(decode_seconds)
        try:
            async with asyncio.timeout(seconds), decoding:
                # A child may answer before it has read everything, when memory is short.
                with contextlib.suppress(ConnectionError):
                    await self._send(header, bodies)
                return await self._answer(lambda _: decoding.reschedule(None))
        except TimeoutError:
            self._kill()
            raise (PictureTooSlow if decoding.expired() else TaskTimeout) from None
        except CleanplateError as error:
            if error.code in SPENT:
                self._requests_left = 0
            raise
        except BaseException:
            self._kill()
            raise

    async def kill(self) -> None:
        """End it now, and collect its exit (unless the kernel does not let go of it)."""
        metrics.children_killed.inc()
        self._kill()
        # asyncio reports the exit only when every pipe has been read to its end.
        collecting = [asyncio.create_task(self._discard()), asyncio.create_task(self._process.wait())]
        _, left = await asyncio.wait([*collecting, self._listening], timeout=COLLECT_SECONDS)
        if left:
            log.error("child not collected", pid=self.pid)

    def _kill(self) -> None:
        self._killed = True
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def _send(self, header: frames.Header, bodies: Sequence[bytes]) -> None:
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101  # for the type checker: it was asked for as a pipe
        # Piece by piece, or the transport would copy all that the pipe has no room for.
        for piece in frames.pack(header, bodies):
            stdin.write(piece)
            await stdin.drain()

    async def _answer(self, on_step: Callable[[str], None]) -> frames.Frame:
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101  # for the type checker: it was asked for as a pipe
        while True:
            try:
                frame, bodies = await frames.receive_async(stdout)
            except frames.FrameBroken as error:
                self._kill()
                raise ChildDied(detail=f"child {self.pid}: {error}") from error
            if "step" in frame:
                on_step(frame["step"])
            elif "error" in frame:
                raise frames.rebuild(frame["error"])
            else:
                return frame["answer"], bodies

    async def _discard(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101  # for the type checker: it was asked for as a pipe
        with contextlib.suppress(RuntimeError):  # a request that is still waiting for its answer reads it
            while await stdout.read(STREAM_BYTES):
                pass

    async def _listen(self) -> None:
        """Turn what it writes on its standard error into lines of the log."""
        stderr = self._process.stderr
        assert stderr is not None  # noqa: S101  # for the type checker: it was asked for as a pipe
        rest = b""
        while piece := await stderr.read(LINE_BYTES):
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > LINE_BYTES:
                lines, rest = [*lines, rest], b""
            for line in lines:
                log.warning("child says", pid=self.pid, line=line.decode(errors="replace"))
        if rest:
            log.warning("child says", pid=self.pid, line=rest.decode(errors="replace"))


class Slots:
    """Children kept warm, each for one picture at a time; one that is used up or dead is replaced.

    Args:
        count: how many.
        upbringing: how each is started.
    """

    def __init__(self, count: int, upbringing: Upbringing) -> None:
        self._count = count
        self._upbringing = upbringing
        self._free: list[Child | None] = []  # None: a slot whose child could not be started
        self._queue: list[tuple[int, int, asyncio.Future[Child | None]]] = []
        self._order = itertools.count()
        self._children: set[Child] = set()
        self._replacing: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """The process ids of the children that are alive."""
        return sorted(child.pid for child in self._children if child.usable)

    @property
    def waiting(self) -> int:
        """How many wait for a slot."""
        return sum(1 for *_, turn in self._queue if not turn.done())

    async def start(self) -> None:
        """Start all children.

        Raises:
            ChildNotStarted: one of them did not start; none is left running.
        """
        started = await asyncio.gather(
            *(self._start_child() for _ in range(self._count)), return_exceptions=True
        )
        for outcome in started:
            if isinstance(outcome, BaseException):
                await self.close()
                raise outcome
            self._free.append(outcome)

    @contextlib.asynccontextmanager
    async def take(self, priority: int = 0) -> AsyncGenerator[Child]:
        """Wait for a slot, the higher priority first, and have its child to oneself.

        Raises:
            ChildNotStarted: the slot's child is dead and cannot be started again.
        """
        child = await self._next(priority)
        try:
            if child is None or not child.usable:
                child = await self._replaced(child)
            yield child
        finally:
            self._return(child)

    async def close(self) -> None:
        """Kill all children, whatever they do."""
        self._closed = True
        for replacing in self._replacing:
            replacing.cancel()
        await asyncio.gather(*self._replacing, return_exceptions=True)
        await asyncio.gather(*(child.kill() for child in self._children))
        self._children.clear()
        self._free.clear()

    async def _next(self, priority: int) -> Child | None:
        if self._free:
            return self._free.pop()
        turn: asyncio.Future[Child | None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._queue, (-priority, next(self._order), turn))
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._release(turn.result())  # it came in the very moment that nobody wanted it any more
            raise

    def _return(self, child: Child | None) -> None:
        if self._closed or (child is not None and child.usable):
            self._release(child)
            return
        replacing = asyncio.create_task(self._replace(child))
        self._replacing.add(replacing)
        replacing.add_done_callback(self._replacing.discard)

    def _release(self, child: Child | None) -> None:
        while self._queue:
            *_, turn = heapq.heappop(self._queue)
            if not turn.done():
                turn.set_result(child)
                return
        self._free.append(child)

    async def _replace(self, child: Child | None) -> None:
        fresh = None
        try:
            fresh = await self._replaced(child)
        except ChildNotStarted as error:
            log.error("child not started", detail=error.detail)  # noqa: TRY400  # its trace says nothing more
        finally:
            self._release(fresh)

    async def _replaced(self, child: Child | None) -> Child:
        if child is not None:
            await child.kill()
            self._children.discard(child)
        return await self._start_child()

    async def _start_child(self) -> Child:
        child = await Child.start(self._upbringing)
        self._children.add(child)
        if self._closed:
            await child.kill()
        return child


class Inspector:
    """Looks at uploads before a task is accepted, in a child process of its own.

    Args:
        section: the limits of pictures; `decode_seconds` is the deadline of one look.
        upbringing: how its child is started.
    """

    def __init__(self, section: settings.Picture, upbringing: Upbringing) -> None:
        self._limits = limits(section)
        self._seconds = section.decode_seconds
        self._slots = Slots(1, replace(upbringing, networks=False))

    async def __aenter__(self) -> Self:
        await self._slots.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._slots.close()

    async def check(
        self, picture: bytes | None, region: AskedRegion | None = None, region_bytes: bytes | None = None
    ) -> Header | None:
        """Check what was uploaded, as far as it is there.

        Args:
            picture: encoded picture; None: it comes by URL. Its pixels are not decoded.
            region: what was asked for.
            region_bytes: the encoded mask or smear; None: there is none, or it comes by URL.

        Returns:
            the picture's header, or None without a picture.

        Raises:
            CleanplateError: what is wrong, as `picture` and `region` say it.
            PictureTooSlow: looking took too long.
            ChildDied: looking broke the child.
            ChildNotStarted: the server cannot look at pictures now.
        """
        request = {
            "operation": "inspect",
            "limits": self._limits,
            "picture": picture is not None,
            "region": asked(region),
        }
        bodies = [body for body in (picture, region_bytes) if body is not None]
        async with self._slots.take() as child:
            # The deadline of decoding comes first, so that its error is told.
            answer, _ = await child.request(
                request, bodies, seconds=2 * self._seconds, decode_seconds=self._seconds
            )
        return Header(**answer["header"]) if answer["header"] is not None else None


def limits(section: settings.Picture) -> dict[str, int]:
    """The limits of `picture.Limits`, as a request carries them."""
    return section.model_dump(include={"max_bytes", "min_side", "max_side", "max_pixels", "max_frames"})


def asked(region: AskedRegion | None) -> dict[str, Any] | None:
    """What was asked for, as a request carries it."""
    if region is None:
        return None
    return {
        "kind": region.kind,
        "rectangles": region.rectangles,
        "unit": region.unit,
        "anchor": region.anchor,
    }
