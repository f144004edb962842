"""`cleanplate audit`: who asked for what."""

from __future__ import annotations

import hashlib
import json
import time
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path  # noqa: TC003  # Typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cleanplate.cli.errors import UsageInvalid

if TYPE_CHECKING:
    from collections.abc import Mapping


def audit(
    account: Annotated[str | None, typer.Option(help="Only this account's.")] = None,
    days: Annotated[float, typer.Option(min=0, help="How far back.")] = 7,
    picture: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Only who sent this very file.")
    ] = None,
    client: Annotated[str | None, typer.Option(help="Only what came from this IP address.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Tell who asked for what. Pictures and URLs are named by their SHA-256, clients by a keyed hash."""
    from asyncio import run

    wanted = None if picture is None else hashlib.sha256(picture.read_bytes()).hexdigest()

    async def work() -> None:
        from cleanplate.account import Accounts
        from cleanplate.cli.assembly import LINK_SECRET
        from cleanplate.settings import load
        from cleanplate.store import Database
        from cleanplate.store.queries import audit as audit_rows
        from cleanplate.task import trail

        settings = load()
        db = Database(settings.database_url, settings.database.busy_seconds)
        try:
            await db.upgrade()
            accounts = Accounts(db, settings.account)
            account_id = None if account is None else (await accounts.get(account)).id
            clients = {None}
            if client is not None:  # whichever way it was kept when it came
                given = settings.secret.get_secret_value().encode() if settings.secret else b""
                key = given or await db.get_or_create_secret(LINK_SECRET)
                address = _address(client)
                clients = {trail.client(address, "plain", key), trail.client(address, "hashed", key)}
            async with db.read() as connection:
                async for row in audit_rows.listed(connection, time.time() - days * 86_400, account_id):
                    if wanted in {None, row["sha256"]} and clients & {None, row["client"]}:
                        print(_line(row, as_json=as_json))
        finally:
            await db.close()

    run(work())


def _address(text: str) -> str:
    try:
        return str(ip_address(text.strip()))
    except ValueError as error:
        raise UsageInvalid(f"{text} is not an IP address.") from error


def _line(row: Mapping[Any, Any], *, as_json: bool) -> str:
    told = {name: row[name] for name in ("account", "token_id", "dialect", "operation", "task_id")}
    told |= {name: row[name] for name in ("source", "sha256", "request_id", "client")}
    moment = datetime.fromtimestamp(row["at"], UTC).isoformat(timespec="seconds")
    if as_json:
        return json.dumps({"at": moment, **told})
    return "\t".join([moment, *(str(value or "-") for value in told.values())])
