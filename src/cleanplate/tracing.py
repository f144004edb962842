"""Traces: what one request set off, from its first byte to the last try of its callback.

They are OpenTelemetry's. Off unless `start` was called: then every function here does next to nothing, and
no library that records or exports anything is imported. A task carries the W3C `traceparent` of the request
that submitted it, so that the process which claims it hours later, or the one that makes its callback, goes
on with the same trace.

Spans tell ids, codes, sizes and seconds; never tokens, URLs' query strings or pictures.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import contextmanager
from importlib import metadata
from typing import TYPE_CHECKING, Literal, Protocol

from cleanplate.errors import CleanplateError

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span as OpenTelemetrySpan
    from opentelemetry.trace import Tracer

    from cleanplate import settings

Value = str | int | float | bool
Kind = Literal["internal", "server", "client", "producer", "consumer"]

TRACES = "/v1/traces"  # where OTLP over HTTP takes them, below a collector's base
NANOSECONDS = 1_000_000_000


class TelemetryMissing(CleanplateError):
    """To send traces: pip install "cleanplate[telemetry]", or unset CLEANPLATE_TELEMETRY__ENDPOINT."""

    code = "telemetry_missing"


class Span(Protocol):
    """One piece of work that is timed."""

    @property
    def trace_id(self) -> str | None:
        """The trace that it belongs to, 32 hexadecimal digits; None: there are no traces."""
        ...

    def name(self, name: str) -> None:
        """Call it otherwise, now that it is known what it is."""
        ...

    def note(self, **attributes: Value | None) -> None:
        """Add `cleanplate.<name>` attributes; None is left out."""
        ...

    def tell(self, attributes: Mapping[str, Value | None]) -> None:
        """Add attributes under their full names; None is left out."""
        ...

    def blame(self, code: str) -> None:
        """It went wrong; `code` says how."""
        ...


class _Nothing:
    """The span of a process without traces."""

    trace_id = None

    def name(self, name: str) -> None:
        del name

    def note(self, **attributes: Value | None) -> None:
        del attributes

    def tell(self, attributes: Mapping[str, Value | None]) -> None:
        del attributes

    def blame(self, code: str) -> None:
        del code


class _Something:
    def __init__(self, span: OpenTelemetrySpan) -> None:
        self._span = span

    @property
    def trace_id(self) -> str | None:
        return f"{self._span.get_span_context().trace_id:032x}"

    def name(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, **attributes: Value | None) -> None:
        self.tell({f"cleanplate.{name}": value for name, value in attributes.items()})

    def tell(self, attributes: Mapping[str, Value | None]) -> None:
        self._span.set_attributes({name: value for name, value in attributes.items() if value is not None})

    def blame(self, code: str) -> None:
        from opentelemetry.trace import StatusCode

        self._span.set_attribute("error.type", code)
        self._span.set_status(StatusCode.ERROR)


NOTHING = _Nothing()
# Our own, not the process-wide one: libraries that trace by themselves would write whole URLs into it, and
# the links to results are signed in theirs.
_provider: TracerProvider | None = None
_tracer: Tracer | None = None


def start(section: settings.Telemetry) -> None:
    """Export traces from now on, if the settings name a collector.

    Raises:
        TelemetryMissing: they do, and the libraries are not installed.
    """
    global _provider, _tracer  # noqa: PLW0603  # one for the process, as the metrics are
    if section.endpoint is None:
        return
    exporter = exporter_of(section)
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    # Decided by the trace's id, in every process alike. A caller may ask for no trace, but not for more.
    share = TraceIdRatioBased(section.share)
    version = metadata.version("cleanplate")
    process = {"host.name": socket.gethostname(), "process.pid": os.getpid()}
    _provider = TracerProvider(
        sampler=ParentBased(share, remote_parent_sampled=share),
        resource=Resource.create({"service.name": section.service, "service.version": version, **process}),
        shutdown_on_exit=False,
    )
    _provider.add_span_processor(BatchSpanProcessor(exporter))
    _tracer = _provider.get_tracer("cleanplate", version)


def stop() -> None:
    """Export what is left, for as long as one export may take, and export no more. Blocks."""
    global _provider, _tracer
    provider, _provider, _tracer = _provider, None, None
    if provider is not None:
        provider.shutdown()


def exporter_of(section: settings.Telemetry) -> SpanExporter:
    """What sends traces to the collector that the settings name.

    Raises:
        TelemetryMissing: the libraries are not installed.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise TelemetryMissing(detail=str(error)) from error
    base = (section.endpoint or "").rstrip("/")
    return OTLPSpanExporter(
        endpoint=base if base.endswith(TRACES) else base + TRACES,
        headers={name: value.get_secret_value() for name, value in section.headers.items()},
        timeout=section.seconds,
    )


@contextmanager
def span(
    name: str,
    attributes: Mapping[str, Value | None] | None = None,
    *,
    kind: Kind = "internal",
    parent: str | None = None,
    started: float | None = None,
) -> Generator[Span]:
    """Time what the block does, and see how it ends.

    Args:
        name: what it is.
        attributes: under their full names; None is left out.
        kind: its part in the talk between processes.
        parent: `traceparent` of what set it off in another place; None: whatever this code runs in.
        started: Unix seconds at which it began; None: now.
    """
    if _tracer is None:
        yield NOTHING
        return
    from opentelemetry.trace import SpanKind

    with _tracer.start_as_current_span(
        name,
        context=_context_of(parent),
        kind=SpanKind[kind.upper()],
        start_time=None if started is None else int(started * NANOSECONDS),
        record_exception=False,  # its text may be anything; the log has it
        set_status_on_exception=False,
    ) as made:
        told = _Something(made)
        told.tell(attributes or {})
        try:
            yield told
        except CleanplateError as error:
            told.blame(error.code)
            raise
        except BaseException as error:
            told.blame(type(error).__name__)
            raise


def past(name: str, started: float, seconds: float, *, parent: str | None = None) -> None:
    """Add a piece of work that is over.

    Args:
        name: what it was.
        started: Unix seconds.
        seconds: how long it took.
        parent: as in `span`.
    """
    if _tracer is None:
        return
    began = int(started * NANOSECONDS)
    made = _tracer.start_span(name, context=_context_of(parent), start_time=began)
    made.end(began + int(max(0.0, seconds) * NANOSECONDS))


def traceparent() -> str | None:
    """What another process needs to go on with this trace; None: there are no traces."""
    if _tracer is None:
        return None
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")


def now() -> float:
    """Unix seconds, for `started`."""
    return time.time()


def _context_of(parent: str | None) -> Context | None:
    """The trace that a `traceparent` names; one that is none is ignored, as the standard wants it."""
    if parent is None:
        return None
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return TraceContextTextMapPropagator().extract({"traceparent": parent}, Context())
