"""When syncs run: the clock is ours, and every rule can be broken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from isthmus.catalog.schedules import Schedule, read_schedule
from isthmus.catalog.toml_places import Places
from isthmus.engine.sync.scheduler import Timetable
from isthmus.errors import ConfigError

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)  # a Tuesday
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


class Past:
    def __init__(self, last: datetime | None = None, calls: int = 0) -> None:
        self.last, self.calls = last, calls
        self.omitted: list[tuple[datetime, str]] = []

    def last_begun(self, sync: str) -> datetime | None:
        return self.last

    def calls_since(self, sync: str, moment: datetime) -> int:
        assert moment == NOW.replace(hour=0)
        return self.calls

    def left_out(self, sync: str, moment: datetime, why: str) -> None:
        self.omitted.append((moment, why))


def read(value: Any) -> Schedule:
    return read_schedule(value, ("syncs", "a", "schedule"), Places(), Path())


def served(
    value: Any, past: Past, moments: list[datetime], *, runs_end: bool = True
) -> list[datetime]:
    """The moments at which a run begins."""
    table = Timetable({"a": read(value)}, past, NOW, chance=lambda: 0.5)
    begun = []
    for moment in moments:
        if table.due(moment):
            begun.append(moment)
            if runs_end:
                table.ended("a")
    return begun


def each(step: timedelta, count: int) -> list[datetime]:
    return [NOW + step * n for n in range(count)]


def test_an_interval_begins_at_once_and_goes_on() -> None:
    assert served("every 2 hours", Past(), each(HOUR, 5)) == [NOW, NOW + 2 * HOUR, NOW + 4 * HOUR]


def test_an_interval_counts_from_the_last_run() -> None:
    past = Past(last=NOW - HOUR)
    assert served("every 3 hours", past, each(HOUR, 4)) == [NOW + 2 * HOUR]


def test_cron_is_of_the_schedules_zone() -> None:
    berlin = NOW.astimezone(ZoneInfo("Europe/Berlin"))
    assert read("0 14 * * *").after(berlin) == NOW + HOUR
    assert read("0 14 * * *").after(NOW) == NOW + 2 * HOUR


def test_a_day_of_the_month_or_of_the_week_is_enough_as_with_cron() -> None:
    schedule = read("0 0 13 * FRI")
    first = schedule.after(NOW)
    assert (first.date().isoformat(), schedule.after(first).date().isoformat()) == (
        "2026-11-27",  # a Friday
        "2026-12-04",
    )


def test_jitter_delays() -> None:
    past = Past(last=NOW)
    value = {"cron": "0 * * * *", "jitter": "10 minutes"}
    assert served(value, past, each(MINUTE, 75)) == [NOW + HOUR + 5 * MINUTE]


@pytest.mark.parametrize(("catch_up", "runs"), [("once", 1), ("all", 5), ("none", 0)])
def test_missed_runs_are_made_good_as_asked(catch_up: str, runs: int) -> None:
    past = Past(last=NOW - 4 * HOUR - MINUTE)
    value = {"cron": "0 * * * *", "catch_up": catch_up}
    assert len(served(value, past, each(MINUTE, 30))) == runs


def test_runs_that_are_too_late_are_not_made_good() -> None:
    past = Past(last=NOW - 5 * HOUR - MINUTE)
    value = {"cron": "0 * * * *", "catch_up": "all", "late": "90 minutes"}
    assert len(served(value, past, each(MINUTE, 30))) == 2


def test_a_run_that_could_not_begin_in_time_is_left_out_and_noted() -> None:
    past = Past(last=NOW)
    value = {"cron": "0 * * * *", "late": "5 minutes"}
    assert served(value, past, [NOW + HOUR + 6 * MINUTE, NOW + 2 * HOUR]) == [NOW + 2 * HOUR]
    assert past.omitted == [(NOW + HOUR, "it could only begin 0:06:00 late")]


def test_a_run_does_not_begin_while_another_goes_on() -> None:
    past = Past()
    assert served("every 1 hour", past, each(HOUR, 3), runs_end=False) == [NOW]
    assert [why for _, why in past.omitted] == ["the run before it still went on"] * 2


def test_a_run_may_wait_for_the_one_before() -> None:
    table = Timetable({"a": read({"every": "1 hour", "overlap": "wait"})}, past := Past(), NOW)
    assert table.due(NOW) == ["a"]
    assert table.due(NOW + HOUR) == table.due(NOW + 2 * HOUR) == []
    table.ended("a")
    assert table.due(NOW + 2 * HOUR + MINUTE) == ["a"]
    table.ended("a")
    assert table.due(NOW + 2 * HOUR + 2 * MINUTE) == [], "one waits, however many came due"
    assert past.omitted == []


def test_what_comes_due_in_quiet_times_is_one_run_at_their_end() -> None:
    value = {"every": "1 hour", "quiet": ["Mon-Fri 11:00-14:30", "14:30-15:00"]}
    assert served(value, Past(), each(MINUTE * 30, 9)) == [NOW + 3 * HOUR, NOW + 4 * HOUR]


def test_the_calls_of_a_day_bound_its_runs() -> None:
    past = Past(calls=40)
    value = {"every": "1 hour", "calls_per_day": 100}
    table = Timetable({"a": read(value)}, past, NOW)
    assert table.due(NOW) == ["a"] and table.calls_left("a", NOW) == 60
    table.ended("a")
    past.calls = 100
    assert table.due(NOW + HOUR) == []
    assert past.omitted == [(NOW + HOUR, "its 100 calls of the day are spent")]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("61 * * * *", "syncs.a.schedule is '61 * * * *', which cron would not understand"),
        ("* * *", "five parts"),
        ("0 0 31 2 *", "cron would not understand"),
        ("every blue moon", "'blue moon'"),
        ({"every": 0}, "every is 0"),
        ({}, "either cron or every"),
        ({"cron": "0 * * * *", "every": 5}, "either cron or every"),
        ({"cron": "0 * * * *", "quiet": "noon"}, "Mon-Fri 08:00-18:00"),
        ({"cron": "0 * * * *", "quiet": "25:00-26:00"}, "Mon-Fri 08:00-18:00"),
        ({"cron": "0 * * * *", "quiet": "00:00-00:00"}, "no time in which a run may begin"),
        ({"cron": "0 * * * *", "overlap": "both"}, "skip"),
        ({"crom": "0 * * * *"}, "cron"),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(value: Any, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(value)
    assert words in str(caught.value)
