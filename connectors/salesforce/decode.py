"""A page of query results, from bytes straight to an Arrow batch.

A page of flat records is read by the places of its values (`flat`), any other by pyarrow.json as
one row whose ``records`` is a list of structs; no Python object is made per record. What
pyarrow.json would pass over in silence is checked here: a key that the page lacks, a second
document behind the first, a null record. What it refuses is looked at again slowly, to tell a
broken page (worth another try) from a value that does not fit (an error that names the field).
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from typing import Any, Final

import pyarrow as pa
import pyarrow.json as pj

from isthmus.catalog.model import Column
from isthmus.connectors.salesforce.children import Subquery
from isthmus.connectors.salesforce.childrows import Level, child_level
from isthmus.connectors.salesforce.flat import FlatReader, clock_times
from isthmus.connectors.salesforce.ids import is_full_id
from isthmus.connectors.salesforce.nested import lacks, leaf_paths, leaves, record_type, value_at
from isthmus.connectors.salesforce.types import LOOSE
from isthmus.errors import DataError

__all__ = ["Decoder", "Malformed", "Page", "early_link", "last_id", "next_link"]


class Malformed(Exception):
    """The body is no page of query results; another try may bring a whole one."""


@dataclass(frozen=True)
class Page:
    """One page.

    Attributes:
        total: how many rows the query has in all its pages.
        next: the path of the next page, or None on the last.
        last: the Id of the last record, where only its columns tell it (`last_id` finds the
            address of a parent).
        below: how many child rows came along.
    """

    batch: pa.RecordBatch
    total: int
    next: str | None
    last: str | None = None
    below: int = 0


def _wire(kind: pa.DataType) -> pa.DataType:
    """How a type is read, where pyarrow.json does not read it from Salesforce's JSON."""
    if pa.types.is_decimal(kind):
        return pa.decimal128(38, kind.scale)  # 100.0 has four digits, too many for (3, 0)
    if pa.types.is_int64(kind):
        return pa.decimal128(38, 0)  # 5.0 is a whole number too
    return pa.string() if pa.types.is_date(kind) or pa.types.is_time(kind) else kind


# Arrow's own pools keep what pages once took: a quarter more memory, and no faster.
_POOL: Final = pa.system_memory_pool()
_NEXT: Final = re.compile(rb'"nextRecordsUrl"\s*:\s*"(/[^"\\]+)"')
_URL: Final = re.compile(rb'"attributes"\s*:\s*\{[^{}]*?"url"\s*:\s*"[^"\\]*/([0-9A-Za-z]{18})"')
_MOMENT: Final = re.compile(r"(\d{4}-\d\d-\d\dT)?\d\d:\d\d:\d\d(\.\d{1,3})?(Z|\+0000)")


def early_link(beginning: bytes) -> str | None:
    """Where the next page is, if the beginning of a page tells it."""
    head = beginning.find(b'"records"')
    found = _NEXT.search(beginning[: max(head, 0)])
    return found[1].decode("ascii", "replace") if found else None


def next_link(body: bytes) -> str | None:
    """Where the next page is, found without reading the whole one.

    It stands before the first ``"records"`` or after the last ``]``: child rows may have links
    of their own, and texts may hold anything in between.
    """
    if (early := early_link(body)) is not None:
        return early
    found = _NEXT.search(body[body.rfind(b"]") :])
    return found[1].decode("ascii", "replace") if found else None


def last_id(body: bytes) -> str | None:
    """The Id of the last record, from the address that each record carries."""
    # a text that holds this key has a backslash before its closing quote, or no colon after it
    position = len(body)
    while (position := body.rfind(b'"attributes"', 0, position)) >= 0:
        if found := _URL.match(body, position):
            record = found[1].decode()
            return record if is_full_id(record) else None
    return None


