r"""SOQL literals, quoted by construction. Each returns None where the value can't be written.

Formats and escapes: SOQL and SOSL Reference, "Example SELECT Clauses" and "Quoted String Escape
Sequences" (v65.0). Numbers never have an exponent, which SOQL does not know; a backslash is
followed only by a letter or sign that SOQL allows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from typing import Final

from isthmus.connectors.patterns import Token

__all__ = [
    "day",
    "decimal_number",
    "instant",
    "outward",
    "pattern",
    "text",
    "time_of_day",
    "whole_number",
]

#: SOQL refuses a longer text in WHERE (SOQL and SOSL Reference v65.0, p. 18).
LONGEST_TEXT: Final = 4_000

#: The dates that SOQL takes, one day within its range, which the user's time zone shifts.
EARLIEST: Final = date(1700, 1, 2)
LATEST: Final = date(4000, 12, 30)

_INT_DIGITS: Final = 18
_PLACES: Final = 18

_ESCAPES: Final = {
    "\\": "\\\\",
    "'": "\\'",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
}


def text(value: str) -> str | None:
    r"""A quoted text; None for control characters, lone surrogates and over-long texts.

    >>> print(text("O'Neil \\ Söhne"))
    'O\'Neil \\ Söhne'
    >>> text("a\x00b") is None
    True
    """
    return _quoted(_escaped(char) for char in value)


def pattern(parts: Iterable[Token]) -> str | None:
    r"""A quoted operand of LIKE; None as for `text`.

    >>> print(pattern((("O", False), ("'", False), ("%", False), ("%", True))))
    'O\'\%%'
    """
    return _quoted(
        f"\\{char}" if char in "%_" and not wild else _escaped(char) for char, wild in parts
    )


def _quoted(written: Iterable[str | None]) -> str | None:
    body = ""
    for char in written:
        if char is None:
            return None
        body += char
    units = len(body) + sum(char > "\uffff" for char in body)  # the server counts UTF-16 units
    return f"'{body}'" if units <= LONGEST_TEXT else None


def _escaped(char: str) -> str | None:
    escape = _ESCAPES.get(char)
    if escape is None and (char < " " or _unwritable(char)):
        return None
    return escape or char


def _unwritable(char: str) -> bool:
    return "\x7f" <= char <= "\x9f" or "\ud800" <= char <= "\udfff"


def whole_number(value: int) -> str | None:
    """A whole number of at most 18 digits."""
    return str(value) if abs(value) < 10**_INT_DIGITS else None


def decimal_number(value: Decimal) -> str | None:
    """A decimal, written out in full: at most 18 digits before and 18 after the point.

    >>> decimal_number(Decimal("1.50")), decimal_number(Decimal("1E+3")), decimal_number(Decimal(0))
    ('1.5', '1000', '0')
    """
    if not value.is_finite() or abs(value) >= 10**_INT_DIGITS:
        return None
    written = format(value, "f")
    if "." in written:
        written = written.rstrip("0").rstrip(".")
    if len(written.partition(".")[2]) > _PLACES:
        return None
    return "0" if written in ("-0", "") else written


def outward(value: float, towards: float) -> str | None:
    """A double as a decimal of at most 18 places, rounded towards minus or plus infinity.

    >>> outward(0.1, math.inf), outward(0.1, -math.inf)
    ('0.100000000000000006', '0.100000000000000005')
    """
    if not math.isfinite(value):
        return None
    with localcontext(prec=400, rounding=ROUND_CEILING if towards > 0 else ROUND_FLOOR):
        exact = Decimal(value)
        if abs(exact) >= 10**_INT_DIGITS:
            return None
        return decimal_number(exact.quantize(Decimal(1).scaleb(-_PLACES)))


def day(value: date) -> str | None:
    """A date, where SOQL takes it.

    >>> day(date(2024, 2, 9))
    '2024-02-09'
    """
    return value.isoformat() if EARLIEST <= value <= LATEST else None


def instant(value: datetime) -> str | None:
    """A whole second in UTC.

    Args:
        value: aware, in UTC, with no fraction of a second.
    """
    if value.microsecond or not EARLIEST <= value.date() <= LATEST + timedelta(days=1):
        return None
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")


def time_of_day(value: time) -> str | None:
    """A time with milliseconds; None for finer times and times with a zone.

    >>> time_of_day(time(17, 30))
    '17:30:00.000Z'
    """
    if value.tzinfo is not None or value.microsecond % 1_000:
        return None
    return f"{value:%H:%M:%S}.{value.microsecond // 1_000:03d}Z"
