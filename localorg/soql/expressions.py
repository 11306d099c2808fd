"""The parser of fields, functions and values."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal

from isthmus.localorg.soql.ast import (
    Boolean,
    Call,
    DateRange,
    DateTimeValue,
    DateValue,
    Distance,
    Expression,
    Money,
    Null,
    Number,
    Path,
    Text,
    TimeValue,
    Value,
)
from isthmus.localorg.soql.lexer import Kind, malformed, unescape
from isthmus.localorg.soql.stream import Stream

AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX", "GROUPING"})
DATE_PARTS = frozenset(
    [
        "CALENDAR_MONTH",
        "CALENDAR_QUARTER",
        "CALENDAR_YEAR",
        "DAY_IN_MONTH",
        "DAY_IN_WEEK",
        "DAY_IN_YEAR",
        "DAY_ONLY",
        "FISCAL_MONTH",
        "FISCAL_QUARTER",
        "FISCAL_YEAR",
        "HOUR_IN_DAY",
        "WEEK_IN_MONTH",
        "WEEK_IN_YEAR",
    ]
)
RENDERERS = frozenset({"FORMAT", "TOLABEL", "CONVERTCURRENCY"})
_UNITS = ("DAYS", "WEEKS", "MONTHS", "QUARTERS", "YEARS", "FISCAL_QUARTERS", "FISCAL_YEARS")

#: Date literals without and with a count (SOQL Reference v65, "Date Literals").
PLAIN_RANGES = frozenset(
    {"YESTERDAY", "TODAY", "TOMORROW", "LAST_90_DAYS", "NEXT_90_DAYS"}
    | {
        f"{which}_{unit}"
        for which in ("LAST", "THIS", "NEXT")
        for unit in ("WEEK", "MONTH", "QUARTER", "YEAR", "FISCAL_QUARTER", "FISCAL_YEAR")
    }
)
COUNTED_RANGES = frozenset(
    {f"{which}_N_{unit}" for which in ("LAST", "NEXT") for unit in _UNITS}
    | {f"N_{unit}_AGO" for unit in _UNITS}
)


def path(stream: Stream) -> Path:
    """Read a field with its relationships."""
    first = stream.need_kind(Kind.NAME)
    parts = [first.text]
    while stream.take("."):
        parts.append(stream.need_kind(Kind.NAME).text)
    return Path(tuple(parts), first.start)


def is_call(stream: Stream) -> bool:
    """Say whether a function call comes next."""
    return stream.now.kind is Kind.NAME and stream.ahead().text == "("


def expression(stream: Stream) -> Expression:
    """Read a field or a function of fields."""
    return call(stream) if is_call(stream) else path(stream)


def call(stream: Stream) -> Expression:
    """Read a function call, by the shape that the function has."""
    token = stream.next()
    name = token.text.upper()
    shape = _shape(name)
    if shape is None:
        stream.refuse()
    stream.need("(")
    found = shape(stream, name, token.start)
    stream.need(")")
    return found


def _shape(name: str) -> Callable[[Stream, str, int], Expression] | None:
    if name == "DISTANCE":
        return _distance
    if name in DATE_PARTS:
        return _date_part
    if name == "FORMAT":
        return _format
    if name in AGGREGATES or name in RENDERERS:
        return _of_field
    return None


def _of_field(stream: Stream, name: str, at: int) -> Expression:
    if name == "COUNT" and stream.is_word(")"):
        return Call(name, (), at)
    if name == "MIN" or name == "MAX" or name == "GROUPING":
        argument = expression(stream)
        return Call(name, (argument,), at)
    return Call(name, (_renderer_argument(stream, name),), at)


def _renderer_argument(stream: Stream, name: str) -> Expression:
    if name == "CONVERTCURRENCY" or not is_call(stream):
        return path(stream)
    return expression(stream)


def _date_part(stream: Stream, name: str, at: int) -> Expression:
    if is_call(stream) and stream.is_word("CONVERTTIMEZONE"):
        start = stream.next().start
        stream.need("(")
        inner: Expression = Call("CONVERTTIMEZONE", (path(stream),), start)
        stream.need(")")
    else:
        inner = path(stream)
    return Call(name, (inner,), at)


def _format(stream: Stream, name: str, at: int) -> Expression:
    return Call(name, (expression(stream),), at)


def _distance(stream: Stream, name: str, at: int) -> Expression:
    field = path(stream)
    stream.need(",")
    stream.need("GEOLOCATION", "(")
    latitude = number(stream)
    stream.need(",")
    longitude = number(stream)
    stream.need(")", ",")
    unit = unescape(stream.need_kind(Kind.TEXT).text, like=False)
    return Distance(field, latitude, longitude, unit.lower(), at)


def number(stream: Stream) -> Decimal:
    """Read a number with its sign."""
    negative = stream.take("-")
    if not negative:
        stream.take("+")
    digits = Decimal(stream.need_kind(Kind.NUMBER).text)
    return -digits if negative else digits


def value(stream: Stream, *, like: bool = False) -> Value:
    """Read a literal; `like` for the operand of LIKE."""
    token = stream.now
    match token.kind:
        case Kind.TEXT:
            stream.next()
            return Text(unescape(token.text, like=like), like)
        case Kind.NUMBER | Kind.SIGN:
            return Number(number(stream))
        case Kind.CURRENCY:
            stream.next()
            return Money(token.text[:3].upper(), Decimal(token.text[3:]))
        case Kind.DATE:
            return DateValue(_date(stream.next().text))
        case Kind.DATETIME:
            return DateTimeValue(_datetime(stream.next().text))
        case Kind.TIME:
            return TimeValue(_time(stream.next().text))
        case Kind.NAME:
            return _word(stream)
        case _:
            stream.refuse()


_MONEY = re.compile(r"[A-Z]{3}\d+", re.ASCII)


def _word(stream: Stream) -> Value:
    word = stream.now.text.upper()
    if word == "NULL":
        found: Value = Null()
    elif word in ("TRUE", "FALSE"):
        found = Boolean(word == "TRUE")
    elif word in PLAIN_RANGES:
        found = DateRange(word)
    elif word in COUNTED_RANGES:
        stream.next()
        stream.need(":")
        digits = stream.now
        if digits.kind is not Kind.NUMBER or not digits.text.isdigit():
            stream.refuse()
        found = DateRange(word, int(digits.text))
    elif _MONEY.fullmatch(word):
        found = Money(word[:3], Decimal(word[3:]))
    else:
        stream.refuse()
    stream.next()
    return found


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        malformed(f"Invalid date: {text}")


def _datetime(text: str) -> datetime:
    try:
        return datetime.fromisoformat(_six_digits(text.upper())).astimezone(UTC)
    except (ValueError, OverflowError):
        malformed(f"Invalid dateTime: {text}")


def _time(text: str) -> time:
    try:
        return time.fromisoformat(_six_digits(text[:-1]))
    except ValueError:
        malformed(f"Invalid time: {text}")


def _six_digits(text: str) -> str:
    return re.sub(r"\.(\d+)", lambda match: "." + match.group(1)[:6].ljust(6, "0"), text)