class Decoder:
    """Decodes the pages of one query.

    Args:
        table: the object, for errors.
        selected: the columns that the statement selects; a parent's under their paths, with
            the Id of the record among them.
        wanted: the names to keep, in order.
        kinds: by the path of a parent that may be of several kinds: of which it must be to have
            columns.
        below: the child subqueries; each gives two more columns, see `childrows`.
    """

    def __init__(
        self,
        table: str,
        selected: tuple[Column, ...],
        wanted: tuple[str, ...],
        kinds: Mapping[str, str] | None = None,
        below: tuple[Subquery, ...] = (),
    ) -> None:
        self._table = table
        self._kinds = kinds or {}
        self._selected = selected
        self._wanted = list(wanted)
        self._below = below
        self._out = pa.schema([pa.field(c.name, c.type) for c in selected])
        plain = [c for c in selected if not c.properties.get(LOOSE)]
        record = record_type((c.name, _wire(c.type)) for c in plain)
        self._levels = [
            child_level(s.relationship, record_type((c.name, _wire(c.type)) for c in s.columns))
            for s in below
        ]
        self._plain = {name: i for i, name in enumerate(leaf_paths(record))}
        nested = bool(below) or any("." in c.name for c in selected)
        self._tells_last = nested and "Id" in self._plain
        flat = len(plain) == len(selected) and not nested
        self._flat = FlatReader(selected, wanted) if flat else None
        self._kept = pa.schema([self._out.field(name) for name in wanted])
        self._options = pj.ParseOptions(
            explicit_schema=pa.schema(
                [
                    ("totalSize", pa.int64()),
                    ("done", pa.bool_()),
                    ("nextRecordsUrl", pa.string()),
                    ("records", pa.list_(pa.struct([*record, *self._levels]))),
                ]
            ),
            unexpected_field_behavior="ignore",
            newlines_in_values=True,
        )

    def page(self, body: bytes, *, check_keys: bool) -> Page:
        """Decode one page.

        Args:
            body: the page as it came, decompressed.
            check_keys: compare the first record's keys with the columns; once per query is
                enough.

        Raises:
            Malformed: the body is broken.
            DataError: a value or the set of fields is not as described.
        """
        _demand_utf8(body)
        flat = None if self._flat is None else self._flat.read(body)
        if flat is not None:
            batch = _batch_of(flat.arrays, self._kept, flat.rows)
            return Page(batch, flat.total, flat.next)
        table = self._parsed(body)
        total, done = table["totalSize"][0].as_py(), table["done"][0].as_py()
        link = table["nextRecordsUrl"][0].as_py()
        records = table["records"].combine_chunks()
        if total is None or done is None or records.null_count or done == (link is not None):
            raise Malformed("it is no page of query results")
        structs = records.flatten()
        if structs.null_count:
            raise Malformed("it has a record that is null")
        if check_keys and len(structs):
            self._check_keys(body)
        batch = self._batch(body, structs)
        last = batch.column("Id")[-1].as_py() if self._tells_last and len(structs) else None
        kept = batch.select(self._wanted)
        children = 0
        for below in self._below:
            lists, links = self._children(body, below, structs.field(below.relationship))
            children += len(lists.values)
            kept = kept.append_column(below.children.name, lists)
            kept = kept.append_column(below.link, links)
        return Page(kept, total, link, last, children)

    def _children(
        self, body: bytes, below: Subquery, found: pa.StructArray
    ) -> tuple[pa.ListArray, pa.StringArray]:
        """The children of each record, and where more of them are.

        Raises:
            Malformed: it is no answer to a subquery.
            DataError: a value is not as described.
        """
        try:
            level = Level.of(found)
        except ValueError as error:
            raise Malformed(f"{below.relationship}: {error}") from error
        arrays = [
            self._cast(body, column, read)
            for column, read in zip(below.columns, level.records.flatten(), strict=True)
        ]
        rows = pa.StructArray.from_arrays(arrays, fields=list(below.type))
        return level.lists(rows), level.links

    def records(self, body: bytes) -> tuple[int, pa.RecordBatch]:
        """Decode a list of records, null where there is none: the answer to a list of Ids.

        Returns:
            How long the list is, and the records in it, of columns that are not loose.

        Raises:
            Malformed: the body is broken.
            DataError: a value or the set of fields is not as described.
        """
        body = body.strip()
        if body[:1] != b"[" or body[-1:] != b"]":
            raise Malformed("it is no list")
        _demand_utf8(body)
        page = b'{"totalSize":0,"done":true,"records":%b}' % body
        flat = None if self._flat is None else self._flat.read(page)
        if flat is not None:
            return flat.rows, _batch_of(flat.arrays, self._kept, flat.rows)
        records = self._parsed(page)["records"].combine_chunks()
        if records.null_count:
            raise Malformed("it is no list of records")
        structs = records.flatten()
        present = structs.filter(structs.is_valid())
        if len(present):
            self._check_keys(page)
        return len(structs), self._batch(page, present).select(self._wanted)

    def _parsed(self, body: bytes) -> pa.Table:
        if body[:64].lstrip()[:1] != b"{":
            raise Malformed("it is no JSON object")  # pyarrow.json crashes on a bare null
        try:
            table = pj.read_json(
                pa.BufferReader(body),
                read_options=pj.ReadOptions(use_threads=False, block_size=len(body) + 16),
                parse_options=self._options,
                memory_pool=_POOL,
            )
        except pa.ArrowInvalid as error:
            raise self._diagnosed(body, error) from error
        if table.num_rows != 1:
            raise Malformed("it is more than one document")
        return table

    def _batch(self, body: bytes, structs: pa.StructArray) -> pa.RecordBatch:
        read = leaves(structs) if self._plain else []
        loose: list[dict[str, Any]] | None = None
        arrays = []
        for column in self._selected:
            if column.name in self._plain:
                arrays.append(self._cast(body, column, read[self._plain[column.name]]))
            else:
                if loose is None:
                    loose = json.loads(body, parse_float=_Number, parse_int=_Number)["records"]
                texts = [_as_text(value_at(record, column.name)) for record in loose]
                arrays.append(pa.array(texts, pa.string()))
        return pa.RecordBatch.from_arrays(arrays, schema=self._out)

    def _cast(self, body: bytes, column: Column, read: pa.Array) -> pa.Array:
        if read.type == column.type:
            return read
        try:
            if pa.types.is_time(column.type):
                return clock_times(read)
            return read.cast(column.type)
        except pa.ArrowInvalid as error:
            raise self._diagnosed(body, error) from error

    def _check_keys(self, body: bytes) -> None:
        start = body.index(b"{", body.index(b'"records"'))
        try:
            # errors="replace": the end may cut a character, far behind the first record
            text = body[start:].decode("utf-8", "replace")
            record, _ = json.JSONDecoder().raw_decode(text)
        except ValueError as error:
            raise Malformed("its first record is broken") from error
        missing = [
            column.name
            for column in self._selected
            if lacks(record, column.name) and not self._is_of_another_kind(record, column.name)
        ]
        for below in self._below:
            if below.relationship not in record:
                missing.append(below.relationship)
            names = (column.name for column in below.columns)
            missing += [n for n in names if any(n not in c for c in _children_of(record, below))]
        if missing:
            raise DataError(
                f"{self._table}: the org's answer lacks {', '.join(missing)}",
                remedy="Refresh the source: the object has changed since it was described.",
            )

    def _is_of_another_kind(self, record: Any, path: str) -> bool:
        parent = path.rpartition(".")[0]
        kind = self._kinds.get(parent)
        return kind is not None and value_at(record, f"{parent}.attributes.type") != kind

    def _diagnosed(self, body: bytes, error: Exception) -> Exception:
        """Malformed, or a `DataError` that names the field."""
        try:
            page = json.loads(body, parse_float=Decimal, parse_int=Decimal)
            records = page["records"]
            page["totalSize"], page["done"], iter(records)
        except (ValueError, KeyError, TypeError):
            return Malformed(str(error))
        for record in records:
            for table, column, value in self._values(record):
                if value is not None and not _fits(value, column):
                    return _misfit(table, column, value)
        return DataError(
            f"{self._table}: a page can't be read as described: {error}",
            remedy="Refresh the source; if it stays, leave out fields to find the one.",
        )

    def _values(self, record: Any) -> Iterator[tuple[str, Column, Any]]:
        """Each value of a record and of its children, with its object and column."""
        for column in self._selected:
            yield self._table, column, value_at(record, column.name)
        for below in self._below:
            for child in _children_of(record, below):
                for column in below.columns:
                    yield below.children.table.name, column, child.get(column.name)


