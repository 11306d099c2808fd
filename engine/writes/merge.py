"""MERGE and ON CONFLICT: an upsert where the source can do it alone, else a join that is split.

MERGE INTO t USING s ON t.K = s.k              SELECT s.k, s.n FROM s
  WHEN MATCHED THEN UPDATE SET Name = s.n        -> upsert by K, nothing of t is read
  WHEN NOT MATCHED THEN INSERT (K, Name) VALUES (s.k, s.n)

any other MERGE                                SELECT <which clause>, t.Id, values ...
                                                 FROM s LEFT JOIN t ON ...
                                                 -> an update, delete or insert a clause
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from isthmus.connectors.writing import WriteKind
from isthmus.engine.resolve import quote
from isthmus.engine.writes.columns import primary_key, spelt
from isthmus.engine.writes.compile import (
    Scene,
    input_columns,
    input_query,
    insert_key,
    values_of,
)
from isthmus.engine.writes.parts import Part, Reading
from isthmus.engine.writes.splice import Splice
from isthmus.engine.writes.statement import Clause, Insert, Merge
from isthmus.engine.writes.tokens import Reader, Span, read_tokens
from isthmus.errors import IsthmusError, Refused

__all__ = ["conflict_reading", "merge_reading"]

_ACTION = "__isthmus_action"
_Text = Span | str


@dataclass(frozen=True)
class _Branch:
    """What happens to the rows of one clause; a text is our own, a span is the user's."""

    matched: bool
    condition: _Text | None
    action: str
    values: dict[str, _Text]


def merge_reading(scene: Scene, body: Merge) -> tuple[Reading, Splice]:
    """The reading of a MERGE."""
    upsert = _as_upsert(scene, body)
    if upsert is not None:
        return upsert
    branches = [_branch(scene, clause) for clause in body.clauses]
    splice = _split(scene, branches)
    scene.add_target(splice.add(" FROM ").take(body.source).add(" LEFT JOIN "))
    if body.on is not None:
        splice.add(" ON (").take(body.on).add(")")
    else:
        assert body.using is not None
        splice.add(" USING ").take(body.using)
    return _split_reading(scene, branches, splice)


def conflict_reading(scene: Scene, body: Insert) -> tuple[Reading, Splice]:
    """The reading of an INSERT with ON CONFLICT."""
    conflict = body.conflict
    assert conflict is not None
    query = input_query(scene, body)
    columns = input_columns(scene, body, query)
    place = scene.statement.place(conflict.key.at)
    key = spelt(scene.table, conflict.key.name, place)
    if key not in columns:
        raise Refused(
            f"ON CONFLICT names {key}, which the INSERT does not give",
            place=place,
            remedy=f"Name it among the columns: ({', '.join((key, *columns))}).",
        )
    if any(cell is None for row in body.rows for cell in row):
        raise Refused(
            "DEFAULT and ON CONFLICT can't be used together",
            remedy="Write one statement for each set of columns.",
        )
    values = values_of(scene, conflict.assignments)
    plain = conflict.condition is None and _all_excluded(scene, values, columns, key)
    if conflict.assignments and plain and scene.takes_key(key):
        outputs = tuple(range(len(columns)))
        part = Part(scene.table, WriteKind.UPSERT, columns, key, outputs, options=scene.options)
        return Reading(query.text, len(columns), (part,)), query
    if (key,) not in (scene.table.primary_key, *scene.table.unique_keys):
        raise Refused(
            f"{key} is no unique key of {scene.table.name}",
            place=place,
            remedy="Name an external id, or write a MERGE.",
        )
    inserted: dict[str, _Text] = {c: f"EXCLUDED.{quote(c)}" for c in columns}
    branches = [_Branch(False, None, "insert", inserted)]
    if conflict.assignments:
        branches.insert(0, _Branch(True, conflict.condition, "update", dict(values)))
    splice = _split(scene, branches)
    splice.add(" FROM (")
    _add_query(scene, splice, body)
    names = ", ".join(quote(c) for c in columns)
    scene.add_target(splice.add(f") AS EXCLUDED({names}) LEFT JOIN "))
    splice.add(f" ON {scene.column_of_target(key)} = EXCLUDED.{quote(key)}")
    return _split_reading(scene, branches, splice)


def _add_query(scene: Scene, splice: Splice, body: Insert) -> None:
    if body.query is not None:
        splice.take(body.query)
        return
    splice.add("VALUES ")
    for i, row in enumerate(body.rows):
        splice.add(", (" if i else "(")
        for j, cell in enumerate(row):
            assert cell is not None
            splice.add(", " if j else "").take(cell)
        splice.add(")")


# --- the split


def _branch(scene: Scene, clause: Clause) -> _Branch:
    if clause.action in ("update", "delete") and not clause.matched:
        raise Refused(
            f"WHEN NOT MATCHED THEN {clause.action.upper()}: there is no row to {clause.action}",
            remedy="Write WHEN MATCHED.",
        )
    if clause.action == "insert" and clause.matched:
        raise Refused(
            "WHEN MATCHED THEN INSERT: the row is there already", remedy="Write WHEN NOT MATCHED."
        )
    values: dict[str, _Text] = dict(values_of(scene, clause.assignments))
    if clause.action in ("update", "insert") and not values:
        raise Refused(
            f"{clause.action.upper()} gives no column a value: DEFAULT leaves a column alone",
            remedy="Give at least one column a value, or write DO NOTHING.",
        )
    return _Branch(clause.matched, clause.condition, clause.action, values)


