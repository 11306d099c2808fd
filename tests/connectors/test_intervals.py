"""What part of a column's values an interval is guessed to hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from isthmus.catalog.statistics import ColumnFacts
from isthmus.connectors.intervals import interval_share
from isthmus.connectors.predicates import Compare

DAY = timedelta(days=1)
SEEN = datetime(2026, 3, 1, tzinfo=UTC)
#: Stamps of 160 days, one as likely as another.
STAMPS = tuple(SEEN - (16 - i) * 10 * DAY for i in range(17))
FACTS = ColumnFacts(1_000, 0, 1_000, STAMPS[0], STAMPS[-1], SEEN.timestamp(), STAMPS)


def share(
    start: datetime, end: datetime | None, *, past: bool = True, facts: ColumnFacts = FACTS
) -> float:
    """Asked ten days after the stamps were seen."""
    bounds = [Compare("t", ">=", start)]
    bounds += [] if end is None else [Compare("t", "<", end)]
    return interval_share(facts, bounds, (SEEN + 10 * DAY).timestamp(), past=past)


@pytest.mark.parametrize(
    ("start", "end", "part"),
    [
        (-160, 0, 1.0),
        (-80, -40, 0.25),
        (0, 1, 1 / 160),  # as many as before
        (3, 4, 1 / 160),
        (-10, 1, 1 / 16 + 1 / 160),
        (-10, None, 1 / 16 + 1 / 16),
        (5, None, 5 / 160),
        (0, 400, 1 / 16),  # nothing comes after now
        (0.001, 0.002, 0.0005),  # what is asked for is mostly there
        (-200, -170, 0.0),
    ],
)
def test_times_go_on_after_they_were_seen(start: float, end: float | None, part: float) -> None:
    until = None if end is None else SEEN + end * DAY
    assert share(SEEN + start * DAY, until) == pytest.approx(part, rel=1e-6)


def test_no_more_than_a_sixteenth_has_come_since() -> None:
    """A load of yesterday does not say that today brings as many."""
    loaded = tuple(SEEN - 60 * DAY + i * timedelta(seconds=1) for i in range(17))
    facts = ColumnFacts(1_000, 0, 17, loaded[0], loaded[-1], SEEN.timestamp(), loaded)
    assert share(SEEN - 59 * DAY, SEEN, facts=facts) == 1 / 16
    same = ColumnFacts(1_000, 0, 1, SEEN, SEEN, SEEN.timestamp(), (SEEN,) * 17)
    assert share(SEEN + DAY, SEEN + 2 * DAY, facts=same) == 1 / 16


def test_an_interval_that_is_empty_holds_nothing() -> None:
    assert share(SEEN + 3 * DAY, SEEN + 1 * DAY) == 0.0


def test_other_times_end_where_they_were_seen_to() -> None:
    assert share(SEEN + DAY, SEEN + 2 * DAY, past=False) == 0.0
