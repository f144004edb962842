"""What is counted and timed, for Prometheus. One registry for the process, as its clients expect."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

__all__ = ["CONTENT_TYPE", "REGISTRY", "page"]

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

REGISTRY = CollectorRegistry()

requests = Counter(
    "cleanplate_requests", "HTTP requests answered.", ["dialect", "method", "status"], registry=REGISTRY
)
request_seconds = Histogram(
    "cleanplate_request_seconds",
    "From a request's first byte to its answer's last.",
    ["dialect"],
    buckets=SECONDS,
    registry=REGISTRY,
)
accepted = Counter("cleanplate_accepted", "Tasks accepted.", ["dialect"], registry=REGISTRY)
results = Counter(
    "cleanplate_results",
    "Tasks that have ended; code: `done`, or why not.",
    ["dialect", "code"],
    registry=REGISTRY,
)
wait_seconds = Histogram(
    "cleanplate_wait_seconds",
    "From a task's acceptance to the beginning of its last attempt.",
    buckets=SECONDS,
    registry=REGISTRY,
)
work_seconds = Histogram(
    "cleanplate_work_seconds",
    "From the beginning of a task's last attempt to its end.",
    ["code"],
    buckets=SECONDS,
    registry=REGISTRY,
)
setbacks = Counter(
    "cleanplate_setbacks",
    "Attempts that the server itself kept from being done; code: what kept them.",
    ["code"],
    registry=REGISTRY,
)
credits_settled = Counter(
    "cleanplate_credits", "Credits charged, or given back.", ["kind"], registry=REGISTRY
)
children_started = Counter("cleanplate_children_started", "Child processes started.", registry=REGISTRY)
children_killed = Counter(
    "cleanplate_children_killed", "Child processes that were ended or had died.", registry=REGISTRY
)
deliveries = Counter(
    "cleanplate_deliveries", "Tries of callbacks; state: what became of them.", ["state"], registry=REGISTRY
)
unfinished = Gauge(
    "cleanplate_unfinished",
    "Tasks that have not ended, at the moment of asking.",
    ["state"],
    registry=REGISTRY,
)
backlog_seconds = Gauge(
    "cleanplate_backlog_seconds",
    "How long one slot would work on all that waits: queued tasks times the mean seconds of those that were "
    "done last. Divided by the seconds in which it should be done, it is the number of slots to have.",
    registry=REGISTRY,
)
oldest_seconds = Gauge(
    "cleanplate_oldest_queued_seconds", "How long the longest waiting task has waited.", registry=REGISTRY
)


def page() -> bytes:
    """Everything in the text format of Prometheus."""
    return generate_latest(REGISTRY)
