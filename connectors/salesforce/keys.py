"""A long list of keys as several short ones: which can be parted, and where the cuts are.

No row may come from two parts. Where a comparison is EXACT a row has one value and that value
stands in one part. Text is compared without case, and how far that goes (``ß``, ``İ``, accents)
is the user's language's matter, so a row may answer to keys of two parts: each part keeps only
the rows whose value stands in it to the letter (`matching`). No row that is wanted is lost, since
its own spelling is in one of the parts and finds it there. Keys that differ only in case lie side
by side, so that few rows travel twice.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.catalog.model import Column, Table
from isthmus.connectors.contract import Promise
from isthmus.connectors.predicates import In, Predicate, Value
from isthmus.connectors.salesforce.judge import translate
from isthmus.connectors.salesforce.length import STATEMENT_BYTES, sent_bytes
from isthmus.connectors.salesforce.soql import Condition
from isthmus.connectors.salesforce.translation import Translation
from isthmus.connectors.salesforce.types import TEXTS

__all__ = ["KEY_ROOM", "Keys", "halves", "is_key", "is_list", "key_bytes", "matching", "parted"]

#: Bytes that are kept for keys, however much else a statement says.
KEY_ROOM: Final = STATEMENT_BYTES // 4
#: A part that is filled as far as this is not filled further.
_FULL: Final = 0.97

#: A part of a list and the condition that says it.
Keys = tuple[In, Condition]


def is_list(table: Table, predicate: Predicate, translation: Translation) -> bool:
    """Whether it is a list of keys whose parts can be asked for one by one."""
    if not isinstance(predicate, In) or translation.condition is None:
        return False
    return translation.promise is Promise.EXACT or _is_text(table, predicate)


def is_key(column: Column) -> bool:
    """Whether a list of values of this column would be sent, and parted if need be."""
    if not column.properties.get("filterable") or column.properties.get("calculated"):
        return False
    return column.source_type in TEXTS or (
        column.source_type in _KEY_BYTES and not pa.types.is_floating(column.type)
    )


def _is_text(table: Table, keys: In) -> bool:
    return table.column(keys.column).source_type in TEXTS | {"multipicklist"}


def parted(table: Table, keys: In, room: int) -> tuple[Keys, ...]:
    """The list in parts whose conditions take at most `room` bytes each, and few of them.

    Values that no stored one can equal are left out; there may be no part at all. A single value
    that does not fit makes a part of its own.
    """
    values = tuple(dict.fromkeys(keys.values))
    if _is_text(table, keys):
        values = tuple(sorted(values, key=_without_case))
    parts: list[Keys] = []
    size = len(values)
    while values:
        part, condition = _filled(table, keys.column, values, size, room)
        if condition is not None:
            parts.append((part, condition))
        size = len(part.values)
        values = values[size:]
    return tuple(parts)


def _without_case(value: Value) -> tuple[str, str]:
    text = str(value)
    return text.casefold(), text


def _filled(
    table: Table, column: str, values: tuple[Value, ...], size: int, room: int
) -> tuple[In, Condition | None]:
    """As many of the first values as there is room for; `size` is the first guess."""
    best: tuple[In, Condition | None] | None = None
    size = min(size, len(values))
    while True:
        part = In(column, values[:size])
        condition = translate(table, part).condition
        taken = sent_bytes(condition)
        if taken <= room:
            best = part, condition
            if taken >= _FULL * room or size == len(values):
                return best
        if size == 1 and taken > room:
            return part, condition
        if best is not None and taken > room:
            return best
        better = min(int(size * room / max(taken, 1)), len(values), 2 * size)
        size = max(better, 1) if better != size else size + (1 if taken <= room else -1)


def halves(table: Table, keys: In) -> tuple[Keys, ...]:
    """Two lists for one that the org found too long; none where it has but one value."""
    middle = len(keys.values) // 2
    if not middle:
        return ()
    parts = (In(keys.column, keys.values[:middle]), In(keys.column, keys.values[middle:]))
    conditions = (translate(table, part).condition for part in parts)
    return tuple((p, c) for p, c in zip(parts, conditions, strict=True) if c is not None)


def matching(batch: pa.RecordBatch, table: Table, keys: In) -> pa.RecordBatch:
    """Of the rows that came for a part of a list, those whose value stands in it to the letter."""
    if not _is_text(table, keys):
        return batch  # compared exactly
    return batch.filter(pc.is_in(batch.column(keys.column), value_set=_texts(keys.values)))


def _texts(values: tuple[Value, ...]) -> pa.Array:
    """The texts as an array, without the help of pandas, which `pa.array` would import."""
    encoded = [str(value).encode() for value in values]
    ends = [0]
    for text in encoded:
        ends.append(ends[-1] + len(text))
    offsets = b"".join(end.to_bytes(4, "little") for end in ends)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(values), buffers)


#: Bytes of one key in an address, with its comma: ``'001000000000001AAA',``.
_KEY_BYTES: Final = {
    "id": 21,
    "reference": 21,
    "date": 11,
    "int": 9,
    "long": 14,
    "double": 10,
    "currency": 10,
    "percent": 6,
    "datetime": 95,
}
_TEXT_BYTES: Final = 24


def key_bytes(source_type: str) -> int:
    """About how long one key of a column is, for estimates.

    >>> key_bytes("id"), key_bytes("email")
    (21, 24)
    """
    return _KEY_BYTES.get(source_type, _TEXT_BYTES)
