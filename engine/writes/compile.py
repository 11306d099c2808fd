"""From a statement to the SELECT that gives its rows, and the parts that they go to.

INSERT INTO t (a, b) query         query
UPDATE t SET a = x FROM s WHERE c  SELECT t.Id, x FROM t, s WHERE c
DELETE FROM t USING s WHERE c      SELECT DISTINCT t.Id FROM t, s WHERE c
MERGE INTO t USING s ON c ...      see `isthmus.engine.writes.merge`
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from isthmus.catalog.model import Table
from isthmus.connectors.writing import WriteKind
from isthmus.engine.resolve import quote
from isthmus.engine.writes.columns import once, primary_key, spelt
from isthmus.engine.writes.parts import Part, Reading
from isthmus.engine.writes.splice import Splice
from isthmus.engine.writes.statement import (
    Assignment,
    Delete,
    Insert,
    Merge,
    Update,
    WriteStatement,
)
from isthmus.engine.writes.tokens import Span
from isthmus.errors import Place, Refused

__all__ = ["Scene", "insert_key", "reading_of", "values_of"]


@dataclass(frozen=True)
class Scene:
    """What a statement is compiled in.

    Attributes:
        statement: the statement.
        table: its target, described.
        stamp: the column of the target that is read as a row's stamp, for `if_unmodified`.
        options: for the writer.
        names_of: the names of a query's columns; no data call.
        takes_key: whether the source upserts by a column.
    """

    statement: WriteStatement
    table: Table
    stamp: str | None
    options: frozenset[str]
    names_of: Callable[[Splice], tuple[str, ...]]
    takes_key: Callable[[str], bool]

    @property
    def qualifier(self) -> str:
        """What the statement calls the target's rows."""
        target = self.statement.target
        if target.alias is not None:
            return quote(target.alias)
        return self.statement.text[target.span.start : target.span.end]

    def column_of_target(self, name: str) -> str:
        """A column of the target, as text."""
        return f"{self.qualifier}.{quote(name)}"

    def splice(self) -> Splice:
        """A new SELECT, with the common table expressions in front."""
        splice = Splice(self.statement.text)
        with_ = self.statement.with_
        return splice if with_ is None else splice.take(with_)

    def add_target(self, splice: Splice) -> Splice:
        """The target as a table of a FROM clause."""
        target = self.statement.target
        splice.take(target.span)
        return splice if target.alias is None else splice.add(f" AS {quote(target.alias)}")


def reading_of(scene: Scene) -> tuple[Reading, Splice]:
    """The SELECT of a statement, and where its rows go.

    Raises:
        Refused: it asks for something that can't be done; the place is in the message.
        UnknownName: the target has no such column.
    """
    from isthmus.engine.writes.merge import conflict_reading, merge_reading

    body = scene.statement.body
    if isinstance(body, Insert):
        return _insert(scene, body) if body.conflict is None else conflict_reading(scene, body)
    if isinstance(body, Update):
        return _update(scene, body)
    if isinstance(body, Delete):
        return _delete(scene, body)
    assert isinstance(body, Merge)
    return merge_reading(scene, body)


def values_of(scene: Scene, assignments: tuple[Assignment, ...]) -> dict[str, Span]:
    """The columns that get a value, spelt as the table does; a DEFAULT leaves its column out.

    Raises:
        UnknownName, Refused: a column is not there, or is given twice.
    """
    names = [spelt(scene.table, a.column.name, _place(scene, a.column.at)) for a in assignments]
    for i, name in enumerate(names):
        once(names[: i + 1], _place(scene, assignments[i].column.at))
        if name in scene.table.primary_key and not isinstance(scene.statement.body, Insert):
            raise Refused(
                f"{name} is the key of the row, and can't be set",
                place=_place(scene, assignments[i].column.at),
            )
    return {n: a.value for n, a in zip(names, assignments, strict=True) if a.value is not None}


