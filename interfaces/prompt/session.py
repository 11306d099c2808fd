"""The prompt's loop: read a query, run it, show its answer and what it cost."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import SqlLexer

import isthmus
from isthmus.errors import Cancelled, IsthmusError
from isthmus.interfaces.cli.output import show_table
from isthmus.interfaces.prompt.completion import NameCompleter

__all__ = ["history_file", "prompt"]

_ROWS = 100
_HELP = """\
a query ends with ;          Tab completes, Ctrl-C stops a query, Ctrl-D leaves
.tables [NAME]               sources, tables and views; or one of them in full
.explain QUERY               what a query sends where, and why
.check                       try each source
.help  .quit"""


def prompt(project: str | None) -> None:
    """Ask and answer until Ctrl-D or ``.quit``.

    Raises:
        ConfigError: the project is wrong.
    """
    with isthmus.connect(project) as connection:
        names = ", ".join(s.name for s in connection.catalog.sources) or "none"
        click.echo(f"isthmus {isthmus.__version__}, sources: {names}. Try .help")
        session: PromptSession[str] = PromptSession(
            history=_history(),
            lexer=PygmentsLexer(SqlLexer),
            completer=NameCompleter(connection),
            complete_in_thread=True,
            complete_while_typing=False,
            multiline=Condition(lambda: not is_complete(get_app().current_buffer.text)),
            prompt_continuation="    ...> ",
        )
        while True:
            try:
                text = session.prompt("isthmus> ").strip()
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
            if text in (".quit", ".exit", "\\q"):
                return
            if text:
                _answer(connection, text)


def is_complete(text: str) -> bool:
    """Whether Enter sends the text: after a semicolon, or for one of the dot commands.

    >>> is_complete("select 1"), is_complete("select 1; "), is_complete(".help")
    (False, True, True)
    """
    text = text.strip()
    return not text or text.endswith(";") or text.startswith((".", "\\q"))


def _answer(connection: isthmus.Connection, text: str) -> None:
    try:
        if text.startswith("."):
            _command(connection, text)
        else:
            _query(connection, text)
    except (KeyboardInterrupt, Cancelled):
        click.echo("cancelled", err=True)
    except IsthmusError as error:
        click.secho(f"error: {error}", fg="red", err=True)


def _command(connection: isthmus.Connection, text: str) -> None:
    word, _, rest = text.partition(" ")
    rest = rest.strip().rstrip(";")
    if word == ".tables":
        click.echo(connection.catalog.to_text(rest or None))
    elif word == ".explain" and rest:
        click.echo(str(connection.explain(rest)))
    elif word == ".check":
        for finding in connection.check():
            click.echo(f"{'ok  ' if finding.ok else 'FAIL'} {finding.subject}: {finding.detail}")
            if finding.remedy:
                click.echo(f"     {finding.remedy}")
    else:
        click.echo(_HELP)


def _query(connection: isthmus.Connection, text: str) -> None:
    began = time.monotonic()
    result = connection.sql(text)
    show_table(result, sys.stdout.buffer, _ROWS)
    bill = result.bill.actual
    click.secho(
        f"{bill.calls:,} calls, {bill.rows:,} rows and {bill.bytes:,} bytes from the sources, "
        f"{time.monotonic() - began:.1f} s",
        dim=True,
    )


def _history() -> History:
    path = history_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()  # a home that can't be written to
    return FileHistory(str(path))


def history_file() -> Path:
    """Where past queries are kept: in the user's state folder."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "isthmus" / "history"
