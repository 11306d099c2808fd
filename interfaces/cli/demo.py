"""`isthmus demo`: from nothing to an answer, and what it cost."""

from __future__ import annotations

import contextlib
import signal
import sys
import tempfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import click

from isthmus.errors import ConfigError

__all__ = ["demo"]

_SCALE, _SEED = 30, 7


@click.command()
@click.option("--keep", metavar="FOLDER", type=click.Path(path_type=Path), help="Keep the project.")
@click.option("--scale", type=click.IntRange(1, 1000), default=_SCALE, show_default=True,
              help="Thousands of accounts and of opportunities.")  # fmt: skip
@click.option("--prompt", "ask", is_flag=True, help="Stay, with a prompt to ask more.")
def demo(keep: Path | None, scale: int, ask: bool) -> None:
    """Ask one question over a local org and two folders of files, and show what it cost."""
    import isthmus
    from isthmus.interfaces.demo import show
    from isthmus.interfaces.demo.org import running_org
    from isthmus.interfaces.demo.project import write_project

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so blocks end
    with _folder(keep) as folder:
        accounts = 1000 * scale
        click.echo(f"Starting a local org with {accounts:,} accounts, beside it files ...")
        write_project(folder, accounts=accounts, today=date.today())
        with running_org(folder, scale=scale, seed=_SEED), isthmus.connect(folder) as connection:
            show.heading("The question: views/pipeline_360.sql")
            click.echo((folder / "views" / "pipeline_360.sql").read_text("utf-8").strip())
            show.heading("SQL")
            click.echo(show.QUESTION)
            result = connection.sql(show.QUESTION)
            show.heading("Sent to the sources")
            show.show_sent(result.bill.fragments)
            show.heading("Answer")
            show.show_answer(result)
            predicted, actual = show.of_org(result.bill.fragments)
            show.heading("The bill, of the org")
            extract = show.full_extract(connection)
            metadata = result.bill.metadata.metadata_calls
            show.show_account(show.Account(predicted, actual, extract, metadata))
            if ask:
                from isthmus.interfaces.prompt.session import prompt

                prompt(str(folder))
        show.heading("Next")
        click.echo(_next_command(keep, scale))


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
    if keep is None:
        return "isthmus demo --keep my-demo --prompt     the same, then ask what you like"
    return (
        f"cd {keep}\n"
        "isthmus org serve --http 127.0.0.1:0 --https 127.0.0.1:0 "
        f"--data demo --scale {scale} --seed {_SEED} --ready-file org.json &\n"
        'isthmus sql "FROM pipeline_360"'
    )
