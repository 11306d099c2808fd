"""`isthmus check`: each source tried as a user would."""

from __future__ import annotations

import sys

import click

from isthmus.interfaces.cli.options import chosen_project, project_option

__all__ = ["check"]


@click.command()
@project_option
@click.pass_context
def check(context: click.Context, project: str | None) -> None:
    """Try each source; say what is wrong and how to mend it."""
    import isthmus

    with isthmus.connect(chosen_project(context, project)) as connection:
        findings = connection.check()
    for finding in findings:
        mark = _mark("ok", "green") if finding.ok else _mark("FAIL", "red")
        click.echo(f"{mark:4} {finding.subject}: {finding.detail}")
        if finding.remedy:
            click.echo(f"     {finding.remedy}")
    if not findings:
        click.echo("there is nothing to check: the project has no sources")
    wrong = sum(not finding.ok for finding in findings)
    if wrong:
        click.echo(f"{wrong} of {len(findings)} checks failed", err=True)
        context.exit(1)


def _mark(word: str, colour: str) -> str:
    # Padded before it is coloured: escape codes have no width.
    padded = f"{word:4}"
    return click.style(padded, fg=colour) if sys.stdout.isatty() else padded