def _children_of(record: Any, below: Subquery) -> list[dict[str, Any]]:
    found = value_at(record, f"{below.relationship}.records")
    return [child for child in found or () if isinstance(child, dict)]


def _misfit(table: str, column: Column, value: object) -> DataError:
    shown = value if isinstance(value, Decimal) else repr(value)
    name = f"{table}.{column.name}"
    if pa.types.is_decimal(column.type) and isinstance(value, Decimal):
        places = max(-int(value.as_tuple().exponent), 0)
        remedy = f'Widen it: decimal_places = {{ "{name}" = {places} }} in the source.'
    else:
        remedy = "Refresh the source: the field may have changed since it was described."
    return DataError(
        f"{name} holds {shown}, which does not fit its type {column.type}", remedy=remedy
    )


def _demand_utf8(body: bytes) -> None:
    """Check as Arrow does, which takes a fortieth of the time that making a Python text takes.

    Raises:
        Malformed: it is no UTF-8; no reader below would notice.
    """
    if body.isascii():
        return
    ends = pa.py_buffer(struct.pack("=ii", 0, len(body)))
    text = pa.Array.from_buffers(pa.string(), 1, [None, ends, pa.py_buffer(body)])
    try:
        text.validate(full=True)
    except pa.ArrowInvalid as error:
        raise Malformed(str(error)) from error


