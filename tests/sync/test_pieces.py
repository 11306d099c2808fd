"""Parts hold the rows that came, and each tells where the rest is found."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from isthmus.connectors.places import Placed
from isthmus.engine.sync.pieces import pieces

SCHEMA = pa.schema([("n", pa.int64())])
#: Pages of batches of so many rows.
PAGES = st.lists(st.lists(st.integers(0, 7), max_size=3), min_size=1, max_size=4)


def rows(start: int, count: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({"n": range(start, start + count)}, SCHEMA)


def source(pages: list[list[int]], place: int = 0, *, told: bool = True) -> Iterator[Placed]:
    """A read from a page on: the place itself, the rows, the end."""
    if told:
        yield Placed(rows(0, 0), str(place))
    number = sum(map(sum, pages[:place]))
    for at, batches in enumerate(pages[place:], place):
        offset = 0
        for count in batches:
            yield Placed(rows(number, count), str(at) if told else None, offset)
            number, offset = number + count, offset + count
    if told:
        yield Placed(rows(0, 0), str(len(pages)))


@given(PAGES, st.integers(1, 9))
def test_a_read_goes_on_behind_any_part(pages: list[list[int]], size: int) -> None:
    total = sum(map(sum, pages))
    seen: list[int] = []
    for piece in pieces(source(pages), SCHEMA, size):
        assert piece.rows.num_rows <= size and piece.place is not None
        seen += piece.rows["n"].to_pylist()
        rest = pieces(source(pages, int(piece.place)), SCHEMA, size, piece.skip)
        left = [n for other in rest for n in other.rows["n"].to_pylist()]
        assert seen + left == list(range(total))
    assert len(seen) == total and piece.place == str(len(pages))


@given(PAGES, st.integers(1, 9))
def test_without_places_all_parts_but_the_last_are_full(pages: list[list[int]], size: int) -> None:
    found = list(pieces(source(pages, told=False), SCHEMA, size))
    assert [n for piece in found for n in piece.rows["n"].to_pylist()] == list(
        range(sum(map(sum, pages)))
    )
    assert all(piece.rows.num_rows == size for piece in found[:-1])
    assert all(piece.place is None and piece.skip == 0 for piece in found)
