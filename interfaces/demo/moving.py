"""The demo's second half: a copy of the accounts, a write into them, and the copy kept up."""

from __future__ import annotations

import time
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.compute as pc

from isthmus.connectors.contract import Bill
from isthmus.engine.connection import Connection
from isthmus.engine.sync.result import SyncRun
from isthmus.engine.writes.result import WriteResult
from isthmus.interfaces.demo.project import MERGE, SYNC
from isthmus.interfaces.demo.show import figures, heading, ratios, row
from isthmus.interfaces.formats.table import render

__all__ = ["copied", "copied_again", "merged"]

#: Of each kind so many outcomes are shown.
_OUTCOMES = 2
_ON_ERROR = "continue"
_SHOWN = ["position", "id", "created", "success", "error_code"]


def copied(connection: Connection) -> SyncRun:
    """Copy the accounts into a file, and say what that cost."""
    heading(f"A copy: the sync {SYNC} of isthmus.toml")
    click.echo("All accounts with every column go into a table of copy.duckdb.\n")
    plan = connection.plan_sync(SYNC)  # no data call is made for it
    run = connection.sync(SYNC)
    click.echo(str(run))
    click.echo(f"predicted {_calls(plan.estimate)}, {plan.estimate.rows:,} rows")
    return run


def merged(connection: Connection, folder: Path) -> WriteResult:
    """Write the shop's orders into the accounts: first dry, then really."""
    statement = (folder / MERGE).read_text("utf-8").strip()
    heading(f"A write: {MERGE}")
    click.echo(statement)
    heading("A dry run: rows are read and checked, none is written")
    plan = connection.plan_write(statement, on_error=_ON_ERROR, dry_run=True)
    click.echo(str(plan.writing))
    heading("Outcomes, one for each row")
    write = connection.sql(statement, on_error=_ON_ERROR).write
    assert write is not None
    _show_outcomes(write)
    return write


def _show_outcomes(write: WriteResult) -> None:
    shown = write.outcomes.select(_SHOWN)
    made = pc.fill_null(shown["created"], False)
    failed = pc.invert(shown["success"])
    updated = pc.and_(shown["success"], pc.invert(made))
    firsts = [shown.filter(kind).slice(0, _OUTCOMES) for kind in (updated, made, failed)]
    table = pa.concat_tables(firsts).sort_by("position")
    click.echo(render(table, more=table.num_rows < write.rows))
    bill = write.bill
    read = Bill() if bill.reading is None else bill.reading.actual
    predicted = Bill() if bill.reading is None else bill.reading.estimated
    click.echo(
        f"{write.rows:,} rows: {write.succeeded - write.created:,} updated, "
        f"{write.created:,} created, {write.failed:,} failed\n"
        f"to find them: predicted {_calls(predicted)}; actual {_calls(read)}\n"
        f"to write them: predicted {_calls(bill.predicted)}; actual {_calls(bill.writing)}"
    )


def copied_again(connection: Connection, first: SyncRun) -> None:
    """Bring the copy up to now, and set what that cost beside the first run."""
    heading(f"The copy, brought up to now: the sync {SYNC} again")
    # A run ends where the org's second ends: what was written in this one is due in the next.
    time.sleep(1.0 - time.time() % 1.0)
    plan = connection.plan_sync(SYNC)
    run = connection.sync(SYNC)
    click.echo(str(run))
    click.echo(f"predicted {_calls(plan.estimate)}\n")
    row("", ("API calls", "rows", "bytes"))
    row("everything", figures(first.bill))
    row("what has changed", figures(run.bill))
    row("everything ÷ what has changed", ratios(first.bill, run.bill))


def _calls(bill: Bill) -> str:
    return f"{bill.calls:,} call{'' if bill.calls == 1 else 's'}"
