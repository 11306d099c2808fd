"""Types of JSON values; lines as Arrow batches where Arrow's own reader is too strict."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from isthmus.connectors.files.format import BATCH_ROWS
from isthmus.connectors.files.texts import Unfit, inferred, typed
from isthmus.connectors.files.unify import wider

__all__ = ["JSON_TEXT", "batches", "sampled_types", "wider_json"]

JSON_TEXT = pa.large_binary()
"""Stands for "values of several kinds": such a column is text, holding each value's JSON.

No value of JSON has this type otherwise."""


def sampled_types(lines: Iterable[bytes]) -> tuple[dict[str, pa.DataType], int]:
    """The types of the columns of some lines, and how many lines hold a record.

    Raises:
        ValueError: a line is not a JSON object.
    """
    types: dict[str, pa.DataType] = {}
    texts: dict[str, list[str]] = {}
    rows = 0
    for line in lines:
        if not line.strip():
            continue
        record = json.loads(line)
        if not isinstance(record, dict):
            raise ValueError("a line holds no JSON object")
        rows += 1
        for name, value in record.items():
            kind = _type(value)
            types[name] = wider_json(types[name], kind) if name in types else kind
            if isinstance(value, str):
                texts.setdefault(name, []).append(value)
    for name, kind in types.items():
        if kind == pa.string():
            types[name] = inferred(pa.array(texts[name], pa.string()), quoted=True)
    return types, rows


def wider_json(a: pa.DataType, b: pa.DataType) -> pa.DataType:
    """The type for values of both types; `JSON_TEXT` when they differ in kind.

    >>> wider_json(pa.int64(), pa.float64())
    DataType(double)
    """
    if JSON_TEXT in (a, b):
        return JSON_TEXT
    if a != b and _textual(a) and _textual(b):
        return pa.timestamp("us") if {a, b} == {pa.date32(), pa.timestamp("us")} else pa.string()
    both = wider(a, b)
    return JSON_TEXT if both is None else both


def batches(lines: Iterable[bytes], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The lines as batches; text columns take values of any kind, as their JSON.

    Raises:
        ValueError: a line is not a JSON object.
        Unfit: a value does not fit; its row counts from the first line of all, and its value
            begins with the column's name and a colon.
    """
    records: list[dict[str, Any]] = []
    done = 0
    for line in lines:
        if not line.strip():
            continue
        record = json.loads(line, parse_float=_Number)
        if not isinstance(record, dict):
            raise ValueError("a line holds no JSON object")
        records.append(record)
        if len(records) == BATCH_ROWS:
            yield _batch(records, schema, done)
            done += len(records)
            records = []
    if records:
        yield _batch(records, schema, done)


class _Number(str):
    """A number with a point, in the digits it was written with."""


def _textual(kind: pa.DataType) -> bool:
    return bool(pa.types.is_temporal(kind) or pa.types.is_string(kind))


def _type(value: Any) -> pa.DataType:
    match value:
        case None:
            return pa.null()
        case bool():
            return pa.bool_()
        case int():
            fits = -(2**63) <= value < 2**63
            return pa.int64() if fits else pa.decimal128(38, 0)
        case float():
            return pa.float64()
        case str():
            return pa.string()
        case list():
            item: pa.DataType = pa.null()
            for each in value:
                item = wider_json(item, _type(each))
            return JSON_TEXT if item == JSON_TEXT else pa.list_(item)
        case dict() if value:
            fields = [(k, _type(v)) for k, v in value.items()]
            mixed = any(t == JSON_TEXT for _, t in fields)
            return JSON_TEXT if mixed else pa.struct(fields)
    return JSON_TEXT


def _batch(records: list[dict[str, Any]], schema: pa.Schema, done: int) -> pa.RecordBatch:
    columns = []
    for field in schema:
        values = [r.get(field.name) for r in records]
        try:
            columns.append(_column(values, field.type))
        except Unfit as unfit:
            raise Unfit(done + unfit.row, f"{field.name}: {unfit.value}") from unfit
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_nested(kind):
        plain = [_plain(v) for v in values]
        try:
            return pa.array(plain, kind)
        except (pa.ArrowException, TypeError, ValueError) as error:
            raise Unfit(0, str(error)) from error
    texts = pa.array([None if v is None else _text(v) for v in values], pa.string())
    return typed(texts, kind, declared=True)


def _text(value: Any) -> str:
    return str(value) if isinstance(value, str) else json.dumps(_plain(value), ensure_ascii=False)


def _plain(value: Any) -> Any:
    match value:
        case _Number():
            return float(value)
        case list():
            return [_plain(v) for v in value]
        case dict():
            return {k: _plain(v) for k, v in value.items()}
    return value
