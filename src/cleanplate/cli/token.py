"""`cleanplate token`: who may use the service."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Create, list and revoke tokens.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What the token is for.")] = "",
    account: Annotated[str, typer.Option(help="Whose it is; made when new.")] = "default",
    admin: Annotated[bool, typer.Option("--admin", help="It may create tokens and grant credits.")] = False,
) -> None:
    """Make a token and print it: it cannot be shown again."""
    from asyncio import run

    async def work() -> str:
        from cleanplate.cli.assembly import opened_accounts
        from cleanplate.settings import load

        async with opened_accounts(load()) as accounts:
            _, secret = await accounts.create_token(account, name, admin)
            return secret

    print(run(work()))


@app.command("list")
def list_all(
    account: Annotated[str | None, typer.Option(help="Only this account's.")] = None,
) -> None:
    """List tokens by their first characters; revoked ones too."""
    from asyncio import run

    from cleanplate.cli.tables import print_table

    async def work() -> list[tuple[str, ...]]:
        from cleanplate.cli.assembly import opened_accounts
        from cleanplate.settings import load

        async with opened_accounts(load()) as accounts:
            return [
                (
                    f"{token.prefix}…",
                    token.name,
                    owner.name,
                    "admin" if token.admin else "",
                    _when(token.created_at),
                    _when(token.last_used_at) or "never",
                    f"revoked {_when(token.revoked_at)}" if token.revoked_at else "good",
                )
                for token, owner in await accounts.list_tokens(account)
            ]

    print_table(("token", "name", "account", "", "created", "last used", "state"), run(work()))


@app.command()
def revoke(token: Annotated[str, typer.Argument(help="Its first 8 characters, or its id.")]) -> None:
    """Refuse a token from now on."""
    from asyncio import run

    async def work() -> str:
        from cleanplate.cli.assembly import opened_accounts
        from cleanplate.settings import load

        async with opened_accounts(load()) as accounts:
            return (await accounts.revoke_token(token.removesuffix("…"))).prefix

    print(f"revoked {run(work())}…")


def _when(moment: float | None) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M") if moment else ""
