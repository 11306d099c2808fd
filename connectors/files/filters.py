"""Predicates as Arrow filters, for the types where Arrow and DuckDB agree on every comparison."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from isthmus.connectors.predicates import (
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

__all__ = ["agrees", "expression", "fits"]

_COMPARE = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


def agrees(kind: pa.DataType) -> bool:
    """Whether Arrow compares values of the type just as DuckDB does.

    Floats do not: NaN equals nothing in Arrow and is the greatest number in DuckDB. Nested
    values can't be compared in Arrow. Nanoseconds are finer than a predicate's value.
    """
    if types.is_timestamp(kind) or types.is_time(kind):
        return bool(kind.unit != "ns")
    return bool(
        types.is_integer(kind)
        or types.is_boolean(kind)
        or types.is_decimal128(kind)
        or types.is_date32(kind)
        or kind in (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())
    )


def fits(value: Value, kind: pa.DataType) -> bool:
    """Whether a predicate's value can be held exactly in the type that is compared in."""
    try:
        return bool(pa.scalar(value, _compared(kind)).as_py() == value)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return False


def expression(predicates: Sequence[Predicate], schema: pa.Schema) -> pc.Expression:
    """One filter for all of the predicates, of which there is at least one.

    Args:
        predicates: on columns whose types `agrees`, with values that `fits`; no patterns.
        schema: the types.
    """
    return reduce(lambda a, b: a & b, (_expression(p, schema) for p in predicates))


def _expression(predicate: Predicate, schema: pa.Schema) -> pc.Expression:
    match predicate:
        case Compare(column, op, value):
            kind = schema.field(column).type
            return _COMPARE[op](pc.field(column), pa.scalar(value, _compared(kind)))
        case In(column, values):
            kind = _compared(schema.field(column).type)
            found = pc.is_in(pc.field(column).cast(kind), pa.array(values, kind))
            # `is_in` says false for null where SQL says unknown, which matters below a NOT.
            return pc.if_else(pc.is_null(pc.field(column)), pa.scalar(None, pa.bool_()), found)
        case IsNull(column):
            return pc.is_null(pc.field(column))
        case Like() | HasItem() | PartIn():
            raise AssertionError("patterns and parts of dates are judged LOCAL")
        case And(parts):
            true = pc.scalar(True)
            return reduce(pc.and_kleene, [_expression(p, schema) for p in parts], true)
        case Or(parts):
            false = pc.scalar(False)
            return reduce(pc.or_kleene, [_expression(p, schema) for p in parts], false)
        case Not(part):
            return pc.invert(_expression(part, schema))


def _compared(kind: pa.DataType) -> pa.DataType:
    """DuckDB's timestamps and times count microseconds, whatever the file's unit."""
    if types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    if types.is_time(kind):
        return pa.time64("us")
    return kind
