"""What became of a write: one outcome for each row of the input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.connectors.contract import Bill
from isthmus.connectors.writing import OUTCOMES
from isthmus.engine.bill import QueryBill
from isthmus.engine.tabular import Tabular
from isthmus.engine.writes.outcomes import NOT_SENT
from isthmus.errors import WriteFailed

if TYPE_CHECKING:
    from isthmus.engine.writes.plan import WritePlan

__all__ = ["WriteBill", "WriteResult", "joined"]

_SHOWN: Final = 3


@dataclass(frozen=True)
class WriteBill:
    """What a write has cost.

    Attributes:
        reading: of the query that gave the rows; None where Python did.
        writing: of the calls that wrote them, and that looked what had become of them.
        predicted: of the writing, before it began.
    """

    reading: QueryBill | None
    writing: Bill
    predicted: Bill

    @property
    def actual(self) -> Bill:
        """Reading and writing together."""
        return self.writing if self.reading is None else self.reading.actual + self.writing

    def __str__(self) -> str:
        read = "" if self.reading is None else f"; reading: {self.reading}"
        w, p = self.writing, self.predicted
        return f"writing: calls {w.calls:,} (predicted {p.calls:,}), bytes {w.bytes:,}{read}"


class WriteResult(Tabular):
    """What became of a write.

    Args:
        id: the write's name in the journal.
        outcomes: `isthmus.connectors.writing.OUTCOMES`, by position.
        inputs: the input rows that failed, under their columns' names, with `position`.
        bill: what it has cost; of a resumed write, since it went on.
        plan: how it was done.
        resumable: whether something is left that `con.resume` would do.
    """

    def __init__(
        self,
        id: str,
        outcomes: pa.Table,
        inputs: pa.Table,
        bill: WriteBill,
        plan: WritePlan,
        resumable: bool,
    ) -> None:
        self.id = id
        self.outcomes = outcomes
        self.bill = bill
        self.plan = plan
        self.resumable = resumable
        self._inputs = inputs

    @property
    def rows(self) -> int:
        """How many rows the input has."""
        return int(self.outcomes.num_rows)

    @cached_property
    def succeeded(self) -> int:
        """How many rows are as they were asked to be."""
        return _count(self.outcomes["success"])

    @property
    def failed(self) -> int:
        """How many rows are not."""
        return self.rows - self.succeeded

    @cached_property
    def created(self) -> int:
        """How many rows are new in the table."""
        return _count(pc.fill_null(self.outcomes["created"], False))

    @cached_property
    def failures(self) -> pa.Table:
        """The rows that failed: their outcome, then what the input gave for them."""
        failed = self.outcomes.filter(pc.invert(self.outcomes["success"]))
        if self._inputs.num_columns <= 1:
            return failed
        names = [n for n in self._inputs.schema.names if n != "position"]
        taken = self._inputs.rename_columns(
            ["position", *(n if n not in OUTCOMES.names else f"input_{n}" for n in names)]
        )
        return failed.join(taken, "position").sort_by("position")

    def raise_for_errors(self) -> WriteResult:
        """Give this result, if every row has succeeded.

        Raises:
            WriteFailed: one has not; the message has the first ones' errors.
        """
        if not self.failed:
            return self
        sent = self.failures.filter(pc.not_equal(self.failures["error_code"], NOT_SENT))
        lines = [
            f"row {row['position']}: {row['error_code']} {row['error_message'] or ''}".rstrip()
            for row in (sent if sent.num_rows else self.failures).slice(0, _SHOWN).to_pylist()
        ]
        more = self.failed - len(lines)
        raise WriteFailed(
            f"{self.failed:,} of {self.rows:,} rows were not written (write {self.id})\n"
            + "\n".join(lines)
            + (f"\n... and {more:,} more" if more > 0 else ""),
            result=self,
            remedy=f"error.result has the outcome of each row.{self._rest()}",
        )

    def _rest(self) -> str:
        return f' con.resume("{self.id}") sends what was not sent.' if self.resumable else ""

    def arrow(self) -> pa.Table:
        """The outcomes."""
        return self.outcomes

    def __repr__(self) -> str:
        return (
            f"<isthmus.WriteResult {self.id}: {self.succeeded:,} of {self.rows:,} rows "
            f"{self.plan.mode}; .outcomes, .failures>"
        )


def _count(flags: pa.ChunkedArray) -> int:
    return int(pc.sum(flags).as_py() or 0)


def joined(parts: Sequence[pa.Table]) -> pa.Table:
    """Tables of different columns in one, nulls where a table has no such column."""
    return pa.concat_tables(parts, promote_options="permissive")