def _batch_of(arrays: list[pa.Array], schema: pa.Schema, rows: int) -> pa.RecordBatch:
    """A batch that keeps the number of its rows when it has no columns."""
    if arrays:
        return pa.RecordBatch.from_arrays(arrays, schema=schema)
    counted = pa.RecordBatch.from_arrays([pa.nulls(rows)], names=["rows"])
    return counted.select([])


class _Number(str):
    """A number's own digits."""

    __slots__ = ()


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _fits(value: Any, column: Column) -> bool:
    kind = column.type
    if column.properties.get(LOOSE):
        return True
    if pa.types.is_decimal(kind) or pa.types.is_int64(kind):
        return isinstance(value, Decimal) and _has_room(value, kind)
    if pa.types.is_floating(kind):
        return isinstance(value, Decimal) and abs(value) < Decimal("1.8E308")
    if pa.types.is_boolean(kind):
        return isinstance(value, bool)
    if not isinstance(value, str):
        return False
    if pa.types.is_date(kind):
        return _is_date(value)
    if pa.types.is_temporal(kind):
        return _MOMENT.fullmatch(value) is not None
    return not any("\ud800" <= char <= "\udfff" for char in value)


def _has_room(value: Decimal, kind: pa.DataType) -> bool:
    if pa.types.is_int64(kind):
        return value == value.to_integral_value() and -(2**63) <= value < 2**63
    precision, scale = kind.precision, kind.scale
    if abs(value) >= Decimal(10) ** (precision - scale):
        return False
    with localcontext(prec=80):
        return value == value.quantize(Decimal(1).scaleb(-scale))


def _is_date(value: str) -> bool:
    try:
        return len(value) == 10 and date.fromisoformat(value) is not None
    except ValueError:
        return False
