"""The commands put together; one line for every error, and the exit status."""

from __future__ import annotations

import os
import sys
import traceback
from typing import Annotated

import typer
from typer.exceptions import TyperException

from cleanplate.cli import audit, backup, credits, doctor, models, preset, remove, serve, token, worker  # noqa: A004  # the command is called credits
from cleanplate.errors import CleanplateError

DEBUG_VARIABLE = "CLEANPLATE_DEBUG"
FAILED, USAGE, INTERRUPTED = 1, 2, 130
USAGE_CODES = {"usage_invalid", "settings_invalid"}

app = typer.Typer(
    name="cleanplate",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # Rich's help takes a quarter of a second to draw
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Take visible watermarks off pictures you have the right to clean.",
    epilog="An error is one line; CLEANPLATE_DEBUG=1 shows where it came from. "
    "Exit status: 0 all is well, 1 something failed, 2 the command was not understood.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"cleanplate {version('cleanplate')}")
        raise typer.Exit


@app.callback()
def common(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    del version


app.command()(remove.remove)
app.command()(serve.serve)
app.command()(worker.worker)
app.add_typer(token.app, name="token")
app.add_typer(credits.app, name="credits")
app.add_typer(preset.app, name="preset")
app.add_typer(models.app, name="models")
app.command()(audit.audit)
app.command()(backup.backup)
app.command()(doctor.doctor)


def run(arguments: list[str]) -> int:
    """Run one command.

    Returns:
        the exit status: 0 all is well, 1 something failed, 2 the command was not understood.
    """
    try:
        status = app(arguments, prog_name="cleanplate", standalone_mode=False)
        sys.stdout.flush()
    except TyperException as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # its message is the help
            print(error.format_message(), file=sys.stderr)
            return USAGE
        return _say(f"{error.format_message().rstrip('.')}. Try: cleanplate --help", USAGE)
    except CleanplateError as error:
        if os.environ.get(DEBUG_VARIABLE):
            traceback.print_exc()
        return _say(error.public_message, USAGE if error.code in USAGE_CODES else FAILED)
    except (KeyboardInterrupt, typer.Abort):
        return _say("Stopped.", INTERRUPTED)
    except BrokenPipeError:  # whoever read our output has had enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        return _say(
            f"{type(error).__name__}: {error} (unexpected: {DEBUG_VARIABLE}=1 shows where; please report it)",
            FAILED,
        )
    return status if isinstance(status, int) else 0


def _say(message: str, status: int) -> int:
    print(f"cleanplate: {message}", file=sys.stderr)
    return status
