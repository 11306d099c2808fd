"""Predicates in words that look like SQL, for the text of a fragment."""

from __future__ import annotations

from datetime import date, datetime, time

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

__all__ = ["worded"]

_MOST_VALUES = 20


def worded(predicate: Predicate) -> str:
    """The predicate as SQL would write it; long lists are cut.

    >>> worded(And((Compare("year", "=", 2025), Not(IsNull("name")))))
    '(year = 2025 AND name IS NOT NULL)'
    """
    match predicate:
        case Compare(column, op, value):
            return f"{column} {op} {_literal(value)}"
        case In(column, values):
            shown = [_literal(v) for v in values[:_MOST_VALUES]]
            more = [] if len(values) <= _MOST_VALUES else [f"... {len(values)} values"]
            return f"{column} IN ({', '.join(shown + more)})"
        case IsNull(column):
            return f"{column} IS NULL"
        case Not(IsNull(column)):
            return f"{column} IS NOT NULL"
        case Not(part):
            return f"NOT {worded(part)}"
        case Like(column, pattern, case_sensitive):
            word = "LIKE" if case_sensitive else "ILIKE"
            return f"{column} {word} {_literal(pattern)} ESCAPE '\\'"
        case HasItem(column, item, separator):
            return f"list_contains(string_split({column}, {_literal(separator)}), {_literal(item)})"
        case PartIn(column, part, numbers):
            return f"{part}({column}) IN ({', '.join(map(str, numbers))})"
        case And(()):
            return "TRUE"
        case Or(()):
            return "FALSE"
        case And(parts):
            return f"({' AND '.join(worded(p) for p in parts)})"
        case Or(parts):
            return f"({' OR '.join(worded(p) for p in parts)})"


def _literal(value: Value) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, (datetime, date, time)):
        return f"'{value.isoformat()}'"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    return str(value).lower() if isinstance(value, bool) else str(value)
