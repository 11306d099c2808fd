"""A statement that writes, taken apart: its target, its queries and its clauses, as spans of text.

DuckDB's parser judges the syntax; what is left to do here is to find where things stand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import duckdb

from isthmus.engine.database import Database
from isthmus.engine.syntax import hints_in
from isthmus.engine.writes.tokens import Reader, Span, Token, read_tokens
from isthmus.errors import Place, Refused

__all__ = [
    "Assignment",
    "Clause",
    "Conflict",
    "Delete",
    "Insert",
    "Merge",
    "Named",
    "Target",
    "Update",
    "WriteStatement",
    "write_in",
]


@dataclass(frozen=True)
class Named:
    """A column's name as the statement has it, and where."""

    name: str
    at: int


@dataclass(frozen=True)
class Target:
    """The table that is written.

    Attributes:
        path: the parts of its name.
        span: where the name stands.
        alias: what other parts of the statement call it, if it has another name there.
    """

    path: tuple[str, ...]
    span: Span
    alias: str | None


@dataclass(frozen=True)
class Assignment:
    """A column gets a value; None: DEFAULT, which leaves it alone."""

    column: Named
    value: Span | None


@dataclass(frozen=True)
class Conflict:
    """``ON CONFLICT (key) DO UPDATE SET ... [WHERE ...]`` or ``DO NOTHING`` (no assignments)."""

    key: Named
    assignments: tuple[Assignment, ...]
    condition: Span | None


@dataclass(frozen=True)
class Insert:
    """``INSERT INTO``.

    Attributes:
        columns: as named; None with BY NAME, where the query names them.
        query: the query; None where `rows` are given.
        rows: the cells of a VALUES list that has a DEFAULT in it; None is DEFAULT.
        conflict: what happens to a row whose key is there already.
    """

    columns: tuple[Named, ...] | None
    query: Span | None
    rows: tuple[tuple[Span | None, ...], ...]
    conflict: Conflict | None


@dataclass(frozen=True)
class Update:
    """``UPDATE``."""

    assignments: tuple[Assignment, ...]
    source: Span | None
    where: Span | None


@dataclass(frozen=True)
class Delete:
    """``DELETE FROM``."""

    source: Span | None
    where: Span


@dataclass(frozen=True)
class Clause:
    """``WHEN [NOT] MATCHED [AND condition] THEN ...``.

    Attributes:
        matched: for rows that have a partner in the target.
        condition: what must hold besides.
        action: ``update``, ``delete``, ``insert`` or ``nothing``.
        assignments: of an update or insert.
    """

    matched: bool
    condition: Span | None
    action: str
    assignments: tuple[Assignment, ...] = ()


@dataclass(frozen=True)
class Merge:
    """``MERGE INTO``.

    Attributes:
        source: the table or query that is merged, with its alias.
        on: the condition of the match.
        using: the columns of ``USING (...)``, where there is no condition.
        clauses: the first one that holds for a row is what happens to it.
    """

    source: Span
    on: Span | None
    using: Span | None
    clauses: tuple[Clause, ...]


@dataclass(frozen=True)
class WriteStatement:
    """One statement that writes.

    Attributes:
        text: as the user wrote it.
        explained: EXPLAIN stood before it.
        with_: the common table expressions in front.
        target: the table.
        body: what is done.
        returning: the list behind RETURNING.
        hints: the words of ``/*+ word */`` before the target's name.
    """

    text: str
    explained: bool
    with_: Span | None
    target: Target
    body: Insert | Update | Delete | Merge
    returning: Span | None
    hints: frozenset[str]

    def place(self, at: int) -> Place:
        """The place of a character of the text."""
        return Place.at(self.text, at)


_MAY_WRITE: Final = re.compile(r"\b(?:insert|update|delete|merge|truncate)\b", re.IGNORECASE)
_KINDS: Final = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE_INTO"})
_STARTS: Final = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE"})


def write_in(text: str, database: Database) -> WriteStatement | None:
    """The statement that writes which the text is; None for any other text.

    Raises:
        Refused: it writes in a form that is not supported; the remedy names one that is.
    """
    if not _MAY_WRITE.search(text):
        return None
    text = text.rstrip().rstrip(";").rstrip()
    words = read_tokens(text)
    explained = bool(words) and words[0].word == "EXPLAIN"
    if not _is_write(text[words[0].end :] if explained else text, database):
        return None
    return _statement(text, words[1:] if explained else words, explained)


def _is_write(text: str, database: Database) -> bool:
    text = re.sub(r"\A\s*(?:ANALYZE\b|\([^)]*\))", "", text, flags=re.IGNORECASE)
    try:
        found = database.statements(text)
    except (duckdb.Error, ValueError):
        return False  # whoever reads it next will say what is wrong
    return len(found) == 1 and found[0].type.name in _KINDS


