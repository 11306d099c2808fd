"""What changed and what was deleted in an org: SystemModstamp, the Date header, `/deleted`.

Source: REST API Developer Guide, "Get Deleted": 15 days, at most 600,000 ids, seconds of the
window ignored, at least a minute long; "Versions": no login needed, so it counts for no limit.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

import pyarrow as pa

from isthmus.catalog.model import Table
from isthmus.connectors.contract import CallKind, ReadContext
from isthmus.connectors.replication import Deletions, Replication
from isthmus.connectors.salesforce.client import Asking, Client, Sent
from isthmus.connectors.salesforce.flight import Flight
from isthmus.connectors.salesforce.options import INCLUDE_DELETED
from isthmus.connectors.salesforce.refusals import Refusal, error_for
from isthmus.connectors.salesforce.transport import Answer
from isthmus.errors import SourceError

__all__ = ["Replicas"]

#: Deletions are told for 15 days; an hour less, for clocks that differ.
_TOLD: Final = timedelta(days=15) - timedelta(hours=1)
_MINUTE: Final = timedelta(minutes=1)
_TOO_MANY: Final = "EXCEEDED_ID_LIMIT"


class Replicas:
    """One org's answers.

    Args:
        source: the source's name.
        client: logs in, and gives what asks the org.
    """

    def __init__(self, source: str, client: Callable[[ReadContext], Client]) -> None:
        self._source = source
        self._client = client

    def of(self, table: Table) -> Replication | None:
        """By SystemModstamp, where the object has it."""
        columns = {column.name: column for column in table.columns}
        if "SystemModstamp" not in columns or not table.primary_key:
            return None
        flag = "IsDeleted" if "IsDeleted" in columns else None
        return Replication(
            cursor="SystemModstamp",
            deleted=flag,
            with_deleted=None if flag is None else INCLUDE_DELETED,
            tells_deletions=bool(table.properties.get("replicateable")),
            untracked=tuple(c.name for c in table.columns if c.properties.get("calculated")),
        )

    def now(self, context: ReadContext) -> datetime:
        """The Date header of the list of versions."""
        answer = self._asked("/services/data", "asking for the time", context, "metadata")
        said = answer.headers.get("Date")
        if said is None:
            raise SourceError(
                f"source {self._source} does not say what time it is",
                remedy="Something on the way takes the Date header out of its answers.",
            )
        return parsedate_to_datetime(said).astimezone(UTC)

    def deleted(
        self, table: Table, start: datetime, end: datetime, context: ReadContext
    ) -> Deletions:
        """What `/deleted` tells; a window that holds too many ids is halved."""
        first = start.replace(second=0, microsecond=0)
        last = max(end.replace(second=0, microsecond=0) + _MINUTE, first + _MINUTE)
        oldest = (end - _TOLD).replace(second=0, microsecond=0)
        since = oldest if first < oldest else None
        keys, told = self._told(table, max(first, oldest), last, context)
        if told is not None and told > first:
            since = max(told, since or told)
        return Deletions(pa.array(keys, pa.string()), since)

    def _told(
        self, table: Table, start: datetime, end: datetime, context: ReadContext
    ) -> tuple[list[str], datetime | None]:
        window = urlencode({"start": start.isoformat(), "end": end.isoformat()})
        client = self._client(context)
        path = f"{client.root}/sobjects/{table.name}/deleted?{window}"
        try:
            body = self._json(path, f"asking what was deleted of {table.name}", context)
        except SourceError as error:
            if error.code != _TOO_MANY or end - start < 2 * _MINUTE:
                raise
            middle = (start + (end - start) / 2).replace(second=0, microsecond=0)
            early, since = self._told(table, start, middle, context)
            late, _ = self._told(table, middle, end, context)
            return early + late, since
        keys = [str(record["id"]) for record in body["deletedRecords"]]
        return keys, datetime.fromisoformat(body["earliestDateAvailable"])

    def _json(self, path: str, doing: str, context: ReadContext) -> Any:
        """An answer's JSON; broken, it is asked for again."""
        policy = self._client(context).policy
        for broken in range(policy.repeats + 1):
            try:
                return json.loads(self._asked(path, doing, context, "query").body)
            except ValueError as error:
                fault = error
            context.wait(policy.wait(broken))
        refusal = Refusal(0, "BAD_JSON", f"the answer is broken: {fault}")
        tries = policy.repeats + 1
        raise error_for(refusal, source=self._source, doing=doing, tries=tries) from fault

    def _asked(self, path: str, doing: str, context: ReadContext, kind: CallKind) -> Answer:
        context.meter.start()
        asking, client = Asking(doing, context.meter), self._client(context)
        return Flight(partial(client.send, Sent(path), asking, kind=kind)).result(context)
