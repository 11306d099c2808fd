"""RETURNING: the rows that were written, read back where more than their keys is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from isthmus.catalog.model import Table
from isthmus.engine.ledger import Terms
from isthmus.engine.resolve import quote
from isthmus.engine.syntax import parameter_spans, parse
from isthmus.engine.writes.columns import primary_key
from isthmus.engine.writes.result import WriteResult
from isthmus.engine.writes.splice import Splice
from isthmus.engine.writes.statement import WriteStatement
from isthmus.engine.writes.tokens import Reader, Span, read_tokens
from isthmus.errors import IsthmusError, Refused

if TYPE_CHECKING:
    from isthmus.engine.session import Session

__all__ = ["check_returning", "returned"]

_KEY = "__isthmus_key"


def check_returning(statement: WriteStatement, table: Table, deletes: bool) -> None:
    """Return if the list behind RETURNING can be given; before anything is written.

    Raises:
        Refused: it can't.
    """
    span = statement.returning
    if span is None:
        return
    inside = parameter_spans(statement.text[span.start : span.end])
    if inside:
        raise Refused(
            "RETURNING takes no parameters",
            place=statement.place(span.start + inside[0][0]),
            remedy="Compute with them in a query of its own.",
        )
    if deletes and _key_name(statement, table) is None:
        raise Refused(
            f"rows that are deleted can return {primary_key(table)} alone",
            place=statement.place(span.start),
            remedy="Ask for the rest before they are deleted.",
        )


def returned(
    connection: Session,
    statement: WriteStatement,
    table: Table,
    result: WriteResult,
    terms: Terms,
) -> pa.Table:
    """The rows that were written, in the order of the input.

    They are read back from the source, as they are by now, unless only the key is asked for.

    Raises:
        IsthmusError: they can't be read; they are written all the same.
    """
    span = statement.returning
    assert span is not None
    ids = result.outcomes.filter(result.outcomes["success"])["id"].drop_null()
    name = _key_name(statement, table)
    if name is not None:
        return pa.table({name: ids})
    splice = _query(statement, table, span, ids.to_pylist())
    try:
        read = connection._query(parse(splice.text, connection._database), None, None, terms)
        rows = read.arrow()
    except IsthmusError as error:
        splice.placed(error)
        raise
    order = pc.index_in(ids.combine_chunks(), rows[_KEY].combine_chunks()).drop_null()
    return rows.take(order).drop_columns([_KEY])


def _query(statement: WriteStatement, table: Table, span: Span, ids: list[str]) -> Splice:
    target = statement.target
    own = statement.text[target.span.start : target.span.end]
    name = own if target.alias is None else quote(target.alias)
    key = f"{name}.{quote(primary_key(table))}"
    splice = Splice(statement.text).add("SELECT ").take(span).add(f", {key} AS {_KEY} FROM ")
    splice.take(target.span)
    if target.alias is not None:
        splice.add(f" AS {name}")
    listed = ", ".join("'" + id.replace("'", "''") + "'" for id in ids)
    return splice.add(f" WHERE {key} IN ({listed})" if ids else " WHERE false")


def _key_name(statement: WriteStatement, table: Table) -> str | None:
    """The name under which the key is returned, where nothing else is."""
    span = statement.returning
    assert span is not None
    inside = tuple(t for t in read_tokens(statement.text) if span.start <= t.start < span.end)
    reader = Reader(statement.text, inside)
    try:
        path, _ = reader.path()
        name = path[-1]
        if not reader.ended:
            reader.accept("AS")
            name = reader.name()[0]
    except Refused:
        return None
    return name if reader.ended and path[-1].lower() == primary_key(table).lower() else None