def _statement(text: str, words: tuple[Token, ...], explained: bool) -> WriteStatement:
    reader = Reader(text, words)
    if explained:
        _no_analysis(reader)
    with_ = _common_tables(reader)
    start = reader.here
    returning = None
    verb = reader.tokens[reader.at].word
    reader.at += 1
    if verb == "TRUNCATE":
        raise Refused(
            "TRUNCATE is not supported",
            place=Place.at(text, start),
            remedy="To delete every row, write DELETE FROM ... WHERE true.",
        )
    target: Target
    body: Insert | Update | Delete | Merge
    if verb == "INSERT":
        target, body = _insert(reader)
    elif verb == "UPDATE":
        target, body = _update(reader)
    elif verb == "DELETE":
        target, body = _delete(reader)
    else:
        target, body = _merge(reader)
    if reader.accept("RETURNING"):
        returning = reader.until()
    if not reader.ended:
        raise reader.refused("this part of the statement is not supported")
    hints = frozenset(hints_in(text[start : target.span.start]))
    return WriteStatement(text, explained, with_, target, body, returning, hints)


def _no_analysis(reader: Reader) -> None:
    if reader.sees("ANALYZE") or reader.sees("("):
        raise reader.refused(
            "a statement that writes is explained without running it",
            remedy="Write EXPLAIN INSERT ...; con.plan_write(..., dry_run=True) checks the rows.",
        )


def _common_tables(reader: Reader) -> Span | None:
    """Up to the verb, which stands behind the bracket of the last one."""
    if not reader.sees("WITH"):
        return None
    start = reader.here
    for i, token in enumerate(reader.tokens):
        if token.depth == 0 and token.word in _STARTS and reader.tokens[i - 1].text == ")":
            reader.at = i
            return Span(start, reader.tokens[i - 1].end)
    raise reader.refused("the common table expressions could not be told from the statement")


def _target(reader: Reader, *next_words: str) -> Target:
    path, span = reader.path()
    alias = None
    if reader.accept("AS") or not (reader.ended or any(reader.sees(w) for w in next_words)):
        alias = reader.name()[0]
    return Target(path, span, alias)


# --- INSERT


def _insert(reader: Reader) -> tuple[Target, Insert]:
    if reader.accept("OR"):
        raise reader.refused(
            "INSERT OR REPLACE and INSERT OR IGNORE are not supported",
            remedy="Write ON CONFLICT (key) DO UPDATE SET ... or DO NOTHING.",
        )
    reader.expect("INTO")
    path, span = reader.path()
    alias = reader.name()[0] if reader.accept("AS") else None
    columns: tuple[Named, ...] | None = None
    by_name = reader.accept("BY", "NAME")
    if not by_name:
        reader.accept("BY", "POSITION")
    if not by_name:
        if not reader.sees("(") or _starts_query(reader):
            raise reader.refused(
                "INSERT does not say which columns it gives",
                remedy="Name them: INSERT INTO table (Name, ...), or write BY NAME, which takes "
                "the names of the query's columns.",
            )
        columns = tuple(Named(*reader.bracket_name(s)) for s in reader.bracket().listed())
    if reader.accept("OVERRIDING") or reader.sees("DEFAULT", "VALUES"):
        raise reader.refused("this form of INSERT is not supported")
    query = reader.until(("ON", "CONFLICT", "("), ("ON", "CONFLICT", "DO"), ("RETURNING",))
    rows = _rows_with_defaults(reader, query)
    conflict = _conflict(reader) if reader.accept("ON", "CONFLICT") else None
    return Target(path, span, alias), Insert(columns, None if rows else query, rows, conflict)


def _starts_query(reader: Reader) -> bool:
    after = reader.tokens[reader.at + 1 : reader.at + 2]
    return bool(after) and after[0].word in ("SELECT", "WITH", "FROM", "VALUES", "TABLE")


def _rows_with_defaults(reader: Reader, query: Span) -> tuple[tuple[Span | None, ...], ...]:
    """The cells of VALUES, if any is DEFAULT: DuckDB knows the word in an INSERT alone."""
    inside = Reader(
        reader.text,
        tuple(t for t in reader.tokens if query.start <= t.start < query.end),
    )
    if not inside.accept("VALUES") or not any(t.word == "DEFAULT" for t in inside.tokens):
        return ()
    rows = [_cells(inside.bracket())]
    while inside.accept(","):
        rows.append(_cells(inside.bracket()))
    return tuple(rows) if any(c is None for row in rows for c in row) else ()


def _cells(reader: Reader) -> tuple[Span | None, ...]:
    return tuple(_value(reader.text, span) for span in reader.listed())


def _value(text: str, span: Span) -> Span | None:
    return None if text[span.start : span.end].upper() == "DEFAULT" else span


