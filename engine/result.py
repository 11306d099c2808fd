"""The answer of a query: lazy, streamed or whole, with its plan and its bill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from isthmus.connectors.contract import Bill
from isthmus.engine import display
from isthmus.engine.bill import FragmentBill, QueryBill
from isthmus.engine.plan import Plan
from isthmus.engine.run import Run
from isthmus.engine.tabular import Tabular
from isthmus.errors import QueryError

if TYPE_CHECKING:
    from isthmus.engine.writes.result import WriteResult

__all__ = ["Progress", "Result"]

_PREVIEW_ROWS = 20


@dataclass(frozen=True)
class Progress:
    """How far a running query is: rows and pages that sources sent, and calls made."""

    rows: int
    pages: int
    calls: int


class Result(Tabular):
    """A query's answer. Nothing is read before the first method that needs rows.

    `arrow`, `df`, `pl` and `fetchall` read everything once and keep it: asking again costs no
    call. `reader` streams with bounded memory and can be taken once.
    """

    def __init__(
        self,
        plan: Plan,
        make_run: Callable[[], Run],
        forget: Callable[[Run], None],
        metadata: Bill | None = None,
    ) -> None:
        self._plan = plan
        self._metadata = metadata or Bill()
        self._make_run = make_run
        self._forget = forget
        self._run: Run | None = None
        self._table: pa.Table | None = None
        self._streamed = False
        #: What became of a statement that writes; None of a query.
        self.write: WriteResult | None = None

    # --- rows

    def reader(self) -> pa.RecordBatchReader:
        """Stream the answer as a ``pyarrow.RecordBatchReader``.

        Raises:
            QueryError: the answer is already being streamed.
        """
        if self._table is not None:
            return self._table.to_reader()
        if self._streamed:
            raise QueryError(
                "this result has already been streamed",
                remedy="Ask again with con.sql(...), or use .arrow(), which keeps the rows.",
            )
        run = self._start()
        self._streamed = True
        schema = run.wait_for_schema()
        return pa.RecordBatchReader.from_batches(schema, self._batches(run))

    def arrow(self) -> pa.Table:
        """The whole answer as a ``pyarrow.Table``."""
        if self._table is None:
            if self._streamed:
                self.reader()  # raises, with the remedy
            self._table = self._read_all()
        return self._table

    def show(self, rows: int = _PREVIEW_ROWS) -> None:
        """Print the first rows. Reading stops there: no more than the first pages are paid for."""
        print(self._preview_text(rows))

    def _preview_text(self, rows: int) -> str:
        table, more = self._preview(rows)
        return display.text(table, more)

    def __repr__(self) -> str:
        state = "read" if self._table is not None else "not read yet"
        return f"<isthmus.Result {state}: {len(self._plan.scans)} fragments; .show(), .arrow()>"

    def _repr_html_(self) -> str:
        table, more = self._preview(_PREVIEW_ROWS)
        return display.html(table, more)

    def _preview(self, rows: int) -> tuple[pa.Table, bool]:
        if self._table is not None:
            return self._table.slice(0, rows), self._table.num_rows > rows
        run = self._new_run()
        schema = run.wait_for_schema()
        taken: list[pa.RecordBatch] = []
        stream = self._batches(run)
        for batch in stream:
            taken.append(batch)
            if sum(b.num_rows for b in taken) > rows:
                break
        else:
            self._table = pa.Table.from_batches(taken, schema)
            return self._table.slice(0, rows), self._table.num_rows > rows
        stream.close()  # type: ignore[attr-defined]
        return pa.Table.from_batches(taken, schema).slice(0, rows), True

    # --- about the answer

    @property
    def plan(self) -> Plan:
        """What is sent where, and why; once it runs, what was really sent."""
        if self._run is None:
            return self._plan
        return replace(self._plan, scans=self._run.as_run)

    @property
    def columns(self) -> list[str]:
        """The answer's column names; reads the first rows if nothing was read yet."""
        if self._table is not None:
            return list(self._table.schema.names)
        if self._run is None:
            self.arrow()
        assert self._run is not None
        return list(self._run.wait_for_schema().names)

    @property
    def bill(self) -> QueryBill:
        """Predicted and actual cost; before the run, all actual figures are zero."""
        if self._run is None:
            waiting = tuple(FragmentBill(s.fragment, Bill()) for s in self._plan.scans)
            return QueryBill(waiting, self._metadata)
        return QueryBill(self._run.fragments, self._metadata)

    @property
    def as_of(self) -> dict[str, datetime]:
        """For each source, the moment from which its rows may be: when its reading began."""
        return dict(self._run.as_of) if self._run else {}

    @property
    def progress(self) -> Progress:
        """How far the run is; may be read from another thread."""
        run = self._run
        if run is None:
            return Progress(0, 0, 0)
        bill = QueryBill(run.fragments).actual
        return Progress(bill.rows, run.pages, bill.calls)

    def cancel(self) -> None:
        """Stop the query from any thread; whoever reads it gets `Cancelled`."""
        if self._run is not None:
            self._run.cancel()

    def close(self) -> None:
        """Stop reading and give everything back."""
        if self._run is not None:
            self._run.close()
            self._forget(self._run)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- inner

    @property
    def _integer_columns(self) -> frozenset[int]:
        return self._run.integer_columns if self._run else frozenset()

    def _new_run(self) -> Run:
        self._run = self._make_run()
        self._run.start()
        return self._run

    def _start(self) -> Run:
        return self._new_run()

    def _batches(self, run: Run) -> Iterator[pa.RecordBatch]:
        try:
            yield from run.batches()
        finally:
            run.close()
            self._forget(run)

    def _read_all(self) -> pa.Table:
        run = self._start()
        schema = run.wait_for_schema()
        return pa.Table.from_batches(list(self._batches(run)), schema)
