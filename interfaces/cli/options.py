"""What several commands take: the project, the text of a query, its parameters."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = [
    "allow_writes_option",
    "budget_options",
    "chosen_project",
    "outcome_options",
    "parameters",
    "params_option",
    "project_option",
    "query_text",
]

F = TypeVar("F", bound=Callable[..., Any])


def project_option(function: F) -> F:
    """Add `--project`."""
    return click.option(
        "--project",
        metavar="PATH",
        envvar="ISTHMUS_PROJECT",
        help="An isthmus.toml, or a folder that holds one. Else the nearest, from here upwards.",
    )(function)


def params_option(function: F) -> F:
    """Add `--param`, which may be given several times."""
    return click.option(
        "--param",
        "params",
        multiple=True,
        metavar="NAME=TEXT|NAME:=JSON",
        help="A value for $NAME (1, 2, ... for ?). With = it is text, with := a JSON value.",
    )(function)


def budget_options(function: F) -> F:
    """Add `--max-calls`, `--max-rows`, `--max-bytes` and `--max-seconds`."""
    whole, part = click.IntRange(min=0), click.FloatRange(min=0)
    for option in (
        click.option("--max-seconds", type=part, metavar="N", help="As --timeout, and foretold."),
        click.option("--max-bytes", type=whole, metavar="N", help="Bytes that sources may send."),
        click.option("--max-rows", type=whole, metavar="N", help="Rows that sources may send."),
        click.option("--max-calls", type=whole, metavar="N", help="Data calls it may make."),
    ):
        function = option(function)
    return function


def allow_writes_option(function: F) -> F:
    """Add `--allow-writes`."""
    return click.option(
        "--allow-writes",
        is_flag=True,
        help="Let this command write; else only what the project file allows.",
    )(function)


def outcome_options(function: F) -> F:
    """Add `--on-error` and `--outcomes`, for what writes."""
    for option in (
        click.option(
            "--outcomes", metavar="FILE", help="Write each row's outcome there: .csv or .jsonl."
        ),
        click.option(
            "--on-error",
            type=click.Choice(["stop", "continue", "all_or_none"]),
            default="stop",
            show_default=True,
            help="When a row fails: send no more, try every row, or write all or nothing.",
        ),
    ):
        function = option(function)
    return function


def chosen_project(context: click.Context, project: str | None) -> str | None:
    """The command's own `--project`, else the one before the command's name."""
    parent = context.parent
    return project or (parent.params.get("project") if parent is not None else None)


def query_text(given: str | None) -> str:
    """The text of a query: as it is, from a file (``@file`` or a path), or standard input.

    Raises:
        UsageError: there is no text.
    """
    if given is None and sys.stdin.isatty():
        raise click.UsageError('Give a query: isthmus sql "SELECT ...", a file, or - for a pipe.')
    if given is None or given == "-":
        return _not_empty(sys.stdin.buffer.read().decode(), "standard input")
    if given.startswith("@"):
        return _from_file(Path(given[1:]))
    if _is_file(given):
        return _from_file(Path(given))
    return _not_empty(given, "the query")


def _is_file(text: str) -> bool:
    try:
        return "\n" not in text and Path(text).is_file()
    except OSError:  # too long for a name, so it is a query
        return False


def _from_file(path: Path) -> str:
    try:
        return _not_empty(path.read_text("utf-8-sig"), str(path))
    except OSError as error:
        raise click.UsageError(f"{path} can't be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{path} is not UTF-8") from error


def _not_empty(text: str, what: str) -> str:
    if not text.strip():
        raise click.UsageError(f"{what} holds no SQL")
    return text


def parameters(given: tuple[str, ...]) -> list[Any] | dict[str, Any] | None:
    """The values of `--param`: a list where the names are 1, 2, ..., else a dict.

    >>> parameters(("industry=Energy", "least:=12.50"))
    {'industry': 'Energy', 'least': Decimal('12.50')}
    >>> parameters(("2:=null", "1=a"))
    ['a', None]
    """
    values = dict(map(_parameter, given))
    if not values:
        return None
    if all(name.isdigit() for name in values):
        numbers = sorted(values, key=int)
        if [int(n) for n in numbers] != list(range(1, len(numbers) + 1)):
            raise click.UsageError(f"--param: the numbers are {', '.join(numbers)}; begin with 1")
        return [values[n] for n in numbers]
    return values


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip(" :"):
        raise click.UsageError(f"--param {text}: write NAME=TEXT or NAME:=JSON")
    if not name.endswith(":"):
        return name.strip().removeprefix("$"), value
    try:
        read = json.loads(value, parse_float=Decimal)
    except ValueError as error:
        raise click.UsageError(f"--param {text}: {value!r} is not JSON") from error
    return name[:-1].strip().removeprefix("$"), read
