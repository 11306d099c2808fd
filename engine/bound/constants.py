"""Constants as a plan writes them out: ``{"type": {"id": ...}, "is_null": ..., "value": ...}``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from math import isnan
from typing import Any, Final

from isthmus.connectors.predicates import Value

__all__ = ["WHOLE", "Interval", "Literal", "Untold", "read_constant"]


class Untold(Exception):
    """A value that our own words can't say: beyond Python's dates, NaN, a type not known."""


@dataclass(frozen=True)
class Interval:
    """DuckDB's interval: its three parts are added one after another."""

    months: int
    days: int
    micros: int


#: What a constant is here. A tuple is a list; None is null.
Literal = Value | Interval | tuple[Any, ...] | None

WHOLE: Final = frozenset(
    f"{sign}{name}"
    for sign in ("", "U")
    for name in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
)

_EPOCH: Final = datetime(1970, 1, 1)
_DAY: Final = 86_400_000_000


def read_constant(written: Mapping[str, Any]) -> Literal:
    """The value of a constant.

    >>> read_constant({"type": {"id": "DATE"}, "is_null": False, "value": 19723})
    datetime.date(2024, 1, 1)

    Raises:
        Untold: our own words can't say it.
    """
    return _read(written["type"], written)


def _read(kind: Mapping[str, Any], written: Mapping[str, Any]) -> Literal:
    if written.get("is_null"):
        return None
    value = written["value"]
    try:
        return _value(str(kind["id"]), kind.get("type_info") or {}, value)
    except (OverflowError, TypeError, ValueError, KeyError) as error:
        raise Untold(f"{value!r} of type {kind['id']}") from error


def _value(name: str, more: Mapping[str, Any], value: Any) -> Literal:
    if name in WHOLE:
        return _whole(value)
    match name:
        case "BOOLEAN":
            return bool(value)
        case "VARCHAR":
            return str(value)
        case "DECIMAL":
            return Decimal(_whole(value)).scaleb(-int(more["scale"]))
        case "FLOAT" | "DOUBLE":
            if not isinstance(value, (int, float)) or isnan(value):
                raise Untold(f"{value!r} has no place in an order of numbers")
            return float(value)
        case "DATE":
            return _EPOCH.date() + timedelta(days=value)
        case "TIME":
            return _time(int(value))
        case "TIMESTAMP":
            return _EPOCH + timedelta(microseconds=value)
        case "TIMESTAMP_MS":
            return _EPOCH + timedelta(milliseconds=value)
        case "TIMESTAMP_S":
            return _EPOCH + timedelta(seconds=value)
        case "TIMESTAMP WITH TIME ZONE":
            return (_EPOCH + timedelta(microseconds=value)).replace(tzinfo=UTC)
        case "INTERVAL":
            return Interval(int(value["months"]), int(value["days"]), int(value["micros"]))
        case "LIST":
            return tuple(_read(more["child_type"], child) for child in value["children"])
    raise Untold(f"a constant of type {name}")


def _whole(value: Any) -> int:
    if isinstance(value, Mapping):  # 128 bits come as two halves
        return (int(value["upper"]) << 64) + int(value["lower"])
    return int(value)


def _time(micros: int) -> time:
    if not 0 <= micros < _DAY:  # 24:00:00 is a time of its own in DuckDB
        raise Untold(f"a time of {micros} microseconds")
    return (_EPOCH + timedelta(microseconds=micros)).time()
