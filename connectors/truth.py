"""What a predicate says of one row, plainly: the reference that connectors are tested against.

It follows DuckDB: null makes a comparison unknown, NaN equals NaN and is above every number
(DuckDB documentation, "Floating-Point Types"), and text compares by its UTF-8 bytes.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from math import isnan
from typing import Any, get_args

import pyarrow as pa
from pyarrow import types

from isthmus.connectors import patterns
from isthmus.connectors.predicates import (
    PARTS,
    And,
    Compare,
    Comparison,
    HasItem,
    In,
    IsNull,
    Like,
    Not,
    Or,
    Part,
    PartIn,
    Predicate,
    Value,
)

__all__ = ["passes", "predicates_for", "truth"]

_OPERATORS: tuple[Comparison, ...] = get_args(Comparison)


def passes(predicates: Iterable[Predicate], row: Mapping[str, Any]) -> bool:
    """Whether a row is in the answer: only true lets it in.

    >>> passes([Compare("a", "!=", 1)], {"a": None})
    False
    """
    return all(truth(p, row) is True for p in predicates)


def truth(predicate: Predicate, row: Mapping[str, Any]) -> bool | None:
    """True, false, or None for unknown.

    Args:
        predicate: on columns of the row.
        row: values by column, as Arrow's `to_pylist` gives them.

    >>> truth(Not(In("a", (1, 2))), {"a": 3}), truth(Not(In("a", (1, 2))), {"a": None})
    (True, None)
    """
    match predicate:
        case Compare(column, op, value):
            found = row[column]
            return None if found is None else _compared(found, op, value)
        case In(column, values):
            found = row[column]
            return None if found is None else any(_compared(found, "=", v) for v in values)
        case IsNull(column):
            return row[column] is None
        case Like(column, pattern, case_sensitive):
            found = row[column]
            return None if found is None else _matches(found, pattern, case_sensitive)
        case HasItem(column, item, separator):
            found = row[column]
            return None if found is None else item in found.split(separator)
        case PartIn(column, part, numbers):
            found = row[column]
            return None if found is None else _part(found, part) in numbers
        case Not(part):
            inner = truth(part, row)
            return None if inner is None else not inner
        case And(parts):
            found = [truth(p, row) for p in parts]
            return False if False in found else None if None in found else True
        case Or(parts):
            found = [truth(p, row) for p in parts]
            return True if True in found else None if None in found else False


def predicates_for(schema: pa.Schema, rows: Sequence[Mapping[str, Any]]) -> Iterator[Predicate]:
    """Predicates on every column, made from the values that the table holds.

    Values at, just below and just above what is there; null tests; lists; each also negated;
    and combinations across columns. The same table gives the same predicates.
    """
    plain: list[Predicate] = []
    for field in schema:
        plain += _column_predicates(field, [r[field.name] for r in rows])
    yield from plain
    yield from (Not(p) for p in plain)
    chosen = random.Random(0).sample(plain, len(plain))
    for a, b in pairwise(chosen):
        yield And((a, b))
        yield Or((a, Not(b)))
        yield Not(Or((And((a, b)), Not(a))))


def _column_predicates(field: pa.Field, values: Sequence[Any]) -> Iterator[Predicate]:
    name = field.name
    yield IsNull(name)
    known = sorted({v for v in values if _usable(v)}, key=_key)
    if types.is_nested(field.type) or not known:
        return
    picked = list(dict.fromkeys([known[0], known[len(known) // 2], known[-1]]))
    beside = [n for v in picked for n in _neighbours(v, field.type)]
    for value in [*picked, *beside]:
        for op in _OPERATORS:
            yield Compare(name, op, value)
    yield In(name, tuple(picked))
    yield In(name, (*beside[:2], picked[0]))
    if types.is_date(field.type):
        for part, greatest in PARTS.items():
            numbers = sorted({_part(day, part) for day in picked})
            yield PartIn(name, part, tuple(numbers))
            yield PartIn(name, part, (1, greatest))
    if types.is_string(field.type) or types.is_large_string(field.type):
        yield from _patterns(name, picked)


def _patterns(name: str, texts: Sequence[str]) -> Iterator[Predicate]:
    """What begins, ends, holds and is like the texts; their first item; other spellings."""
    for text in texts:
        start, end, middle = (patterns.literally(t) for t in (text[:3], text[-3:], text[1:4]))
        yield Like(name, f"{start}%")
        yield Like(name, f"%{end}")
        yield Like(name, f"%{middle}%")
        yield Like(name, f"{start.swapcase()}%", case_sensitive=False)
        yield Like(name, patterns.literally(text.swapcase()), case_sensitive=False)
        yield Like(name, f"{patterns.literally(text[:1])}_{patterns.literally(text[2:])}")
        yield HasItem(name, text.split(";")[0])
        yield HasItem(name, text.split(";")[-1].swapcase())


def _usable(value: Any) -> bool:
    nan = isinstance(value, float) and isnan(value)
    return isinstance(value, get_args(Value)) and not nan


def _neighbours(value: Any, kind: pa.DataType) -> list[Any]:
    """Values of the type beside one: what a careless translation would round to it."""
    match value:
        case bool():
            return [not value]
        case int():
            return [v for v in (value - 1, value + 1) if _holds(v, kind)]
        case Decimal():
            step = Decimal(1).scaleb(-kind.scale)
            return [v for v in (value - step, value + step) if _holds(v, kind)]
        case datetime():
            coarse = types.is_timestamp(kind) and kind.unit in ("s", "ms")
            tick = timedelta(seconds=1) if coarse else timedelta(microseconds=1)
            return [value - tick, value + tick]
        case date():
            return [value - timedelta(days=1), value + timedelta(days=1)]
        case str():
            return [v for v in (value + " ", value.swapcase(), value[:-1]) if v != value]
        case bytes():
            return [value + b"\0"]
        case float():
            return [value - 1.0, value + 0.5]
    return []


def _holds(value: Any, kind: pa.DataType) -> bool:
    try:
        pa.scalar(value, kind)
    except (pa.ArrowException, OverflowError, ValueError):
        return False
    return True


def _compared(left: Any, op: Comparison, right: Value) -> bool:
    a, b = _key(left), _key(right)
    match op:
        case "=":
            return bool(a == b)
        case "!=":
            return bool(a != b)
        case "<":
            return bool(a < b)
        case "<=":
            return bool(a <= b)
        case ">":
            return bool(a > b)
        case ">=":
            return bool(a >= b)


def _matches(text: str, pattern: str, case_sensitive: bool) -> bool:
    parts = patterns.tokens(pattern)
    if not case_sensitive:
        text = _lower(text)
        parts = tuple((sign if wild else _lower(sign), wild) for sign, wild in parts)
    spelt = [{"%": ".*", "_": "."}[s] if wild else re.escape(s) for s, wild in parts]
    return re.fullmatch("".join(spelt), text, re.DOTALL) is not None


def _part(day: date, part: Part) -> int:
    match part:
        case "quarter":
            return (day.month + 2) // 3
        case "month":
            return day.month
        case "day":
            return day.day


def _lower(text: str) -> str:
    """Each character on its own, to one character: DuckDB's way."""
    return "".join("i" if sign == "\u0130" else sign.lower() for sign in text)


def _key(value: Any) -> Any:
    """A value that Python compares as DuckDB compares the original."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass")
    if isinstance(value, float):
        return (1, 0.0) if isnan(value) else (0, value)
    return value
