"""Hive partition columns: their types, and their value for one file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

import pyarrow as pa

from isthmus.connectors.files.location import DataFile
from isthmus.connectors.predicates import Value

__all__ = ["partition_schema", "partition_value"]

_INTEGER = re.compile(r"[+-]?\d{1,19}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def partition_schema(files: Sequence[DataFile]) -> pa.Schema:
    """The partition columns of a table's files, in the order in which folders nest.

    A column is a bigint when all values are whole numbers, a date when all are ISO dates,
    and text otherwise, as DuckDB's ``hive_types_autocast`` has it.
    """
    values: dict[str, list[str | None]] = {}
    for file in files:
        for key, value in file.partitions:
            values.setdefault(key, []).append(value)
    return pa.schema([pa.field(key, _type(found)) for key, found in values.items()])


def partition_value(file: DataFile, column: pa.Field) -> Value | None:
    """The value of a partition column in every row of a file."""
    raw = dict(file.partitions).get(column.name)
    if raw is None:
        return None
    if pa.types.is_integer(column.type):
        return int(raw)
    if pa.types.is_date(column.type):
        return date.fromisoformat(raw)
    return raw


def _type(values: Sequence[str | None]) -> pa.DataType:
    known = [v for v in values if v is not None]
    if known and all(_whole(v) for v in known):
        return pa.int64()
    if known and all(_iso(v) for v in known):
        return pa.date32()
    return pa.string()


def _whole(text: str) -> bool:
    return bool(_INTEGER.fullmatch(text)) and -(2**63) <= int(text) < 2**63


def _iso(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
