"""How many rows pass a filter of which nothing is known: the org's own plan of the query tells.

``GET query?explain=SELECT ...`` gives the ways in which the org could run a query, each with the
rows that its first step would find (REST API Developer Guide, "Query Performance Feedback"). No
way finds fewer rows than pass, so the fewest are the best guess. It is a call, so it is made only
where the answer can spare some: for an object of many pages, for a filter that no earlier answer
has taught anything of; and it is remembered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from isthmus.catalog.statistics import Share
from isthmus.connectors.contract import Promise
from isthmus.connectors.salesforce.estimate import PAGE_ROWS, Known
from isthmus.connectors.salesforce.metadata import Metadata
from isthmus.connectors.salesforce.options import INCLUDE_DELETED
from isthmus.connectors.salesforce.planning import Draft
from isthmus.connectors.salesforce.selectivity import is_known, most_rows
from isthmus.connectors.salesforce.soql import Statement
from isthmus.connectors.shares import answer_key, told_key
from isthmus.errors import IsthmusError, SourceError

__all__ = ["FORGOTTEN", "Plans", "question", "told_share"]

#: An object of fewer pages is not asked about: reading it costs little more than the question.
_PAGES: Final = 20
#: Seconds after which what the org said is asked for again.
FORGOTTEN: Final = 86_400.0


def question(drafted: Draft, known: Known) -> tuple[str, str] | None:
    """The key under which the answer is remembered, and the query to ask about; None: do not ask.

    Args:
        drafted: what is planned.
        known: of the object.
    """
    request = drafted.request
    pairs = tuple(zip(request.predicates, drafted.translations, strict=True))
    sent = [predicate for predicate, t in pairs if t.promise is not Promise.LOCAL]
    rows = 0 if known.count is None else known.count.rows
    if rows <= _PAGES * PAGE_ROWS or not sent or INCLUDE_DELETED in request.options:
        return None
    few = most_rows(request.table, sent)
    if few is not None and few <= _PAGES * PAGE_ROWS:
        return None
    key = answer_key(sent, request.options)
    if key is None or is_known(request.table, sent, known.facts, request.options):
        return None
    told = known.facts.shares.get(told_key(key))
    if told is not None and time.time() - told.at < FORGOTTEN:
        return None
    conditions = tuple(t.condition for _, t in pairs if t.condition is not None)
    return told_key(key), Statement(request.table.name, ("Id",), conditions).text


def told_share(answer: Mapping[str, Any]) -> float | None:
    """What part of the object's rows passes; None where the answer does not say.

    >>> told_share({"plans": [{"cardinality": 5, "sobjectCardinality": 20},
    ...                       {"cardinality": 9, "sobjectCardinality": 20}]})
    0.25
    """
    shares = [
        plan["cardinality"] / plan["sobjectCardinality"]
        for plan in answer.get("plans") or ()
        if _is_number(plan.get("cardinality")) and plan.get("sobjectCardinality")
    ]
    return min(1.0, *shares) if shares else None


class Plans:
    """Asks the org for plans, and keeps what it said. Safe to use from threads.

    Args:
        metadata: of the org.
        ask: False asks nothing.
    """

    def __init__(self, metadata: Metadata, *, ask: bool) -> None:
        self._metadata = metadata
        self._asks = ask
        self._lock = threading.Lock()
        self._told: dict[str, dict[str, Share]] = {}
        self._untold: set[str] = set()

    def with_shares(self, table: str, shares: Mapping[str, Share]) -> Mapping[str, Share]:
        """The shares that are remembered of an object, and those that were told here."""
        with self._lock:
            told = self._told.get(table)
        return {**told, **shares} if told else shares

    def ask(self, table: str, key: str, soql: str) -> float | None:
        """What part of the object's rows passes; None where the org does not say.

        An org that gives no plans is not asked again. Nothing fails for want of one.
        """
        with self._lock:
            if not self._asks or soql in self._untold:
                return None
        try:
            share = told_share(self._metadata.query_plan(soql))
        except IsthmusError as error:
            with self._lock:
                self._untold.add(soql)
                self._asks = self._asks and not isinstance(error, SourceError)
            return None
        with self._lock:
            if share is None:
                self._untold.add(soql)
            else:
                now = Share(share, 0, 1, time.time())
                self._told.setdefault(table, {})[key] = now
        return share


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and value >= 0
