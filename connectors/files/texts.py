"""Types for values that come as text: which type a sample shows, and strict conversion to it.

The rules are narrow on purpose. A value becomes a number, date or time only when nothing of its
text is lost by it: ``007`` stays text, and so do ``NaN``, ``null`` and ``N/A``.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

from isthmus.connectors.files.unify import wider

__all__ = ["Unfit", "inferred", "typed", "wider_text"]

_TIME = r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?"
_DATE = r"\d{4}-\d{2}-\d{2}"
_WHOLE = r"-?(0|[1-9]\d*)"
_FORMS: tuple[tuple[str, pa.DataType], ...] = (
    (rf"^{_WHOLE}$", pa.int64()),
    (rf"^{_WHOLE}$", pa.decimal128(38, 0)),
    (rf"^{_WHOLE}(\.\d+)?([eE][+-]?\d{{1,3}})?$", pa.float64()),
    (r"^(true|false|True|False|TRUE|FALSE)$", pa.bool_()),
    (rf"^{_DATE}$", pa.date32()),
    (rf"^{_DATE}([ T]{_TIME})?$", pa.timestamp("us")),
    (rf"^{_DATE}[ T]{_TIME}(Z|[+-]\d\d(:?\d\d)?)$", pa.timestamp("us", "UTC")),
    (rf"^{_TIME}$", pa.time64("us")),
)
_TEXTUAL = tuple(form for form in _FORMS if types.is_temporal(form[1]))
_FIRST = 64


class Unfit(Exception):
    """A value does not fit the type.

    Args:
        row: its number in the array, from 0.
        value: its text.
    """

    def __init__(self, row: int, value: str) -> None:
        super().__init__(value)
        self.row, self.value = row, value


def inferred(values: pa.Array, *, quoted: bool = False) -> pa.DataType:
    """The type that all values fit; null when there is none.

    Args:
        values: text, with nulls.
        quoted: only dates and times are looked for, as in strings of JSON.

    >>> inferred(pa.array(["1", None, "20"])), inferred(pa.array(["1", "007"]))
    (DataType(int64), DataType(string))
    """
    known = values.drop_null()
    if not len(known):
        return pa.null()
    for pattern, kind in _TEXTUAL if quoted else _FORMS:
        if _all_match(known.slice(0, _FIRST), pattern) and _all_match(known, pattern):
            try:
                typed(known, kind)
            except Unfit:
                continue
            return kind
    return pa.string()


def wider_text(a: pa.DataType, b: pa.DataType) -> pa.DataType:
    """The type for the values of two samples; text when nothing else holds both.

    >>> wider_text(pa.int64(), pa.float64()), wider_text(pa.date32(), pa.int64())
    (DataType(double), DataType(string))
    """
    if {a, b} == {pa.date32(), pa.timestamp("us")}:
        return pa.timestamp("us")
    both = wider(a, b)
    return pa.string() if both is None or types.is_nested(both) else both


def typed(values: pa.Array, kind: pa.DataType, *, declared: bool = False) -> pa.Array:
    """The values in a type.

    Args:
        values: text, with nulls.
        kind: the type, inferred or declared.
        declared: the user chose the type, so ``007`` may be the number 7 and ``nan`` a double.

    Raises:
        Unfit: the first value that does not fit.
    """
    if kind == values.type:
        return values
    if not declared and (wrong := _misread(values, kind)) is not None:
        raise Unfit(wrong, values[wrong].as_py())
    try:
        made = _cast(values, kind)
    except pa.ArrowException as error:
        raise _first_unfit(values, kind) from error
    if types.is_floating(kind) and not declared:
        _all_finite(values, made)
    return made


def _cast(values: pa.Array, kind: pa.DataType) -> pa.Array:
    if not types.is_time(kind):
        return values.cast(kind)
    # Arrow reads no times, but timestamps; the day is dropped again.
    day = pa.scalar("1970-01-01 ")
    return pc.binary_join_element_wise(day, values, "").cast(pa.timestamp("us")).cast(kind)


def _all_match(values: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(values, pattern)).as_py())


def _misread(values: pa.Array, kind: pa.DataType) -> int | None:
    """The first value that Arrow would take but that would lose its text: 007, 0x1F, 1 as true."""
    if types.is_boolean(kind):
        wrong = pc.less(pc.binary_length(values), 4)
    elif types.is_integer(kind) or types.is_decimal(kind):
        unsigned = pc.utf8_ltrim(values, characters="-")
        zero = pc.starts_with(unsigned, "0")
        longer = pc.greater(pc.binary_length(unsigned), 1)
        wrong = pc.and_(pc.and_(zero, longer), pc.invert(pc.starts_with(unsigned, "0.")))
    else:
        return None
    at = pc.index(wrong.fill_null(False), True).as_py()
    return None if at < 0 else int(at)


def _all_finite(values: pa.Array, made: pa.Array) -> None:
    at = pc.index(pc.is_finite(made).fill_null(True), False).as_py()
    if at >= 0:
        raise Unfit(at, values[at].as_py())


def _first_unfit(values: pa.Array, kind: pa.DataType) -> Unfit:
    """Find the value that made a cast fail, by halves."""
    start, rows = 0, len(values)
    while rows > 1:
        half = rows // 2
        try:
            _cast(values.slice(start, half), kind)
        except pa.ArrowException:
            rows = half
        else:
            start, rows = start + half, rows - half
    return Unfit(start, str(values[start].as_py()))
