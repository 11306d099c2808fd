"""A predicate as SQL, for EXPLAIN."""

from __future__ import annotations

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

__all__ = ["sql_of"]

_LISTED = 10


def sql_of(predicate: Predicate) -> str:
    """The predicate in words that a reader of SQL knows; a long list is cut.

    >>> sql_of(Not(IsNull("Name")))
    'Name IS NOT NULL'
    >>> sql_of(And((Compare("a", "=", "it's"), In("b", (1, 2)))))
    "(a = 'it''s' AND b IN (1, 2))"
    """
    match predicate:
        case Compare(column, op, value):
            return f"{column} {op} {_constant(value)}"
        case In(column, values):
            shown = [_constant(v) for v in values[:_LISTED]]
            if len(values) > _LISTED:
                shown.append(f"… {len(values):,} in all")
            return f"{column} IN ({', '.join(shown)})"
        case IsNull(column):
            return f"{column} IS NULL"
        case Not(IsNull(column)):
            return f"{column} IS NOT NULL"
        case Like(column, pattern, case_sensitive):
            word = "LIKE" if case_sensitive else "ILIKE"
            return f"{column} {word} {_constant(pattern)}"
        case HasItem(column, item, separator):
            return (
                f"list_contains(string_split({column}, {_constant(separator)}), {_constant(item)})"
            )
        case PartIn(column, part, numbers):
            return f"{part}({column}) IN ({', '.join(map(str, numbers))})"
        case Not(part):
            return f"NOT ({sql_of(part)})"
        case And(parts):
            return _joined(parts, " AND ", "true")
        case Or(parts):
            return _joined(parts, " OR ", "false")


def _joined(parts: tuple[Predicate, ...], word: str, empty: str) -> str:
    return f"({word.join(sql_of(p) for p in parts)})" if parts else empty


def _constant(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value) if isinstance(value, (int, float, bytes)) else f"'{value}'"
