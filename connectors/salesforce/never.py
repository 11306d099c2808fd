"""Predicates that no record can pass, by what Salesforce stores; the sources are in `judge`.

A picklist's list of values, restricted or not, is no ground: records keep inactive values.
"""

from __future__ import annotations

from datetime import datetime

from isthmus.catalog.model import Column, Table
from isthmus.connectors.predicates import Compare, In, Predicate, Value
from isthmus.connectors.salesforce.ids import is_full_id
from isthmus.connectors.salesforce.types import EXTERNAL, IDS, TEXTS

__all__ = ["refuted"]


def refuted(table: Table, predicate: Predicate) -> str | None:
    """Why no record can pass, in words; None if one might.

    >>> from isthmus.connectors.salesforce.describe import table_of
    >>> described = {"name": "Account", "fields": [{"name": "Id", "type": "id"}]}
    >>> refuted(table_of("crm", described, {}), Compare("Id", "=", "001"))
    'no Id is one of the texts that Id is compared with'
    """
    match predicate:
        case Compare(name, "=", value):
            return _none_of(table.column(name), (value,))
        case In(name, values):
            return _none_of(table.column(name), values)
    return None


def _none_of(column: Column, values: tuple[Value, ...]) -> str | None:
    if column.source_type in IDS:
        if not any(isinstance(v, str) and is_full_id(v) for v in values):
            return f"no Id is one of the texts that {column.name} is compared with"
        return None
    if column.properties.get("calculated") or column.properties.get(EXTERNAL):
        return None
    if column.source_type in TEXTS and all(v == "" for v in values):
        return f"{column.name} is never an empty text"
    fractions = all(isinstance(v, datetime) and v.microsecond for v in values)
    if column.source_type == "datetime" and fractions:
        return f"{column.name} has whole seconds"
    return None
