"""Runs syncs at their times: one thread that looks at the clock, one for each run that goes on.

What is due is decided by `Timetable`, from the clock that it is handed; nothing in it waits.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from isthmus.catalog.schedules import Schedule
from isthmus.errors import Cancelled

__all__ = ["History", "Scheduler", "Timetable"]

_LOOK_SECONDS: Final = 0.2
_MOST_MADE_GOOD: Final = 100


class History(Protocol):
    """What is known of earlier runs. Safe to use from threads."""

    def last_begun(self, sync: str) -> datetime | None:
        """When the last run of a sync began; None: there was none."""

    def calls_since(self, sync: str, moment: datetime) -> int:
        """How many calls the runs of a sync have made that began since a moment."""

    def left_out(self, sync: str, moment: datetime, why: str) -> None:
        """A run was due at that moment, and was not begun."""


@dataclass
class _State:
    due: datetime
    running: bool = False
    waiting: int = 0


class Timetable:
    """What is due when.

    Args:
        schedules: by the name of their sync.
        history: of earlier runs, for what was missed and what was spent.
        now: when serving begins, in the zone of the schedules.
        chance: gives a number from 0 to 1, for jitter.
    """

    def __init__(
        self,
        schedules: Mapping[str, Schedule],
        history: History,
        now: datetime,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._schedules = dict(schedules)
        self._history = history
        self._chance = chance
        self._states = {name: self._first(name, now) for name in schedules}

    def due(self, now: datetime) -> list[str]:
        """The syncs whose runs begin now; each is taken for running until `ended`."""
        begun = []
        for name, state in self._states.items():
            schedule = self._schedules[name]
            if state.due <= now:
                quiet = schedule.quiet_until(now)
                if quiet is not None:
                    state.due = quiet  # what comes due until then is one run
                    continue
                self._come_due(name, state, now)
            if state.waiting and not state.running:
                state.waiting -= 1
                if self._may_begin(name, now):
                    state.running = True
                    begun.append(name)
        return begun

    def ended(self, name: str) -> None:
        """A run is over."""
        self._states[name].running = False

    def calls_left(self, name: str, now: datetime) -> int | None:
        """How many calls a run may make; None: as many as it likes."""
        most = self._schedules[name].calls_per_day
        if most is None:
            return None
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        return max(most - self._history.calls_since(name, midnight), 0)

    def next(self, name: str) -> datetime:
        """When a sync is due next."""
        return self._states[name].due

    def _first(self, name: str, now: datetime) -> _State:
        schedule, last = self._schedules[name], self._history.last_begun(name)
        if last is None:
            first = now if schedule.every is not None else self._later(schedule, now)
            return _State(first)
        missed = self._missed(schedule, last.astimezone(now.tzinfo), now)
        upcoming = self._upcoming(schedule, last.astimezone(now.tzinfo), now)
        made_good = {"none": 0, "once": min(missed, 1), "all": missed}[schedule.catch_up]
        return _State(upcoming, waiting=made_good)

    def _missed(self, schedule: Schedule, last: datetime, now: datetime) -> int:
        count, moment = 0, schedule.after(last)
        while moment <= now and count < _MOST_MADE_GOOD:
            if schedule.late is None or now - moment <= schedule.late:
                count += 1
            moment = schedule.after(moment)
        return count

    def _upcoming(self, schedule: Schedule, last: datetime, now: datetime) -> datetime:
        if schedule.every is not None and last + schedule.every > now:
            return last + schedule.every
        return self._later(schedule, now)

    def _later(self, schedule: Schedule, now: datetime) -> datetime:
        return schedule.after(now) + schedule.jitter * self._chance()

    def _come_due(self, name: str, state: _State, now: datetime) -> None:
        schedule, was_due = self._schedules[name], state.due
        state.due = self._later(schedule, now)
        if schedule.late is not None and now - was_due > schedule.late:
            self._history.left_out(name, was_due, f"it could only begin {now - was_due} late")
        elif not state.running:
            state.waiting += 1
        elif schedule.overlap == "wait":
            state.waiting = 1
        else:
            self._history.left_out(name, was_due, "the run before it still went on")

    def _may_begin(self, name: str, now: datetime) -> bool:
        left = self.calls_left(name, now)
        if left == 0:
            most = self._schedules[name].calls_per_day
            self._history.left_out(name, now, f"its {most} calls of the day are spent")
        return left != 0


class Scheduler:
    """Serves a timetable until it is stopped.

    Args:
        timetable: what is due when.
        run: runs a sync, given its name and how many calls it may make; it keeps its own history
            and may raise.
        now: the clock, in the zone of the schedules.
        failed: is told of runs that raised.
    """

    def __init__(
        self,
        timetable: Timetable,
        run: Callable[[str, int | None], object],
        now: Callable[[], datetime],
        failed: Callable[[str, Exception], object],
    ) -> None:
        self._timetable = timetable
        self._run = run
        self._now = now
        self._failed = failed
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._runs: dict[str, threading.Thread] = {}

    def serve(self) -> None:
        """Begin runs at their times until `stop`; then wait for those that go on."""
        while not self._stopping.wait(_LOOK_SECONDS):
            with self._lock:
                due = self._timetable.due(self._now())
            for name in due:
                thread = threading.Thread(target=self._one, args=(name,), name=f"sync {name}")
                self._runs[name] = thread
                thread.start()
        for thread in self._runs.values():
            thread.join()

    def stop(self) -> None:
        """Begin no more runs."""
        self._stopping.set()

    def _one(self, name: str) -> None:
        try:
            with self._lock:
                calls = self._timetable.calls_left(name, self._now())
            self._run(name, calls)
        except Cancelled:
            pass
        except Exception as error:
            self._failed(name, error)
        finally:
            with self._lock:
                self._timetable.ended(name)
