"""`isthmus demo`: from nothing to two answers, a copy and a write, and what they cost."""

from __future__ import annotations

import contextlib
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from isthmus.errors import ConfigError

if TYPE_CHECKING:
    from isthmus.engine.connection import Connection
    from isthmus.interfaces.demo.show import Cost, Question

__all__ = ["demo"]

_SCALE, _SEED = 30, 7


@click.command()
@click.option("--keep", metavar="FOLDER", type=click.Path(path_type=Path), help="Keep the project.")
@click.option("--scale", type=click.IntRange(1, 1000), default=_SCALE, show_default=True,
              help="Thousands of accounts and of opportunities.")  # fmt: skip
@click.option("--prompt", "ask", is_flag=True, help="Stay, with a prompt to ask more.")
def demo(keep: Path | None, scale: int, ask: bool) -> None:
    """Ask two questions over a local org and files, write to it, keep a copy, and show the cost."""
    import isthmus
    from isthmus.interfaces.demo import moving, show
    from isthmus.interfaces.demo.org import running_org
    from isthmus.interfaces.demo.project import write_project

    began = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so blocks end
    with _folder(keep) as folder:
        accounts = 1000 * scale
        click.echo(f"Starting a local org with {accounts:,} accounts, beside it files ...")
        write_project(folder, accounts=accounts, today=date.today())
        with (
            running_org(folder, scale=scale, seed=_SEED),
            isthmus.connect(
                folder, state=folder / "state", allow_writes=["crm.Account"]
            ) as connection,
        ):
            costs = [
                _asked(connection, folder, number, question)
                for number, question in enumerate(show.QUESTIONS, 1)
            ]
            show.heading("The bill, of the org")
            extract = show.full_extract(connection)
            show.show_costs([cost for cost, _ in costs], extract, sum(m for _, m in costs))
            first = moving.copied(connection)
            moving.merged(connection, folder)
            moving.copied_again(connection, first)
            seconds = time.monotonic() - began
            click.echo(f"\nall of it: {seconds:.0f} seconds, the org's start included")
            if ask:
                from isthmus.interfaces.prompt.session import prompt

                prompt(str(folder))
        show.heading("Next")
        click.echo(_next_command(keep, scale))


def _asked(
    connection: Connection, folder: Path, number: int, question: Question
) -> tuple[Cost, int]:
    """Predict, ask and show one question; gives its cost, and the metadata calls it made."""
    from isthmus.interfaces.demo import show

    show.heading(f"Question {number}: views/{question.view}.sql")
    click.echo(f"{question.words[0].upper()}{question.words[1:]}\n")
    click.echo((folder / "views" / f"{question.view}.sql").read_text("utf-8").strip())
    click.echo(f"\n{question.sql}")
    with connection.sql(question.sql) as result:
        plan = result.plan  # nothing has been read yet
        show.heading("Answer")
        show.show_answer(result)
        show.heading("Sent to the sources")
        show.show_sent(result.plan, result.bill.fragments)
        cost = show.cost_of(plan, result.bill.fragments)
        return cost, result.bill.metadata.metadata_calls


@contextlib.contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="isthmus-demo-") as folder:
            yield Path(folder)
        return
    if (keep / "isthmus.toml").exists():
        raise ConfigError(
            f"{keep} holds a project already", remedy="Choose another folder for --keep."
        )
    yield keep.absolute()


def _next_command(keep: Path | None, scale: int) -> str:
    from isthmus.interfaces.demo.project import MERGE, SYNC

    if keep is None:
        return "isthmus demo --keep my-demo --prompt     the same, then ask what you like"
    return (
        f"cd {keep}\n"
        "isthmus org serve --http 127.0.0.1:0 --https 127.0.0.1:0 "
        f"--data demo --scale {scale} --seed {_SEED} --ready-file org.json &\n"
        'isthmus sql "FROM pipeline_360"\n'
        f"isthmus sync run {SYNC} --full  # the org has another address now\n"
        f"isthmus sql {MERGE} --allow-writes"
    )
