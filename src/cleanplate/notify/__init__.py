"""Callbacks: telling whoever asked for it that a task has ended, signed, and again until they have heard."""

from __future__ import annotations

from cleanplate.notify.deliveries import Deliveries

__all__ = ["Deliveries"]
