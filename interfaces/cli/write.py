"""`isthmus write`: rows of a file or a query into a table, with an outcome for each."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from isthmus.interfaces.cli.options import (
    allow_writes_option,
    chosen_project,
    outcome_options,
    project_option,
)
from isthmus.interfaces.cli.rows import rows_of

if TYPE_CHECKING:
    from isthmus.engine.writes.result import WriteResult
    from isthmus.engine.writes.run import WriteProgress

__all__ = ["say_progress", "tell", "write"]

_FAILURES: Final = 20


@click.command()
@click.argument("table")
@click.argument("rows")
@click.option(
    "--mode",
    type=click.Choice(["insert", "update", "upsert", "delete"]),
    default="insert",
    show_default=True,
)
@click.option("--key", metavar="COLUMN", help="Which unique column tells the row, for an upsert.")
@click.option("--dry-run", is_flag=True, help="Check the rows and show the plan; write nothing.")
@click.option("--option", "options", multiple=True, metavar="WORD", help="Such as bulk.")
@click.option("--write-id", metavar="ID", help="A name: given again, it goes on.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS")
@click.option("--max-calls", type=click.IntRange(min=0), metavar="N", help="Calls it may make.")
@outcome_options
@allow_writes_option
@project_option
@click.pass_context
def write(
    context: click.Context,
    table: str,
    rows: str,
    mode: str,
    key: str | None,
    dry_run: bool,
    options: tuple[str, ...],
    write_id: str | None,
    timeout: float | None,
    max_calls: int | None,
    on_error: str,
    outcomes: str | None,
    allow_writes: bool,
    project: str | None,
) -> None:
    """Write ROWS to TABLE, such as crm.Account; exit code 1 if a row fails.

    ROWS is a file (.csv, .jsonl, .json, .parquet, .arrow), SQL or @query.sql, or - for JSON lines
    on standard input. An empty cell of a CSV leaves its column alone; #N/A sets it to null.
    """
    data = rows_of(rows)

    import isthmus

    with isthmus.connect(
        chosen_project(context, project), allow_writes=True if allow_writes else None
    ) as connection:
        if dry_run:
            plan = connection.plan_write(
                table,
                data,
                mode=mode,
                key=key,
                on_error=on_error,
                options=options,
                max_calls=max_calls,
                dry_run=True,
            )
            click.echo(str(plan))
            context.exit(1 if plan.problems is not None and plan.problems.num_rows else 0)
        result = connection.write(
            table,
            data,
            mode=mode,
            key=key,
            on_error=on_error,
            outcomes=outcomes,
            options=options,
            write_id=write_id,
            progress=say_progress if sys.stderr.isatty() else None,
            timeout=timeout,
            max_calls=max_calls,
        )
    tell(context, result)


def tell(context: click.Context, result: WriteResult) -> None:
    """Say what became of a write; the exit code is 1 if a row has failed."""
    plan = result.plan
    click.echo(
        f"{plan.mode} {plan.target}: {result.rows:,} rows, {result.succeeded:,} succeeded "
        f"({result.created:,} created), {result.failed:,} failed; write {result.id}"
    )
    click.echo(f"{result.bill}")
    for row in result.failures.slice(0, _FAILURES).to_pylist():
        click.echo(
            f"row {row['position']}: {row['error_code']} {row['error_message'] or ''}", err=True
        )
    if result.failed > _FAILURES:
        click.echo(f"... and {result.failed - _FAILURES:,} more (--outcomes FILE)", err=True)
    if result.failed:
        context.exit(1)


def say_progress(told: WriteProgress) -> None:
    """A line on the terminal after each chunk."""
    end = "\n" if told.done == told.rows else ""
    click.echo(
        f"\r\x1b[2K{told.done:,} of {told.rows:,} rows, {told.failed:,} failed{end}",
        err=True,
        nl=False,
    )
