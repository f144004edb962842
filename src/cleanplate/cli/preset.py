"""`cleanplate preset`: where a supplier's mark is, kept under a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cleanplate.cli import options  # noqa: TC001  # Typer reads annotations at run time

if TYPE_CHECKING:
    from cleanplate.account import Preset

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Keep regions under names.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What it is called.")],
    rectangle: options.Rectangle = None,
    anchor: Annotated[
        Literal["top-left", "top-right", "bottom-left", "bottom-right"],
        typer.Option(help="The corner of the picture from which X and Y count, inwards."),
    ] = "top-left",
    account: options.Account = "default",
) -> None:
    """Keep a region for `cleanplate remove --preset` and for the service's field `preset`."""
    from asyncio import run

    from cleanplate.cli.errors import UsageInvalid
    from cleanplate.cli.remove import read_rectangles
    from cleanplate.region import Rectangles

    if not rectangle:
        raise UsageInvalid("Give at least one --rectangle X,Y,W,H.")
    sides, unit = read_rectangles(rectangle)
    region = Rectangles.of(sides, unit, anchor)

    async def work() -> Preset:
        from cleanplate.cli.assembly import opened_presets
        from cleanplate.settings import load

        async with opened_presets(load(), account) as (presets, account_id):
            return await presets.create(account_id, name, region)

    print(_line(run(work())))


@app.command("list")
def list_all(account: options.Account = "default") -> None:
    """List an account's presets."""
    from asyncio import run

    async def work() -> list[Preset]:
        from cleanplate.cli.assembly import opened_presets
        from cleanplate.settings import load

        async with opened_presets(load(), account) as (presets, account_id):
            return await presets.listed(account_id)

    for one in run(work()):
        print(_line(one))


@app.command()
def delete(
    name: Annotated[str, typer.Argument(help="Its name, or its id.")], account: options.Account = "default"
) -> None:
    """Forget a preset."""
    from asyncio import run

    async def work() -> None:
        from cleanplate.cli.assembly import opened_presets
        from cleanplate.settings import load

        async with opened_presets(load(), account) as (presets, account_id):
            await presets.delete(account_id, name)

    run(work())


def _line(preset: Preset) -> str:
    region = preset.region
    sides = "; ".join(f"{one.x:g},{one.y:g},{one.width:g},{one.height:g}" for one in region.items)
    return f"{preset.name}\t{sides}\t{region.unit}s from {region.anchor}\t{preset.id}"
