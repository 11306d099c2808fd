"""`isthmus catalog`: what there is to ask about."""

from __future__ import annotations

import click

from isthmus.interfaces.cli.options import chosen_project, project_option

__all__ = ["catalog"]


@click.command()
@click.argument("name", required=False)
@project_option
@click.pass_context
def catalog(context: click.Context, name: str | None, project: str | None) -> None:
    """Show the sources, tables and views, or one of them in full.

    NAME is such as crm, crm.Account or main.pipeline_360.
    """
    import isthmus

    with isthmus.connect(chosen_project(context, project)) as connection:
        click.echo(connection.catalog.to_text(name))
