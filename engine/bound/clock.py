"""How far a time zone's clocks are from UTC, asked of DuckDB, whose own answer it must be.

Python's tables of zones may be older or newer than those in DuckDB: then a bound computed by one
would lose rows to the other.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

import duckdb

__all__ = ["instants", "never_changes", "offsets"]

_ALWAYS_UTC: Final = frozenset({"UTC", "Etc/UTC", "GMT", "Etc/GMT"})
_EPOCH: Final = datetime(1970, 1, 1)
_STEP: Final = timedelta(minutes=15)
#: Steps to either side: no clock is more than 16 hours from UTC, and a value and its wall clock
#: both have to lie within.
_STEPS: Final = 128

_OFFSETS: Final = """
SELECT min(ahead), max(ahead) FROM (
    SELECT epoch_us(timezone($zone, make_timestamptz(us))) - us AS ahead
    FROM (SELECT $middle + step * $length AS us FROM range(-$steps, $steps + 1) r(step))
)
"""

_lock = threading.Lock()
_connections: list[duckdb.DuckDBPyConnection] = []


def never_changes(zone: str) -> bool:
    """Whether a day of the zone always has 24 hours; False also where that is not known."""
    return zone in _ALWAYS_UTC


@lru_cache(maxsize=4096)
def offsets(zone: str, near: datetime) -> tuple[timedelta, timedelta]:
    """The least and the greatest that the zone's clocks are ahead of UTC within 32 hours.

    Args:
        zone: as DuckDB's ``TimeZone`` setting names it.
        near: without a zone.

    Raises:
        LookupError: DuckDB knows no such zone.
    """
    if never_changes(zone):
        return timedelta(0), timedelta(0)
    wanted = {
        "zone": zone,
        "middle": (near - _EPOCH) // timedelta(microseconds=1),
        "length": _STEP // timedelta(microseconds=1),
        "steps": _STEPS,
    }
    try:
        with _lock:
            found = _connection().execute(_OFFSETS, wanted).fetchall()
    except duckdb.Error as error:
        raise LookupError(f"DuckDB has no clock for the time zone {zone!r}") from error
    least, greatest = found[0]
    return timedelta(microseconds=least), timedelta(microseconds=greatest)


def _connection() -> duckdb.DuckDBPyConnection:
    if not _connections:
        _connections.append(duckdb.connect(":memory:", config={"threads": 1}))
    return _connections[0]


def instants(zone: str, wall: datetime) -> tuple[datetime, datetime]:
    """Two instants between which the zone's clocks come to show a time, as they always do.

    Before the first they never show it or a later time, and from the second on they always do.
    The two are one where no clock is set forward or back within the day.

    Raises:
        LookupError: DuckDB knows no such zone.
        OverflowError: out of Python's range.
    """
    least, greatest = offsets(zone, wall)
    return (wall - greatest).replace(tzinfo=UTC), (wall - least).replace(tzinfo=UTC)