def insert_key(table: Table, columns: tuple[str, ...]) -> str | None:
    """The unique key that new rows bring, if they bring one."""
    unique = {key[0] for key in table.unique_keys if len(key) == 1}
    return next((c for c in columns if c in unique), None)


def _place(scene: Scene, at: int) -> Place:
    return scene.statement.place(at)


def input_columns(scene: Scene, body: Insert, query: Splice) -> tuple[str, ...]:
    """The columns that an INSERT gives, spelt as the table does."""
    if body.columns is None:
        return once(spelt(scene.table, name) for name in scene.names_of(query))
    names = []
    for column in body.columns:
        names.append(spelt(scene.table, column.name, _place(scene, column.at)))
        once(names, _place(scene, column.at))
    return tuple(names)


def input_query(scene: Scene, body: Insert) -> Splice:
    """The query of an INSERT, on its own."""
    splice = scene.splice()
    if body.query is not None:
        wrapped = scene.statement.with_ is not None
        splice.add("SELECT * FROM (" if wrapped else "").take(body.query)
        return splice.add(")" if wrapped else "")
    splice.add("VALUES ")
    for i, row in enumerate(body.rows):
        splice.add(", (" if i else "(")
        for j, cell in enumerate(row):
            splice.add(", " if j else "")
            splice.add("NULL") if cell is None else splice.take(cell)
        splice.add(")")
    return splice


def _insert(scene: Scene, body: Insert) -> tuple[Reading, Splice]:
    splice = input_query(scene, body)
    columns = input_columns(scene, body, splice)
    outputs = tuple(range(len(columns)))
    key = insert_key(scene.table, columns)
    part = Part(scene.table, WriteKind.INSERT, columns, key, outputs, options=scene.options)
    alone = {
        i: frozenset(j for j, cell in enumerate(row) if cell is None)
        for i, row in enumerate(body.rows)
    }
    rows = len(body.rows) or None
    return Reading(splice.text, len(columns), (part,), rows, alone), splice


def _update(scene: Scene, body: Update) -> tuple[Reading, Splice]:
    key = primary_key(scene.table)
    values = values_of(scene, body.assignments)
    if not values:
        raise Refused(
            "UPDATE sets nothing: DEFAULT leaves a column alone",
            remedy="Give at least one column a value.",
        )
    splice = scene.splice().add(f"SELECT {scene.column_of_target(key)}")
    if scene.stamp is not None:
        splice.add(f", {scene.column_of_target(scene.stamp)}")
    for span in values.values():
        splice.add(", (").take(span).add(")")
    _from_target(scene, splice, body.source, body.where)
    first = 1 if scene.stamp is None else 2
    outputs = (0, *range(first, first + len(values)))
    stamp = None if scene.stamp is None else 1
    part = Part(
        scene.table, WriteKind.UPDATE, (key, *values), key, outputs, stamp, options=scene.options
    )
    return Reading(splice.text, first + len(values), (part,)), splice


def _delete(scene: Scene, body: Delete) -> tuple[Reading, Splice]:
    key = primary_key(scene.table)
    # A row that several rows of the other tables ask for is deleted once.
    splice = scene.splice().add("SELECT DISTINCT " if body.source else "SELECT ")
    splice.add(scene.column_of_target(key))
    if scene.stamp is not None:
        splice.add(f", {scene.column_of_target(scene.stamp)}")
    _from_target(scene, splice, body.source, body.where)
    stamp = None if scene.stamp is None else 1
    part = Part(scene.table, WriteKind.DELETE, (key,), key, (0,), stamp, options=scene.options)
    return Reading(splice.text, 1 if stamp is None else 2, (part,)), splice


def _from_target(scene: Scene, splice: Splice, source: Span | None, where: Span | None) -> None:
    scene.add_target(splice.add(" FROM "))
    if source is not None:
        splice.add(", ").take(source)
    if where is not None:
        splice.add(" WHERE ").take(where)
