"""`isthmus jobs`: submit, list, show, wait for and cancel jobs, and read their results."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

import click

from isthmus.interfaces.cli.options import (
    budget_options,
    chosen_project,
    parameters,
    params_option,
    project_option,
    query_text,
)

if TYPE_CHECKING:
    from isthmus.engine.connection import Connection
    from isthmus.engine.jobs.job import Job
    from isthmus.engine.result import Progress

__all__ = ["jobs"]

_STATES = ["queued", "running", "done", "failed", "cancelled"]


@click.group()
def jobs() -> None:
    """Submit work that outlives you, and see to it. A worker does it: isthmus worker."""


@jobs.command()
@click.argument("query", required=False)
@click.option("--sync", metavar="NAME", help="Instead of QUERY: a run of that sync.")
@click.option("--full", is_flag=True, help="With --sync: make the copy anew.")
@click.option("--priority", type=int, default=0, show_default=True, help="Higher goes first.")
@click.option("--callback", metavar="URL", help="Gets a POST when the job has ended.")
@click.option(
    "--callback-secret", metavar="env:NAME", help="Where the key is that signs the callback."
)
@click.option("--keep", type=click.FloatRange(min=0), metavar="SECONDS", help="Else a week.")
@click.option("--attempts", type=click.IntRange(min=1), default=3, show_default=True)
@click.option(
    "--on-error",
    type=click.Choice(["stop", "continue", "all_or_none"]),
    help="Of a statement that writes: what a failed row means for the others.",
)
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS")
@budget_options
@params_option
@project_option
@click.pass_context
def submit(
    context: click.Context,
    query: str | None,
    sync: str | None,
    full: bool,
    priority: int,
    callback: str | None,
    callback_secret: str | None,
    keep: float | None,
    attempts: int,
    on_error: str | None,
    timeout: float | None,
    params: tuple[str, ...],
    project: str | None,
    max_calls: int | None,
    max_rows: int | None,
    max_bytes: int | None,
    max_seconds: float | None,
) -> None:
    """Have QUERY, or a sync, run as a job, and print the job's id."""
    if sync is not None and query is not None:
        raise click.UsageError("give a query or --sync, not both")
    if full and sync is None:
        raise click.UsageError("--full needs --sync")
    text = "" if sync is not None else query_text(query)
    values = parameters(params)
    if callback_secret is not None and callback is None:
        raise click.UsageError("--callback-secret needs --callback")
    with _open(context, project) as connection:
        from isthmus.engine.jobs.model import Callback, Retry, SyncJob

        job = connection.submit(
            text if sync is None else SyncJob(sync, full),
            values,
            callback=None if callback is None else Callback(callback, callback_secret),
            priority=priority,
            retry=Retry(attempts),
            keep=keep,
            here=False,
            on_error=on_error,
            timeout=timeout,
            max_calls=max_calls,
            max_rows=max_rows,
            max_bytes=max_bytes,
            max_seconds=max_seconds,
        )
        click.echo(job.id)


@jobs.command("list")
@click.option("--state", type=click.Choice(_STATES), help="Only those.")
@click.option("--format", type=click.Choice(["table", "csv", "json", "jsonl"]), default="table")
@project_option
@click.pass_context
def list_(context: click.Context, state: str | None, format: str, project: str | None) -> None:
    """List the project's jobs, newest first."""
    with _open(context, project) as connection:
        from isthmus.interfaces.cli.output import write_answer

        write_answer(connection.jobs(state), format, None, 0)


@jobs.command()
@click.argument("job")
@project_option
@click.pass_context
def show(context: click.Context, job: str, project: str | None) -> None:
    """Show what is known of JOB, with its log."""
    with _open(context, project) as connection:
        found = connection.job(job)
        status = found.status
        facts = {
            "job": status.id,
            "state": status.state.value + (" (asked to stop)" if status.cancelling else ""),
            "attempt": f"{status.attempt} of at most {status.asked.retry.attempts}",
            "progress": ", ".join(f"{v} {k}" for k, v in status.progress.items()),
            "rows": status.rows,
            "cost": ", ".join(f"{v} {k}" for k, v in status.bill.items()),
            "expires": _moment(status.expires) if status.expires else None,
            "error": status.error,
            "text": status.asked.text,
        }
        for name, value in facts.items():
            if value not in (None, ""):
                click.echo(f"{name:9} {value}")
        click.echo("")
        for line in found.log:
            click.echo(f"{_moment(line.at)}  {line.text}")


@jobs.command()
@click.argument("job")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS")
@project_option
@click.pass_context
def wait(context: click.Context, job: str, timeout: float | None, project: str | None) -> None:
    """Wait until JOB has ended. The exit code is 0 if it is done, 1 if not."""
    with _open(context, project) as connection:
        from isthmus.interfaces import progress

        found = connection.job(job)
        with progress.Progress(_Watched(found)):
            status = found.wait(timeout)
        click.echo(status.state.value)
        if status.error:
            click.echo(status.error, err=True)
        if status.state.value != "done":
            context.exit(1)


@jobs.command()
@click.argument("job")
@project_option
@click.pass_context
def cancel(context: click.Context, job: str, project: str | None) -> None:
    """Have JOB stopped."""
    with _open(context, project) as connection:
        found = connection.job(job)
        if not found.cancel():
            raise click.ClickException(f"{job} has ended already: it is {found.state}")


@jobs.command()
@click.argument("job")
@click.option(
    "--format",
    type=click.Choice(["table", "csv", "json", "jsonl", "arrow", "parquet"]),
    help="Else by the ending of --output, else a table.",
)
@click.option("--output", metavar="FILE", help="Write there instead of to standard output.")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait so long.")
@click.option(
    "--rows",
    type=click.IntRange(min=0),
    default=100,
    show_default=True,
    help="How many rows a table shows; 0 for all.",
)
@project_option
@click.pass_context
def result(
    context: click.Context,
    job: str,
    format: str | None,
    output: str | None,
    timeout: float | None,
    rows: int,
    project: str | None,
) -> None:
    """Write what JOB has made; waits for it if it still runs."""
    from isthmus.interfaces.cli.output import chosen_format, write_rows

    chosen = chosen_format(format, output)
    with _open(context, project) as connection:
        write_rows(connection.job(job).result(timeout).reader(), chosen, output, rows)


class _Watched:
    """A job's progress, as the line on standard error shows it."""

    def __init__(self, job: Job) -> None:
        self._job = job

    @property
    def progress(self) -> Progress:
        """What the job's run has read so far."""
        from isthmus.engine.result import Progress

        return Progress(**{"rows": 0, "pages": 0, "calls": 0, **self._job.status.progress})


@contextmanager
def _open(context: click.Context, project: str | None) -> Iterator[Connection]:
    import isthmus

    parent = context.parent
    assert parent is not None
    with isthmus.connect(chosen_project(parent, project)) as connection:
        yield connection


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).astimezone().isoformat(" ", "seconds")
