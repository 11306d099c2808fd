"""Predicates for docs/pushdown.md: some for each rule of the Salesforce connector."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Final

from isthmus.connectors.predicates import (
    And,
    Compare,
    HasItem,
    In,
    IsNull,
    Like,
    Not,
    Or,
    PartIn,
    Predicate,
)
from isthmus.connectors.salesforce import rules_number, rules_patterns, rules_text, rules_time
from isthmus.connectors.salesforce.describe import table_of
from isthmus.connectors.salesforce.judge import translate

__all__ = ["SAMPLES", "TABLE"]


def _field(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "filterable": True, "sortable": True, **more}


TABLE: Final = table_of(
    "crm",
    {
        "name": "Account",
        "fields": [
            _field("Id", "id"),
            _field("Name", "string", length=255),
            _field("External_Id__c", "string", caseSensitive=True),
            _field("Interests__c", "multipicklist"),
            _field("Description", "textarea", length=32000, filterable=False),
            _field("Active__c", "boolean"),
            _field("NumberOfEmployees", "int", digits=8),
            _field("AnnualRevenue", "currency", precision=18, scale=2),
            _field("Margin__c", "currency", precision=18, scale=2, calculated=True),
            _field("Score__c", "double", precision=0),
            _field("Since__c", "date"),
            _field("CreatedDate", "datetime"),
            _field("Opens__c", "time"),
        ],
    },
    {},
)

_ID: Final = "001M000000qfPySIAU"
_NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)

#: By the rule that judges them; `translate` itself judges tests for null and what is joined.
SAMPLES: Final[dict[Callable[..., Any], tuple[Predicate, ...]]] = {
    rules_text.identifier: (
        Compare("Id", "=", _ID),
        Compare("Id", "!=", _ID),
        Compare("Id", "=", _ID[:15]),
        Compare("Id", ">", _ID),
    ),
    rules_text.text: (
        Compare("Name", "=", "Acme"),
        In("Name", ("Acme", "Widgets")),
        Compare("Name", "!=", "Acme"),
        Compare("Name", "!=", ""),
        Compare("Name", "<", "Acme"),
        Compare("Name", "=", " Acme"),
        Compare("External_Id__c", "=", "e-1"),
        Compare("Description", "=", "x"),
    ),
    rules_patterns.like: (
        Like("Name", "Ac%"),
        Like("Name", "%corp%", case_sensitive=False),
        Like("Name", "A_me"),
        Not(Like("Name", "Ac%")),
    ),
    rules_text.multipicklist: (
        Compare("Interests__c", "=", "a;b"),
        Compare("Interests__c", "!=", "a;b"),
    ),
    rules_patterns.has_item: (HasItem("Interests__c", "a", ";"),),
    rules_number.boolean: (Compare("Active__c", "=", True), Compare("Active__c", "!=", True)),
    rules_number.whole: (
        Compare("NumberOfEmployees", ">", 500),
        Compare("NumberOfEmployees", "=", 2**31),
    ),
    rules_number.decimal: (
        Compare("AnnualRevenue", ">=", Decimal("1000.50")),
        Compare("AnnualRevenue", "!=", Decimal("0.00")),
        Compare("Margin__c", "=", Decimal("10.00")),
    ),
    rules_number.double: (Compare("Score__c", "<", 0.5),),
    rules_time.day: (
        Compare("Since__c", ">=", date(2026, 1, 1)),
        Compare("Since__c", "=", date(1600, 1, 1)),
    ),
    rules_time.part_of_day: (
        PartIn("Since__c", "month", (3,)),
        PartIn("Since__c", "quarter", (1, 2)),
        PartIn("CreatedDate", "month", (3,)),
    ),
    rules_time.instant: (
        Compare("CreatedDate", ">=", _NOON),
        Compare("CreatedDate", "=", _NOON),
        Compare("CreatedDate", "<", _NOON.replace(microsecond=1)),
    ),
    rules_time.time_of_day: (Compare("Opens__c", "<", time(9)),),
    translate: (
        IsNull("Name"),
        Not(IsNull("Active__c")),
        And((Compare("Name", "=", "Acme"), Compare("Description", "=", "x"))),
        Or((Compare("Name", "=", "Acme"), Compare("NumberOfEmployees", ">", 500))),
        Or((Compare("Name", "=", "Acme"), Compare("Description", "=", "x"))),
    ),
}
