"""The rows that Python or a query gives to `Connection.write`, read and laid out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from isthmus.catalog.model import Table
from isthmus.catalog.names import split_name
from isthmus.connectors.writing import WriteFragment, WriteKind, Writer
from isthmus.engine.ledger import Terms
from isthmus.engine.plan import Plan
from isthmus.engine.result import Result
from isthmus.engine.syntax import parse
from isthmus.engine.writes.columns import primary_key, spelt
from isthmus.engine.writes.compile import insert_key
from isthmus.engine.writes.data import pieces_of
from isthmus.engine.writes.how import How
from isthmus.engine.writes.intake import Intake, demanded_key
from isthmus.engine.writes.laying import Input, laid_out
from isthmus.engine.writes.outcomes import none
from isthmus.engine.writes.parts import Part
from isthmus.engine.writes.target import names_of_query, stamp_of, table_of_name, writer_of
from isthmus.engine.writes.ways import fragments_of
from isthmus.errors import ParameterError

if TYPE_CHECKING:
    from isthmus.engine.session import Session

__all__ = ["DataRows"]


@dataclass(frozen=True)
class DataRows:
    """A call of `Connection.write`, checked.

    Attributes:
        connection: over which it is made.
        table: what is written.
        writer: of its source.
        data: as given.
        kind: what is done with each row.
        key: the column that tells the row, spelt as the table does.
        stamp: the column of the data that holds each row's stamp.
        options: for the writer.
    """

    connection: Session
    table: Table
    writer: Writer
    data: Any
    kind: WriteKind
    key: str | None
    stamp: str | None
    options: frozenset[str]

    @classmethod
    def of(
        cls,
        connection: Session,
        table: str,
        data: Any,
        mode: str,
        key: str | None,
        stamp: str | None,
        options: Sequence[str],
    ) -> DataRows:
        """Check a call.

        Raises:
            QueryError: it can't be done so.
        """
        kind = _kind(mode)
        described = table_of_name(connection, split_name(table), None)
        writer = writer_of(connection, described)
        for option in sorted(set(options) - writer.options):
            raise ParameterError(
                f"the source {described.source} knows no way of writing called {option!r}",
                remedy=f"Known here: {', '.join(sorted(writer.options)) or 'none'}.",
            )
        spelt_key = _key(described, kind, key)
        held = None if stamp is None else _stamp(writer, described, kind, stamp)
        return cls(connection, described, writer, data, kind, spelt_key, held, frozenset(options))

    @property
    def mode(self) -> str:
        """What is done, in a word."""
        return self.kind.value

    @property
    def text(self) -> str:
        """The call in words."""
        return f"{self.kind.value} rows, {self.table.source}.{self.table.name}"

    def planned(self, how: How, terms: Terms) -> tuple[tuple[WriteFragment, ...], Plan, int, str]:
        """As `StatementRows.planned`, for data that is the text of a query."""
        parsed = parse(self.data, self.connection._database)
        plan = self.connection._query(parsed, None, None, None).plan
        names = names_of_query(self.connection, self.data, None)
        part = self._part(tuple(spelt(self.table, name) for name in names))
        rows = plan.estimate.rows
        fragments = fragments_of(
            [(part, rows)],
            self.writer,
            all_or_none=how.all_or_none,
            calls_left=terms.calls_left(self.table.source, plan),
        )
        return fragments, plan, rows, "a guess: as many as are read"

    def read(self, path: Path, how: How, terms: Terms) -> Input:
        """Read the rows and lay them out in a file whose name begins as `path`."""
        data, read = self.data, None
        if isinstance(data, str):
            parsed = parse(data, self.connection._database)
            data = read = self.connection._query(parsed, None, how.timeout, terms)
        if isinstance(data, Result):
            data = data.reader()
        cursor = self.connection._database.cursor()
        demanded = demanded_key(self.table, self.kind, self.key)
        intake = Intake(self.table, path.with_name(f"{path.name}-0.raw"), cursor, demanded)
        rows = 0
        try:
            for piece in pieces_of(data, self.table):
                count = piece.batch.num_rows
                positions = pa.array(range(rows, rows + count), pa.int64())
                intake.add(positions, piece.batch, piece.given)
                rows += count
            columns = intake.spool.columns
            if not columns:
                return Input(self.text, self.table, self.mode, (), none(), 0, read)
            part = self._part(columns)
            laid = []
            if intake.spool.rows:
                file = path.with_name(f"{path.name}-0.arrow")
                (fragment,) = fragments_of(
                    [(part, intake.spool.rows)],
                    self.writer,
                    all_or_none=how.all_or_none,
                    calls_left=terms.calls_left(self.table.source),
                )
                laid.append(
                    laid_out(part, intake, fragment, self.writer, file, cursor, stamp=self.stamp)
                )
        finally:
            intake.spool.remove()
            cursor.close()
        return Input(self.text, self.table, self.mode, tuple(laid), intake.unsent, rows, read)

    def _part(self, given: tuple[str, ...]) -> Part:
        """The one part of the rows.

        Raises:
            ParameterError: they lack the key, or have more than they may.
        """
        columns = tuple(c for c in given if c != self.stamp)
        key = self.key or insert_key(self.table, columns)
        for wanted in (key, self.stamp):
            if wanted is not None and wanted not in given:
                raise ParameterError(
                    f"the rows do not have the column {wanted}",
                    remedy=f"They have {', '.join(given)}.",
                )
        if self.kind is WriteKind.DELETE and columns != (key,):
            more = ", ".join(c for c in columns if c != key)
            raise ParameterError(
                f"rows to delete have the columns {more} besides {key}",
                remedy=f"Give {key} alone.",
            )
        outputs = tuple(range(len(columns)))
        at = None if self.stamp is None else len(columns)
        return Part(self.table, self.kind, columns, key, outputs, at, options=self.options)


def _kind(mode: str) -> WriteKind:
    try:
        return WriteKind(mode)
    except ValueError:
        modes = ", ".join(kind.value for kind in WriteKind)
        raise ParameterError(f"mode is {mode!r}", remedy=f"It may be {modes}.") from None


def _key(table: Table, kind: WriteKind, key: str | None) -> str | None:
    if kind is WriteKind.INSERT:
        return None if key is None else spelt(table, key)
    if kind is WriteKind.UPSERT:
        if key is None:
            unique = [k[0] for k in table.unique_keys if len(k) == 1]
            raise ParameterError(
                f"an upsert into {table.source}.{table.name} needs a key",
                remedy=f'Say which column tells the row: key="{unique[0]}".'
                if unique
                else "The table has no unique key: update it by its primary key.",
            )
        return spelt(table, key)
    own = primary_key(table)
    if key is not None and spelt(table, key) != own:
        raise ParameterError(
            f"mode {kind.value} goes by the key {own}, not by {key}",
            remedy=f'Use mode="upsert", or SQL: ... FROM ... WHERE s.key = t.{key}.',
        )
    return own


def _stamp(writer: Writer, table: Table, kind: WriteKind, stamp: str) -> str:
    wanted = stamp_of(writer, table)
    if kind in (WriteKind.INSERT, WriteKind.UPSERT) or spelt(table, stamp) != wanted:
        raise ParameterError(
            f"if_unmodified_since names {stamp} for an {kind.value}",
            remedy=f"Name the column {wanted}, of rows that are updated or deleted.",
        )
    return wanted
