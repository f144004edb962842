"""Presets: where a supplier's mark is, under a name, so that thousands of pictures need not say it again."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from cleanplate.account.accounts import check_name
from cleanplate.account.errors import PresetExists, PresetNotFound, PresetTooMany
from cleanplate.region import Rectangles
from cleanplate.store.queries import presets as preset_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cleanplate import settings
    from cleanplate.store import Database

_RECTANGLES = TypeAdapter(Rectangles)


@dataclass(frozen=True, slots=True)
class Preset:
    """A named region.

    Attributes:
        id: UUID version 4.
        name: chosen by the account's owner, unique within the account.
        region: in pixels or fractions, from any corner of the picture.
        created_at: Unix seconds.
    """

    id: str
    name: str
    region: Rectangles
    created_at: float


class Presets:
    """The presets of all accounts.

    Args:
        db: upgraded.
        settings: the section `account`.
        clock: Unix seconds.
    """

    def __init__(
        self, db: Database, settings: settings.Account, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._db = db
        self._most = settings.max_presets
        self._clock = clock

    async def create(self, account_id: str, name: str, region: Rectangles) -> Preset:
        """Keep a region under a name.

        Raises:
            NameInvalid: the name is too long or not printable.
            PresetExists: the account has one of this name.
            PresetTooMany: it has as many as are allowed.
        """
        check_name(name)
        preset = Preset(str(uuid.uuid4()), name, region, self._clock())
        async with self._db.write() as connection:
            if await preset_rows.count(connection, account_id) >= self._most:
                raise PresetTooMany
            added = await preset_rows.add_if_absent(
                connection,
                {
                    "id": preset.id,
                    "account_id": account_id,
                    "name": name,
                    "region": _RECTANGLES.dump_python(region, mode="json"),
                    "created_at": preset.created_at,
                },
            )
        if not added:
            raise PresetExists
        return preset

    async def get(self, account_id: str, id_or_name: str) -> Preset:
        """The account's preset with this id, or of this name.

        Raises:
            PresetNotFound: it has none.
        """
        async with self._db.read() as connection:
            row = await preset_rows.find(connection, account_id, id_or_name)
        if row is None:
            raise PresetNotFound
        return _preset(row)

    async def listed(self, account_id: str) -> list[Preset]:
        """The account's presets by name."""
        async with self._db.read() as connection:
            return [_preset(row) for row in await preset_rows.listed(connection, account_id)]

    async def delete(self, account_id: str, id_or_name: str) -> None:
        """Forget a preset; what was asked for with it is not changed.

        Raises:
            PresetNotFound: the account has none with this id or name.
        """
        async with self._db.write() as connection:
            row = await preset_rows.find(connection, account_id, id_or_name)
            if row is None:
                raise PresetNotFound
            await preset_rows.remove(connection, row["id"])


def _preset(row: Mapping[Any, Any]) -> Preset:
    return Preset(row["id"], row["name"], _RECTANGLES.validate_python(row["region"]), row["created_at"])