def _put(splice: Splice, text: _Text) -> Splice:
    return splice.add(text) if isinstance(text, str) else splice.take(text)


def _split(scene: Scene, branches: Sequence[_Branch]) -> Splice:
    """Which clause holds, the target's key and stamp, then each clause's values."""
    key = scene.column_of_target(primary_key(scene.table))
    splice = scene.splice().add("SELECT CASE")
    for i, branch in enumerate(branches):
        splice.add(f" WHEN {key} IS {'NOT ' if branch.matched else ''}NULL")
        if branch.condition is not None:
            _put(splice.add(" AND ("), branch.condition).add(")")
        splice.add(f" THEN {i}")
    splice.add(f" END AS {_ACTION}, {key}")
    if scene.stamp is not None:
        splice.add(f", {scene.column_of_target(scene.stamp)}")
    for i, branch in enumerate(branches):
        for value in branch.values.values():
            _put(splice.add(f", CASE WHEN {_ACTION} = {i} THEN ("), value).add(") END")
    return splice


def _split_reading(
    scene: Scene, branches: Sequence[_Branch], splice: Splice
) -> tuple[Reading, Splice]:
    key = primary_key(scene.table)
    stamp = None if scene.stamp is None else 2
    width = 2 if stamp is None else 3
    parts = []
    for i, branch in enumerate(branches):
        outputs = tuple(range(width, width + len(branch.values)))
        width += len(branch.values)
        columns = tuple(branch.values)
        if branch.action == "insert":
            part_key = insert_key(scene.table, columns)
            kind, held = WriteKind.INSERT, None
        elif branch.action == "nothing":
            continue
        else:
            kind = WriteKind.UPDATE if branch.action == "update" else WriteKind.DELETE
            columns, outputs, part_key, held = (key, *columns), (1, *outputs), key, stamp
        parts.append(
            Part(scene.table, kind, columns, part_key, outputs, held, i, options=scene.options)
        )
    return Reading(splice.text, width, tuple(parts), matched=1), splice


# --- the upsert


def _all_excluded(
    scene: Scene, values: dict[str, Span], columns: tuple[str, ...], key: str
) -> bool:
    """Whether each column but the key gets what the INSERT would have given it."""
    if {*values, key} != set(columns):
        return False
    for column, span in values.items():
        words = [t.name for t in read_tokens(scene.statement.text[span.start : span.end])]
        if [w.lower() for w in words] != ["excluded", ".", column.lower()]:
            return False
    return True


def _as_upsert(scene: Scene, body: Merge) -> tuple[Reading, Splice] | None:
    """An upsert, where both clauses give the same values and the source takes the key."""
    matched = [c for c in body.clauses if c.matched]
    new = [c for c in body.clauses if not c.matched]
    if len(matched) != 1 or len(new) != 1 or body.on is None or scene.stamp is not None:
        return None
    update, insert = matched[0], new[0]
    if update.action != "update" or insert.action != "insert":
        return None
    if update.condition is not None or insert.condition is not None:
        return None
    match = _match(scene, body.on)
    if match is None:
        return None
    key, given = match
    updated, inserted = values_of(scene, update.assignments), values_of(scene, insert.assignments)
    if key not in inserted or _words(scene, inserted[key]) != _words(scene, given):
        return None
    same = {c: _words(scene, s) for c, s in inserted.items()}
    if same != {c: _words(scene, s) for c, s in updated.items()} | {key: same[key]}:
        return None
    if not scene.takes_key(key):
        return None
    splice = scene.splice().add("SELECT ")
    for i, span in enumerate(inserted.values()):
        splice.add(", (" if i else "(").take(span).add(")")
    splice.add(" FROM ").take(body.source)
    columns = tuple(inserted)
    outputs = tuple(range(len(columns)))
    part = Part(scene.table, WriteKind.UPSERT, columns, key, outputs, options=scene.options)
    return Reading(splice.text, len(columns), (part,)), splice


def _words(scene: Scene, span: Span) -> tuple[str, ...]:
    """What an expression says; each ``?`` says something of its own."""
    words = read_tokens(scene.statement.text[span.start : span.end])
    return tuple(f"?{span.start + t.start}" if t.text == "?" else t.text for t in words)


def _match(scene: Scene, on: Span) -> tuple[str, Span] | None:
    """The target's column and the other side of ``t.K = s.k``; None for any other condition."""
    text = scene.statement.text
    inside = tuple(t for t in read_tokens(text) if on.start <= t.start < on.end)
    reader = Reader(text, inside)
    try:
        left, left_span = reader.path()
        reader.expect("=")
        right, right_span = reader.path()
    except Refused:
        return None
    if not reader.ended:
        return None
    for path, other, span in ((left, right, right_span), (right, left, left_span)):
        if _of_target(scene, path) and not _of_target(scene, other) and len(other) > 1:
            try:
                return spelt(scene.table, path[-1]), span
            except IsthmusError:
                return None
    return None


def _of_target(scene: Scene, path: tuple[str, ...]) -> bool:
    target = scene.statement.target
    qualifier = tuple(p.lower() for p in path[:-1])
    if target.alias is not None:
        return qualifier == (target.alias.lower(),)
    whole = tuple(p.lower() for p in target.path)
    return bool(qualifier) and whole[-len(qualifier) :] == qualifier
