"""One table: what kind of trouble each error code is to someone who made a request.

Each dialect answers by kind, in a table of its own; so a new error needs one line, here, and a new dialect
one table. A test walks through every error of every room and fails on a code that is not listed.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cleanplate.errors import CleanplateError


class Kind(Enum):
    PARAMETER = auto()  # the request is wrong as it stands
    TOKEN = auto()  # who calls is not known
    FORBIDDEN = auto()  # who calls is known, and may not
    CREDITS = auto()
    CONFLICT = auto()  # right as it stands, but not with what is there already
    TASK_UNKNOWN = auto()
    PATH_UNKNOWN = auto()
    METHOD = auto()
    TOO_SLOW = auto()
    TOO_LARGE = auto()
    ENCODING = auto()
    BUSY = auto()
    STORAGE = auto()
    INTERNAL = auto()


_CODES: dict[Kind, tuple[str, ...]] = {
    Kind.PARAMETER: (
        # http
        "base64_invalid",
        "batch_invalid",
        "body_invalid",
        "field_invalid",
        "field_repeated",
        "host_invalid",
        "region_repeated",
        "source_missing",
        "source_repeated",
        "too_many_fields",
        # account
        "credits_invalid",
        "name_invalid",
        # fetch: at submit only the syntax of a URL is looked at, the others are failures of a task
        "fetch_failed",
        "fetch_refused",
        "fetch_timeout",
        "url_invalid",
        # picture
        "picture_cannot_be_written",
        "picture_format_unsupported",
        "picture_too_many_frames",
        "picture_too_slow",
        "picture_too_small",
        "picture_unreadable",
        # region
        "region_empty",
        "region_invalid",
        "region_size_mismatch",
        "region_too_many",
        # engine and worker
        "mode_unknown",
        "nothing_to_paint_from",
        "sensitivity_invalid",
        "task_cancelled",
        "task_timeout",
    ),
    Kind.TOKEN: ("token_invalid", "token_missing"),
    Kind.FORBIDDEN: ("admin_needed", "proof_missing", "tokens_not_yours"),
    Kind.CREDITS: ("credits_insufficient",),
    Kind.CONFLICT: ("idempotency_conflict", "preset_exists", "preset_too_many", "task_ended"),
    Kind.TASK_UNKNOWN: ("batch_not_found", "task_expired", "task_not_found"),
    Kind.PATH_UNKNOWN: (
        "account_not_found",
        "blob_missing",
        "link_invalid",
        "path_unknown",
        "preset_not_found",
        "token_not_found",
    ),
    Kind.METHOD: ("method_wrong",),
    Kind.TOO_SLOW: ("body_too_slow",),
    Kind.TOO_LARGE: (
        "batch_too_large",
        "body_too_large",
        "fetch_too_large",
        "out_of_memory",
        "picture_too_large",
    ),
    Kind.ENCODING: ("body_compressed",),
    Kind.BUSY: ("account_busy", "queue_full", "rate_exceeded", "server_busy"),
    Kind.STORAGE: ("storage_failed",),
    Kind.INTERNAL: (
        "internal_error",
        "unexpected",
        "blob_key_invalid",
        "ledger_conflict",
        # models: which one a service uses is its operator's choice, and is looked at when it starts
        "download_failed",
        "download_wrong",
        "licence_not_accepted",
        "model_bundled",
        "model_damaged",
        "model_failed",
        "model_not_fetched",
        "model_not_understood",
        "model_unknown",
        "model_unreadable",
        "models_unwritable",
        "provider_missing",
        "settings_invalid",
        "store_url_invalid",
        "telemetry_missing",
        "transition_refused",
        "weights_damaged",
        "weights_missing",
        "worker_crashed",
        "worker_died",
        "worker_not_started",
    ),
}

KINDS: dict[str, Kind] = {code: kind for kind, codes in _CODES.items() for code in codes}


def kind_of(error: CleanplateError) -> Kind:
    """The kind of trouble this error is; one that nobody has listed is ours, not the caller's."""
    return KINDS.get(error.code, Kind.INTERNAL)


def headers_of(error: CleanplateError) -> dict[str, str]:
    """The HTTP headers that belong to this error in every dialect."""
    headers: dict[str, str] = {}
    kind = kind_of(error)
    if kind is Kind.TOKEN:
        headers["WWW-Authenticate"] = "Bearer"
    if kind is Kind.BUSY:
        headers["Retry-After"] = str(max(1, int(getattr(error, "retry_after", 1))))
    if kind is Kind.METHOD:
        headers["Allow"] = str(getattr(error, "allow", ""))
    if kind is Kind.TOO_SLOW:
        headers["Connection"] = "close"
    return headers
