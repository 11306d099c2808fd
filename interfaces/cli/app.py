"""The command's front: which commands there are, and how each failure leaves the process."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from isthmus import __version__
from isthmus.errors import Cancelled, IsthmusError
from isthmus.interfaces.cli.options import project_option

__all__ = ["isthmus", "main"]

_OURS, _USAGE, _INTERRUPTED = 1, 2, 130

#: Each command's home and its line of help. A home is imported when its command is called, so
#: that `isthmus --help` loads neither DuckDB nor a server.
_COMMANDS = {
    "sql": ("isthmus.interfaces.cli.sql:sql", "Run a query and write its answer."),
    "explain": (
        "isthmus.interfaces.cli.explain:explain",
        "Show what a query sends where, and why.",
    ),
    "write": (
        "isthmus.interfaces.cli.write:write",
        "Write rows to a table, each with its outcome.",
    ),
    "writes": ("isthmus.interfaces.cli.writes:writes", "Show writes; go on with those broken off."),
    "catalog": ("isthmus.interfaces.cli.catalog:catalog", "Show sources, tables, columns, views."),
    "check": ("isthmus.interfaces.cli.check:check", "Try each source; say how to mend it."),
    "jobs": ("isthmus.interfaces.cli.jobs:jobs", "Submit work that outlives you; see to it."),
    "worker": ("isthmus.interfaces.cli.worker:worker", "Do the project's jobs."),
    "sync": ("isthmus.interfaces.cli.sync:sync", "Keep copies of tables and queries up to date."),
    "init": ("isthmus.interfaces.cli.init:init", "Write a project file to start from."),
    "org": ("isthmus.localorg.cli:org", "Run a local, Salesforce-compatible org."),
    "demo": ("isthmus.interfaces.cli.demo:demo", "Ask an org and files, write, keep a copy."),
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name][0].partition(":")
        command = getattr(import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in _COMMANDS.items()])


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="isthmus")
@project_option
@click.pass_context
def isthmus(context: click.Context, project: str | None) -> None:
    """One SQL question over Salesforce and everything around it, answered live.

    Without a command, in a terminal: an interactive prompt.
    """
    if context.invoked_subcommand is not None:
        return
    if sys.stdin.isatty() and sys.stdout.isatty():
        from isthmus.interfaces.prompt.session import prompt

        prompt(project)
    else:
        click.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and give its exit code: 0, 1 an error, 2 wrong usage, 130 interrupted."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        # Not `isthmus.main(...)`: click would take the closed pipe and Ctrl-C for itself.
        with isthmus.make_context("isthmus", given) as context:
            isthmus.invoke(context)
    except click.exceptions.Exit as exit:
        return exit.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt, Cancelled) as error:
        _say("interrupted")
        for note in getattr(error, "__notes__", ()):  # how a write goes on
            _say(note)
        return _INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        return _pipe_closed()
    except IsthmusError as error:
        if os.environ.get("ISTHMUS_TRACEBACK"):
            raise
        _say(f"error: {error}")
        return _OURS
    return 0


def _say(message: str) -> None:
    click.echo(message, err=True)


def _pipe_closed() -> int:
    """Whoever read us has had enough, as `head` does; that is no failure."""
    # Python flushes standard output once more at exit, which would complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0
