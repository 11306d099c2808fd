"""About how many rows pass, between which bounds, and how that is known.

Bounds are promises as far as the count is one: they come from keys that find at most one row, and
from how far a count may be off. The likeliest number comes from what earlier answers have taught,
else from the describe, else it is a guess by the kind of predicate. All of it only chooses plans
and fills in bills.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from isthmus.catalog.model import Column, RowCount, Table
from isthmus.catalog.statistics import ColumnFacts, TableFacts, age_in_words
from isthmus.connectors.intervals import interval_share
from isthmus.connectors.predicates import (
    PARTS,
    And,
    Compare,
    In,
    IsNull,
    Not,
    Or,
    PartIn,
    Predicate,
    Value,
)
from isthmus.connectors.shares import answer_key, shape_key, told_key, values_of

__all__ = [
    "UNKNOWN_ROWS",
    "Rows",
    "distinct",
    "equal_share",
    "is_known",
    "most_rows",
    "rows_passing",
    "share",
    "values_expected",
]

#: Where the org does not say how many rows there are.
UNKNOWN_ROWS: Final = 10_000

EQUAL: Final = 0.02
#: Rows that one value finds in a column of names, numbers of one's own or lookups: a guess.
ROWS_OF_ONE: Final = 5.0
_OFTEN_NEARLY_UNIQUE: Final = frozenset({"email", "phone", "reference", "string", "url"})
#: A checkbox is unchecked until somebody checks it.
CHECKED: Final = 0.33
#: What the org sets itself, and never to a time to come.
_PAST: Final = frozenset({"CreatedDate", "LastModifiedDate", "SystemModstamp"})
NULL: Final = 0.1
MATCH: Final = 0.1

#: How far the org's own count may be off: a part, so many rows, and a part for each hour of age.
#: It is "approximate" (REST API Developer Guide, "Record Count"); recordings show 0 for 6.
_DRIFT: Final = 0.1
_SLACK: Final = 200
_DRIFT_AN_HOUR: Final = 0.05


@dataclass(frozen=True)
class Rows:
    """How many rows there are.

    Attributes:
        low: not fewer.
        likely: the best guess.
        high: not more; None where nobody can tell.
        basis: how it is known, in words.
    """

    low: int
    likely: float
    high: int | None
    basis: str

    def at_most(self, rows: int) -> Rows:
        """The same, cut off by a LIMIT."""
        high = rows if self.high is None else min(self.high, rows)
        return Rows(min(self.low, rows), min(self.likely, rows), high, self.basis)


def rows_passing(
    table: Table,
    sent: Iterable[Predicate],
    count: RowCount | None,
    facts: TableFacts,
    *,
    options: Iterable[str] = (),
    now: float | None = None,
    applied: Iterable[Predicate] | None = None,
) -> Rows:
    """How many rows pass what the org applies.

    Args:
        table: the object.
        sent: the predicates that are sent.
        count: about how many rows the object has.
        facts: what earlier answers have taught.
        options: of the scan; any of them widens what is counted.
        now: seconds since 1970.
        applied: what the org makes of them, where it lets more rows through.
    """
    now = time.time() if now is None else now
    sent, options = tuple(sent), tuple(options)
    applied = sent if applied is None else tuple(applied)
    whole = _whole(count, bool(options), now)
    if not sent:
        return whole
    bound = _least([_most(table, p) for p in sent])
    high = _least([whole.high, bound])
    likely, basis = _likely(table, sent, applied, options, whole, facts, now)
    if high is not None:
        likely = min(likely, float(high))
    return Rows(0, likely, high, basis)


def _whole(count: RowCount | None, wider: bool, now: float) -> Rows:
    if count is None:
        return Rows(0, float(UNKNOWN_ROWS), None, "no row count known")
    age = 0.0 if count.at is None else max(now - count.at, 0.0)
    words = age_in_words(age)
    basis = count.basis if words == "fresh" else f"{count.basis}, {words}"
    if count.exact:
        low = high = count.rows
    elif not count.rows:  # the org leaves objects out that it does not count
        return Rows(0, 0.0, None, basis)
    else:
        off = math.ceil(count.rows * (_DRIFT + _DRIFT_AN_HOUR * age / 3600)) + _SLACK
        low, high = max(count.rows - off, 0), count.rows + off
    return Rows(low, float(count.rows), None if wider else high, basis)


def _likely(
    table: Table,
    sent: Sequence[Predicate],
    applied: Sequence[Predicate],
    options: Sequence[str],
    whole: Rows,
    facts: TableFacts,
    now: float,
) -> tuple[float, str]:
    """The likeliest number that passes, and how it is known."""
    key = answer_key(sent, options)
    known = facts.shares.get(key) if key is not None else None
    if known is not None:
        answers = f"{known.times} answer{'' if known.times == 1 else 's'}"
        words = age_in_words(max(now - known.at, 0.0))
        learnt = f"learnt from {answers}{'' if words == 'fresh' else f', {words}'}"
        return max(known.share * whole.likely, 0.0), learnt
    told = facts.shares.get(told_key(key)) if key is not None else None
    if told is not None and not is_known(table, sent, facts, options):
        words = age_in_words(max(now - told.at, 0.0))
        plan = f"the org's own plan{'' if words == 'fresh' else f', {words}'}"
        return told.share * whole.likely, f"{whole.basis}, times {told.share:.2g} by {plan}"
    kept = share(table, And(tuple(applied)), whole.likely, facts, now=now)
    taught = all(_is_taught(table, p, facts) for p in applied)
    how = "from values seen" if taught else "a guess"
    return whole.likely * kept, f"{whole.basis}, times {kept:.2g} for the filter ({how})"


def is_known(
    table: Table, sent: Sequence[Predicate], facts: TableFacts, options: Iterable[str] = ()
) -> bool:
    """Whether answers have taught what part of the rows passes."""
    key = answer_key(sent, options)
    return key in facts.shares or all(_is_taught(table, p, facts) for p in sent)


def most_rows(table: Table, sent: Iterable[Predicate]) -> int | None:
    """The most rows that can pass, where keys say so."""
    return _least(_most(table, p) for p in sent)


def _most(table: Table, predicate: Predicate) -> int | None:
    """The most rows that can pass, where keys say so."""
    match predicate:
        case Compare(column=name, op="=") if _is_key(table, name):
            return 1
        case In(column=name, values=values) if _is_key(table, name):
            return len(values)
        case And(parts=parts):
            return _least([_most(table, p) for p in parts])
        case Or(parts=parts):
            bounds = [_most(table, p) for p in parts]
            known = [b for b in bounds if b is not None]
            return sum(known) if len(known) == len(bounds) else None
        case _:
            return None


def _least(bounds: Iterable[int | None]) -> int | None:
    return min((b for b in bounds if b is not None), default=None)


def _is_key(table: Table, name: str) -> bool:
    """Whether a value finds one row at most, the way that the org compares.

    It compares text without case: where the field tells cases apart, a value may find several.
    """
    if (name,) == table.primary_key:
        return True
    properties = table.column(name).properties
    return bool(properties.get("unique")) and not properties.get("case_sensitive")


def share(
    table: Table, predicate: Predicate, rows: float, facts: TableFacts, *, now: float | None = None
) -> float:
    """About what part of the rows passes, between 0 and 1."""
    now = time.time() if now is None else now
    learnt = _learnt(predicate, facts)
    if learnt is not None:
        return learnt
    match predicate:
        case Compare(column=name, op="=", value=value):
            return _value_share(table, name, value, rows, facts)
        case Compare(column=name, op="!=", value=value):
            equal = _value_share(table, name, value, rows, facts)
            return max(0.0, 1.0 - _null_share(table, name, facts) - equal)
        case Compare(column=name):
            return _interval(name, [predicate], facts, now)
        case In(column=name, values=values):
            return min(1.0, sum(_value_share(table, name, v, rows, facts) for v in values))
        case IsNull(column=name):
            return _null_share(table, name, facts)
        case PartIn(part=part, numbers=numbers):
            return len(numbers) / PARTS[part]
        case Not(part=part):
            return max(0.0, 1.0 - share(table, part, rows, facts, now=now))
        case And():
            return _share_of_all(table, _parts(predicate), rows, facts, now)
        case Or(parts=parts):
            return min(1.0, sum(share(table, part, rows, facts, now=now) for part in parts))
        case _:
            return MATCH


def _parts(predicate: Predicate) -> tuple[Predicate, ...]:
    """All that must hold, each once."""
    if not isinstance(predicate, And):
        return (predicate,)
    return tuple(dict.fromkeys(p for part in predicate.parts for p in _parts(part)))


def _share_of_all(
    table: Table, parts: Sequence[Predicate], rows: float, facts: TableFacts, now: float
) -> float:
    """Columns are taken as independent; the bounds of one column are one interval."""
    bounds: dict[str, list[Compare]] = {}
    for part in parts:
        if isinstance(part, Compare) and part.op[0] in "<>":
            bounds.setdefault(part.column, []).append(part)
    several = {name: found for name, found in bounds.items() if len(found) > 1}
    intervals = math.prod(_interval(name, b, facts, now) for name, b in several.items())
    rest = [p for p in parts if not (isinstance(p, Compare) and p in several.get(p.column, ()))]
    return intervals * math.prod(share(table, p, rows, facts, now=now) for p in rest)


def _interval(name: str, bounds: Sequence[Compare], facts: TableFacts, now: float) -> float:
    return interval_share(facts.columns.get(name), bounds, now, past=name in _PAST)


def _learnt(predicate: Predicate, facts: TableFacts) -> float | None:
    """The share of just this predicate, else of its kind, in earlier answers."""
    just_this = answer_key([predicate])
    if just_this is not None and just_this in facts.shares:
        return facts.shares[just_this].share
    if isinstance(predicate, In):
        return None  # value by value
    key = shape_key(predicate)
    known = facts.shares.get(key) if key is not None else None
    return None if known is None else min(1.0, known.share * values_of(predicate))


def _is_taught(table: Table, predicate: Predicate, facts: TableFacts) -> bool:
    match predicate:
        case Compare(column=name) | In(column=name) | IsNull(column=name):
            known = name in facts.columns or shape_key(predicate) in facts.shares
            return known or _is_key(table, name)
        case And(parts=parts) | Or(parts=parts):
            return all(_is_taught(table, p, facts) for p in parts)
        case Not(part=part):
            return _is_taught(table, part, facts)
        case _:
            return False


def _value_share(table: Table, name: str, value: Value, rows: float, facts: TableFacts) -> float:
    """The part that just this value finds."""
    learnt = facts.shares.get(answer_key([Compare(name, "=", value)]) or "")
    if learnt is not None:
        return learnt.share
    if isinstance(value, bool):
        other = facts.shares.get(answer_key([Compare(name, "=", not value)]) or "")
        if other is not None:
            return max(0.0, 1.0 - _null_share(table, name, facts) - other.share)
        if name not in facts.columns:
            return CHECKED if value else 1.0 - CHECKED
    return equal_share(table, name, rows, facts)


def _null_share(table: Table, name: str, facts: TableFacts) -> float:
    column = table.column(name)
    if not column.nullable or column.properties.get("nillable") is False:
        return 0.0
    known = facts.columns.get(name)
    return NULL if known is None else known.null_share


def equal_share(table: Table, name: str, rows: float, facts: TableFacts) -> float:
    """The part that one value finds, whichever it is.

    A key finds one row, a choice of a list its share of them, another as many as any, or a small
    part.
    """
    learnt = facts.shares.get(f"{name} =")
    if learnt is not None:
        return learnt.share
    column = table.column(name)
    if _is_key(table, name):
        return 1.0 / max(rows, 1.0)
    known = facts.columns.get(name)
    if known is not None and known.seen:
        return (1.0 - known.null_share) / distinct(known, rows)
    return (1.0 - _null_share(table, name, facts)) / values_expected(column, rows)


def values_expected(column: Column, rows: float) -> float:
    """About how many values a column has of which no answer has been seen."""
    if column.source_type == "boolean":
        return 2.0
    if column.source_type == "picklist" and column.properties.get("choices"):
        return float(column.properties["choices"])
    if column.source_type in _OFTEN_NEARLY_UNIQUE:
        return max(1.0 / EQUAL, rows / ROWS_OF_ONE)
    return 1.0 / EQUAL


def distinct(known: ColumnFacts, rows: float) -> float:
    """How many values there are in all, if the rows looked at are like the others."""
    present = known.seen - known.nulls
    if present and known.distinct > 0.9 * present and known.seen < rows:
        return max(known.distinct * rows / known.seen, 1.0)  # nearly each row had its own
    return float(max(known.distinct, 1))
