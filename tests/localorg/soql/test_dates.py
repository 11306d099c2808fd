"""Date literals and date functions, at the borders of days, zones and years."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

# The moment of the tests is 2024-05-15T12:00:00Z, a Wednesday.
RANGES = [
    ("YESTERDAY", "2024-05-14", "2024-05-14"),
    ("TODAY", "2024-05-15", "2024-05-15"),
    ("TOMORROW", "2024-05-16", "2024-05-16"),
    ("LAST_WEEK", "2024-05-05", "2024-05-11"),
    ("THIS_WEEK", "2024-05-12", "2024-05-18"),
    ("NEXT_WEEK", "2024-05-19", "2024-05-25"),
    ("LAST_MONTH", "2024-04-01", "2024-04-30"),
    ("THIS_MONTH", "2024-05-01", "2024-05-31"),
    ("NEXT_MONTH", "2024-06-01", "2024-06-30"),
    ("LAST_90_DAYS", "2024-02-15", "2024-05-15"),
    ("NEXT_90_DAYS", "2024-05-16", "2024-08-13"),
    ("LAST_N_DAYS:2", "2024-05-13", "2024-05-15"),
    ("NEXT_N_DAYS:2", "2024-05-16", "2024-05-17"),
    ("N_DAYS_AGO:2", "2024-05-13", "2024-05-13"),
    ("LAST_N_WEEKS:2", "2024-04-28", "2024-05-11"),
    ("NEXT_N_WEEKS:2", "2024-05-19", "2024-06-01"),
    ("N_WEEKS_AGO:2", "2024-04-28", "2024-05-04"),
    ("LAST_N_MONTHS:2", "2024-03-01", "2024-04-30"),
    ("NEXT_N_MONTHS:2", "2024-06-01", "2024-07-31"),
    ("N_MONTHS_AGO:3", "2024-02-01", "2024-02-29"),
    ("THIS_QUARTER", "2024-04-01", "2024-06-30"),
    ("LAST_QUARTER", "2024-01-01", "2024-03-31"),
    ("NEXT_QUARTER", "2024-07-01", "2024-09-30"),
    ("LAST_N_QUARTERS:2", "2023-10-01", "2024-03-31"),
    ("N_QUARTERS_AGO:2", "2023-10-01", "2023-12-31"),
    ("THIS_YEAR", "2024-01-01", "2024-12-31"),
    ("LAST_YEAR", "2023-01-01", "2023-12-31"),
    ("NEXT_N_YEARS:2", "2025-01-01", "2026-12-31"),
    ("THIS_FISCAL_QUARTER", "2024-05-01", "2024-07-31"),
    ("LAST_FISCAL_QUARTER", "2024-02-01", "2024-04-30"),
    ("THIS_FISCAL_YEAR", "2024-02-01", "2025-01-31"),
    ("NEXT_FISCAL_YEAR", "2025-02-01", "2026-01-31"),
    ("LAST_N_FISCAL_YEARS:2", "2022-02-01", "2024-01-31"),
    ("NEXT_N_FISCAL_QUARTERS:1", "2024-08-01", "2024-10-31"),
    ("N_FISCAL_YEARS_AGO:1", "2023-02-01", "2024-01-31"),
]


@pytest.mark.parametrize(("literal", "first", "last"), RANGES)
def test_a_date_literal_is_a_range_of_days(org: Any, literal: str, first: str, last: str) -> None:
    org.org = replace(org.org, fiscal_month=2)
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    day = timedelta(days=1)
    days = [start - day, start, end, end + day]
    for at in dict.fromkeys(days):
        org.add("Trap__c", Date__c=at)

    def found(operator: str) -> list[str]:
        text = f"SELECT Date__c FROM Trap__c WHERE Date__c {operator} {literal} ORDER BY Date__c"
        return list(org.column(text))

    inside = [str(at) for at in dict.fromkeys([start, end])]
    before, after = [str(start - day)], [str(end + day)]
    assert found("=") == inside
    assert found("!=") == before + after
    assert found("<") == before
    assert found("<=") == before + inside
    assert found(">") == after
    assert found(">=") == inside + after


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("America/Los_Angeles", datetime(2024, 5, 15, 7)),
        ("UTC", datetime(2024, 5, 15)),
        ("Europe/Berlin", datetime(2024, 5, 14, 22)),
        ("Asia/Kolkata", datetime(2024, 5, 14, 18, 30)),
        ("Pacific/Kiritimati", datetime(2024, 5, 15, 10)),
    ],
)
def test_a_day_is_the_running_users(org: Any, zone: str, start: datetime) -> None:
    org.in_zone(zone)
    for at in (-1, 0, 86_399, 86_400):
        org.add("Trap__c", Name=str(at), Datetime__c=start + timedelta(seconds=at))
    today = "SELECT Name FROM Trap__c WHERE Datetime__c = TODAY"
    assert org.column(today) == ["0", "86399"]
    assert org.column(today.replace("=", "<")) == ["-1"]
    assert org.column(today.replace("=", ">")) == ["86400"]


def test_a_day_that_loses_an_hour(org: Any) -> None:
    org.in_zone("Europe/Berlin")
    now = datetime.fromisoformat("2024-03-31T12:00:00+00:00")
    start = datetime(2024, 3, 30, 23)
    for hours in (0, 22, 23):
        org.add("Trap__c", Name=str(hours), Datetime__c=start + timedelta(hours=hours))
    found = org.column("SELECT Name FROM Trap__c WHERE Datetime__c = TODAY", now=now)
    assert found == ["0", "22"]


def test_the_week_begins_with_the_locale(org: Any) -> None:
    org.add("Trap__c", Date__c=date(2024, 5, 12))  # a Sunday
    text = "SELECT Id FROM Trap__c WHERE Date__c = THIS_WEEK"
    assert len(org.ask(text)) == 1
    org.in_zone("Europe/Berlin", "de_DE")
    assert org.ask(text) == []


def test_the_last_days_end_now(org: Any) -> None:
    for seconds in (-1, 0, 1):
        at = datetime(2024, 5, 15, 12) + timedelta(seconds=seconds)
        org.add("Trap__c", Name=str(seconds), Datetime__c=at)
    text = "SELECT Name FROM Trap__c WHERE Datetime__c = LAST_N_DAYS:1"
    assert org.column(text) == ["-1", "0"]


def test_absolute_literals(org: Any) -> None:
    at = datetime(2024, 1, 1, 12, 30, 15)
    org.add("Trap__c", Datetime__c=at, Date__c=at.date(), Time__c=at.time())
    for literal in (
        "2024-01-01T12:30:15Z",
        "2024-01-01T12:30:15.000z",
        "2024-01-01T13:30:15+01:00",
        "2024-01-01T04:30:15-0800",
    ):
        assert org.ask(f"SELECT Id FROM Trap__c WHERE Datetime__c = {literal}")
        assert org.ask(f"SELECT Id FROM Trap__c WHERE Datetime__c IN ({literal}, null)")
        assert not org.ask(f"SELECT Id FROM Trap__c WHERE Datetime__c > {literal}")
    assert org.ask("SELECT Id FROM Trap__c WHERE Datetime__c < 2024-01-01T12:30:15.5Z")
    assert org.ask("SELECT Id FROM Trap__c WHERE Date__c = 2024-01-01")
    assert org.ask("SELECT Id FROM Trap__c WHERE Time__c = 12:30:15Z AND Time__c < 12:31:00.000Z")


PARTS = [
    ("CALENDAR_YEAR", 2023), ("CALENDAR_QUARTER", 4), ("CALENDAR_MONTH", 12),
    ("DAY_IN_MONTH", 31), ("DAY_IN_WEEK", 1), ("DAY_IN_YEAR", 365), ("DAY_ONLY", "2023-12-31"),
    ("HOUR_IN_DAY", 23), ("WEEK_IN_MONTH", 5), ("WEEK_IN_YEAR", 53),
    ("FISCAL_YEAR", 2024), ("FISCAL_QUARTER", 4), ("FISCAL_MONTH", 11),
]  # fmt: skip


@pytest.mark.parametrize(("function", "value"), PARTS)
def test_date_functions_work_in_utc(org: Any, function: str, value: Any) -> None:
    org.org = replace(org.org, fiscal_month=2)
    org.add("Trap__c", Datetime__c=datetime(2023, 12, 31, 23, 30))  # a Sunday
    call = f"{function}(Datetime__c)"
    assert org.value(f"SELECT {call} FROM Trap__c GROUP BY {call}") == value
    assert len(org.ask(f"SELECT Id FROM Trap__c WHERE {call} = {value}")) == 1
    assert org.ask(f"SELECT Id FROM Trap__c WHERE {call} < {value}") == []


@pytest.mark.parametrize("valued", ["two-valued", "three-valued"])
def test_date_functions_of_dates_are_the_same_in_every_zone(org: Any, valued: str) -> None:
    org.in_zone("Pacific/Auckland")
    org.add("Trap__c", Date__c=date(2024, 2, 29))
    org.add("Trap__c", Date__c=None)
    switches = {"null-not-equal": valued}
    parts = {"CALENDAR_QUARTER": 1, "CALENDAR_MONTH": 2, "DAY_IN_MONTH": 29}
    for function, value in parts.items():
        where = f"SELECT Id FROM Trap__c WHERE {function}(Date__c)"
        either = f"{where} = 3 OR {function}(Date__c) = {value}"
        assert len(org.ask(f"{where} = {value}", switches=switches)) == 1
        assert len(org.ask(either, switches=switches)) == 1
        assert org.ask(f"{where} = 5", switches=switches) == []


def test_date_functions_in_the_users_zone(org: Any) -> None:
    org.in_zone("Europe/Berlin")
    org.add("Trap__c", Datetime__c=datetime(2023, 12, 31, 23, 30))
    call = "CALENDAR_YEAR(convertTimezone(Datetime__c))"
    assert org.value(f"SELECT {call} FROM Trap__c GROUP BY {call}") == 2024


@pytest.mark.parametrize(
    "where",
    [
        "Date__c = LAST_N_YEARS:400",
        "Date__c = NEXT_N_DAYS:999999999999",
        "Date__c = 1699-12-31",
        "Date__c = 4001-01-01",
        "Date__c = 2023-02-30",
        "Datetime__c = 2023-01-01T25:00:00Z",
    ],
)
def test_dates_outside_of_the_calendar(org: Any, where: str) -> None:
    refused = org.refusal(f"SELECT Id FROM Trap__c WHERE {where}")
    assert refused.code == "MALFORMED_QUERY"
    assert refused.message.startswith("Invalid date")
