"""The demo's report: the questions, what was sent, the answers, and what they cost."""

from __future__ import annotations

import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

import isthmus
from isthmus.connectors.contract import Bill
from isthmus.engine.bill import FragmentBill
from isthmus.engine.plan import Plan, PlannedScan
from isthmus.interfaces.cli.output import first_rows
from isthmus.interfaces.formats.table import render

__all__ = [
    "QUESTIONS",
    "Cost",
    "Question",
    "cost_of",
    "figures",
    "full_extract",
    "heading",
    "ratios",
    "row",
    "show_answer",
    "show_costs",
    "show_sent",
]

_WIDEST = 92
_CRM, _OBJECTS = "crm", ("Opportunity", "Account", "User")
#: Of a long list of keys so many are shown.
_KEYS = 2


@dataclass(frozen=True)
class Question:
    """What is asked: the view that holds it, and the query."""

    words: str
    view: str
    sql: str


QUESTIONS = (
    Question(
        "who came to our booth at the fair, and which deals are open with them?",
        "visitors_deals",
        "SELECT * FROM visitors_deals ORDER BY CloseDate, deal LIMIT 8",
    ),
    Question(
        "what is in the pipeline, in euros, and what do these accounts order in the shop?",
        "pipeline_360",
        "SELECT * FROM pipeline_360 ORDER BY pipeline_eur DESC LIMIT 8",
    ),
)


@dataclass(frozen=True)
class Cost:
    """What a question costs of the org: as predicted, within which bounds, and really."""

    predicted: Bill
    low: Bill
    high: Bill | None
    actual: Bill


def heading(text: str) -> None:
    """Print a line that divides the report."""
    width = min(shutil.get_terminal_size((96, 24)).columns, 96)
    line = f"── {text} ".ljust(width, "─")
    click.echo("\n" + (click.style(line, fg="cyan") if sys.stdout.isatty() else line))


def show_sent(plan: Plan, bills: Sequence[FragmentBill]) -> None:
    """Print each fragment in the order in which they can run: text, rules, both bills.

    Args:
        plan: of the result, after the run: with the keys that were found.
        bills: of its scans, in the same order.
    """
    for index in sorted(range(len(plan.scans)), key=lambda i: _depth(plan.scans, i)):
        scan, bill = plan.scans[index], bills[index]
        table = scan.request.table
        click.echo(f"{table.source}.{table.name}  ({scan.fragment.access_path})")
        if scan.fed is not None:
            click.echo(f"    {scan.fragment.text.strip('()')}")
            continue
        for line in _lines(scan.fragment.text) if table.source == _CRM else [scan.fragment.text]:
            click.echo(f"    {_cut(line)}")
        for firing in scan.firings:
            click.echo(f"    {_mark(firing.rule)}: {firing.words}")
        if table.source == _CRM:
            click.echo(f"    predicted {_few(bill.estimated)}; actual {_few(bill.actual)}")


def _depth(scans: Sequence[PlannedScan], index: int) -> int:
    """How many scans must be read before this one."""
    scan = scans[index]
    if scan.fed is not None:
        return 1 + _depth(scans, scan.fed.by)
    return 1 + max((_depth(scans, i) for i, _ in scan.keys.sources), default=0) if scan.keys else 0


def _lines(text: str) -> Iterator[str]:
    """A SOQL text with a line for each clause; a long list of keys is cut."""
    text = re.sub(r"\(((?:'[^']*',){4,}'[^']*')\)", _some_keys, text)
    for word in (" FROM ", " WHERE ", " AND ", " ORDER BY ", " LIMIT "):
        text = text.replace(word, "\n  " + word.lstrip())
    for line in text.split("\n"):
        yield from textwrap.wrap(line, _WIDEST, subsequent_indent="    ", drop_whitespace=True)


def _some_keys(found: re.Match[str]) -> str:
    keys = found[1].split(",")
    return f"({','.join(keys[:_KEYS])}, ... {len(keys)} keys)"


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 4].rstrip(", ") + " ..."


def _mark(rule: str) -> str:
    return click.style(rule, fg="green", bold=True) if sys.stdout.isatty() else rule


def _few(bill: Bill) -> str:
    return f"{bill.calls:,} call{'' if bill.calls == 1 else 's'}, {bill.rows:,} rows"


def show_answer(result: isthmus.Result) -> None:
    """Run the question and print its rows."""
    table, more = first_rows(result, 0)
    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size().columns if terminal else None
    click.echo(render(table, more=more, width=width, colour=terminal))


def full_extract(connection: isthmus.Connection) -> Bill:
    """Read all columns of the org's three objects, keep nothing, and give the true bill."""
    total = Bill()
    for name in _OBJECTS:
        with connection.sql(f"SELECT * FROM {_CRM}.{name}") as result:
            for _ in result.reader():
                pass
            total += result.bill.actual
    return total


def cost_of(plan: Plan, bills: Sequence[FragmentBill]) -> Cost:
    """The bills of what goes to the org.

    Args:
        plan: from before the run.
        bills: from after it.
    """
    ours = [s.fragment for s in plan.scans if s.fragment.source == _CRM]
    highs = [f.high for f in ours]
    return Cost(
        sum((f.estimate for f in ours), Bill()),
        sum((f.low for f in ours), Bill()),
        None if None in highs else sum((h for h in highs if h is not None), Bill()),
        sum((b.actual for b in bills if b.fragment.source == _CRM), Bill()),
    )


def show_costs(costs: Sequence[Cost], extract: Bill, metadata: int) -> None:
    """Print the bills below each other, and what copying the objects costs."""
    row("", ("API calls", "rows", "bytes"))
    for number, cost in enumerate(costs, 1):
        low, high = cost.low, cost.high
        most = "any" if high is None else f"{high.calls:,}"
        row(f"{number}. predicted, before asking", figures(cost.predicted))
        row(f"   within {low.calls:,} to {most} calls; actual", figures(cost.actual))
    together = sum((c.actual for c in costs), Bill())
    row("both, actual", figures(together))
    row("a full extract of three objects", figures(extract))
    row("full extract ÷ actual", ratios(extract, together))
    click.echo("measured: the full extract was read too, with every column, and thrown away;")
    click.echo(f"beside them {metadata} calls for descriptions and counts, kept from then on")


def row(label: str, cells: Sequence[str]) -> None:
    """Print a line of a table of figures."""
    click.echo(f"{label:40}" + "".join(f"{cell:>14}" for cell in cells))


def figures(bill: Bill) -> tuple[str, str, str]:
    """Calls, rows and bytes, as `row` takes them."""
    return f"{bill.calls:,}", f"{bill.rows:,}", f"{bill.bytes:,}"


def ratios(extract: Bill, actual: Bill) -> tuple[str, str, str]:
    """How many times as much the first is."""
    pairs = (
        (extract.calls, actual.calls),
        (extract.rows, actual.rows),
        (extract.bytes, actual.bytes),
    )
    calls, rows, size = (f"{whole / max(part, 1):.0f} x" for whole, part in pairs)
    return calls, rows, size
