"""sObject Collections: up to 200 records in one call.

Source: *REST API Developer Guide*, "sObject Collections".
"""

from __future__ import annotations

import json
from typing import Final

from isthmus.connectors.salesforce.client import Sent
from isthmus.connectors.salesforce.writing.batch import Batch
from isthmus.connectors.salesforce.writing.calls import JSON, Calls
from isthmus.connectors.salesforce.writing.outcomes import Outcome
from isthmus.connectors.salesforce.writing.paths import demand_all, outcome_of
from isthmus.connectors.writing import WriteKind

__all__ = ["ROWS", "Collections"]

#: Records of one call.
ROWS: Final = 200


class Collections:
    """Sends rows by sObject Collections."""

    most = ROWS

    def send(self, batch: Batch, calls: Calls) -> list[Outcome]:
        """Send the rows in one call.

        Raises:
            Missed: no good answer came.
        """
        answer = calls.once(_request(batch, calls.root))
        items = demand_all(calls.told(answer), len(batch))
        created = batch.request.kind is WriteKind.INSERT
        return [outcome_of(item, created=created) for item in items]


def _request(batch: Batch, root: str) -> Sent:
    request, place = batch.request, f"{root}/composite/sobjects"
    whole = "true" if request.all_or_none else "false"
    match request.kind:
        case WriteKind.DELETE:
            return Sent(f"{place}?ids={','.join(batch.keys)}&allOrNone={whole}", "DELETE")
        case WriteKind.INSERT:
            return Sent(place, "POST", _body(batch, whole), JSON)
        case WriteKind.UPDATE:
            return Sent(place, "PATCH", _body(batch, whole), JSON)
        case WriteKind.UPSERT:
            path = f"{place}/{request.table.name}/{request.key}"
            return Sent(path, "PATCH", _body(batch, whole), JSON)


def _body(batch: Batch, whole: str) -> bytes:
    kind = f'"attributes":{{"type":{json.dumps(batch.request.table.name)}}}'
    records = ",".join(f"{{{kind},{m}}}" if m else f"{{{kind}}}" for m in batch.json())
    return f'{{"allOrNone":{whole},"records":[{records}]}}'.encode()
