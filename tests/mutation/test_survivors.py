"""What no other test of a promise noticed when it was flipped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from isthmus.connectors.contract import Aggregate, Promise, ScanRequest
from isthmus.connectors.predicates import Compare
from isthmus.connectors.salesforce.aggregates import aggregate_verdict
from isthmus.connectors.salesforce.describe import table_of
from isthmus.connectors.salesforce.judge import translate


def described(*fields: dict[str, Any]) -> dict[str, Any]:
    return {"name": "Thing__c", "fields": [{"filterable": True, **f} for f in fields]}


def test_a_type_without_a_rule_is_not_sent() -> None:
    table = table_of("crm", described({"name": "New", "type": "string"}), {})
    columns = tuple(replace(c, source_type="typeOfNextYear") for c in table.columns)
    assert translate(table, Compare("New", "=", "a")).promise is Promise.SUPERSET
    table = replace(table, columns=columns)
    assert translate(table, Compare("New", "=", "a")).promise is Promise.LOCAL


def test_rows_without_an_id_are_not_counted_there() -> None:
    table = table_of("crm", described({"name": "I", "type": "int", "groupable": True}), {})
    request = ScanRequest(table, ("I",), aggregates=(Aggregate("count"),))
    assert not aggregate_verdict(request).able
