"""`cleanplate credits`: what accounts may use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cleanplate.account import Quota

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Grant and show credits.")


@app.command()
def grant(
    account: Annotated[str, typer.Argument(help="Name of the account.")],
    credits: Annotated[int, typer.Argument(min=1, help="How many to add.")],  # noqa: A002  # the word users know
) -> None:
    """Add credits. The first grant ends an account's being unlimited."""
    from asyncio import run

    async def work() -> Quota:
        from cleanplate.cli.assembly import opened_accounts
        from cleanplate.settings import load

        async with opened_accounts(load()) as accounts:
            return await accounts.grant(account, credits)

    print(_describe(account, run(work())))


@app.command()
def show(account: Annotated[str, typer.Argument(help="Name of the account.")] = "default") -> None:
    """Show what an account has used and has left."""
    from asyncio import run

    async def work() -> Quota:
        from cleanplate.cli.assembly import opened_accounts
        from cleanplate.settings import load

        async with opened_accounts(load()) as accounts:
            return await accounts.quota((await accounts.get(account)).id)

    print(_describe(account, run(work())))


def _describe(account: str, quota: Quota) -> str:
    left = "unlimited" if quota.remaining is None else f"{quota.remaining} left of {quota.limit}"
    return f"{account}: {left}, {quota.usage} used"
