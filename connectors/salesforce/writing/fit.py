"""Values in the type of their field: what does not fit is told cell by cell.

The engine gives a table's own columns in their types; keys of other tables' records come as they
are. A float is rounded to the field's places (it was never exact); a decimal must fit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from isthmus.connectors.salesforce.ids import checksum, is_full_id
from isthmus.connectors.salesforce.types import IDS, WHOLE
from isthmus.connectors.salesforce.writing.columns import Target
from isthmus.connectors.salesforce.writing.outcomes import Outcome, failed

__all__ = ["fitted", "full_id"]

Faults = dict[int, Outcome]
_Test = Callable[[pa.DataType], bool]


def _textual(kind: pa.DataType) -> bool:
    return bool(pt.is_string(kind) or pt.is_large_string(kind) or pt.is_string_view(kind))


def _number(kind: pa.DataType) -> bool:
    return bool(pt.is_integer(kind) or pt.is_decimal(kind) or pt.is_floating(kind))


def _zoned(kind: pa.DataType) -> bool:
    return bool(pt.is_timestamp(kind) and kind.tz is not None)


#: From which types a field's values may be made.
_FROM: Final[tuple[tuple[_Test, tuple[_Test, ...]], ...]] = (
    (pt.is_boolean, (pt.is_boolean, _textual)),
    (pt.is_integer, (_number, _textual)),
    (pt.is_decimal, (_number, _textual)),
    (pt.is_floating, (_number, _textual)),
    (pt.is_date, (pt.is_date, _textual)),
    (pt.is_timestamp, (_zoned, _textual)),
    (pt.is_time, (pt.is_time, _textual)),
    (pt.is_string, (_textual, pt.is_integer, pt.is_decimal, pt.is_boolean, pt.is_date)),
)


def fitted(target: Target, array: pa.Array) -> tuple[pa.Array, Faults]:
    """A column in its field's type, and the rows whose value has no place in it.

    Args:
        target: what it sets.
        array: its values.

    Returns:
        The values, null where there is a fault, and the faults by row.
    """
    wanted = target.column.type
    if isinstance(array, pa.DictionaryArray):
        array = array.dictionary_decode()
    if pt.is_null(array.type):
        return array.cast(wanted), {}
    sources = next((froms for test, froms in _FROM if test(wanted)), ())
    if not any(test(array.type) for test in sources):
        fault = _unfit(target, f"of type {array.type}")
        return pa.nulls(len(array), wanted), dict.fromkeys(_filled(array), fault)
    made, faults = _cast(target, array)
    if target.source_type in IDS:
        return _full_ids(target, made, faults)
    if target.source_type in WHOLE and target.property("digits"):
        _demand_digits(target, made, faults)
    if pt.is_floating(wanted):
        _demand_finite(target, made, faults)
    return made, faults


def _cast(target: Target, array: pa.Array) -> tuple[pa.Array, Faults]:
    wanted = target.column.type
    if array.type == wanted:
        return array, {}
    try:
        return _whole_cast(array, wanted), {}
    except pa.ArrowInvalid:
        pass
    cells, faults = [], {}
    for row in range(len(array)):
        cell = array.slice(row, 1)
        try:
            cells.append(_whole_cast(cell, wanted))
        except pa.ArrowInvalid:
            faults[row] = _unfit(target, repr(cell[0].as_py()))
            cells.append(pa.nulls(1, wanted))
    return pa.concat_arrays(cells), faults


def _whole_cast(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    if pt.is_timestamp(wanted) and pt.is_timestamp(array.type):
        return array.cast(wanted, safe=False)  # what is finer than a second is not kept anyway
    if pt.is_integer(wanted) and _textual(array.type):
        return array.cast(pa.string()).cast(pa.decimal128(38, 0)).cast(wanted)
    if pt.is_decimal(wanted) and _textual(array.type):
        return array.cast(pa.string()).cast(pa.decimal256(76, 38)).cast(wanted)
    if pt.is_decimal(wanted) and pt.is_integer(array.type):
        return array.cast(pa.decimal128(38, 0)).cast(wanted)
    return array.cast(wanted)


def _filled(array: pa.Array) -> list[int]:
    return [row for row, valid in enumerate(array.is_valid().to_pylist()) if valid]


def _unfit(target: Target, shown: str) -> Outcome:
    kind = target.column.type
    return failed(
        "INVALID_TYPE_ON_FIELD_IN_RECORD",
        f"{target.name}: a value {shown} does not fit {target.source_type} ({kind})"
        + (": a time needs its zone" if pt.is_timestamp(kind) else ""),
        target.name,
    )


def full_id(text: str) -> str | None:
    """An Id in its form of 18 characters; None for what is none.

    >>> full_id("001M000000qfPyS"), full_id("001M000000qfPySIAX"), full_id("Acme")
    ('001M000000qfPySIAU', None, None)
    """
    if len(text) == 15 and text.isascii() and text.isalnum():
        return text + checksum(text)
    return text if is_full_id(text) else None


def _full_ids(target: Target, array: pa.Array, faults: Faults) -> tuple[pa.Array, Faults]:
    values = array.to_pylist()
    made = [None if value is None else full_id(value) for value in values]
    for row, (value, full) in enumerate(zip(values, made, strict=True)):
        if value is not None and full is None:
            message = f"{target.name}: malformed id {value}"
            faults.setdefault(row, failed("MALFORMED_ID", message, target.name))
    return pa.array(made, pa.string()), faults


def _demand_digits(target: Target, array: pa.Array, faults: Faults) -> None:
    most = 10 ** int(target.property("digits"))
    for row in _filled(pc.if_else(pc.greater_equal(pc.abs(array), most), True, None)):
        faults.setdefault(row, _out_of_range(target, array[row].as_py()))


def _demand_finite(target: Target, array: pa.Array, faults: Faults) -> None:
    for row in _filled(pc.if_else(pc.is_finite(array), None, True)):
        if array[row].is_valid:
            faults.setdefault(row, _out_of_range(target, array[row].as_py()))


def _out_of_range(target: Target, value: object) -> Outcome:
    message = f"{target.name}: value outside of valid range on numeric field: {value}"
    return failed("NUMBER_OUTSIDE_VALID_RANGE", message, target.name)
