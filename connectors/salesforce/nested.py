"""Records with parents in them: ``{"Id": .., "Account": {"Name": .., "Owner": null}}``.

A column of a parent is named by its path, ``Account.Owner.Name``. A path through a parent that is
not there ends in null, as it does in a query.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

__all__ = ["lacks", "leaf_paths", "leaves", "record_type", "value_at"]


def record_type(columns: Iterable[tuple[str, pa.DataType]]) -> pa.StructType:
    """The type of a record with these paths.

    >>> record_type([("Id", pa.string()), ("A.N", pa.string()), ("A.B.N", pa.bool_())])
    StructType(struct<Id: string, A: struct<N: string, B: struct<N: bool>>>)
    """
    fields: dict[str, pa.DataType] = {}
    parents: dict[str, list[tuple[str, pa.DataType]]] = {}
    for path, kind in columns:
        step, dot, rest = path.partition(".")
        fields[step] = kind
        if dot:
            parents.setdefault(step, []).append((rest, kind))
    for step, inner in parents.items():
        fields[step] = record_type(inner)
    return pa.struct(list(fields.items()))


def leaf_paths(record: pa.StructType, before: str = "") -> Iterator[str]:
    """The paths of a record's values, in the order of `leaves`."""
    for field in record:
        if pa.types.is_struct(field.type):
            yield from leaf_paths(field.type, f"{before}{field.name}.")
        else:
            yield before + field.name


def leaves(records: pa.StructArray) -> list[pa.Array]:
    """The values of records, column by column, parents opened up."""
    found: list[pa.Array] = []
    for column in records.flatten():  # a parent that is null makes its values null
        found += leaves(column) if pa.types.is_struct(column.type) else [column]
    return found


def value_at(record: Any, path: str) -> Any:
    """The value at a path; None where there is none.

    >>> value_at({"A": {"N": 1}}, "A.N"), value_at({"A": None}, "A.N")
    (1, None)
    """
    for step in path.split("."):
        record = record.get(step) if isinstance(record, dict) else None
    return record


def lacks(record: Any, path: str) -> bool:
    """Whether a record has no key for a path; below a parent that is null there is none to have.

    >>> lacks({"A": {"N": 1}}, "A.M"), lacks({"A": None}, "A.M"), lacks({}, "A.M")
    (True, False, True)
    """
    for step in path.split("."):
        if record is None:
            return False
        if not isinstance(record, dict) or step not in record:
            return True
        record = record[step]
    return False
