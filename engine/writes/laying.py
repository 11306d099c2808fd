"""The rows of a part are laid out in chunks, as its writer wants them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from isthmus.catalog.model import Table
from isthmus.connectors.writing import WriteFragment, WriteKind, Writer
from isthmus.engine.result import Result
from isthmus.engine.writes.intake import Intake
from isthmus.engine.writes.parts import Part
from isthmus.engine.writes.spool import ChunkFile, lay_out, twice
from isthmus.errors import DataError, Refused

__all__ = ["Input", "Laid", "laid_out"]


@dataclass(frozen=True)
class Laid:
    """A part whose rows are on disk; `chunks` says how many rows each chunk has."""

    part: Part
    fragment: WriteFragment
    writer: Writer
    path: Path
    chunks: tuple[int, ...]

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(self.chunks)


@dataclass(frozen=True)
class Input:
    """The rows of a write, read and ready to be sent.

    Attributes:
        text: the statement, or the call in words.
        table: what is written.
        mode: insert, update, upsert, delete or merge.
        laid: the parts that have rows.
        unsent: the outcomes of rows that are not sent at all.
        rows: how many there are.
        read: the query that gave them, if one did.
    """

    text: str
    table: Table
    mode: str
    laid: tuple[Laid, ...]
    unsent: pa.Table
    rows: int
    read: Result | None

    def demand_one_chunk(self) -> None:
        """Return if all rows go in one chunk, which alone can be taken back.

        Raises:
            Refused: they don't.
        """
        chunks = sum(len(one.chunks) for one in self.laid)
        if chunks > 1:
            most = ", ".join(f"{one.fragment.chunk_rows:,}" for one in self.laid)
            raise Refused(
                f"{self.rows:,} rows need {chunks} steps, and the source can take back but one; "
                "nothing was written",
                remedy=f"At once go {most} rows of one kind of write. Write fewer, or use "
                "on_error='stop'.",
            )


def laid_out(
    part: Part,
    intake: Intake,
    fragment: WriteFragment,
    writer: Writer,
    path: Path,
    cursor: duckdb.DuckDBPyConnection,
    *,
    stamp: str | None,
) -> Laid:
    """Cut a part's rows into chunks.

    Args:
        part: the part.
        intake: has taken all its rows.
        fragment: how they are sent.
        writer: of its source.
        path: the file of the chunks.
        cursor: sorts and compares.
        stamp: the name of the stamp's column, where the part has one.

    Raises:
        DataError: two rows mean the same row of the table.
    """
    intake.spool.close()
    columns = part.columns if part.stamp is None else (*part.columns, str(stamp))
    chunks = lay_out(intake.spool, columns, path, fragment.chunk_rows, fragment.together_by, cursor)
    if part.kind is not WriteKind.INSERT:
        _demand_no_twins(part, fragment, writer, path, cursor)
    return Laid(part, fragment, writer, path, chunks)


def _demand_no_twins(
    part: Part,
    fragment: WriteFragment,
    writer: Writer,
    path: Path,
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    assert part.key is not None
    request = fragment.request
    found = twice(ChunkFile(path), part.key, lambda keys: writer.key_forms(request, keys), cursor)
    if found is not None:
        raise DataError(
            f"rows {found[0]} and {found[1]} of the input (counted from 0) have the same "
            f"{part.key}, and would both {part.kind.value} one row of "
            f"{part.table.source}.{part.table.name}; nothing was written",
            remedy="Give one row for each key, such as by GROUP BY or DISTINCT ON.",
        )
