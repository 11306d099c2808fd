"""The demo's report: the question, what was sent, the answer, and what it cost."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

import isthmus
from isthmus.connectors.contract import Bill
from isthmus.engine.bill import FragmentBill
from isthmus.interfaces.cli.output import first_rows
from isthmus.interfaces.formats.table import render

__all__ = ["QUESTION", "Account", "full_extract", "show_account", "show_answer", "show_sent"]

QUESTION = "SELECT * FROM pipeline_360 ORDER BY pipeline_eur DESC LIMIT 12"
_WIDEST = 92
_CRM, _OBJECTS = "crm", ("Opportunity", "Account")


@dataclass(frozen=True)
class Account:
    """What the question cost of the org, beside what copying its two objects would have."""

    predicted: Bill
    actual: Bill
    extract: Bill
    metadata: int


def heading(text: str) -> None:
    """Print a line that divides the report."""
    width = min(shutil.get_terminal_size((96, 24)).columns, 96)
    line = f"── {text} ".ljust(width, "─")
    click.echo("\n" + (click.style(line, fg="cyan") if sys.stdout.isatty() else line))


def show_sent(fragments: Sequence[FragmentBill]) -> None:
    """Print each fragment's text, those for the org first."""
    for part in sorted(fragments, key=lambda f: f.fragment.source != _CRM):
        table = part.fragment.request.table
        click.echo(f"{table.source}.{table.name}  ({part.fragment.access_path})")
        of_org = part.fragment.source == _CRM
        for line in _clauses(part.fragment.text) if of_org else [_cut(part.fragment.text)]:
            click.echo(f"    {line}")


def _clauses(text: str) -> list[str]:
    """A SOQL text, whole, with a line for each clause."""
    for word in (" FROM ", " WHERE ", " AND ", " ORDER BY ", " LIMIT "):
        text = text.replace(word, "\n  " + word.lstrip())
    return text.split("\n")


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 4].rstrip(", ") + " ..."


def show_answer(result: isthmus.Result) -> None:
    """Run the question and print its rows."""
    table, more = first_rows(result, 0)
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else None
    click.echo(render(table, more=more, width=width, colour=terminal))


def full_extract(connection: isthmus.Connection) -> Bill:
    """Read all columns of the org's two objects, keep nothing, and give the true bill."""
    total = Bill()
    for name in _OBJECTS:
        with connection.sql(f"SELECT * FROM {_CRM}.{name}") as result:
            for _ in result.reader():
                pass
            total += result.bill.actual
    return total


def of_org(fragments: Sequence[FragmentBill]) -> tuple[Bill, Bill]:
    """Predicted and actual bill of what was sent to the org."""
    ours = [f for f in fragments if f.fragment.source == _CRM]
    return sum((f.estimated for f in ours), Bill()), sum((f.actual for f in ours), Bill())


def show_account(account: Account) -> None:
    """Print the three bills below each other."""
    rows = [
        ("", "API calls", "rows", "bytes"),
        ("predicted, before asking", *_figures(account.predicted)),
        ("actual", *_figures(account.actual)),
        ("a full extract of both objects", *_figures(account.extract)),
        ("full extract ÷ actual", *_ratios(account.extract, account.actual)),
    ]
    for label, *figures in rows:
        click.echo(f"{label:32}" + "".join(f"{figure:>14}" for figure in figures))
    click.echo("measured: the full extract was read too, with every column, and thrown away;")
    click.echo(
        f"beside them {account.metadata} calls for descriptions and counts, kept from then on"
    )


def _figures(bill: Bill) -> tuple[str, str, str]:
    return f"{bill.calls:,}", f"{bill.rows:,}", f"{bill.bytes:,}"


def _ratios(extract: Bill, actual: Bill) -> tuple[str, str, str]:
    pairs = (
        (extract.calls, actual.calls),
        (extract.rows, actual.rows),
        (extract.bytes, actual.bytes),
    )
    calls, rows, size = (f"{whole / max(part, 1):.0f} x" for whole, part in pairs)
    return calls, rows, size
