"""Rows of other objects that are fetched along: which, their filters, and what is no row at all.

``Account.Industry`` in a query of contacts is the industry of the contact's account, null where
there is none (SOQL and SOSL Reference v65.0, p. 72). A filter of a parent is judged as on its own
table. Whatever it answers for a parent that is missing does no harm: such rows are not needed, and
filtered again.

A lookup that may point at objects of several kinds takes a TYPEOF (see `targets`).

Not sent: lookups without a name, paths of more than five steps and statements with more than 55 of
them (p. 79).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Lookup, ScanRequest, Verdict
from isthmus.connectors.predicates import And, Not, Or, Predicate
from isthmus.connectors.salesforce.fields import Field, guards_of, path_of
from isthmus.connectors.salesforce.judge import translate
from isthmus.connectors.salesforce.targets import branch_refusal, is_of_many
from isthmus.connectors.salesforce.translation import Translation
from isthmus.connectors.salesforce.types import LOOSE

__all__ = ["ParentFilter", "existing", "looked_up", "lookup_verdict", "parent_filters"]

_DEEPEST: Final = 5
_MOST: Final = 55


def lookup_verdict(request: ScanRequest) -> Verdict:
    """Whether a statement can fetch the looked-up rows."""
    every = list(_every(request.lookups, request.table, ()))
    for lookup, table, keys in every:
        reason = _refusal(lookup, table, len(keys))
        if reason is not None:
            return Verdict(False, reason)
        if len(keys) > _DEEPEST:
            return Verdict(False, f"a path has more than {_DEEPEST} steps")
    if len(every) > _MOST:
        return Verdict(False, f"a statement has at most {_MOST} lookups")
    if len({keys for _, _, keys in every}) < len(every):
        return Verdict(False, "a lookup is named twice")
    return Verdict(True, "a path gives the columns of the looked-up row, null where there is none")


def _every(
    lookups: tuple[Lookup, ...], table: Table, before: tuple[str, ...]
) -> Iterator[tuple[Lookup, Table, tuple[str, ...]]]:
    """Each lookup with the table that has its key, and the keys that lead to its row."""
    for lookup in lookups:
        keys = (*before, lookup.key)
        yield lookup, table, keys
        yield from _every(lookup.lookups, lookup.table, keys)


def _refusal(lookup: Lookup, table: Table, depth: int) -> str | None:
    reference = table.column(lookup.key).reference
    if reference is None:
        return f"{lookup.key} is no lookup"
    if is_of_many(reference):
        reason = branch_refusal(lookup, table, depth)
        return reason or _loose(lookup)
    if reference.targets != (lookup.table.name,) or reference.target_column != "Id":
        return f"{lookup.key} does not point at the Id of {lookup.table.name}"
    if not reference.name:
        return f"{lookup.key} has no name for paths"
    return _loose(lookup)


def _loose(lookup: Lookup) -> str | None:
    for name in lookup.columns:
        if lookup.table.column(name).properties.get(LOOSE):
            return f"values of type {lookup.table.column(name).source_type} are not fetched along"
    return None


@dataclass(frozen=True)
class ParentFilter:
    """A filter of a looked-up row.

    Attributes:
        seen: the looked-up table, its columns under the paths that lead to them.
        predicate: over those.
        translation: what can be sent of it.
    """

    seen: Table
    predicate: Predicate
    translation: Translation


def parent_filters(request: ScanRequest) -> tuple[ParentFilter, ...]:
    """The filters of looked-up rows, as far as they can be sent."""
    return tuple(
        found
        for lookup in request.lookups
        if not is_of_many(request.table.column(lookup.key).reference)
        for found in _filters(lookup, request.table, "")
        if found.translation.condition is not None
    )


def _filters(lookup: Lookup, table: Table, path: str) -> Iterator[ParentFilter]:
    path = f"{path}{path_of(table, lookup.key)}."
    seen = replace(
        lookup.table,
        # without the row, none of its columns has a value
        columns=tuple(replace(c, name=path + c.name, nullable=True) for c in lookup.table.columns),
    )
    for predicate in lookup.predicates:
        moved = _moved(predicate, path)
        yield ParentFilter(seen, moved, translate(seen, moved))
    for further in lookup.lookups:
        yield from _filters(further, lookup.table, path)


def looked_up(request: ScanRequest, name: str) -> tuple[Lookup, str] | None:
    """The lookup and the column of its table that a name such as ``AccountId.Name`` means.

    None where it is no name of a looked-up column, or of a row that may be of several kinds.
    """
    *keys, column = name.split(".")
    lookups, table, found = request.lookups, request.table, None
    for key in keys:
        found = next((lookup for lookup in lookups if lookup.key == key), None)
        if found is None or is_of_many(table.column(key).reference):
            return None
        lookups, table = found.lookups, found.table
    return None if found is None else (found, column)


def _moved(predicate: Predicate, path: str) -> Predicate:
    """The predicate over the columns at the end of a path."""
    match predicate:
        case And(parts) | Or(parts):
            return replace(predicate, parts=tuple(_moved(part, path) for part in parts))
        case Not(part):
            return Not(_moved(part, path))
        case _:
            return replace(predicate, column=path + predicate.column)


def existing(
    batch: pa.RecordBatch, request: ScanRequest, fields: tuple[Field, ...]
) -> pa.RecordBatch:
    """The batch, with null for all columns of looked-up rows that are deleted."""
    for path, guard in guards_of(request).items():
        deleted = batch.column(guard.path)
        if not pc.any(deleted).as_py():
            continue
        for number, field in enumerate(fields):
            if field.path.startswith(path):
                kept = pc.if_else(deleted, pa.scalar(None, field.column.type), batch.column(number))
                batch = batch.set_column(number, batch.schema.field(number), kept)
    return batch
