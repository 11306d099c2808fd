"""What a sync asks of its subject: which columns, and which rows of all there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from isthmus.connectors.predicates import (
    And,
    Compare,
    In,
    IsNull,
    Not,
    Or,
    Predicate,
    Value,
)
from isthmus.errors import ConfigError

__all__ = ["Ask", "Window", "predicates", "sql_condition"]


@dataclass(frozen=True)
class Window:
    """A stretch of a cursor's time: from `start` on, and before `end`.

    Attributes:
        nulls: rows without a cursor belong to every window, since nothing tells when they change.
    """

    cursor: str
    start: datetime
    end: datetime
    nulls: bool = False


@dataclass(frozen=True)
class Ask:
    """Rows of the subject.

    Attributes:
        columns: names to return, in this order.
        window: only rows that changed in it.
        filled: only rows in which one of these is not null.
        keys: only the rows of these keys.
        after: only rows whose key comes after this one, in the source's own order.
        with_deleted: deleted rows as well.
    """

    columns: tuple[str, ...]
    window: Window | None = None
    filled: tuple[str, ...] = ()
    keys: tuple[tuple[Value, ...], ...] | None = None
    after: str | None = None
    with_deleted: bool = False


def predicates(ask: Ask, key: tuple[str, ...], schema: pa.Schema) -> tuple[Predicate, ...]:
    """What must hold of a row.

    Raises:
        ConfigError: the cursor is no time.
    """
    parts: list[Predicate] = []
    if ask.window is not None:
        parts += _within(ask.window, schema.field(ask.window.cursor).type)
    if ask.filled:
        parts.append(Or(tuple(Not(IsNull(name)) for name in ask.filled)))
    if ask.keys is not None and len(key) == 1:
        parts.append(In(key[0], tuple(values[0] for values in ask.keys)))
    elif ask.keys is not None:
        parts.append(Or(tuple(_same(key, values) for values in ask.keys)))
    return tuple(parts)


def _same(key: tuple[str, ...], values: tuple[Value, ...]) -> Predicate:
    return And(tuple(Compare(name, "=", v) for name, v in zip(key, values, strict=True)))


def _within(window: Window, type: pa.DataType) -> list[Predicate]:
    name = window.cursor
    low: Predicate = Compare(name, ">=", _moment(name, window.start, type))
    # a day is over only when the next one has begun, so the last one is read again
    op: Any = "<=" if pa.types.is_date(type) else "<"
    high: Predicate = Compare(name, op, _moment(name, window.end, type))
    if not window.nulls:
        return [low, high]
    return [Or((And((low, high)), IsNull(name)))]


def _moment(name: str, at: datetime, type: pa.DataType) -> datetime | date:
    if pa.types.is_date(type):
        return at.astimezone(UTC).date()
    if not pa.types.is_timestamp(type):
        raise ConfigError(
            f"the cursor {name} is of type {type}",
            remedy="Name a column that holds the time of a row's last change.",
        )
    return at if type.tz is not None else at.astimezone(UTC).replace(tzinfo=None)


def sql_condition(parts: tuple[Predicate, ...]) -> str:
    """The predicates as SQL that DuckDB runs, every value in full."""
    return " AND ".join(map(_sql, parts)) if parts else "true"


def _sql(predicate: Predicate) -> str:
    match predicate:
        case Compare(column, op, value):
            return f"{_name(column)} {op} {_constant(value)}"
        case In(column, values):
            return f"{_name(column)} IN ({', '.join(map(_constant, values))})"
        case IsNull(column):
            return f"{_name(column)} IS NULL"
        case Not(part):
            return f"NOT ({_sql(part)})"
        case And(parts):
            return f"({' AND '.join(map(_sql, parts))})"
        case Or(parts):
            return f"({' OR '.join(map(_sql, parts))})"
    raise AssertionError(f"a sync never asks for {predicate}")


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _constant(value: Value) -> str:
    if isinstance(value, datetime):
        kind = "TIMESTAMP" if value.tzinfo is None else "TIMESTAMPTZ"
        return f"{kind} '{value.isoformat(' ')}'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, bool) or not isinstance(value, str | bytes):
        return str(value)
    if isinstance(value, bytes):
        return "'" + "".join(f"\\x{byte:02x}" for byte in value) + "'::BLOB"
    return "'" + value.replace("'", "''") + "'"
