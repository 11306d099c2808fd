"""What no other test of a promise noticed when it was flipped."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from isthmus.connectors.contract import Aggregate, Promise, ScanRequest
from isthmus.connectors.predicates import Compare, In
from isthmus.connectors.salesforce.aggregates import aggregate_verdict
from isthmus.connectors.salesforce.describe import table_of
from isthmus.connectors.salesforce.judge import translate
from isthmus.connectors.salesforce.planning import draft, verdict


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


def test_a_plain_request_is_answered() -> None:
    table = table_of("crm", described({"name": "I", "type": "int"}), {})
    assert verdict(ScanRequest(table, ("I",), (Compare("I", "=", 1),))).able


def test_a_list_of_keys_that_has_no_room_beside_the_columns_is_filtered_here() -> None:
    fields = [
        {"name": f"A_rather_long_name_of_a_field_{n:04}__c", "type": "int"} for n in range(290)
    ]
    key = {"name": "Id", "type": "id", "sortable": True}
    table = table_of("crm", described(key, *fields), {})
    names = tuple(column.name for column in table.columns)
    request = ScanRequest(table, names, (In(names[1], tuple(range(100_000, 101_000))),))
    made = draft(request)
    assert [t.promise for t in made.translations] == [Promise.LOCAL]
    assert [len(chunk.statements) for chunk in made.chunks] == [1]
    few = draft(replace(request, columns=names[:9]))
    assert [t.promise for t in few.translations] == [Promise.EXACT]
