"""What the settings say of networks, for commands that run them in this process and in its helpers."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from cleanplate.models import Provider


@dataclass(frozen=True, slots=True)
class Networks:
    """How networks are run, and which one paints; see `cleanplate.models.configure`."""

    model: str | None = None
    provider: Provider = "auto"
    threads: int | None = None
    folder: Path | None = None

    def configure(self, threads: int | None = None) -> None:
        """Have this process do so, with as many threads unless the settings say how many."""
        from cleanplate import models

        models.configure(
            threads=self.threads or threads, provider=self.provider, folder=self.folder, model=self.model
        )

    def check(self) -> None:
        """Load the network that was asked for, before a thousand pictures fail for want of it.

        Raises:
            CleanplateError: as `cleanplate.models.painter`.
        """
        if self.model is not None:
            from cleanplate import models

            models.painter(self.model)


def chosen(model: str | None) -> Networks:
    """What the settings say, with the command's own choice of the network that paints.

    Reading the settings takes a quarter of a second, so it is done only where there are any.
    """
    if model is None and not _set_somewhere():
        return Networks()
    from cleanplate.settings import load

    section = load().models
    return Networks(model or section.model, section.provider, section.threads, section.folder)


def _set_somewhere() -> bool:
    from pathlib import Path

    return Path("cleanplate.toml").is_file() or any(
        name == "CLEANPLATE_CONFIG" or name.startswith("CLEANPLATE_MODELS__") for name in os.environ
    )
