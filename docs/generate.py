"""Writes the reference pages that are made from the source: `make docs`, or `docs/generate.py --check`.

`--check` writes nothing and fails when a page is not what the source says, as a test does.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import SecretStr
from typer.main import get_command

import cleanplate
from cleanplate.cli.app import app
from cleanplate.errors import CleanplateError
from cleanplate.http.kaze.errors import CODES
from cleanplate.http.kinds import KINDS
from cleanplate.http.picwish.errors import STATES, STATUSES
from cleanplate.settings import Section, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic.fields import FieldInfo

PAGES = Path(__file__).parent / "reference"
MADE = "<!-- Written by docs/generate.py; change the source and run `make docs`. -->"


def settings_page() -> str:
    """Every setting with its variable, default, limits and meaning."""
    lines = [
        "# Settings",
        "",
        MADE,
        "",
        "Read once, at start. Strongest first: options of the command, environment, TOML file, defaults.",
        "The file is `cleanplate.toml` in the working directory, or the one that `CLEANPLATE_CONFIG` names;",
        "its sections are those below (`[http]` with `port = 9000`). Lists and tables in the environment are",
        "JSON: `CLEANPLATE_FETCH__ALLOW_NETWORKS='[\"10.0.0.0/8\"]'`. Every problem is reported at once,",
        "and an unknown name in the file is one.",
        "",
        "`CLEANPLATE_DEBUG=1` makes the command show where an error came from. All else is in these tables.",
    ]
    sections = [("", Settings)]
    sections += [
        (name, annotation)
        for name, field in Settings.model_fields.items()
        if isinstance(annotation := field.annotation, type) and issubclass(annotation, Section)
    ]
    for name, model in sections:
        lines += [
            "",
            f"## {name or 'The whole'}",
            "",
            "| variable | default | limits | meaning |",
            "| --- | --- | --- | --- |",
        ]
        lines += [
            f"| `{_variable(name, key)}` | {_default(field)} | {_limits(field)} | {field.description} |"
            for key, field in model.model_fields.items()
            if not isinstance(field.default, Section)
        ]
    return "\n".join(lines) + "\n"


def _variable(section: str, key: str) -> str:
    return f"CLEANPLATE_{section.upper()}__{key.upper()}" if section else f"CLEANPLATE_{key.upper()}"


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is None:
        return "unset"
    if isinstance(value, Path | SecretStr):
        value = str(value)
    return f"`{json.dumps(value)}`" if not isinstance(value, str) else f"`{value}`"


def _limits(field: FieldInfo) -> str:
    """What a value must be, from the constraints of its type."""
    words: list[str] = []
    constraints = list(field.metadata)
    for inner in (field.annotation, *get_args(field.annotation)):
        constraints += [
            part for meta in getattr(inner, "__metadata__", ()) for part in getattr(meta, "metadata", ())
        ]
    for constraint in constraints:
        for attribute, sign in (
            ("gt", "above"),
            ("ge", "at least"),
            ("le", "at most"),
            ("min_length", "length at least"),
        ):
            bound = getattr(constraint, attribute, None)
            if bound is not None:
                words.append(f"{sign} {bound}")
    choices = [f"`{choice}`" for choice in get_args(field.annotation) if isinstance(choice, str)]
    return ", ".join(words) or ", ".join(choices)


def cli_page() -> str:
    """Every command with its arguments and options."""
    lines = [
        "# The command",
        "",
        MADE,
        "",
        "Exit status: 0 all is well (also when no watermark was found), 1 something failed, 2 the command",
        "was not understood, 130 Ctrl-C.",
    ]
    for name, command in _commands("cleanplate", get_command(app)):
        context = command.context_class(command, info_name=name, terminal_width=100, max_content_width=100)
        usage = command.get_usage(context).removeprefix("Usage: ").replace("\n", " ")
        lines += [
            "",
            f"## {name}",
            "",
            str(command.help).replace("\n", " "),
            "",
            "```",
            " ".join(usage.split()),
            "```",
        ]
        rows = [parameter for parameter in command.params if getattr(parameter, "help", None)]
        if rows:
            lines += ["", "| argument or option | meaning |", "| --- | --- |"]
        for parameter in rows:
            written = ", ".join(f"`{option}`" for option in (*parameter.opts, *parameter.secondary_opts))
            if parameter.param_type_name == "argument":
                written = f"`{parameter.metavar or parameter.name.upper()}`"
            lines.append(f"| {written} | {_meaning(parameter)} |")
    return "\n".join(lines) + "\n"


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    for key, value in inner.items():
        yield from _commands(f"{name} {key}", value)


def _meaning(parameter: Any) -> str:
    default = parameter.default
    said = f" Default: `{default}`." if isinstance(default, str | int) and default not in ("", False) else ""
    return f"{parameter.help}{said}"


def errors_page() -> str:
    """Every error with its code, message and what each dialect makes of it."""
    for module in pkgutil.walk_packages(cleanplate.__path__, "cleanplate."):
        if module.name.endswith(".errors") or module.name == "cleanplate.settings":
            importlib.import_module(module.name)
    known = {error.code: error for error in _subclasses(CleanplateError) if "cli" not in error.__module__}
    lines = [
        "# Errors",
        "",
        MADE,
        "",
        "An error has a stable code, a message that says what to do, and says whether the same request may",
        "succeed later. Python raises a `CleanplateError` with `code`, `public_message` and `retryable`; the",
        "command prints it as one line; the service answers in the dialect that was spoken:",
        "",
        "* at once, with Kaze's code and HTTP status, PicWish's and gpt.ge's status, or the native problem",
        "  (RFC 9457);",
        "* or as the failure of a task: Kaze's `status: failed`, PicWish's and gpt.ge's negative `state`.",
        "",
        "| code | message | again? | Kaze code, HTTP | PicWish HTTP | PicWish state |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for code, error in sorted(known.items()):
        if code not in KINDS:
            continue
        kaze, status = CODES[KINDS[code]]
        lines.append(
            f"| `{code}` | {_first_line(error)} | {'yes' if error.retryable else 'no'} | {kaze}, {status} "
            f"| {STATUSES[KINDS[code]]} | {STATES.get(code, -1)} |"
        )
    lines += ["", "Those of the command alone:", "", "| code | message |", "| --- | --- |"]
    own = [error for error in _subclasses(CleanplateError) if error.__module__ == "cleanplate.cli.errors"]
    lines += [
        f"| `{error.code}` | {_first_line(error)} |" for error in sorted(own, key=lambda error: error.code)
    ]
    return "\n".join(lines) + "\n"


def _subclasses(base: type[CleanplateError]) -> Iterator[type[CleanplateError]]:
    for inner in base.__subclasses__():
        yield inner
        yield from _subclasses(inner)


def _first_line(error: type[CleanplateError]) -> str:
    return (error.__doc__ or "").strip().splitlines()[0]


PAGES_BY_NAME: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "cli.md": cli_page,
    "errors.md": errors_page,
}


def main(arguments: list[str]) -> int:
    """Write the pages, or with `--check` tell which are out of date."""
    stale = 0
    for name, page in PAGES_BY_NAME.items():
        path = PAGES / name
        text = page()
        if path.is_file() and path.read_text() == text:
            continue
        if "--check" in arguments:
            print(f"{path} is not what the source says: run make docs", file=sys.stderr)
            stale += 1
        else:
            path.write_text(text)
            print(f"wrote {path}")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
