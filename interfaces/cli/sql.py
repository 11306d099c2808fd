"""`isthmus sql`: a query's answer, on the screen, in a pipe or in a file."""

from __future__ import annotations

import click

from isthmus.interfaces.cli.options import (
    allow_writes_option,
    budget_options,
    chosen_project,
    outcome_options,
    parameters,
    params_option,
    project_option,
    query_text,
)

__all__ = ["sql"]

_TABLE_ROWS = 100


@click.command()
@click.argument("query", required=False)
@click.option(
    "--format",
    type=click.Choice(["table", "csv", "json", "jsonl", "arrow", "parquet"]),
    help="Else by the ending of --output, else a table.",
)
@click.option("--output", metavar="FILE", help="Write there instead of to standard output.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS")
@click.option(
    "--rows",
    type=click.IntRange(min=0),
    default=_TABLE_ROWS,
    show_default=True,
    help="How many rows a table shows; 0 for all.",
)
@budget_options
@outcome_options
@allow_writes_option
@params_option
@project_option
@click.pass_context
def sql(
    context: click.Context,
    query: str | None,
    format: str | None,
    output: str | None,
    timeout: float | None,
    rows: int,
    params: tuple[str, ...],
    project: str | None,
    max_calls: int | None,
    max_rows: int | None,
    max_bytes: int | None,
    max_seconds: float | None,
    on_error: str,
    outcomes: str | None,
    allow_writes: bool,
) -> None:
    """Run QUERY and write its answer.

    QUERY is SQL, or a file (@query.sql or its path), or - for standard input. The answer of a
    statement that writes has an outcome for each row; the exit code is 1 if one has failed.
    """
    text, values = query_text(query), parameters(params)

    import isthmus
    from isthmus.interfaces.cli.output import chosen_format, write_answer

    chosen = chosen_format(format, output)
    with isthmus.connect(
        chosen_project(context, project), allow_writes=True if allow_writes else None
    ) as connection:
        result = connection.sql(
            text,
            values,
            timeout=timeout,
            max_calls=max_calls,
            max_rows=max_rows,
            max_bytes=max_bytes,
            max_seconds=max_seconds,
            on_error=on_error,
            outcomes=outcomes,
        )
        write_answer(result, chosen, output, rows)
    if result.write is not None and result.write.failed:
        context.exit(1)
