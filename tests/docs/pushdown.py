"""The tables of docs/pushdown.md, from the rules themselves: ``python -m tests.docs.pushdown``.

A planner rule's docstring gives its line; golden plans give the queries that it changes and that
it must not change; the Salesforce connector's own judge gives what is sent for each predicate.
Text by hand stands outside the marked parts of the page and stays as it is.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

from isthmus.connectors.salesforce import (
    aggregates,
    children,
    keys,
    lookups,
    never,
    order,
    targets,
)
from isthmus.connectors.salesforce.judge import translate
from isthmus.connectors.salesforce.soql import written
from isthmus.engine.predicate_text import sql_of
from isthmus.engine.rules.children import child_fetches
from isthmus.engine.rules.cofetch import co_fetches
from isthmus.engine.rules.counts import count_rows
from isthmus.engine.rules.empty import prune_empty
from isthmus.engine.rules.keys import push_constants, push_keys
from isthmus.engine.rules.limits import push_limits
from isthmus.engine.rules.predicates import imply_predicates
from isthmus.engine.rules.share import share_scans
from isthmus.engine.rules.targets import point_at
from tests.docs.predicates import SAMPLES, TABLE
from tests.engine.test_plans import FOLDER, cases

__all__ = ["PAGE", "ROWS", "Described", "Golden", "Row", "described", "golden", "made", "misplaced"]

PAGE = Path(__file__).parents[2] / "docs" / "pushdown.md"


@dataclass(frozen=True)
class Row:
    """A rule, the word that marks its golden plans, and the name that EXPLAIN gives it."""

    rule: Callable[..., Any]
    mark: str
    fires_as: str


ROWS = (
    Row(prune_empty, "prune_empty", "prune_empty"),
    Row(imply_predicates, "imply_predicates", "imply_predicates"),
    Row(push_limits, "push_limit", "push_limit"),
    Row(push_limits, "push_top_n", "push_top_n"),
    Row(push_constants, "push_constants", "push_keys"),
    Row(count_rows, "count_rows", "count_rows"),
    Row(point_at, "point_at", "point_at"),
    Row(push_keys, "push_keys", "push_keys"),
    Row(co_fetches, "co_fetch", "co_fetch"),
    Row(child_fetches, "child_fetch", "child_fetch"),
    Row(share_scans, "share_scans", "share_scans"),
)

#: Where the Salesforce connector says what else it sends.
_MODULES = {
    "Orders": order,
    "Counts, extremes, groups": aggregates,
    "Looked-up rows": lookups,
    "Lookups to several kinds": targets,
    "Child rows": children,
    "Lists of keys": keys,
    "What no record can pass": never,
}


@dataclass(frozen=True)
class Described:
    """What a rule's docstring says."""

    shape: str
    sent: str
    promise: str
    why: str


_DOCSTRING = re.compile(
    r"(?P<shape>``.+?``(?:, ``.+?``)*): (?P<why>.+)\n\n"
    r"Sent: (?P<sent>.+)\nPromise: (?P<promise>.+)",
    re.DOTALL,
)


def described(rule: Callable[..., Any]) -> Described:
    """The parts of a rule's docstring.

    Raises:
        ValueError: it has no SQL shape, or does not say what is sent or promised.
    """
    found = _DOCSTRING.fullmatch(inspect.getdoc(rule) or "")
    if found is None:
        raise ValueError(
            f"the docstring of {rule.__name__} must be '``SQL``: why', "
            "then 'Sent: ...' and 'Promise: ...' in the last paragraph"
        )
    return Described(**{name: " ".join(text.split()) for name, text in found.groupdict().items()})


@dataclass(frozen=True)
class Golden:
    """A golden plan that is marked as one where a rule fires, or as one where it must not."""

    row: Row
    fires: bool
    title: str
    query: str
    plan: str

    @property
    def sent(self) -> list[str]:
        """The texts that go to the sources."""
        lines = self.plan.split("\n")
        texts = [after for line, after in pairwise(lines) if _HEAD.match(line)]
        return [text.strip() for text in texts if not text.strip().startswith("(")]


