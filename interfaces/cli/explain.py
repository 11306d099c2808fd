"""`isthmus explain`: what a query sends where, and why."""

from __future__ import annotations

import click

from isthmus.interfaces.cli.options import (
    chosen_project,
    parameters,
    params_option,
    project_option,
    query_text,
)

__all__ = ["explain"]


@click.command()
@click.argument("query", required=False)
@click.option("--analyze", is_flag=True, help="Run it too, and set the actual bill beside.")
@click.option("--format", type=click.Choice(["text", "json", "html"]), default="text")
@params_option
@project_option
@click.pass_context
def explain(
    context: click.Context,
    query: str | None,
    analyze: bool,
    format: str,
    params: tuple[str, ...],
    project: str | None,
) -> None:
    """Show what QUERY sends to each source, with the bill; no data call is made.

    QUERY is SQL, or a file (@query.sql or its path), or - for standard input.
    """
    text, values = query_text(query), parameters(params)

    import isthmus

    with isthmus.connect(chosen_project(context, project)) as connection:
        plan = connection.explain(text, values, analyze=analyze)
    if format == "json":
        import orjson

        click.echo(orjson.dumps(plan.to_dict(), option=orjson.OPT_INDENT_2, default=str))
    else:
        click.echo(str(plan) if format == "text" else plan._repr_html_())
