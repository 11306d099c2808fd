"""`isthmus worker`: does the project's jobs until it is stopped."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import click

from isthmus.interfaces.cli.options import chosen_project, project_option

__all__ = ["worker"]


@click.command()
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="How many jobs run at once.",
)
@click.option(
    "--lease",
    type=click.FloatRange(min=0.5),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="If this worker dies, its jobs are begun again after so long.",
)
@click.option("--until-idle", is_flag=True, help="Stop when no job is left that could be begun.")
@click.option("--allow-writes", is_flag=True, help="Do jobs that write, to whatever table.")
@project_option
@click.pass_context
def worker(
    context: click.Context,
    threads: int,
    lease: float,
    until_idle: bool,
    allow_writes: bool,
    project: str | None,
) -> None:
    """Do the project's jobs until stopped (Ctrl-C, or SIGTERM).

    What runs then is given back, to be begun again by another worker. Start as many workers as
    you like, on one machine; they share the state folder.
    """
    import isthmus

    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    allowed = True if allow_writes else None
    with isthmus.connect(chosen_project(context, project), allow_writes=allowed) as connection:
        working = connection.start_worker(threads, lease)
        click.echo(f"{working.id} is ready", err=True)
        while not stop.is_set() and not working.wait(0.2):
            if until_idle and working.idle and connection.jobs("queued").arrow().num_rows == 0:
                break
