"""Date literals as ranges: TODAY, LAST_N_DAYS:3, THIS_FISCAL_QUARTER and the others.

Each is a range of days, its start in it and its end not (SOQL Reference v65, "Date Formats and
Date Literals in WHERE"). Days and weeks are those of the running user.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from zoneinfo import ZoneInfo

from isthmus.localorg.soql.ast import DateRange
from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.refusals import plain

#: Dates outside of these years are not valid in SOQL ("Valid Date Range").
FIRST_YEAR, LAST_YEAR = 1700, 4000
#: Locales whose weeks begin on Sunday; elsewhere they begin on Monday (CLDR week data).
_SUNDAY_COUNTRIES = frozenset(
    ["US", "CA", "MX", "BR", "JP", "IL", "IN", "KR", "TW", "HK", "PH", "TH", "ZA", "AU"]
)


@dataclass(frozen=True)
class Days:
    """Days from `start` on, before `end`; `until_now` where the last day ends at this moment."""

    start: date
    end: date
    until_now: bool = False


def today(context: Context) -> date:
    """Give the running user's day."""
    return context.now.astimezone(ZoneInfo(context.user.time_zone)).date()


def days(literal: DateRange, context: Context) -> Days:
    """Give the days of a date literal; OrgError MALFORMED_QUERY where they leave the calendar."""
    try:
        return _days(literal, today(context), context)
    except (ValueError, OverflowError):
        shown = literal.name if literal.count is None else f"{literal.name}:{literal.count}"
        plain("MALFORMED_QUERY", f"Invalid date: {shown}")


def instants(span: Days, context: Context) -> tuple[datetime, datetime]:
    """Give the naive UTC start and end of days in the running user's time zone."""
    zone = ZoneInfo(context.user.time_zone)
    start, end = (_midnight(day, zone) for day in (span.start, span.end))
    if span.until_now:
        end = context.now.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        end += timedelta(seconds=1)
    return start, end


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock(), zone).astimezone(UTC).replace(tzinfo=None)


_COUNTED = re.compile(r"(LAST|NEXT)_N_(\w+)|N_(\w+)_AGO")


def _days(literal: DateRange, day: date, context: Context) -> Days:
    name, count = literal.name, literal.count
    if name in ("LAST_90_DAYS", "NEXT_90_DAYS"):
        name, count = name.replace("90", "N"), 90
    match = _COUNTED.fullmatch(name)
    if match is None:
        return _plain(name, day, context)
    unit = (match.group(2) or match.group(3)).removesuffix("S")
    number = count or 0
    if match.group(1) is None:
        return _units(unit, day, context, -number, 1)
    if match.group(1) == "NEXT":
        return _units(unit, day, context, 1, number)
    if unit == "DAY":
        # these include the present day, up to this moment
        return Days(day - timedelta(days=number), day + timedelta(days=1), until_now=True)
    return _units(unit, day, context, -number, number)


def _plain(name: str, day: date, context: Context) -> Days:
    shifts = {"YESTERDAY": -1, "TODAY": 0, "TOMORROW": 1}
    if name in shifts:
        return _units("DAY", day, context, shifts[name], 1)
    which, unit = name.split("_", 1)
    return _units(unit, day, context, {"LAST": -1, "THIS": 0, "NEXT": 1}[which], 1)


def _units(unit: str, day: date, context: Context, shift: int, count: int) -> Days:
    """Give `count` units, from `shift` units after the present one."""
    start = _start(unit, day, context)
    return Days(_moved(unit, start, shift), _moved(unit, start, shift + count))


_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12, "FISCAL_QUARTER": 3, "FISCAL_YEAR": 12}


def _start(unit: str, day: date, context: Context) -> date:
    if unit == "DAY":
        return day
    if unit == "WEEK":
        sunday_first = context.user.locale[-2:].upper() in _SUNDAY_COUNTRIES
        return day - timedelta(days=(day.weekday() + sunday_first) % 7)
    first = context.org.fiscal_month if unit.startswith("FISCAL") else 1
    months = day.year * 12 + day.month - first
    months -= months % _MONTHS[unit]
    return _month(months + first - 1)


def _moved(unit: str, day: date, count: int) -> date:
    if unit in ("DAY", "WEEK"):
        return _valid(day + timedelta(days=count * (7 if unit == "WEEK" else 1)))
    return _month(day.year * 12 + day.month - 1 + count * _MONTHS[unit])


def _month(months: int) -> date:
    return _valid(date(months // 12, months % 12 + 1, 1))


def _valid(day: date) -> date:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError("outside of the calendar")
    return day
