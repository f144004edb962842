"""The base of every error that cleanplate raises on purpose.

Three readers, three texts: `public_message` is what a user sees, `detail` is for the log, and an error
that is *not* a `CleanplateError` is a defect that should page someone.
"""

from __future__ import annotations

from typing import ClassVar


class CleanplateError(Exception):
    """Something went wrong in a way that was foreseen.

    Each room declares its own small subclasses. The docstring's first line of a subclass is its default
    public message, so that an error explains itself where it is defined.

    Attributes:
        code: a stable, machine-readable name (`snake_case`), the key of every dialect's error table.
        retryable: whether the same request may succeed later without being changed.
        public_message: one sentence that says what to do; safe to show to anyone.
        detail: what the log should have beside it; never shown to a user.
    """

    code: ClassVar[str] = "internal_error"
    retryable: ClassVar[bool] = False

    def __init__(self, public_message: str | None = None, *, detail: str | None = None) -> None:
        self.public_message = public_message or (type(self).__doc__ or self.code).strip().splitlines()[0]
        self.detail = detail
        super().__init__(self.public_message)
