"""The rows of a statement: planned without a data call, or read and laid out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from isthmus.catalog.model import Table
from isthmus.connectors.writing import WriteFragment, WriteKind, Writer, WriteRequest
from isthmus.engine.ledger import Terms
from isthmus.engine.plan import Plan
from isthmus.engine.syntax import parse
from isthmus.engine.writes.compile import Scene, reading_of
from isthmus.engine.writes.how import How
from isthmus.engine.writes.intake import Intake, Splitter, demanded_key
from isthmus.engine.writes.laying import Input, Laid, laid_out
from isthmus.engine.writes.outcomes import table_of
from isthmus.engine.writes.parts import Reading
from isthmus.engine.writes.splice import Splice
from isthmus.engine.writes.statement import Insert, Merge, Update, WriteStatement
from isthmus.engine.writes.target import names_of_query, stamp_of, table_of_name, writer_of
from isthmus.engine.writes.ways import fragments_of
from isthmus.errors import IsthmusError, Refused, UnknownName

if TYPE_CHECKING:
    from isthmus.engine.session import Parameters, Session

__all__ = ["StatementRows"]


def _mode_of(statement: WriteStatement) -> str:
    """What the statement does, in a word."""
    body = statement.body
    if isinstance(body, Insert):
        return "insert" if body.conflict is None else "upsert"
    if isinstance(body, Merge):
        return "merge"
    return "update" if isinstance(body, Update) else "delete"


@dataclass(frozen=True)
class StatementRows:
    """A statement, compiled.

    Attributes:
        connection: over which its rows are read.
        statement: the statement.
        params: of the whole statement.
        table: its target.
        writer: of the target's source.
        reading: where its rows go.
        splice: the query that gives them.
        stamp: the column of the stamp, with `How.if_unmodified`.
    """

    connection: Session
    statement: WriteStatement
    params: Parameters
    table: Table
    writer: Writer
    reading: Reading
    splice: Splice
    stamp: str | None

    @classmethod
    def of(
        cls, connection: Session, statement: WriteStatement, params: Parameters, how: How
    ) -> StatementRows:
        """Compile a statement.

        Raises:
            QueryError: it can't be done so; the place is in the message.
        """
        place = statement.place(statement.target.span.start)
        table = table_of_name(connection, statement.target.path, place)
        writer = writer_of(connection, table)
        _check_hints(statement, table, writer)
        if how.if_unmodified and isinstance(statement.body, Insert):
            raise Refused(
                "an INSERT has no rows that were read before",
                remedy="if_unmodified is for UPDATE, DELETE and MERGE.",
            )
        stamp = stamp_of(writer, table) if how.if_unmodified else None

        def names_of(query: Splice) -> tuple[str, ...]:
            with _placed(query):
                return names_of_query(connection, query.text, params)

        def takes_key(column: str) -> bool:
            try:
                writer.plan(WriteRequest(table, WriteKind.UPSERT, (column,), column, 1))
            except (Refused, UnknownName):
                return False
            return True

        scene = Scene(statement, table, stamp, statement.hints, names_of, takes_key)
        reading, splice = reading_of(scene)
        return cls(connection, statement, params, table, writer, reading, splice, stamp)

    @property
    def text(self) -> str:
        """As the user wrote it."""
        return self.statement.text

    @property
    def mode(self) -> str:
        """What it does, in a word."""
        return _mode_of(self.statement)

    @property
    def deletes(self) -> bool:
        """Whether it may delete rows."""
        return any(part.kind is WriteKind.DELETE for part in self.reading.parts)

    def planned(self, how: How, terms: Terms) -> tuple[tuple[WriteFragment, ...], Plan, int, str]:
        """How its rows would be sent and read, how many there are, and how that is known."""
        with _placed(self.splice):
            parsed = parse(self.reading.query, self.connection._database)
            plan = self.connection._query(parsed, self.params, None, None).plan
        rows, basis = plan.estimate.rows, "a guess: as many as are read"
        if self.reading.rows is not None:
            rows, basis = self.reading.rows, "counted"
        fragments = fragments_of(
            [(part, rows) for part in self.reading.parts],
            self.writer,
            all_or_none=how.all_or_none,
            calls_left=terms.calls_left(self.table.source, plan),
        )
        return fragments, plan, rows, basis

    def read(self, path: Path, how: How, terms: Terms) -> Input:
        """Read its rows and lay them out in files whose names begin as `path`."""
        for part in self.reading.parts:  # what can't be done is refused before a row is read
            self.writer.plan(part.request(1, all_or_none=how.all_or_none))
        database = self.connection._database
        cursor = database.cursor()
        intakes = [
            Intake(
                self.table,
                path.with_name(f"{path.name}-{i}.raw"),
                cursor,
                demanded_key(self.table, part.kind, part.key),
            )
            for i, part in enumerate(self.reading.parts)
        ]
        splitter = Splitter(self.reading, intakes, self.stamp)
        try:
            with _placed(self.splice):
                parsed = parse(self.reading.query, database)
                result = self.connection._query(parsed, self.params, how.timeout, terms)
                with result:
                    reader = result.reader()
                    self._demand_width(reader.schema)
                    for batch in reader:
                        splitter.add(batch)
            laid = self._laid(intakes, path, how, terms, cursor)
        finally:
            for intake in intakes:
                intake.spool.remove()
            cursor.close()
        idle = [
            {"position": position, "id": key, "created": False, "success": True}
            for position, key in splitter.idle
        ]
        unsent = pa.concat_tables([*(intake.unsent for intake in intakes), table_of(idle)])
        return Input(self.text, self.table, self.mode, laid, unsent, splitter.rows, result)

    def _laid(
        self,
        intakes: list[Intake],
        path: Path,
        how: How,
        terms: Terms,
        cursor: duckdb.DuckDBPyConnection,
    ) -> tuple[Laid, ...]:
        """The parts that have rows, laid out."""
        numbers = [i for i, intake in enumerate(intakes) if intake.spool.rows]
        parts = self.reading.parts
        fragments = fragments_of(
            [(parts[i], intakes[i].spool.rows) for i in numbers],
            self.writer,
            all_or_none=how.all_or_none,
            calls_left=terms.calls_left(self.table.source),
        )
        return tuple(
            laid_out(
                parts[i],
                intakes[i],
                fragment,
                self.writer,
                path.with_name(f"{path.name}-{i}.arrow"),
                cursor,
                stamp=self.stamp,
            )
            for i, fragment in zip(numbers, fragments, strict=True)
        )

    def _demand_width(self, schema: pa.Schema) -> None:
        width = self.reading.width
        if len(schema) != width:
            raise Refused(
                f"{self.table.name} is given {width} columns, and the query has {len(schema)}",
                place=self.statement.place(self.statement.target.span.start),
                remedy=f"The query's columns are {', '.join(schema.names)}.",
            )


def _check_hints(statement: WriteStatement, table: Table, writer: Writer) -> None:
    for hint in sorted(statement.hints - writer.options):
        raise Refused(
            f"the source {table.source} knows no way of writing called {hint!r}",
            remedy=f"Known here: {', '.join(sorted(writer.options)) or 'none'}.",
        )


@contextlib.contextmanager
def _placed(splice: Splice) -> Iterator[None]:
    """Errors tell the place in the user's text, not in ours."""
    try:
        yield
    except IsthmusError as error:
        splice.placed(error)
        raise