_HEAD = re.compile(r"\d+\. ")
_TITLE = re.compile(r"(?P<no>no )?(?P<mark>[a-z_]+): (?P<title>.+)")


def golden() -> list[Golden]:
    """The marked plans, in the order of the rules; ``# [no ]rule: why`` is a mark."""
    marks = {row.mark: row for row in ROWS}
    found = []
    for file in sorted(FOLDER.glob("*.txt")):
        for words, query, plan in cases(file):
            title = _TITLE.fullmatch(words)
            if title is not None and title["mark"] in marks:
                row = marks[title["mark"]]
                found.append(Golden(row, not title["no"], title["title"], query, plan))
    return sorted(found, key=lambda g: (ROWS.index(g.row), not g.fires))


def misplaced(plans: list[Golden]) -> list[str]:
    """The plans in which a rule does not do as the mark says."""
    return [
        f"{g.row.mark}: {g.title}"
        for g in plans
        if bool(re.search(rf"^ +{g.row.fires_as}: ", g.plan, re.M)) != g.fires
    ]


def _table(head: list[str], rows: Iterator[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = [[" ".join(c.replace("|", "\\|").split()) for c in line] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _code(text: str) -> str:
    return f"`{text}`"


def rules_table() -> str:
    """A line a rule."""
    names: dict[Callable[..., Any], list[str]] = {}
    for row in ROWS:
        names.setdefault(row.rule, []).append(_code(row.fires_as))
    each = [(", ".join(fires_as), described(rule)) for rule, fires_as in names.items()]
    return _table(
        ["SQL shape", "what is sent", "promise", "why", "in EXPLAIN"],
        ([d.shape, *map(_sentence, (d.sent, d.promise, d.why)), name] for name, d in each),
    )


def golden_table() -> str:
    """A line a golden plan."""
    return _table(
        ["rule", "query", "what is sent", ""],
        (
            [
                ("" if g.fires else "not ") + _code(g.row.mark),
                _code(g.query),
                "<br>".join(map(_code, g.sent)) or "nothing",
                g.title,
            ]
            for g in golden()
        ),
    )


def predicates_table() -> str:
    """What Salesforce is sent for a predicate of each rule: the judge is asked."""
    rows = []
    for rule, predicates in SAMPLES.items():
        about = _JOINED if rule is translate else _body(rule).split("\n")[0].rstrip(".")
        for number, predicate in enumerate(predicates):
            found = translate(TABLE, predicate)
            sent = "nothing" if found.condition is None else _code(written(found.condition))
            first = f"**{about}**" if number == 0 else ""
            rows.append([first, _code(sql_of(predicate)), sent, found.promise.name, found.reason])
    return _table(["", "predicate", "what is sent", "promise", "why"], iter(rows))


def modules_text() -> str:
    """What the connector's modules say of the rest."""
    return "\n\n".join(f"### {title}\n\n{_body(module)}" for title, module in _MODULES.items())


#: What `translate` does itself.
_JOINED = "Tests for null, and what AND and OR join"


def _body(what: ModuleType | Callable[..., Any]) -> str:
    return inspect.cleandoc(what.__doc__ or "")


PARTS: dict[str, Callable[[], str]] = {
    "rules": rules_table,
    "golden plans": golden_table,
    "predicates": predicates_table,
    "modules": modules_text,
}


def made(text: str) -> str:
    """The page with its marked parts made anew."""
    for name, part in PARTS.items():
        begin, end = f"<!-- made: {name} -->\n", f"\n<!-- end: {name} -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        if not after:
            raise ValueError(f"{PAGE.name} has no part {name!r}")
        text = f"{before}{begin}\n{part()}\n{end}{after}"
    return text


if __name__ == "__main__":
    PAGE.write_text(made(PAGE.read_text("utf-8")), "utf-8")
