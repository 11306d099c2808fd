"""Apply a predicate to Arrow batches just as DuckDB would, for predicates sent as SUPERSET.

The batches of one scan are filtered where they arrive, not by DuckDB: a predicate that DuckDB
keeps for itself can't be tied to one of several scans of the same occurrence.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.connectors import patterns
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

__all__ = ["Unfit", "expression"]

_COMPARE = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_PARTS = {"quarter": pc.quarter, "month": pc.month, "day": pc.day}


class Unfit(Exception):
    """The predicate can't be applied to Arrow with DuckDB's meaning."""


def expression(predicates: Sequence[Predicate], schema: pa.Schema) -> pc.Expression | None:
    """One expression for all of the predicates; None for none of them.

    Raises:
        Unfit: a type whose comparison differs between Arrow and DuckDB (floats order NaN
            differently, nested values), a value that its type can't hold, or a pattern without
            case that is not ASCII (the two follow different versions of Unicode).
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
        case Like(column, pattern, case_sensitive):
            return _matches(column, _like(pattern, case_sensitive=case_sensitive), schema)
        case HasItem(column, item, separator):
            return _matches(column, _has_item(item, separator), schema)
        case PartIn(column, part, numbers):
            if not pa.types.is_date32(_type(column, schema)):
                raise Unfit(f"{column} is no date")
            options = pa.array(numbers, pa.int64())
            found = pc.is_in(_PARTS[part](pc.field(column)), options)
            return pc.if_else(pc.is_null(pc.field(column)), pa.scalar(None, pa.bool_()), found)
        case And(parts):
            true = pc.scalar(True)
            return reduce(pc.and_kleene, [_expression(p, schema) for p in parts], true)
        case Or(parts):
            false = pc.scalar(False)
            return reduce(pc.or_kleene, [_expression(p, schema) for p in parts], false)
        case Not(part):
            return pc.invert(_expression(part, schema))


def _matches(column: str, regex: str, schema: pa.Schema) -> pc.Expression:
    kind = _type(column, schema)
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise Unfit(f"{column} is of type {kind}, not text")
    return pc.match_substring_regex(pc.field(column), regex)


def _like(pattern: str, *, case_sensitive: bool) -> str:
    if not (case_sensitive or pattern.isascii()):
        raise Unfit(f"the pattern {pattern!r} is compared without case and is not ASCII")
    spelt = _literally if case_sensitive else _in_any_case
    parts = [
        {"%": ".*", "_": "."}[sign] if wild else spelt(sign)
        for sign, wild in patterns.tokens(pattern)
    ]
    return f"(?s)\\A{''.join(parts)}\\z"


def _literally(text: str) -> str:
    return "".join(f"\\x{{{ord(sign):x}}}" for sign in text)


#: The characters beyond ASCII whose lower case is ASCII, to DuckDB.
_LOWERED = {"i": "\u0130", "k": "\u212a"}


def _in_any_case(sign: str) -> str:
    lower = sign.lower()
    spellings = lower + lower.upper() + _LOWERED.get(lower, "")
    return f"[{_literally(spellings)}]"


def _has_item(item: str, separator: str) -> str:
    if len(separator) != 1:
        raise Unfit(f"items are split at {separator!r}, which is not one character")
    if separator in item:
        return r"[^\x{0}-\x{10ffff}]"  # such an item is never found
    split = _literally(separator)
    return f"(?s)(\\A|{split}){_literally(item)}({split}|\\z)"


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
