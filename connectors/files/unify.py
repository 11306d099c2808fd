"""One schema for all files of a table: the narrowest type that holds every file's values."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
from pyarrow import types

from isthmus.errors import DataError

__all__ = ["normal", "unified", "wider"]

_DIGITS = {8: 3, 16: 5, 32: 10, 64: 20}


def unified(schemas: Iterable[tuple[str, pa.Schema]]) -> pa.Schema:
    """The columns of all files, in the order in which they first occur.

    Args:
        schemas: pairs of a file, as shown in an error, and its schema.

    Raises:
        DataError: two files have a column in types that no type holds both of.
    """
    found: dict[str, tuple[pa.DataType, str]] = {}
    for file, schema in schemas:
        for column in schema:
            kind = normal(column.type)
            if column.name not in found:
                found[column.name] = kind, file
                continue
            known, first = found[column.name]
            both = wider(known, kind)
            if both is None:
                raise DataError(
                    f"column {column.name!r} is {kind} in {file}, but {known} in {first}",
                    remedy="Write the files with one type, or make them two tables.",
                )
            found[column.name] = both, first
    return pa.schema(
        [pa.field(n, pa.string() if types.is_null(t) else t) for n, (t, _) in found.items()]
    )


def normal(kind: pa.DataType) -> pa.DataType:
    """The plain type for an encoded, unusual or extension type; DuckDB can take all of these."""
    if isinstance(kind, pa.BaseExtensionType):
        return normal(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return normal(kind.value_type)
    if kind == pa.string_view():
        return pa.string()
    if kind == pa.binary_view():
        return pa.binary()
    if types.is_float16(kind):
        return pa.float32()
    if types.is_date64(kind):
        return pa.date32()
    if types.is_time(kind) and kind.unit in ("s", "ms"):
        return pa.time64("us")
    if types.is_decimal(kind) and kind.precision <= 38:
        return pa.decimal128(kind.precision, kind.scale)
    if types.is_struct(kind):
        return pa.struct([_normal_field(kind.field(i)) for i in range(kind.num_fields)])
    if types.is_map(kind):
        return pa.map_(normal(kind.key_type), normal(kind.item_type))
    if types.is_list(kind):
        return pa.list_(_normal_field(kind.value_field))
    if types.is_large_list(kind):
        return pa.large_list(_normal_field(kind.value_field))
    return kind


def wider(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    """The narrowest type for the values of both; None when there is none.

    >>> wider(pa.int32(), pa.int64()), wider(pa.decimal128(5, 2), pa.int8())
    (DataType(int64), Decimal128Type(decimal128(5, 2)))
    >>> wider(pa.string(), pa.int64()) is None
    True
    """
    if a == b or types.is_null(b):
        return a
    if types.is_null(a):
        return b
    if types.is_integer(a) and types.is_integer(b):
        return _integers(a, b)
    if _number(a) and _number(b):
        return _numbers(a, b)
    for large, small in ((pa.large_string(), pa.string()), (pa.large_binary(), pa.binary())):
        if {a, b} == {large, small}:
            return large
    if types.is_timestamp(a) and types.is_timestamp(b):
        return _timestamps(a, b)
    if types.is_list(a) and types.is_list(b):
        item = wider(a.value_type, b.value_type)
        return None if item is None else pa.list_(item)
    if types.is_struct(a) and types.is_struct(b):
        return _structs(a, b)
    return None


def _normal_field(field: pa.Field) -> pa.Field:
    return field.with_type(normal(field.type))


def _number(kind: pa.DataType) -> bool:
    return bool(types.is_integer(kind) or types.is_floating(kind) or types.is_decimal128(kind))


def _integers(a: pa.DataType, b: pa.DataType) -> pa.DataType:
    signed_a, signed_b = types.is_signed_integer(a), types.is_signed_integer(b)
    if signed_a == signed_b:
        return a if a.bit_width >= b.bit_width else b
    signed, unsigned = (a, b) if signed_a else (b, a)
    if unsigned.bit_width == 64:
        return pa.decimal128(20, 0)
    need = max(signed.bit_width, unsigned.bit_width * 2)
    return {16: pa.int16(), 32: pa.int32(), 64: pa.int64()}[need]


def _numbers(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    if types.is_floating(a) or types.is_floating(b):
        return pa.float64()
    (whole_a, scale_a), (whole_b, scale_b) = _decimal_digits(a), _decimal_digits(b)
    scale = max(scale_a, scale_b)
    precision = max(whole_a, whole_b) + scale
    return pa.decimal128(precision, scale) if precision <= 38 else None


def _decimal_digits(kind: pa.DataType) -> tuple[int, int]:
    """Digits before and after the point."""
    if types.is_decimal(kind):
        return kind.precision - kind.scale, kind.scale
    return _DIGITS[kind.bit_width], 0


_UNITS = ("s", "ms", "us", "ns")


def _timestamps(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    # An instant and a wall clock are different things: only the user knows the zone between.
    if (a.tz is None) != (b.tz is None):
        return None
    unit = max(a.unit, b.unit, key=_UNITS.index)
    return pa.timestamp(unit, a.tz if a.tz == b.tz else "UTC")


def _structs(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    fields: dict[str, pa.DataType] = {a.field(i).name: a.field(i).type for i in range(a.num_fields)}
    for field in (b.field(i) for i in range(b.num_fields)):
        known = fields.get(field.name)
        both = field.type if known is None else wider(known, field.type)
        if both is None:
            return None
        fields[field.name] = both
    return pa.struct(list(fields.items()))
