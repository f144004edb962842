"""Logs of every library in one form on standard error: for people, or one JSON object a line."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from structlog.typing import Processor

    from cleanplate import settings

TALKATIVE = (
    *("alembic", "pgqueuer", "aiosqlite", "asyncio", "httpx2", "httpcore2", "uvicorn", "sqlalchemy"),
    *("opentelemetry", "urllib3"),
)


def configure(section: settings.Log) -> None:
    """Send all that is logged, by us or by a library, to standard error.

    Args:
        section: the settings `log`. Libraries are heard from `warning` on unless the level is `debug`.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    if section.format == "json":
        shared.append(structlog.processors.format_exc_info)
        last: Processor = structlog.processors.JSONRenderer(ensure_ascii=False)
    else:
        last = structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            # the default one prints local variables: tokens and pictures among them
            exception_formatter=structlog.dev.plain_traceback,
        )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(section.level.upper())
    for name in TALKATIVE:
        logging.getLogger(name).setLevel("DEBUG" if section.level == "debug" else "WARNING")
