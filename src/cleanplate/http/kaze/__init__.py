"""The Kaze.ai dialect: JSON envelopes with a `code`, always by POST."""

from __future__ import annotations

from cleanplate.http.kaze.errors import refuse
from cleanplate.http.kaze.render import result
from cleanplate.http.kaze.routes import router

__all__ = ["refuse", "result", "router"]
