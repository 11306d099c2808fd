"""Apply a predicate to Arrow batches just as DuckDB would, for predicates sent as SUPERSET.

The batches of one scan are filtered where they arrive, not by DuckDB: a predicate that DuckDB
keeps for itself can't be tied to one of several scans of the same occurrence.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.connectors.predicates import And, Compare, In, IsNull, Not, Or, Predicate, Value

__all__ = ["Unfit", "expression"]

_COMPARE = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}


class Unfit(Exception):
    """The predicate can't be applied to Arrow with DuckDB's meaning."""


def expression(predicates: Sequence[Predicate], schema: pa.Schema) -> pc.Expression | None:
    """One expression for all of the predicates; None for none of them.

    Raises:
        Unfit: a type whose comparison differs between Arrow and DuckDB (floats order NaN
            differently, nested values), or a value that its type can't hold.
    """
    parts = [_expression(p, schema) for p in predicates]
    return reduce(lambda a, b: a & b, parts) if parts else None


def _expression(predicate: Predicate, schema: pa.Schema) -> pc.Expression:
    match predicate:
        case Compare(column, op, value):
            kind = _type(column, schema)
            return _COMPARE[op](pc.field(column), pc.scalar(_scalar(value, kind)))
        case In(column, values):
            kind = _type(column, schema)
            options = pa.array([_scalar(v, kind).as_py() for v in values], _wide(kind))
            found = pc.is_in(pc.field(column).cast(_wide(kind)), options)
            # `is_in` answers false for null, where SQL says unknown: it matters below a NOT.
            return pc.if_else(pc.is_null(pc.field(column)), pa.scalar(None, pa.bool_()), found)
        case IsNull(column):
            _type(column, schema)
            return pc.is_null(pc.field(column))
        case And(parts):
            return reduce(pc.and_kleene, [_expression(p, schema) for p in parts])
        case Or(parts):
            return reduce(pc.or_kleene, [_expression(p, schema) for p in parts])
        case Not(part):
            return pc.invert(_expression(part, schema))


def _type(column: str, schema: pa.Schema) -> pa.DataType:
    kind = schema.field(column).type
    if pa.types.is_floating(kind) or pa.types.is_nested(kind) or pa.types.is_dictionary(kind):
        raise Unfit(f"{column} is of type {kind}")
    return kind


def _wide(kind: pa.DataType) -> pa.DataType:
    """The type to compare in: DuckDB's timestamps and times count microseconds."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    if pa.types.is_time(kind):
        return pa.time64("us")
    return kind


def _scalar(value: Value, kind: pa.DataType) -> pa.Scalar:
    try:
        return pa.scalar(value, _wide(kind))
    except (pa.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise Unfit(f"{value!r} does not fit {kind}") from error
