"""Calendar units: where the one begins that a moment lies in, and where the next one does."""

from __future__ import annotations

from datetime import date, datetime, timedelta

__all__ = ["floor", "following", "month_number", "month_start"]


def floor(unit: str, moment: datetime) -> datetime | None:
    """The begin of the unit that a moment lies in, as DuckDB's ``date_trunc``; None: not known.

    >>> floor("quarter", datetime(2024, 5, 17, 12))
    datetime.datetime(2024, 4, 1, 0, 0)
    """
    day = datetime(moment.year, moment.month, moment.day)
    match unit.removesuffix("s"):
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return datetime(day.year, day.month - (day.month - 1) % 3, 1)
        case "year":
            return datetime(day.year, 1, 1)
    return None


def following(unit: str, moment: datetime) -> datetime | None:
    """The begin of the next unit.

    Raises:
        OverflowError: it is beyond the year 9999.
    """
    start = floor(unit, moment)
    if start is None:
        return None
    match unit.removesuffix("s"):
        case "day":
            return start + timedelta(days=1)
        case "week":
            return start + timedelta(days=7)
        case "month":
            return month_start(month_number(start) + 1)
        case "quarter":
            return month_start(month_number(start) + 3)
        case _:
            return month_start(month_number(start) + 12)


def month_number(day: date) -> int:
    """Months counted from the year 0."""
    return day.year * 12 + day.month - 1


def month_start(number: int) -> datetime:
    """The first day of a month that `month_number` counted.

    Raises:
        OverflowError: it is not within the years 1 to 9999.
    """
    year, month = divmod(number, 12)
    if not 1 <= year <= 9999:
        raise OverflowError(f"year {year} has no date in Python")
    return datetime(year, month + 1, 1)
