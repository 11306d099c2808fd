"""Rows that are written only if nobody has changed them: up to 25 in a Composite call.

Each record's stamp is read just before the call, and each change says ``If-Unmodified-Since``, so
that the org looks again at the moment of the change. What remains: a change by somebody else in
the same second as the stamp, which no stamp of whole seconds tells apart; and for deletes, which
know no such condition, a change between the look and the call. Where the answer was lost, the row
counts as written if the record holds all that was sent, and as changed if it has a later stamp and
does not: then this write may have been there and been overwritten since.

Source: *REST API Developer Guide*, "Composite" and "Conditional Request Headers".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final

from isthmus.connectors.salesforce.client import Missed, Sent
from isthmus.connectors.salesforce.refusals import Refusal
from isthmus.connectors.salesforce.writing.batch import STAMP, Batch
from isthmus.connectors.salesforce.writing.calls import JSON, Calls
from isthmus.connectors.salesforce.writing.looking import Looking, Record, folded
from isthmus.connectors.salesforce.writing.outcomes import CHANGED, Outcome, failed
from isthmus.connectors.salesforce.writing.paths import failure_of
from isthmus.connectors.writing import WriteKind

__all__ = ["ROWS", "Conditional"]

#: Requests of one Composite call.
ROWS: Final = 25
_PRECONDITION_FAILED: Final = 412


@dataclass(frozen=True)
class Conditional:
    """Sends rows that carry the stamp of what they change."""

    looking: Looking
    most: int = ROWS

    def send(self, batch: Batch, calls: Calls) -> list[Outcome]:
        """Look at the stamps and send the rows that still have theirs.

        Raises:
            Missed: no good answer came to the call that writes.
        """
        found = _found(batch, self.looking)
        outcomes = {
            row: fault
            for row in range(len(batch))
            if (fault := _changed(batch, row, found.get(row))) is not None
        }
        if batch.request.all_or_none and outcomes:
            held = failed(
                "ALL_OR_NONE_OPERATION_ROLLED_BACK", "not sent, since another row has changed"
            )
            return [outcomes.get(row, held) for row in range(len(batch))]
        left = [row for row in range(len(batch)) if row not in outcomes]
        if left:
            outcomes |= _sent(batch, left, found, calls)
        return [outcomes[row] for row in range(len(batch))]


def _found(batch: Batch, looking: Looking) -> dict[int, Record]:
    """The record that each row means, where there is one."""
    table, key = batch.request.table, batch.request.key
    assert key is not None
    wanted = dict.fromkeys(k for k in batch.keys if k is not None)
    records = looking.by_keys(table, key, wanted, ("Id", STAMP))
    by_key = {folded(table, key, record[key]): record for record in records}
    every = ((row, by_key.get(folded(table, key, k))) for row, k in enumerate(batch.keys))
    return {row: record for row, record in every if record is not None}


def _changed(batch: Batch, row: int, record: Record | None) -> Outcome | None:
    stamp = _stamp(batch, row)
    if record is None and stamp is None and batch.request.kind is WriteKind.UPSERT:
        return None  # it was not there and is not there now
    if record is None:
        id = batch.keys[row] if batch.request.key == "Id" else None
        return failed(CHANGED, "the record is not there any more", id=id)
    if stamp is None:
        return failed(CHANGED, "the record was made in the meantime", STAMP, id=record["Id"])
    if record[STAMP] <= stamp:
        return None
    message = f"the record was changed at {record[STAMP]}, after it was read ({stamp})"
    return failed(CHANGED, message, STAMP, id=record["Id"])


def _stamp(batch: Batch, row: int) -> datetime | None:
    assert batch.stamps is not None, "the rows carry no stamps"
    value: datetime | None = batch.stamps[row].as_py()
    return value


def _sent(
    batch: Batch, rows: list[int], found: Mapping[int, Record], calls: Calls
) -> dict[int, Outcome]:
    members = batch.json(without="Id")
    requests = [_request(batch, row, found.get(row), members[row], calls.root) for row in rows]
    whole = "true" if batch.request.all_or_none else "false"
    body = f'{{"allOrNone":{whole},"compositeRequest":[{",".join(requests)}]}}'
    answer = calls.once(Sent(f"{calls.root}/composite", "POST", body.encode(), JSON))
    told = calls.told(answer)
    items = told.get("compositeResponse") if isinstance(told, dict) else None
    if not isinstance(items, list) or len(items) != len(rows):
        message = "the answer does not have one for each record"
        raise Missed(Refusal(0, "BAD_JSON", message), applied=True)
    return {row: _outcome(i, found.get(row)) for row, i in zip(rows, items, strict=True)}


def _request(batch: Batch, row: int, record: Record | None, members: str, root: str) -> str:
    place = f"{root}/sobjects/{batch.request.table.name}"
    told: dict[str, Any] = {"referenceId": f"row{row}", "method": "POST", "url": place}
    if record is not None:
        told |= {"method": "PATCH", "url": f"{place}/{record['Id']}"}
        since = _stamp(batch, row)
        if batch.request.kind is WriteKind.DELETE:
            told["method"] = "DELETE"
        elif since is not None:
            told["httpHeaders"] = {
                "If-Unmodified-Since": format_datetime(since.astimezone(UTC), usegmt=True)
            }
    head = json.dumps(told)[:-1]
    return f"{head}}}" if told["method"] == "DELETE" else f'{head},"body":{{{members}}}}}'


def _outcome(item: Mapping[str, Any], record: Record | None) -> Outcome:
    status, body = int(item.get("httpStatusCode") or 0), item.get("body")
    id = None if record is None else record["Id"]
    if 200 <= status < 300:
        made = body.get("id") if isinstance(body, Mapping) else None
        return Outcome(True, id or made, created=record is None)
    if status == _PRECONDITION_FAILED:
        return failed(CHANGED, "the record was changed after it was read", STAMP, id=id)
    errors = body if isinstance(body, list) and body else [{"errorCode": f"HTTP {status}"}]
    return failure_of(errors[0], id=id)
