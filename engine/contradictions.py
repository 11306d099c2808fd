"""Predicates that no row can pass together: then nothing has to be asked of the source.

Only what follows from the predicates themselves, from a column's type and from what its source
vouches for. A restricted picklist is no ground: records keep values that were made inactive, or
were stored before it was restricted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Final

import pyarrow as pa

from isthmus.catalog.model import Table
from isthmus.connectors.predicates import (
    OPPOSITE,
    And,
    Compare,
    HasItem,
    In,
    IsNull,
    Like,
    Not,
    Or,
    PartIn,
    Predicate,
    Value,
)
from isthmus.connectors.truth import passes

__all__ = ["Refutes", "is_contradiction"]

#: A source's own knowledge: why no row of the table can pass a predicate, or None.
Refutes = Callable[[Predicate], str | None]

#: Alternatives are followed into so many levels of OR.
_LEVELS: Final = 4


def is_contradiction(
    predicates: Iterable[Predicate], table: Table, refutes: Refutes | None = None
) -> str | None:
    """Why no row of the table can pass all of the predicates, in words; None if one might.

    Args:
        predicates: over the table's columns.
        table: the table.
        refutes: what the source knows of its own values, if it is asked.
    """
    return _contradiction(predicates, table, refutes, _LEVELS)


def _contradiction(
    predicates: Iterable[Predicate], table: Table, refutes: Refutes | None, levels: int
) -> str | None:
    conjuncts = list(dict.fromkeys(c for p in predicates for c in _conjuncts(p)))
    plain = [c for c in conjuncts if not isinstance(c, Or)]
    for conjunct in plain:
        if refutes is not None and (reason := refutes(conjunct)) is not None:
            return reason
    names = dict.fromkeys(name for c in plain if (name := _column(c)) is not None)
    for name in names:
        reason = _on_column(name, [c for c in plain if _column(c) == name], table)
        if reason is not None:
            return reason
    for choice in conjuncts:
        if isinstance(choice, Or) and levels:
            reasons = [
                _contradiction([*plain, part], table, refutes, levels - 1) for part in choice.parts
            ]
            known = [r for r in reasons if r is not None]
            if len(known) == len(reasons):
                return "; ".join(dict.fromkeys(known[:3])) or "nothing is allowed"
    return None


def _conjuncts(predicate: Predicate) -> Iterator[Predicate]:
    """What must all hold, with NOT pushed inwards as far as it goes."""
    match predicate:
        case And(parts):
            for part in parts:
                yield from _conjuncts(part)
        case Not(Not(part)):
            yield from _conjuncts(part)
        case Not(Or(parts)):
            for part in parts:
                yield from _conjuncts(Not(part))
        case Not(And(parts)):
            yield Or(tuple(Not(part) for part in parts))
        case Not(Compare(column, op, value)):
            yield Compare(column, OPPOSITE[op], value)
        case Or((part,)):
            yield from _conjuncts(part)
        case _:
            yield predicate


def _column(predicate: Predicate) -> str | None:
    match predicate:
        case (
            Compare(column)
            | In(column)
            | IsNull(column)
            | Like(column)
            | HasItem(column)
            | PartIn(column)
        ):
            return column
        case Not(part):
            return _column(part)
    return None


def _on_column(name: str, conjuncts: Sequence[Predicate], table: Table) -> str | None:
    column = table.column(name)
    if IsNull(name) in conjuncts:
        if not column.nullable:
            return f"{name} is never null"
        if len(conjuncts) > 1:
            return f"{name} can't be null and anything else"
        return None
    lists = [values for c in conjuncts if (values := _listed(c)) is not None]
    if lists:
        return _without_values(name, lists, conjuncts)
    if pa.types.is_boolean(column.type):
        return _without_values(name, [(True, False)], conjuncts)
    return _empty_range(name, conjuncts, column.type)


def _listed(predicate: Predicate) -> tuple[Value, ...] | None:
    match predicate:
        case Compare(_, "=", value):
            return (value,)
        case In(_, values):
            return values
    return None


def _without_values(
    name: str, lists: Sequence[tuple[Value, ...]], conjuncts: Sequence[Predicate]
) -> str | None:
    """No listed value passes everything else."""
    try:
        found = any(passes(conjuncts, {name: value}) for value in min(lists, key=len))
    except (TypeError, AttributeError):  # a value of another kind than the others
        return None
    if found:
        return None
    return f"no value of {name} passes all of its conditions"


def _empty_range(name: str, conjuncts: Sequence[Predicate], kind: pa.DataType) -> str | None:
    bounds = [c for c in conjuncts if isinstance(c, Compare)]
    lows = [_inclusive(c.value, c.op, kind) for c in bounds if c.op in (">", ">=")]
    highs = [_inclusive(c.value, c.op, kind) for c in bounds if c.op in ("<", "<=")]
    for low, above in lows:
        for high, below in highs:
            try:
                if low > high or (low == high and (above or below)):  # type: ignore[operator]
                    return f"no value of {name} is within its bounds"
            except TypeError:  # of two kinds
                continue
    return None


def _inclusive(value: Value, op: str, kind: pa.DataType) -> tuple[Value, bool]:
    """A bound, and whether itself is excluded; of whole values, the next one is included."""
    excluded = op in ("<", ">")
    step = 1 if op == ">" else -1
    if not excluded:
        return value, False
    if pa.types.is_integer(kind) and type(value) is int:
        return value + step, False
    if pa.types.is_date32(kind) and type(value) is date and date.min < value < date.max:
        return value + timedelta(days=step), False
    return value, True
