"""Rows that name records which are not there: found by reading, before anything is written.

Looked up are the records that an update or delete means, and those that references point to, by
Id or by a key. An upsert's own key is not: what is not there is made.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any

from isthmus.catalog.model import Table
from isthmus.connectors.salesforce.writing.batch import Batch
from isthmus.connectors.salesforce.writing.columns import Target
from isthmus.connectors.salesforce.writing.looking import Looking, folded
from isthmus.connectors.salesforce.writing.outcomes import Outcome, failed
from isthmus.connectors.writing import WriteKind

__all__ = ["unknown_rows"]

Describe = Callable[[str], Table | None]


def unknown_rows(batch: Batch, looking: Looking, describe: Describe) -> dict[int, Outcome]:
    """The first such fault of each row, by the row's number."""
    found: dict[int, Outcome] = {}
    request = batch.request
    key = batch.key_target
    if key is not None and request.key == "Id" and request.kind is not WriteKind.INSERT:
        _find(batch, key, request.table, "Id", looking, found)
    if request.kind is WriteKind.DELETE:
        return found
    for target in batch.targets:
        if target.parent is not None:
            _find(batch, target, target.parent, target.column.name, looking, found)
        elif target.field.reference is not None:
            for parent, rows in _by_parent(batch, target, describe):
                _find(batch, target, parent, "Id", looking, found, rows)
    return found


def _by_parent(
    batch: Batch, target: Target, describe: Describe
) -> Iterable[tuple[Table, set[int]]]:
    """The rows that point to each table, told by their Ids' first characters."""
    reference = target.field.reference
    prefixes: dict[str, set[int]] = {}
    for row, value in enumerate(batch.values(target)):
        if value is not None:
            prefixes.setdefault(value[:3], set()).add(row)
    for name in () if reference is None else reference.targets:
        if not prefixes:
            return
        table = describe(name)
        rows = prefixes.pop(str(table.properties.get("key_prefix")), None) if table else None
        if table is not None and rows:
            yield table, rows


def _find(
    batch: Batch,
    target: Target,
    table: Table,
    key: str,
    looking: Looking,
    found: dict[int, Outcome],
    rows: set[int] | None = None,
) -> None:
    wanted: dict[Hashable, list[int]] = {}
    values: dict[Hashable, Any] = {}
    given = batch.is_given(target)
    for row, value in enumerate(batch.values(target)):
        if value is not None and given[row] and (rows is None or row in rows):
            form = folded(table, key, value)
            wanted.setdefault(form, []).append(row)
            values[form] = value
    there = {folded(table, key, r[key]) for r in looking.by_keys(table, key, values.values(), ())}
    for form, those in wanted.items():
        if form in there:
            continue
        message = f"{target.name}: there is no {table.name} whose {key} is {values[form]}"
        for row in those:
            found.setdefault(row, failed("INVALID_CROSS_REFERENCE_KEY", message, target.field.name))
