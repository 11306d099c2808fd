"""The text of whole columns at once, where Arrow can make it; else value by value.

What comes out is what `isthmus.interfaces.formats.text` says: a test compares the two. Constants
are built from buffers, since `pyarrow.scalar` and `pyarrow.array` load pandas where there is one.
"""

from __future__ import annotations

from array import array as numbers
from collections.abc import Sequence
from itertools import accumulate

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.interfaces.formats.text import is_number, json_column, text_column

__all__ = ["as_vector", "constant", "csv_cells", "join_rows", "json_cells", "lines"]

_TEXT = pa.large_string()
# Arrow writes a decimal in scientific notation from the seventh place on.
_PLAIN_SCALE = 5
_FRACTIONS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
# Seconds and days of the years 1 to 9999, which Arrow writes as ISO 8601 does.
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
_JSON_ESCAPES = r'["\\\x00-\x1f]'
_CSV_QUOTES = r'[",\r\n]|^\s|\s$|^$'


def csv_cells(column: pa.Array) -> pa.Array:
    """The cells of a CSV column: null is nothing, quotes stand where they are needed."""
    texts = _texts(column)
    if _may_need_quotes(column.type) and _any_matches(texts, _CSV_QUOTES):
        needs = pc.match_substring_regex(texts, _CSV_QUOTES)
        doubled = pc.replace_substring(texts, '"', '""')
        quote = constant('"')
        quoted = pc.binary_join_element_wise(quote, doubled, quote, constant(""))
        texts = pc.if_else(needs, quoted, texts)
    return pc.coalesce(texts, constant(""))


def json_cells(column: pa.Array) -> pa.Array:
    """The JSON of each value of a column."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        texts = column.cast(_TEXT)
        if _any_matches(texts, _JSON_ESCAPES):
            return as_vector(json_column(column))
        return _quoted(texts)
    if pa.types.is_boolean(kind) or (is_number(kind) and _is_fast(column)):
        return pc.coalesce(_texts(column), constant("null"))
    if _is_fast(column):
        return _quoted(_texts(column))
    return as_vector(json_column(column))


def join_rows(parts: Sequence[pa.Array | pa.Scalar]) -> pa.Array:
    """One text a row, from columns and constants side by side."""
    return pc.binary_join_element_wise(*parts, constant(""))


def lines(rows: pa.Array, separator: str) -> bytes:
    """All rows as one text, the separator between them."""
    if len(rows) == 0:
        return b""
    offsets = pa.Array.from_buffers(
        pa.int64(), 2, [None, pa.py_buffer(numbers("q", (0, len(rows))))]
    )
    whole = pa.LargeListArray.from_arrays(offsets, rows)
    joined = pc.binary_join(whole, constant(separator))
    return bytes(joined[0].as_buffer())


def as_vector(texts: Sequence[str | None]) -> pa.Array:
    """Python texts as an Arrow column."""
    encoded = [b"" if text is None else text.encode() for text in texts]
    offsets = numbers("q", accumulate(map(len, encoded), initial=0))
    bits = sum(1 << i for i, text in enumerate(texts) if text is not None)
    validity = bits.to_bytes((len(texts) + 7) // 8, "little") if None in texts else None
    return pa.Array.from_buffers(
        _TEXT,
        len(texts),
        [
            None if validity is None else pa.py_buffer(validity),
            pa.py_buffer(offsets),
            pa.py_buffer(b"".join(encoded)),
        ],
    )


def constant(text: str) -> pa.Scalar:
    """One text as an Arrow scalar."""
    return as_vector([text])[0]


def _texts(column: pa.Array) -> pa.Array:
    kind = column.type
    if not _is_fast(column):
        return as_vector(text_column(column))
    if pa.types.is_timestamp(kind):
        return _timestamps(column)
    return column.cast(_TEXT)


def _is_fast(column: pa.Array) -> bool:
    kind = column.type
    if pa.types.is_decimal(kind):
        return bool(0 <= kind.scale <= _PLAIN_SCALE)
    if pa.types.is_date32(kind):
        return _within(column.cast(pa.int32()), _FIRST_DAY, _LAST_DAY)
    if pa.types.is_timestamp(kind):
        unit = _FRACTIONS[kind.unit] * 86_400
        plain = kind.tz in (None, "UTC", "Etc/UTC")
        return plain and _within(column.cast(pa.int64()), _FIRST_DAY * unit, _LAST_DAY * unit)
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
    )


def _within(column: pa.Array, first: int, last: int) -> bool:
    least, most = pc.min_max(column).as_py().values()
    return least is None or (first <= least and most <= last)


def _timestamps(column: pa.Array) -> pa.Array:
    naive = column.cast(pa.timestamp(column.type.unit))
    texts = pc.utf8_replace_slice(naive.cast(_TEXT), 10, 11, "T")
    if column.type.unit != "s":  # the fraction is always written in full
        texts = pc.utf8_rtrim(pc.utf8_rtrim(texts, characters="0"), characters=".")
    if column.type.tz is None:
        return texts
    return pc.binary_join_element_wise(texts, constant("+00:00"), constant(""))


def _quoted(texts: pa.Array) -> pa.Array:
    quote = constant('"')
    quoted = pc.binary_join_element_wise(quote, texts, quote, constant(""))
    return pc.coalesce(quoted, constant("null"))


def _may_need_quotes(kind: pa.DataType) -> bool:
    return not (is_number(kind) or pa.types.is_temporal(kind) or pa.types.is_boolean(kind))


def _any_matches(texts: pa.Array, pattern: str) -> bool:
    return bool(pc.any(pc.match_substring_regex(texts, pattern)).as_py())
