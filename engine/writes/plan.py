"""The plan of a write is a value: how many rows go where, by which calls, and what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from typing import Any

import pyarrow as pa

from isthmus.connectors.contract import Bill
from isthmus.connectors.writing import WriteFragment
from isthmus.engine.plan import Plan

__all__ = ["WritePlan"]

_PROBLEMS_SHOWN = 20


@dataclass(frozen=True)
class WritePlan:
    """What a write would do.

    Attributes:
        text: the statement, or the call in words.
        target: the table.
        mode: insert, update, upsert, delete or merge.
        fragments: how the rows of each part would be sent.
        reading: the plan of the query that gives the rows; None where Python does.
        rows: how many rows there are, as well as that is known.
        basis: how it is known.
        on_error: what happens when a row fails.
        allowed: why it would be refused; None where it is allowed.
        resumable: whether a write that is broken off can be resumed.
        problems: of a dry run: the outcomes that rows would have without being sent.
    """

    text: str
    target: str
    mode: str
    fragments: tuple[WriteFragment, ...]
    reading: Plan | None
    rows: int
    basis: str
    on_error: str
    allowed: str | None
    resumable: bool
    problems: pa.Table | None = None

    @property
    def writing(self) -> WritePlan:
        """The same without the reading, which has been paid for."""
        return replace(self, reading=None)

    @property
    def write_estimate(self) -> Bill:
        """The predicted bill of the writing."""
        return sum((f.estimate for f in self.fragments), Bill())

    @property
    def estimate(self) -> Bill:
        """The predicted bill, reading and writing."""
        read = Bill() if self.reading is None else self.reading.estimate
        return read + self.write_estimate

    @property
    def high(self) -> Bill | None:
        """The most that it costs if no call fails; None where nobody can tell."""
        bills = [f.high for f in self.fragments]
        if self.reading is not None:
            bills.append(self.reading.high)
        known = [b for b in bills if b is not None]
        return sum(known, Bill()) if len(known) == len(bills) else None

    @property
    def calls_by_source(self) -> dict[str, int]:
        """The predicted calls to each source."""
        calls = {} if self.reading is None else self.reading.calls_by_source
        for f in self.fragments:
            source = f.request.table.source
            calls[source] = calls.get(source, 0) + f.estimate.calls
        return calls

    def to_dict(self) -> dict[str, Any]:
        """The plan as plain JSON-ready values."""
        return {
            "statement": self.text,
            "target": self.target,
            "mode": self.mode,
            "rows": self.rows,
            "rows_basis": self.basis,
            "on_error": self.on_error,
            "allowed": self.allowed is None,
            "resumable": self.resumable,
            "writes": [
                {
                    "kind": f.request.kind.value,
                    "columns": list(f.request.columns),
                    "key": f.request.key,
                    "rows": f.request.rows,
                    "access_path": f.access_path,
                    "why": f.why,
                    "chunk_rows": f.chunk_rows,
                    "parallel": f.parallel,
                    "together_by": f.together_by,
                    "repeatable": f.repeatable,
                    "estimate": {"calls": f.estimate.calls, "seconds": f.estimate.seconds},
                }
                for f in self.fragments
            ],
            "reading": None if self.reading is None else self.reading.to_dict(),
            "problems": None if self.problems is None else self.problems.to_pylist(),
        }

    def __str__(self) -> str:
        lines = [f"{self.mode} {self.target}: {self.rows:,} rows ({self.basis})"]
        if self.allowed is not None:
            lines.append(f"  refused: {self.allowed}")
        for f in self.fragments:
            lines += _fragment_lines(f)
        lines.append(f"  on error: {self.on_error}")
        if not self.resumable:
            lines.append("  there is no state folder: a write that is broken off is not resumed")
        if self.problems is not None:
            lines += _problem_lines(self.problems)
        if self.reading is not None:
            lines += ["the rows come from:", *(f"  {x}" for x in str(self.reading).split("\n"))]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<isthmus.WritePlan {self.mode} of {self.rows:,} rows into {self.target}>"

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"


def _fragment_lines(f: WriteFragment) -> list[str]:
    request = f.request
    together = "" if f.together_by is None else f", rows of one {f.together_by} together"
    key = "" if request.key is None else f" by {request.key}"
    why = [] if f.why is None else [f"    why: {f.why}"]
    return [
        f"  {request.kind.value}{key}: {', '.join(request.columns)}",
        f"    path: {f.access_path}, up to {f.chunk_rows:,} rows at once, "
        f"{f.parallel} at a time{together}",
        *why,
        f"    calls: {f.estimate.calls:,} for {request.rows:,} rows",
        f"    a lost answer: {f.repeatable}",
    ]


def _problem_lines(problems: pa.Table) -> list[str]:
    if not problems.num_rows:
        return ["  problems: none that can be seen beforehand"]
    lines = [f"  problems: {problems.num_rows:,} rows"]
    for row in problems.slice(0, _PROBLEMS_SHOWN).to_pylist():
        lines.append(f"    row {row['position']}: {row['error_code']} {row['error_message'] or ''}")
    if problems.num_rows > _PROBLEMS_SHOWN:
        lines.append(f"    ... and {problems.num_rows - _PROBLEMS_SHOWN:,} more")
    return lines
