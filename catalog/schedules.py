"""When a sync runs by itself: its times, and what is done when they can't be kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from cronsim import CronSim, CronSimError

from isthmus.catalog.durations import duration
from isthmus.catalog.kinds import Key, SourceKind, checked_options, unknown_key
from isthmus.catalog.toml_places import Places
from isthmus.errors import ConfigError, Place

__all__ = ["QuietWindow", "Schedule", "read_schedule"]

_LENGTH: Final = (str, int, float)
_KEYS: Final = {
    "cron": Key("when it runs, as cron writes it: minute hour day month weekday"),
    "every": Key("how long from the start of one run to the next", _LENGTH),
    "jitter": Key("each run begins up to so much later, by chance", _LENGTH),
    "catch_up": Key(
        "what is made good of the runs that were missed while nobody served",
        choices=("once", "all", "none"),
    ),
    "late": Key("how late a run may begin; a later one is left out", _LENGTH),
    "overlap": Key(
        "what becomes of a run whose time comes while another goes on", choices=("skip", "wait")
    ),
    "quiet": Key("times in which no run begins, such as Mon-Fri 08:00-18:00", (str, list)),
    "calls_per_day": Key("the most calls that its runs of a day make", (int,)),
}
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WINDOW: Final = re.compile(
    r"(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?\s+)?"
    r"(?P<start>\d{1,2}:\d\d)-(?P<end>\d{1,2}:\d\d)"
)


@dataclass(frozen=True)
class QuietWindow:
    """A time of the day in which no run begins.

    Attributes:
        days: on which it begins; Monday is 0.
        start: when, by the wall clock.
        end: until when; before `start` it is of the next day.
    """

    days: frozenset[int]
    start: time
    end: time

    def end_if_in(self, moment: datetime) -> datetime | None:
        """When the window ends in which `moment` lies; None: it lies in none.

        >>> window = QuietWindow(frozenset({4}), time(22), time(6))  # from Friday to Saturday
        >>> from datetime import UTC
        >>> str(window.end_if_in(datetime(2026, 11, 28, 5, 30, tzinfo=UTC)))
        '2026-11-28 06:00:00+00:00'
        >>> window.end_if_in(datetime(2026, 11, 28, 6, 0, tzinfo=UTC))
        """
        over_night = self.end <= self.start
        for back in (0, 1) if over_night else (0,):
            day = moment.date() - timedelta(days=back)
            if day.weekday() not in self.days:
                continue
            start = datetime.combine(day, self.start, moment.tzinfo)
            end = datetime.combine(day + timedelta(days=over_night), self.end, moment.tzinfo)
            if start <= moment < end:
                return end
        return None


@dataclass(frozen=True)
class Schedule:
    """When a sync runs.

    Attributes:
        cron: the times, as cron writes them; else None.
        every: from the start of one run to the next; else None.
        jitter: each run begins up to so much later.
        catch_up: the runs that were missed are made good by one, by all, or not.
        late: how late a run may begin; None: however late.
        overlap: whether a run waits for the one that still goes on, or is left out.
        quiet: when no run begins; one whose time comes then begins at the end.
        calls_per_day: what all runs of a day may cost; None: no bound but those of the source.
        place: where it stands in the project file.
    """

    cron: str | None = None
    every: timedelta | None = None
    jitter: timedelta = timedelta(0)
    catch_up: Literal["once", "all", "none"] = "once"
    late: timedelta | None = None
    overlap: Literal["skip", "wait"] = "skip"
    quiet: tuple[QuietWindow, ...] = ()
    calls_per_day: int | None = None
    place: Place | None = None

    def after(self, moment: datetime) -> datetime:
        """The first time after a moment, in the moment's zone; summer time as Debian's cron.

        >>> from datetime import UTC
        >>> str(Schedule(cron="30 6 * * MON").after(datetime(2026, 11, 24, tzinfo=UTC)))
        '2026-11-30 06:30:00+00:00'
        """
        if self.cron is not None:
            return next(CronSim(self.cron, moment))
        assert self.every is not None
        return moment + self.every

    def quiet_until(self, moment: datetime) -> datetime | None:
        """When the quiet that reigns at a moment is over; None: none reigns."""
        end = None
        while True:  # one window may begin where another ends
            ends = [w.end_if_in(end or moment) for w in self.quiet]
            later = max((e for e in ends if e is not None), default=None)
            if later is None:
                return end
            end = later


def read_schedule(
    value: str | Mapping[str, Any], path: tuple[str, ...], places: Places, folder: Path
) -> Schedule:
    """A schedule: a table, a cron text, or ``every 15 minutes``.

    Raises:
        ConfigError: it can't be understood.
    """
    place, where = places.of(path), ".".join(path)
    if isinstance(value, str):
        every = value.strip().lower().startswith("every ")
        value = {"every": value.strip()[6:]} if every else {"cron": value}
    for key in value:
        if key not in _KEYS:
            raise unknown_key((*path, key), _KEYS, places, "a schedule")
    checked = checked_options(
        SourceKind("schedule", (), _KEYS), value, path, places, folder, "a schedule"
    )
    if ("cron" in checked) == ("every" in checked):
        raise ConfigError(
            f"{where} must say either cron or every",
            place=place,
            remedy='Write cron = "30 6 * * MON-FRI", or every = "15 minutes".',
        )
    if "cron" in checked:
        _check_cron(checked["cron"], where, places.of((*path, "cron")) or place)
    lengths: dict[str, Any] = {
        name: duration(checked[name], f"{where}.{name}", places.of((*path, name)))
        for name in ("every", "jitter", "late")
        if name in checked
    }
    if lengths.get("every") == timedelta(0):
        raise ConfigError(f"{where}.every is 0", place=place, remedy='Write every = "1 minute".')
    quiet = checked.get("quiet", ())
    windows = (quiet,) if isinstance(quiet, str) else tuple(quiet)
    schedule = Schedule(
        cron=checked.get("cron"),
        catch_up=checked.get("catch_up", "once"),
        overlap=checked.get("overlap", "skip"),
        quiet=tuple(_window(w, f"{where}.quiet", places.of((*path, "quiet"))) for w in windows),
        calls_per_day=checked.get("calls_per_day"),
        place=place,
        **lengths,
    )
    _check_that_some_time_is_not_quiet(schedule, where)
    return schedule


def _check_cron(text: str, where: str, place: Place | None) -> None:
    try:
        if len(text.split()) != 5:
            raise CronSimError("it has not five parts")
        next(CronSim(text, datetime(2026, 1, 1)))
    except (CronSimError, StopIteration) as error:
        why = str(error) or "no day is meant"
        raise ConfigError(
            f"{where} is {text!r}, which cron would not understand: {why}",
            place=place,
            remedy='Write minute, hour, day, month and weekday, such as "30 6 * * MON-FRI", '
            'or "every 15 minutes".',
        ) from error


def _window(text: object, name: str, place: Place | None) -> QuietWindow:
    found = _WINDOW.fullmatch(str(text).strip().lower())
    try:
        if found is None:
            raise ValueError
        first = _DAYS.index(found["first"] or "mon")
        last = _DAYS.index(found["last"] or found["first"] or "sun")
        start, end = (_clock(found[name]) for name in ("start", "end"))
    except ValueError:
        raise ConfigError(
            f"{name} is {text!r}",
            place=place,
            remedy='Write such as "08:00-18:00", "Mon-Fri 08:00-18:00" or "Sat 22:00-06:00".',
        ) from None
    length = (last - first) % 7 + 1
    return QuietWindow(frozenset((first + n) % 7 for n in range(length)), start, end)


def _clock(text: str) -> time:
    hour, minute = text.split(":")
    return time(int(hour), int(minute))


def _check_that_some_time_is_not_quiet(schedule: Schedule, where: str) -> None:
    """A schedule that is quiet all week would wait for ever."""
    monday = datetime(2026, 1, 5)
    minutes = (monday + timedelta(minutes=15 * n) for n in range(7 * 24 * 4))
    if schedule.quiet and all(
        any(w.end_if_in(minute) for w in schedule.quiet) for minute in minutes
    ):
        raise ConfigError(
            f"{where}.quiet leaves no time in which a run may begin",
            place=schedule.place,
            remedy="Leave a gap between the windows.",
        )
