"""`isthmus sync`: the project's syncs, run, priced beforehand and listed."""

from __future__ import annotations

import sys

import click

from isthmus.interfaces.cli.options import chosen_project, project_option

__all__ = ["sync"]


@click.group()
@project_option
def sync(project: str | None) -> None:
    """Keep copies of tables and queries up to date."""


@sync.command()
@click.argument("name")
@click.option("--dry-run", is_flag=True, help="Say what would be read and what it would cost.")
@click.option("--full", is_flag=True, help="Make the copy anew; send every row again.")
@click.option("--allow-writes", is_flag=True, help="Let a sync into a source write.")
@click.option("--quiet", is_flag=True, help="Show no bar.")
@click.option("--max-calls", type=click.IntRange(min=0), metavar="N", help="Calls it may make.")
@click.option("--max-rows", type=click.IntRange(min=0), metavar="N", help="Rows it may be sent.")
@project_option
@click.pass_context
def run(
    context: click.Context,
    name: str,
    dry_run: bool,
    full: bool,
    allow_writes: bool,
    quiet: bool,
    max_calls: int | None,
    max_rows: int | None,
    project: str | None,
) -> None:
    """Bring the copy of the sync NAME up to now.

    NAME is a [syncs.NAME] of the project. A run that was broken off is taken up.
    """
    import isthmus

    allowed = True if allow_writes else None
    with isthmus.connect(_project(context, project), allow_writes=allowed) as connection:
        if dry_run:
            click.echo(str(connection.plan_sync(name, full=full)))
            return
        from isthmus.interfaces.sync_bar import SyncBar

        with SyncBar(name, quiet=quiet or not sys.stderr.isatty()) as bar:
            done = connection.sync(
                name, full=full, on_progress=bar, max_calls=max_calls, max_rows=max_rows
            )
    click.echo(str(done))
    if done.failed:
        context.exit(1)


@sync.command("list")
@project_option
@click.pass_context
def listed(context: click.Context, project: str | None) -> None:
    """List the project's syncs, with the last run of each."""
    import isthmus

    with isthmus.connect(_project(context, project)) as connection:
        runs = connection.sql(_LAST_RUNS).fetchall()
        specs = connection.project.syncs
    last = {name: f"{state} {started:%Y-%m-%d %H:%M} UTC" for name, state, started in runs}
    if not specs:
        click.echo("the project has no syncs; write a table [syncs.NAME]")
        return
    rows = [(s.name, s.mode, s.subject, s.target, last.get(s.name, "never run")) for s in specs]
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())


@sync.command()
@click.option("--allow-writes", is_flag=True, help="Run syncs that write into sources, too.")
@project_option
@click.pass_context
def serve(context: click.Context, allow_writes: bool, project: str | None) -> None:
    """Run the syncs that have a schedule at their times, until stopped (Ctrl-C, or SIGTERM).

    A run that goes on then is broken off, and taken up by the next one.
    """
    import signal
    from types import FrameType

    import isthmus

    allowed = True if allow_writes else None
    with isthmus.connect(_project(context, project), allow_writes=allowed) as connection:
        served = connection.serve_syncs(lambda line: click.echo(line, err=True))

        def on_signal(number: int, frame: FrameType | None) -> None:
            served.stop()

        signal.signal(signal.SIGTERM, on_signal)
        signal.signal(signal.SIGINT, on_signal)
        for name, moment in served.upcoming.items():
            click.echo(f"{name}: next at {moment:%Y-%m-%d %H:%M:%S %Z}", err=True)
        served.serve()


_LAST_RUNS = """
SELECT sync, arg_max(state, started), max(started) FROM isthmus.sync_runs GROUP BY sync"""


def _project(context: click.Context, project: str | None) -> str | None:
    """The command's own `--project`, else the group's, else the one before its name."""
    parent = context.parent
    assert parent is not None
    return chosen_project(context, project) or chosen_project(parent, None)