def _conflict(reader: Reader) -> Conflict:
    if not reader.sees("("):
        raise reader.refused(
            "ON CONFLICT does not say by which key",
            remedy="Name the external id: ON CONFLICT (External_Id__c) DO ...",
        )
    keys = [reader.bracket_name(s) for s in reader.bracket().listed()]
    if len(keys) != 1 or not reader.accept("DO"):
        raise reader.refused(
            "ON CONFLICT takes one key column", remedy="Name one external id, without conditions."
        )
    key = Named(*keys[0])
    if reader.accept("NOTHING"):
        return Conflict(key, (), None)
    reader.expect("UPDATE", "SET")
    assignments = _assignments(reader, ("WHERE",), ("RETURNING",))
    condition = reader.until(("RETURNING",)) if reader.accept("WHERE") else None
    return Conflict(key, assignments, condition)


# --- UPDATE, DELETE


def _update(reader: Reader) -> tuple[Target, Update]:
    target = _target(reader, "SET")
    reader.expect("SET")
    assignments = _assignments(reader, ("FROM",), ("WHERE",), ("RETURNING",))
    source = reader.until(("WHERE",), ("RETURNING",)) if reader.accept("FROM") else None
    where = reader.until(("RETURNING",)) if reader.accept("WHERE") else None
    return target, Update(assignments, source, where)


def _delete(reader: Reader) -> tuple[Target, Delete]:
    reader.expect("FROM")
    target = _target(reader, "USING", "WHERE", "RETURNING")
    source = reader.until(("WHERE",), ("RETURNING",)) if reader.accept("USING") else None
    if not reader.accept("WHERE"):
        raise reader.refused("DELETE has no WHERE", remedy="To delete every row, write WHERE true.")
    return target, Delete(source, reader.until(("RETURNING",)))


def _assignments(reader: Reader, *stops: tuple[str, ...]) -> tuple[Assignment, ...]:
    found = [_assignment(reader, *stops)]
    while reader.accept(","):
        found.append(_assignment(reader, *stops))
    return tuple(found)


def _assignment(reader: Reader, *stops: tuple[str, ...]) -> Assignment:
    if reader.sees("(") or reader.sees("*"):
        raise reader.refused(
            "SET takes one column at a time", remedy="Write SET a = 1, b = 2, and so on."
        )
    column = Named(*reader.name())
    reader.expect("=")
    return Assignment(column, _value(reader.text, reader.until((",",), *stops)))


# --- MERGE

_WHEN: Final = ("WHEN",)


def _merge(reader: Reader) -> tuple[Target, Merge]:
    reader.expect("INTO")
    target = _target(reader, "USING")
    reader.expect("USING")
    source = reader.until(("ON",), ("USING", "("))
    using = on = None
    if reader.accept("ON"):
        on = reader.until(_WHEN)
    else:
        reader.expect("USING")
        start = reader.here
        reader.bracket()
        using = Span(start, reader.tokens[reader.at - 1].end)
    clauses = []
    while reader.accept("WHEN"):
        clauses.append(_clause(reader))
    return target, Merge(source, on, using, tuple(clauses))


def _clause(reader: Reader) -> Clause:
    matched = not reader.accept("NOT")
    reader.expect("MATCHED")
    if reader.accept("BY", "SOURCE"):
        raise reader.refused(
            "NOT MATCHED BY SOURCE is not supported",
            remedy="Write a statement of its own: DELETE FROM ... WHERE NOT EXISTS (...).",
        )
    reader.accept("BY", "TARGET")
    condition = reader.until(("THEN",)) if reader.accept("AND") else None
    reader.expect("THEN")
    if reader.accept("DELETE"):
        return Clause(matched, condition, "delete")
    if reader.accept("DO", "NOTHING"):
        return Clause(matched, condition, "nothing")
    if reader.accept("UPDATE"):
        if not reader.accept("SET"):
            raise reader.refused(
                "UPDATE in a MERGE does not say which columns it sets",
                remedy="Write UPDATE SET Name = s.name, ...",
            )
        assignments = _assignments(reader, _WHEN, ("RETURNING",))
        return Clause(matched, condition, "update", assignments)
    if reader.accept("INSERT"):
        return Clause(matched, condition, "insert", _inserted(reader))
    raise reader.refused(
        "this action of a MERGE is not supported",
        remedy="The actions are UPDATE SET ..., DELETE, INSERT (...) VALUES (...), DO NOTHING.",
    )


def _inserted(reader: Reader) -> tuple[Assignment, ...]:
    if not reader.sees("("):
        raise reader.refused(
            "INSERT in a MERGE does not say which columns it gives",
            remedy="Write INSERT (Name, ...) VALUES (s.name, ...).",
        )
    names = [reader.bracket_name(s) for s in reader.bracket().listed()]
    reader.expect("VALUES")
    at = reader.here
    values = reader.bracket().listed()
    if len(names) != len(values):
        raise Refused(
            f"INSERT names {len(names)} columns and gives {len(values)} values",
            place=Place.at(reader.text, at),
        )
    return tuple(
        Assignment(Named(*name), _value(reader.text, span))
        for name, span in zip(names, values, strict=True)
    )
