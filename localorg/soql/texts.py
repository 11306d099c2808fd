"""Records as DuckDB writes them, put together to pages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.localorg.packed import Packed
from isthmus.localorg.soql.cursors import NO_RECORDS, Page
from isthmus.localorg.soql.rows import Rows, fetch, places
from isthmus.localorg.soql.scope import Scope

if TYPE_CHECKING:
    from isthmus.localorg.store import Store

_END = b"]}"  # of the array of records, and of the answer


@dataclass(frozen=True)
class Texts:
    """JSON texts that each end in a comma, and where each record's text stands among them.

    A place is null for a record that is gone; without places the texts stand in their order.
    """

    texts: pa.Array
    places: pa.Array | None = None

    @property
    def nbytes(self) -> int:
        """The bytes of all texts."""
        return int(self.texts.nbytes)

    def page(self, start: int, stop: int) -> Page:
        """Join the records from `start` to before `stop`.

        The Arrow buffer holds the texts end to end, so neighbours are copied in one piece.
        """
        runs = self._runs(start, stop)
        if not runs:
            return NO_RECORDS
        offsets, data = self._buffers()
        parts = [data[offsets[first] : offsets[after]] for first, after in runs]
        rows = sum(after - first for first, after in runs)
        parts[-1] = parts[-1][:-1]  # the last comma
        return Page(Packed.of(b"".join([*parts, _END])), rows)

    def _buffers(self) -> tuple[memoryview, memoryview]:
        _, offsets, data = self.texts.buffers()
        view = memoryview(offsets)
        ends = view.cast("q") if pa.types.is_large_string(self.texts.type) else view.cast("i")
        return ends[self.texts.offset :], memoryview(data)

    def _runs(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Give the texts of these records as ranges of neighbours."""
        if self.places is None:
            return [(start, stop)] if stop > start else []
        places = self.places.slice(start, stop - start).drop_null()
        if len(places) == 0:
            return []
        steps = pc.subtract(places.slice(1), places.slice(0, len(places) - 1))
        breaks = pc.indices_nonzero(pc.not_equal(steps, 1)).to_pylist()
        bounds = [0, *(at + 1 for at in breaks), len(places)]
        firsts = places.take(pa.array(bounds[:-1])).to_pylist()
        return [
            (first, first + b - a) for first, (a, b) in zip(firsts, pairwise(bounds), strict=True)
        ]


@dataclass(frozen=True)
class Writing:
    """What writes the records of a query, but for which rows.

    `text` is the SQL of a record's JSON, ended by a comma; `joins` stand after the scope's table.
    Two of equal `sql` write the same of the same rows.
    """

    scope: Scope
    text: str
    joins: str

    @cached_property
    def sql(self) -> str:
        """The part of the statement that does not depend on the rows."""
        return f"{self.scope.object.name} {self.text}{self.joins}"

    def render(self, store: Store, keys: pa.Array) -> Texts:
        """Write these rows."""
        rows = Rows.of(keys, self.scope)
        sql = (
            f"SELECT {self.scope.alias}.rowid AS r, {self.text} AS j "
            f"{rows.source}{self.joins} WHERE {rows.within}"
        )
        found, texts = fetch(store, sql, rows.page)
        return Texts(texts, places(found, keys))
