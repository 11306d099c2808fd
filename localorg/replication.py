"""Which records were changed or deleted in a window of time.

Source: REST API Developer Guide, "sObject Get Updated" and "sObject Get Deleted": deleted records
for 15 days, updated ones for 30, at most 600,000 ids, seconds of the window ignored.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from isthmus.localorg.errors import OrgError
from isthmus.localorg.schema import SObject
from isthmus.localorg.store import Store
from isthmus.localorg.values import datetime_text, utc_seconds

MOST_IDS = 600_000
DELETED_DAYS = 15
UPDATED_DAYS = 30


def moment(text: str) -> datetime:
    """Read the `start` or `end` parameter of a request; OrgError for one that is no datetime.

    A `+` that a client forgot to encode arrives as a blank and is taken for one.
    """
    try:
        made = datetime.fromisoformat(text.strip().replace(" ", "+"))
    except ValueError:
        message = f"{text}: give start and end as YYYY-MM-DDThh:mm:ss+hh:mm"
        raise OrgError(400, "INVALID_REPLICATION_DATE", message) from None
    return made if made.tzinfo else made.replace(tzinfo=UTC)


def updated(
    store: Store, sobject: SObject, start: datetime, end: datetime, *, now: datetime
) -> dict[str, Any]:
    """Give the body of `/updated`: ids created or changed since `start` and before `end`."""
    first, last = _window(sobject, start, end, now, UPDATED_DAYS)
    rows = _select(store, sobject, "Id", "NOT IsDeleted", first, last)
    return {
        "ids": [row[0] for row in rows],
        "latestDateCovered": datetime_text(min(last, utc_seconds(now))),
    }


def deleted(
    store: Store, sobject: SObject, start: datetime, end: datetime, *, now: datetime
) -> dict[str, Any]:
    """Give the body of `/deleted`: ids deleted in the window and still deleted, with when."""
    first, last = _window(sobject, start, end, now, DELETED_DAYS)
    rows = _select(store, sobject, "Id, SystemModstamp", "IsDeleted", first, last)
    earliest = utc_seconds(now) - timedelta(days=DELETED_DAYS)
    return {
        "deletedRecords": [{"deletedDate": datetime_text(row[1]), "id": row[0]} for row in rows],
        "earliestDateAvailable": datetime_text(earliest),
        "latestDateCovered": datetime_text(min(last, utc_seconds(now))),
    }


def _window(
    sobject: SObject, start: datetime, end: datetime, now: datetime, days: int
) -> tuple[datetime, datetime]:
    if not sobject.replicateable:
        message = f"entity type {sobject.name} does not support replication"
        raise OrgError(400, "INVALID_TYPE_FOR_OPERATION", message)
    first, last = (utc_seconds(at).replace(second=0) for at in (start, end))
    if last - first < timedelta(minutes=1):
        message = "The endDate must be at least one minute greater than the startDate"
        raise OrgError(400, "INVALID_REPLICATION_DATE", message)
    if first < utc_seconds(now).replace(second=0) - timedelta(days=days):
        message = f"startDate cannot be more than {days} days ago"
        raise OrgError(400, "INVALID_REPLICATION_DATE", message)
    return first, last


def _select(
    store: Store, sobject: SObject, what: str, state: str, first: datetime, last: datetime
) -> list[Any]:
    query = (
        f"SELECT {what} FROM {store.table(sobject.name)} WHERE {state} AND SystemModstamp >= ?"
        f" AND SystemModstamp < ? ORDER BY SystemModstamp, Id LIMIT {MOST_IDS + 1}"
    )
    with store.cursor() as cursor:
        rows = cursor.execute(query, [first, last]).fetchall()
    if len(rows) > MOST_IDS:
        message = f"more than {MOST_IDS} ids; ask for a shorter time"
        raise OrgError(400, "EXCEEDED_ID_LIMIT", message)
    return rows
