"""Arrow columns as text, exactly: no cent lost, no date clipped, null apart from empty text.

Arrow can hold more than Python's own types can (years past 9999, infinity, nanoseconds), so
the text is made from the stored integers. Text of a nested value is its JSON.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pyarrow as pa

__all__ = ["is_number", "json_column", "text_column", "unique"]

_EPOCH = datetime(1970, 1, 1)
_DAYS_IN_CYCLE = 146_097  # 400 years of the Gregorian calendar, after which it repeats
# Two days within Python's own first and last year, so that any zone's clock fits.
_FIRST_SECOND = int((datetime(1, 1, 3) - _EPOCH).total_seconds())
_LAST_SECOND = int((datetime(9999, 12, 29) - _EPOCH).total_seconds())
_FOREVER = 2**63 - 1  # DuckDB's infinite timestamp
_ENDLESS = 2**31 - 1  # and its infinite date
_ODD_FLOATS = {"nan": '"NaN"', "inf": '"Infinity"', "-inf": '"-Infinity"'}
_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}

Texts = list[str | None]


def text_column(array: pa.Array, separator: str = "T") -> Texts:
    """The text of each value, None for null.

    Args:
        array: one column of a batch.
        separator: between the date and the time of a timestamp.

    >>> text_column(pa.array(["1.50", None]).cast(pa.decimal128(18, 2)))
    ['1.50', None]
    >>> text_column(pa.array([253402300800], pa.timestamp("s")))
    ['10000-01-01T00:00:00']
    """
    kind = array.type
    if pa.types.is_dictionary(kind):
        return text_column(array.dictionary_decode(), separator)
    if isinstance(array, pa.ExtensionArray):
        return text_column(array.storage, separator)
    if pa.types.is_timestamp(kind):
        return _timestamps(array, separator)
    if _is_nested(kind):
        return [
            None if null else text
            for text, null in zip(json_column(array), array.is_null().to_pylist(), strict=True)
        ]
    return _scalars(array)


def json_column(array: pa.Array) -> list[str]:
    """The JSON text of each value.

    Decimals and integers are JSON numbers with all their digits. NaN and infinity, which JSON
    can't say, are the texts ``"NaN"``, ``"Infinity"``, ``"-Infinity"``. Dates, times and
    timestamps are ISO 8601 text, bytes are Base64.

    >>> json_column(pa.array([[1, None], None], pa.list_(pa.int64())))
    ['[1,null]', 'null']
    """
    kind = array.type
    if pa.types.is_dictionary(kind):
        return json_column(array.dictionary_decode())
    if isinstance(array, pa.ExtensionArray):
        return json_column(array.storage)
    if pa.types.is_null(kind):
        return ["null"] * len(array)
    if pa.types.is_struct(kind):
        return _json_structs(array)
    if pa.types.is_map(kind) or _is_list(kind):
        return _json_lists(array)
    if pa.types.is_union(kind):
        return [orjson.dumps(v, default=str).decode() for v in array.to_pylist()]
    if pa.types.is_floating(kind):
        return [_json_float(t) for t in text_column(array)]
    if is_number(kind) or pa.types.is_boolean(kind):
        return ["null" if t is None else t for t in text_column(array)]
    return ["null" if t is None else orjson.dumps(t).decode() for t in text_column(array)]


def is_number(kind: pa.DataType) -> bool:
    """Whether values of the type are numbers."""
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
        or pa.types.is_list_view(kind)
        or pa.types.is_large_list_view(kind)
    )


def _is_nested(kind: pa.DataType) -> bool:
    return bool(
        _is_list(kind)
        or pa.types.is_struct(kind)
        or pa.types.is_map(kind)
        or pa.types.is_union(kind)
    )


def _each(array: pa.Array, text: Callable[[Any], str]) -> Texts:
    return [None if value is None else text(value) for value in array.to_pylist()]


def _scalars(array: pa.Array) -> Texts:
    kind = array.type
    if pa.types.is_date(kind):
        days = array.cast(pa.date32()).cast(pa.int32())
        return _each(days, _date)
    if pa.types.is_time(kind):
        unit = _PER_SECOND[kind.unit]
        stored = array.cast(pa.int32() if pa.types.is_time32(kind) else pa.int64())
        return _each(stored, lambda v: _clock(v // unit, v % unit, unit))
    if pa.types.is_duration(kind):
        unit = _PER_SECOND[kind.unit]
        return _each(array.cast(pa.int64()), lambda v: _duration(0, 0, v * (10**9 // unit)))
    if pa.types.is_interval(kind):
        return _each(array, lambda v: _duration(v.months, v.days, v.nanoseconds))
    if pa.types.is_floating(kind) and not pa.types.is_float64(kind):
        return list(array.cast(pa.string()).to_pylist())  # Python would show the widened digits
    if pa.types.is_decimal(kind):
        return _each(array, lambda v: f"{v:f}")
    if pa.types.is_boolean(kind):
        return _each(array, lambda v: "true" if v else "false")
    if (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    ):
        return _each(array, lambda v: base64.b64encode(v).decode())
    return _each(array, str)


def _timestamps(array: pa.Array, separator: str) -> Texts:
    unit = _PER_SECOND[array.type.unit]
    zone = ZoneInfo(array.type.tz) if array.type.tz else None
    return _each(array.cast(pa.int64()), lambda v: _timestamp(v, unit, zone, separator))


def _timestamp(value: int, unit: int, zone: tzinfo | None, separator: str) -> str:
    if abs(value) == _FOREVER:
        return "infinity" if value > 0 else "-infinity"
    seconds, rest = divmod(value, unit)
    offset = ""
    if zone is not None:
        delta = _shift(seconds, zone)
        seconds += int(delta.total_seconds())
        offset = _offset(delta)
    days, second = divmod(seconds, 86_400)
    return f"{_date(days)}{separator}{_clock(second, rest, unit)}{offset}"


def _shift(seconds: int, zone: tzinfo) -> timedelta:
    """The zone's distance from UTC at an instant; beyond Python's years, at their edge."""
    inside = min(max(seconds, _FIRST_SECOND), _LAST_SECOND)
    instant = (_EPOCH + timedelta(seconds=inside)).replace(tzinfo=UTC)
    return instant.astimezone(zone).utcoffset() or timedelta(0)


def _offset(delta: timedelta) -> str:
    total = int(delta.total_seconds())
    sign = "-" if total < 0 else "+"
    hours, rest = divmod(abs(total), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{sign}{hours:02}:{minutes:02}" + (f":{seconds:02}" if seconds else "")


def _date(days: int) -> str:
    if abs(days) == _ENDLESS:
        return "infinity" if days > 0 else "-infinity"
    cycles, rest = divmod(days, _DAYS_IN_CYCLE)
    near = _EPOCH + timedelta(days=rest)
    year = near.year + 400 * cycles
    text = f"{year:04}" if year >= 0 else f"-{-year:04}"
    return f"{text}-{near.month:02}-{near.day:02}"


def _clock(second: int, rest: int, unit: int) -> str:
    text = f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    if rest:
        digits = len(str(unit)) - 1
        text += "." + f"{rest:0{digits}}".rstrip("0")
    return text


def _duration(months: int, days: int, nanoseconds: int) -> str:
    """ISO 8601, each part with its own sign."""
    date_part = (f"{months}M" if months else "") + (f"{days}D" if days else "")
    seconds, rest = divmod(abs(nanoseconds), 10**9)
    sign = "-" if nanoseconds < 0 else ""
    time_part = f"T{sign}{seconds}" + (f".{rest:09}".rstrip("0") if rest else "") + "S"
    return "P" + date_part + (time_part if nanoseconds or not date_part else "")


def _json_float(text: str | None) -> str:
    if text is None:
        return "null"
    return _ODD_FLOATS.get(text, text)


def _json_structs(array: pa.Array) -> list[str]:
    keys = [orjson.dumps(name).decode() for name in unique(f.name for f in array.type)]
    children = [json_column(child) for child in array.flatten()]
    rows = zip(*children, strict=True) if children else iter([()] * len(array))
    nulls = array.is_null().to_pylist()
    return [
        "null" if null else "{" + ",".join(map("{}:{}".format, keys, row)) + "}"
        for row, null in zip(rows, nulls, strict=True)
    ]


def _json_lists(array: pa.Array) -> list[str]:
    """Lists as JSON arrays; maps as objects, their keys as text."""
    if pa.types.is_map(array.type):
        keys = [t if t.startswith('"') else f'"{t}"' for t in json_column(array.keys)]
        inner = list(map("{}:{}".format, keys, json_column(array.items)))
        left, right = "{", "}"
    else:
        if not (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)):
            array = array.cast(pa.list_(array.type.value_type))
        inner = json_column(array.values)
        left, right = "[", "]"
    offsets = array.offsets.to_pylist()
    return [
        "null" if null else left + ",".join(inner[start:end]) + right
        for null, start, end in zip(array.is_null().to_pylist(), offsets, offsets[1:], strict=False)
    ]


def unique(names: Iterable[str]) -> list[str]:
    """Names made distinct as DuckDB does it, so that no value of an object is lost.

    >>> unique(["Id", "Id", "Name"])
    ['Id', 'Id_1', 'Name']
    """
    taken: set[str] = set()
    result = []
    for name in names:
        new, number = name, 0
        while new in taken:
            number += 1
            new = f"{name}_{number}"
        taken.add(new)
        result.append(new)
    return result
