"""A page of flat records, read by the places of its values; no byte is parsed one by one.

Each record of such a page has the same keys in the same order, so its values lie between them::

    {"attributes":{"type":"X","url":"/.."},"Id":"001..","Name":"a, b","Amount":1.5}

A quote with a colon behind it ends a key (inside of a text, a quote has a backslash before it), so
one pass over the bytes finds all keys. It is proved that they are the expected ones, in each
record, and that every quote belongs to a key or a text; then Arrow copies and casts what lies
between them. That takes less processor time than a JSON reader.

Whatever is not exactly so (another order of keys, child records, white space, a value of another
kind, or one that does not fit) is left to the JSON reader (`decode`), which reads or refuses it:
this module decides about speed only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from isthmus.catalog.model import Column

__all__ = ["FlatPage", "FlatReader", "clock_times"]

_HEAD: Final = re.compile(
    rb'\{"totalSize":(0|[1-9][0-9]{0,17}),"done":(true|false)'
    rb'(?:,"nextRecordsUrl":"(/[^"\\]+)")?,"records":\['
)
_TAIL: Final = b"}]}"
#: The keys that each record begins with, each from the end of the value before it.
_ATTRIBUTES: Final = (b'{"attributes', b'{"type', b',"url')
#: From the end of a record's last value to the beginning of the next record.
_SEPARATOR: Final = b"},"

_QUOTE, _COLON, _BACKSLASH, _SPACE, _MINUS, _ZERO, _NINE = (ord(char) for char in '":\\ -09')
_NULL, _TRUE, _FALS = (int.from_bytes(word, "little") for word in (b"null", b"true", b"fals"))

#: Bytes that are compared at a time.
_BLOCK: Final = 1 << 17

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class FlatPage:
    """What was read.

    Attributes:
        arrays: the wanted columns, in order.
        total: how many rows the query has in all its pages.
        next: the path of the next page, or None on the last.
    """

    arrays: list[pa.Array]
    rows: int
    total: int
    next: str | None


class _Otherwise(Exception):
    """The page is not that simple."""


class FlatReader:
    """Reads the flat pages of one query.

    Args:
        selected: the columns that the statement selects, in its order.
        wanted: the names of those to read.
    """

    def __init__(self, selected: Sequence[Column], wanted: Sequence[str]) -> None:
        names = [column.name.encode() for column in selected]
        fields = [b"%b%b" % (b'},"' if i == 0 else b',"', name) for i, name in enumerate(names)]
        self._keys = _Keys((*_ATTRIBUTES, *fields))
        place = {column.name: i for i, column in enumerate(selected, len(_ATTRIBUTES))}
        types = {column.name: column.type for column in selected}
        self._wanted = [(place[name], types[name]) for name in wanted]

    def read(self, body: bytes) -> FlatPage | None:
        """The page, or None where it is not a flat page of just these fields."""
        head = _HEAD.match(body)
        if head is None or (head[2] == b"true") != (head[3] is None):
            return None
        total, link = int(head[1]), None if head[3] is None else head[3].decode("ascii", "replace")
        try:
            values = _Values(body, head.end(), self._keys)
            arrays = [_typed(values, key, kind) for key, kind in self._wanted]
        except (_Otherwise, pa.ArrowInvalid):
            return None
        return FlatPage(arrays, values.count, total, link)


class _Keys:
    """What stands between the values of a record, up to each key's closing quote.

    Attributes:
        texts: one for each key.
        words: the same in pieces of eight bytes, from the back: for each piece the keys that are
            that long, how far before the closing quote it begins, which bits count, and which
            are expected.
    """

    def __init__(self, texts: tuple[bytes, ...]) -> None:
        self.texts = texts
        self.words: list[tuple[slice | list[int], int, Words, Words]] = []
        whole = [_SEPARATOR + texts[0], *texts[1:]]
        for back in range(0, max(map(len, whole)), 8):
            long = [i for i, text in enumerate(whole) if len(text) > back]
            pieces = [whole[i][: len(whole[i]) - back][-8:] for i in long]
            which: slice | list[int] = slice(None) if len(long) == len(whole) else long
            bits = _words([b"\xff" * len(piece) for piece in pieces])
            self.words.append((which, back + 8, bits, _words(pieces)))


def _words(pieces: Sequence[bytes]) -> Words:
    return np.frombuffer(b"".join(piece.rjust(8, b"\0") for piece in pieces), "<u8")


def _windows(body: bytes, kind: str) -> npt.NDArray[Any]:
    """The word that begins at each byte."""
    size = np.dtype(kind).itemsize
    return np.ndarray((len(body) - size + 1,), kind, body, strides=(1,))


class _Values:
    """Where the values of a page begin and end: a row for each key, a column for each record.

    Raises:
        _Otherwise: what lies between them is not just the keys, or a text is not one.
    """

    def __init__(self, body: bytes, start: int, keys: _Keys) -> None:
        first = keys.texts[0]
        if not (body.startswith(first, start) and body.endswith(_TAIL)):
            raise _Otherwise
        self.body = body
        self.bytes = np.frombuffer(body, np.uint8)
        self.escapes = b"\\" in body
        ends_of_keys, quotes = _scan(self.bytes[start:])
        places = _grid(ends_of_keys, self.bytes[start:], len(keys.texts), self.escapes)
        places += start
        starts = places + len(b'":')
        ends = np.empty_like(places)
        ends[:, :-1] = places[:, 1:]
        ends[:-1, -1] = places[1:, 0] - len(_SEPARATOR)
        ends -= [len(key) for key in (*keys.texts[1:], first)]
        ends[-1, -1] = len(body) - len(_TAIL)
        if places[0, 0] != start + len(first):
            raise _Otherwise
        _demand_keys(body, places, ends - starts, keys)
        firsts = self.bytes[starts]
        if self.escapes:
            quotes -= _escaped_quotes(body[start:])
        _demand_texts(firsts, self.bytes[ends - 1], ends - starts, quotes)
        # found record by record, read key by key
        self.starts = np.ascontiguousarray(starts.T)
        self.ends = np.ascontiguousarray(ends.T)
        self.firsts = np.ascontiguousarray(firsts.T)
        self.sizes = self.ends - self.starts
        self.count = len(places)

    def words(self, key: int) -> npt.NDArray[np.uint32]:
        """The first four bytes of each value; the tail is long enough for a last one of one."""
        words: npt.NDArray[np.uint32] = _windows(self.body, "<u4")[self.starts[key]]
        return words

    def cut(self, key: int, nulls: npt.NDArray[np.bool_] | None, rim: int) -> pa.StringArray:
        """The values as texts, without so many bytes at either end."""
        edges = np.empty(2 * self.count, np.int32)
        edges[0::2] = self.starts[key] + rim
        edges[1::2] = self.ends[key] - rim
        pieces = pa.Array.from_buffers(
            pa.string(), len(edges) - 1, [None, pa.py_buffer(edges), pa.py_buffer(self.body)]
        )
        every_other = pa.py_buffer(np.arange(0, len(edges), 2, dtype=np.int32))
        return pieces.take(
            pa.Array.from_buffers(pa.int32(), self.count, [_validity(nulls), every_other])
        )


def _demand_keys(body: bytes, places: Places, sizes: Places, keys: _Keys) -> None:
    # the attributes hold an object, whose first key follows at once; all others have a value
    if sizes[:, 0].any() or sizes[:, 1:].min() < 1:
        raise _Otherwise
    windows = _windows(body, "<u8")
    for which, back, bits, expected in keys.words:
        wrong = windows[places[:, which] - back]
        wrong ^= expected
        wrong &= bits
        wrong[0, 0] = 0  # nothing separates the first record; its start was compared
        if wrong.any():
            raise _Otherwise


def _demand_texts(firsts: Bytes, lasts: Bytes, sizes: Places, quotes: int) -> None:
    """Every quote must begin or end a key or a text."""
    texts = firsts == _QUOTE
    if ((lasts == _QUOTE)[:, 1:] != texts[:, 1:]).any() or (texts & (sizes == 1)).any():
        raise _Otherwise
    if quotes != 2 * (texts.size + np.count_nonzero(texts)):
        raise _Otherwise


def _scan(records: Bytes) -> tuple[Places, int]:
    """Where a quote stands before a colon, and how many quotes there are.

    In blocks: what is compared stays in the processor's cache, and the system is not asked for
    (and does not clear) a page's worth of memory again and again.
    """
    found, quotes = [], 0
    for begin in range(0, len(records) - 1, _BLOCK):
        block = records[begin : begin + _BLOCK]
        if block.min() < _SPACE:
            raise _Otherwise
        are_quotes = block == _QUOTE
        quotes += int(np.count_nonzero(are_quotes))
        colons = records[begin + 1 : begin + 1 + _BLOCK] == _COLON
        here: Places = np.flatnonzero(are_quotes[: len(colons)] & colons)
        here += begin
        found.append(here)
    return np.concatenate(found), quotes


def _grid(found: Places, records: Bytes, keys: int, escapes: bool) -> Places:
    """Where the keys end: a row for each record."""
    if escapes or len(found) % keys:
        before = records[found - 1]  # a text may begin with a colon, or hold an escaped quote
        found = found[(before != _BACKSLASH) & (before != _COLON)]
    if not len(found) or len(found) % keys:
        raise _Otherwise
    return found.reshape(-1, keys)


def _escaped_quotes(text: bytes) -> int:
    """How many quotes have a backslash before them that is not itself escaped."""
    return text.replace(rb"\\", b"").count(b'\\"')


def _typed(values: _Values, key: int, kind: pa.DataType) -> pa.Array:
    """A column: the values of one key."""
    firsts = values.firsts[key]
    if pa.types.is_boolean(kind):
        return _booleans(values, key)
    if pa.types.is_string(kind) or pa.types.is_temporal(kind):
        texts = values.cut(key, _nulls(values, key, firsts == _QUOTE), 1)
        if pa.types.is_string(kind):
            return _unescaped(texts) if values.escapes else texts
        return clock_times(texts) if pa.types.is_time(kind) else texts.cast(kind)
    numbers = ((firsts >= _ZERO) & (firsts <= _NINE)) | (firsts == _MINUS)
    return _numbers(values.cut(key, _nulls(values, key, numbers), 0), kind)


def _nulls(values: _Values, key: int, good: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_] | None:
    """Which values are null: all that are not good must be. None where all are good."""
    if good.all():
        return None
    nulls: npt.NDArray[np.bool_] = ~good
    sizes = values.sizes[key]
    if ((values.words(key) == _NULL) & (sizes == len(b"null")))[nulls].all():
        return nulls
    raise _Otherwise


def _booleans(values: _Values, key: int) -> pa.BooleanArray:
    words, sizes = values.words(key), values.sizes[key]
    true = (words == _TRUE) & (sizes == len(b"true"))
    false = (words == _FALS) & (sizes == len(b"false"))
    nulls = _nulls(values, key, true | false)
    bits = pa.py_buffer(np.packbits(true, bitorder="little"))
    return pa.Array.from_buffers(pa.bool_(), values.count, [_validity(nulls), bits])


def _numbers(texts: pa.StringArray, kind: pa.DataType) -> pa.Array:
    if pa.types.is_int64(kind):
        try:
            return texts.cast(kind)
        except pa.ArrowInvalid:  # 5.0 is a whole number too
            return texts.cast(pa.decimal128(38, 0)).cast(kind)
    numbers = texts.cast(kind)
    if pa.types.is_floating(kind) and not pc.all(pc.is_finite(numbers), min_count=0).as_py():
        raise _Otherwise
    return numbers


def clock_times(texts: pa.StringArray) -> pa.Array:
    """Texts like ``17:30:00.000Z`` as times of day, which Arrow casts only from a moment."""
    dated = pc.binary_join_element_wise("1970-01-01T", texts, "")
    return dated.cast(pa.timestamp("ms", "UTC")).cast(pa.time32("ms"))


def _unescaped(texts: pa.StringArray) -> pa.StringArray:
    """The texts that JSON's escapes stand for."""
    escaped = pc.match_substring(texts, "\\")
    if not pc.any(escaped, min_count=0).as_py():
        return texts
    try:
        written = '","'.join(texts.filter(escaped).to_pylist())
        meant: list[Any] = json.loads(f'["{written}"]')
        return pc.replace_with_mask(texts, escaped, _text_array(meant))
    except ValueError as error:  # half a character pair, or no JSON
        raise _Otherwise from error


def _text_array(texts: list[str]) -> pa.StringArray:
    """As `pa.array` makes it, which would import pandas."""
    written = [text.encode() for text in texts]
    edges = np.zeros(len(written) + 1, np.int32)
    np.cumsum([len(text) for text in written], out=edges[1:])
    buffers = [None, pa.py_buffer(edges), pa.py_buffer(b"".join(written))]
    return pa.Array.from_buffers(pa.string(), len(written), buffers)


def _validity(nulls: npt.NDArray[np.bool_] | None) -> pa.Buffer | None:
    return None if nulls is None else pa.py_buffer(np.packbits(~nulls, bitorder="little"))
