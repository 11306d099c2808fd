"""`isthmus writes`: what was written, and going on with what was broken off."""

from __future__ import annotations

import sys

import click

from isthmus.interfaces.cli.options import (
    allow_writes_option,
    chosen_project,
    project_option,
)
from isthmus.interfaces.cli.write import say_progress, tell

__all__ = ["writes"]


@click.group()
def writes() -> None:
    """Show the writes that the state folder knows, and go on with those that were broken off."""


@writes.command("list")
@project_option
@click.pass_context
def list_(context: click.Context, project: str | None) -> None:
    """Show them, newest first."""
    import isthmus
    from isthmus.interfaces.cli.output import show_table

    with isthmus.connect(chosen_project(context.parent or context, project)) as connection:
        show_table(connection.writes(), sys.stdout.buffer, 0)


@writes.command()
@click.argument("write_id")
@click.option("--outcomes", metavar="FILE", help="Write outcomes there: .csv or .jsonl.")
@allow_writes_option
@project_option
@click.pass_context
def resume(
    context: click.Context,
    write_id: str,
    outcomes: str | None,
    allow_writes: bool,
    project: str | None,
) -> None:
    """Go on with WRITE_ID; what may have arrived is looked for before anything is sent again."""
    import isthmus

    with isthmus.connect(
        chosen_project(context.parent or context, project),
        allow_writes=True if allow_writes else None,
    ) as connection:
        result = connection.resume(
            write_id,
            outcomes=outcomes,
            progress=say_progress if sys.stderr.isatty() else None,
        )
    tell(context, result)
