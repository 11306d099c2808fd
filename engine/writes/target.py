"""The table that is written, and what its source says of writing it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from isthmus.catalog.model import Table, View
from isthmus.connectors.writing import WriteKind, Writer, WriteRequest
from isthmus.engine.writes.columns import primary_key
from isthmus.errors import Place, Refused

if TYPE_CHECKING:
    from isthmus.engine.session import Parameters, Session

__all__ = ["names_of_query", "stamp_of", "table_of_name", "writer_of"]


def table_of_name(connection: Session, path: Sequence[str], place: Place | None) -> Table:
    """The table of that name, described.

    Raises:
        UnknownName: there is none.
        Refused: it is a view.
    """
    found = connection.catalog.resolve(path, place)
    if isinstance(found, View):
        raise Refused(
            f"{found.name} is a view, and only tables can be written",
            place=place,
            remedy="Name the table of a source, such as crm.Account.",
        )
    return connection.catalog.table(found.source, found.table)


def writer_of(connection: Session, table: Table) -> Writer:
    """What writes to the table's source; raises Refused where nothing does."""
    return connection._connectors[table.source].writer()


def stamp_of(writer: Writer, table: Table) -> str:
    """The column of a row's last change.

    Raises:
        Refused: rows have none.
    """
    key = primary_key(table)
    request = WriteRequest(table, WriteKind.DELETE, (key,), key, 1, if_unmodified=True)
    stamp = writer.plan(request).stamp
    if stamp is None:
        raise Refused(
            f"rows of {table.source}.{table.name} have no stamp of their last change",
            remedy="Write without if_unmodified.",
        )
    return stamp


def names_of_query(connection: Session, query: str, params: Parameters) -> tuple[str, ...]:
    """The names of a query's columns, without a data call."""
    described = connection.sql(f"DESCRIBE {query}", params).arrow()
    return tuple(described["column_name"].to_pylist())
