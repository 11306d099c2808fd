"""One record in a call of its own (sObject Rows).

Source: *REST API Developer Guide*, "sObject Rows" and "sObject Rows by External ID".
"""

from __future__ import annotations

from urllib.parse import quote

from isthmus.connectors.salesforce.client import Sent
from isthmus.connectors.salesforce.transport import Answer
from isthmus.connectors.salesforce.writing.batch import Batch
from isthmus.connectors.salesforce.writing.calls import JSON, Calls
from isthmus.connectors.salesforce.writing.encode import texts_of
from isthmus.connectors.salesforce.writing.outcomes import Outcome
from isthmus.connectors.salesforce.writing.paths import demand_all, outcome_of
from isthmus.connectors.writing import WriteKind

__all__ = ["Single"]


class Single:
    """Sends one row."""

    most = 1

    def send(self, batch: Batch, calls: Calls) -> list[Outcome]:
        """Send the row.

        Raises:
            Missed: no good answer came; a refusal of the record is one.
        """
        return [_outcome(batch, calls.once(_request(batch, calls.root)), calls)]


def _request(batch: Batch, root: str) -> Sent:
    request = batch.request
    place = f"{root}/sobjects/{request.table.name}"
    key = _written_key(batch)
    if request.kind is WriteKind.INSERT or key is None:
        unset = None if request.kind is WriteKind.INSERT else request.key
        return Sent(place, "POST", f"{{{batch.json(without=unset)[0]}}}".encode(), JSON)
    if request.key == "Id":
        place = f"{place}/{key}"
    else:
        place = f"{place}/{request.key}/{quote(key, safe='')}"
    if request.kind is WriteKind.DELETE:
        return Sent(place, "DELETE")
    return Sent(place, "PATCH", f"{{{batch.json(without=request.key)[0]}}}".encode(), JSON)


def _written_key(batch: Batch) -> str | None:
    target = batch.key_target
    if target is None:
        return None
    key: str | None = texts_of(batch.columns[batch.targets.index(target)])[0].as_py()
    return key


def _outcome(batch: Batch, answer: Answer, calls: Calls) -> Outcome:
    request = batch.request
    if answer.status == 204:
        return Outcome(True, batch.keys[0] if request.key == "Id" else None, created=False)
    (told,) = demand_all([calls.told(answer)], 1)
    creates = request.kind is WriteKind.INSERT or batch.keys[0] is None
    return outcome_of(told, created=creates)
