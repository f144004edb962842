"""The console: pages for people, built from `console/` into `static/`, with nothing from anywhere else."""

from __future__ import annotations

from cleanplate.http.console.pages import router

__all__ = ["router"]
