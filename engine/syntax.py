"""Read a statement with DuckDB's own parser and find, by position, the names in it.

The tree is what DuckDB itself will run, so nothing can hide from the guard behind a construct
that another parser reads differently. Positions are byte offsets into the UTF-8 text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from isthmus.engine.database import Database
from isthmus.errors import Place, Refused, SyntaxFault

__all__ = ["Name", "Statement", "TableRef", "parse", "tokens"]

_NOWHERE = 2**64 - 1


@dataclass(frozen=True)
class Name:
    """A dotted name in the text: a column or a function."""

    path: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True)
class TableRef:
    """A table reference that is not a common table expression.

    Attributes:
        path: its parts, unquoted.
        start: byte offset of the first part.
        end: byte offset after the last part (the alias is not in it).
        aliased: whether the user gave an alias.
        clause: which FROM clause it stands in; references of one join share it.
    """

    path: tuple[str, ...]
    start: int
    end: int
    aliased: bool
    clause: int


@dataclass
class Statement:
    """One statement, taken apart.

    Attributes:
        text: as the user wrote it.
        body: the query inside it, without a DESCRIBE or EXPLAIN before it.
        prefix: what stood before the body, in upper case: "", DESCRIBE, SUMMARIZE, SHOW TABLES,
            EXPLAIN or EXPLAIN ANALYZE.
        shift: characters to subtract from a body offset to get a text offset.
        dynamic_pivot: whether the columns depend on data, so that only running tells them.
    """

    text: str
    body: str
    prefix: str = ""
    shift: int = 0
    dynamic_pivot: bool = False
    file: str | None = None
    tables: list[TableRef] = field(default_factory=list)
    columns: list[Name] = field(default_factory=list)
    functions: list[Name] = field(default_factory=list)
    table_functions: list[Name] = field(default_factory=list)
    strange_nodes: list[str] = field(default_factory=list)

    def place(self, byte_offset: int) -> Place:
        """The place of a byte offset of the body, in the user's text."""
        characters = len(self.body.encode()[:byte_offset].decode(errors="ignore"))
        return Place.at(self.text, max(characters + self.shift, 0), self.file)


_PREFIX = re.compile(
    r"\s*(?:(?:--[^\n]*\n|/\*.*?\*/)\s*)*"
    r"(EXPLAIN\s+ANALYZE|EXPLAIN|DESCRIBE|DESC|SUMMARIZE|SHOW)\b",
    re.IGNORECASE | re.DOTALL,
)
_QUERY_START = re.compile(r"\s*(?:SELECT|FROM|WITH|VALUES|PIVOT|UNPIVOT|TABLE|\()", re.IGNORECASE)
_TABLES = re.compile(r"\s*(?:ALL\s+)?TABLES\s*;?\s*\Z", re.IGNORECASE)


def parse(text: str, database: Database, file: str | None = None) -> Statement:
    """Parse exactly one statement that reads.

    Raises:
        SyntaxFault: it does not parse, or is empty.
        Refused: it is several statements, or not a query.
    """
    _one_query(text, database, file)
    statement = _unwrap(text.rstrip().rstrip(";").rstrip(), file)
    if statement.prefix == "SHOW TABLES":
        return statement
    source, insertions = _static_pivots(statement.body)
    statement.dynamic_pivot = bool(insertions)
    tree = database.parse(source)
    if tree.get("error"):
        raise _syntax_fault(tree, statement)
    for entry in tree["statements"]:
        _Walker(statement, insertions).query(entry["node"], frozenset())
    return statement


def _one_query(text: str, database: Database, file: str | None) -> None:
    import duckdb

    try:
        found = database.statements(text)
    except duckdb.ParserException as error:
        raise _from_message(str(error), text, file) from error
    except (duckdb.Error, ValueError) as error:
        raise Refused(
            "this kind of statement can't be run here", remedy="Only queries are: SELECT ..."
        ) from error
    if not found:
        raise SyntaxFault("the text holds no statement", remedy="Write a query: SELECT ...")
    if len(found) > 1:
        raise Refused(
            f"the text holds {len(found)} statements",
            place=Place.at(text, len(found[0].query), file),
            remedy="Send one statement at a time.",
        )
    kind = found[0].type.name
    if kind == "MULTI" and re.match(r"\s*(?:WITH|PIVOT|FROM|SELECT|\(|--|/\*)", text, re.I):
        return  # a PIVOT whose columns come from the data
    if kind not in ("SELECT", "EXPLAIN"):
        raise Refused(
            f"{kind.replace('_', ' ')} statements are not allowed: only queries are",
            place=Place.at(text, len(text) - len(text.lstrip()), file),
            remedy="Write SELECT, FROM, WITH, VALUES, DESCRIBE, SUMMARIZE or SHOW TABLES.",
        )


def _unwrap(text: str, file: str | None) -> Statement:
    match = _PREFIX.match(text)
    if match is None:
        # The parser does not say where the name in `TABLE x` stands; it does in `FROM  x`.
        return Statement(text, re.sub(r"\A(\s*)TABLE\b", r"\1FROM ", text, flags=re.I), file=file)
    word = " ".join(match[1].upper().split())
    rest = text[match.end() :]
    if word.startswith("EXPLAIN"):
        rest, options = _explain_options(rest)
        word = "EXPLAIN ANALYZE" if options else word
        return Statement(text, rest, word, len(text) - len(rest), file=file)
    if _TABLES.match(rest) or not rest.strip():
        return Statement(text, "", "SHOW TABLES", file=file)
    word = "SUMMARIZE" if word == "SUMMARIZE" else "DESCRIBE"
    if _QUERY_START.match(rest):
        return Statement(text, rest, word, match.end(), file=file)
    return Statement(text, "FROM " + rest, word, match.end() - len("FROM "), file=file)


def _explain_options(rest: str) -> tuple[str, bool]:
    match = re.match(r"\s*\(([^)]*)\)", rest)
    if match and not _QUERY_START.match(match[1]):
        return rest[match.end() :], "ANALYZE" in match[1].upper()
    return rest, False


def _syntax_fault(tree: dict[str, Any], statement: Statement) -> SyntaxFault:
    position = tree.get("position")
    place = statement.place(int(position)) if position is not None else None
    return SyntaxFault(str(tree.get("error_message")), place=place)


def _from_message(message: str, text: str, file: str | None) -> SyntaxFault:
    first, _, rest = message.partition("\n")
    first = first.removeprefix("Parser Error: ")
    found = re.search(r"LINE (\d+): (.*)\n( *)\^", rest)
    place = None
    if found:
        line = int(found[1])
        caret = len(found[3]) - len(f"LINE {found[1]}: ")
        shown = found[2]
        whole = text.split("\n")[line - 1] if line <= text.count("\n") + 1 else ""
        # DuckDB shows a window of a long line, with dots where it is cut.
        at = whole.find(shown.strip(".")[:60]) if shown.startswith("...") else 0
        column = caret + max(at, 0) - (3 if shown.startswith("...") else 0)
        place = Place(line, max(column, 0) + 1, file)
    return SyntaxFault(first, place=place)


_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)|(?P<quoted>"(?:[^"]|"")*")"""
    r"""|(?P<text>[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"""
    r"""|(?P<word>[^\W\d][\w$]*)|(?P<other>\d[\w.]*|.)""",
    re.DOTALL,
)


def tokens(text: str, start: int = 0) -> Iterator[re.Match[str]]:
    """The tokens of a text from an offset on, without white space and comments."""
    for match in _TOKEN.finditer(text, start):
        if match.lastgroup != "space" and match["space"] is None:
            yield match


def _static_pivots(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Give each PIVOT ... ON element without IN a dummy list, so that the parser serializes it.

    Returns the text and the insertions (byte offset in the new text, byte length).
    """
    if not re.search(r"\bpivot(?:_wider)?\b", text, re.IGNORECASE):
        return text, []
    depth = 0
    pivots: list[int] = []  # the depth at which a PIVOT waits for its ON
    lists: list[tuple[int, bool]] = []  # depth of an ON list, whether its element has an IN
    ends: list[int] = []
    previous_end = 0
    previous = ""
    for match in tokens(text):
        word = match[0].upper() if match["word"] else match[0]
        if lists and lists[-1][0] == depth:
            closing = word in {",", "USING", "GROUP", "ORDER", "LIMIT", ")", ";"}
            if word == "IN":
                lists[-1] = (depth, True)
            elif closing:
                if not lists[-1][1]:
                    ends.append(previous_end)
                lists.pop()
                if word == ",":
                    lists.append((depth, False))
        if word in {"PIVOT", "PIVOT_WIDER"} and previous in {"", "(", "AS", ")"}:
            pivots.append(depth)
        elif word == "ON" and pivots and pivots[-1] == depth:
            pivots.pop()
            lists.append((depth, False))
        elif word in "([{":
            depth += 1
        elif word in ")]}":
            depth -= 1
        previous, previous_end = word, match.end()
    if lists and not lists[-1][1]:
        ends.append(previous_end)
    insertions: list[tuple[int, int]] = []
    pieces: list[str] = []
    last = grown = 0
    for end in ends:
        pieces += [text[last:end], " IN ('')"]
        insertions.append((len(text[:end].encode()) + grown, len(" IN ('')")))
        grown += len(" IN ('')")
        last = end
    return "".join([*pieces, text[last:]]), insertions


_QUERY_NODES = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_TABLE_NODES = {
    "BASE_TABLE",
    "COLUMN_DATA",
    "EMPTY",
    "EXPRESSION_LIST",
    "JOIN",
    "PIVOT",
    "SUBQUERY",
    "TABLE_FUNCTION",
}


class _Walker:
    """Walks DuckDB's tree with the scopes of its common table expressions."""

    def __init__(self, statement: Statement, insertions: list[tuple[int, int]]) -> None:
        self.statement = statement
        self.insertions = insertions
        self.body = statement.body.encode()
        self.clauses = 0

    def query(self, node: dict[str, Any], scope: frozenset[str], clause: int = 0) -> None:
        kind = node.get("type")
        if kind not in _QUERY_NODES:
            self.statement.strange_nodes.append(str(kind))
            return
        if kind == "RECURSIVE_CTE_NODE":
            scope |= {str(node.get("cte_name", "")).lower()}
        for entry in node.get("cte_map", {}).get("map", []):
            name = entry["key"].lower()
            inner = entry["value"].get("query_node") or entry["value"].get("query", {}).get("node")
            recursive = inner is not None and inner.get("type") == "RECURSIVE_CTE_NODE"
            self.anything(entry["value"], scope | {name} if recursive else scope, 0)
            scope |= {name}
        self.clauses += 1
        clause = self.clauses
        for key, value in node.items():
            if key != "cte_map":
                self.anything(value, scope, clause)

    def anything(self, node: Any, scope: frozenset[str], clause: int) -> None:
        if isinstance(node, list):
            for item in node:
                self.anything(item, scope, clause)
        elif isinstance(node, dict):
            self.mapping(node, scope, clause)

    def mapping(self, node: dict[str, Any], scope: frozenset[str], clause: int) -> None:
        if "cte_map" in node:
            self.query(node, scope)
            return
        kind = node.get("type")
        if "sample" in node and kind not in _TABLE_NODES:
            self.statement.strange_nodes.append(str(kind))
        if kind == "BASE_TABLE":
            self.table(node, scope, clause)
        elif kind == "TABLE_FUNCTION":
            start = self.original(node.get("query_location", _NOWHERE))
            name = str(node["function"].get("function_name"))
            self.statement.table_functions.append(Name((name,), start, start))
            self.anything(node["function"].get("arguments"), scope, clause)
            self.anything(node["function"].get("children"), scope, clause)
            return
        elif node.get("class") == "FUNCTION":
            start = self.original(node.get("query_location", _NOWHERE))
            name = str(node.get("function_name"))
            self.statement.functions.append(Name((name,), start, start))
        elif node.get("class") == "COLUMN_REF":
            self.column(node)
        for value in node.values():
            self.anything(value, scope, clause)

    def table(self, node: dict[str, Any], scope: frozenset[str], clause: int) -> None:
        path = tuple(node["qualified_name"]["path"])
        if len(path) == 1 and path[0].lower() in scope:
            return
        start = self.original(node.get("query_location", _NOWHERE))
        if start < 0 or start >= len(self.body):
            raise Refused(
                f"the table {'.'.join(path)} is named where its place can't be told",
                remedy="Use DESCRIBE, SHOW and SUMMARIZE as statements of their own.",
            )
        end = _path_end(self.body, start, len(path))
        aliased = bool(node.get("alias"))
        self.statement.tables.append(TableRef(path, start, end, aliased, clause))

    def column(self, node: dict[str, Any]) -> None:
        path = tuple(node.get("column_names", ()))
        start = self.original(node.get("query_location", _NOWHERE))
        if 0 <= start < len(self.body):
            self.statement.columns.append(Name(path, start, start))

    def original(self, location: int) -> int:
        """A location of the parsed text as an offset of the body; -1 where there is none."""
        if location >= _NOWHERE:
            return -1
        return location - sum(n for at, n in self.insertions if at < location)


def _path_end(body: bytes, start: int, parts: int) -> int:
    """The byte offset after a dotted name of so many parts."""
    text = body[start:].decode()
    seen = 0
    for match in tokens(text):
        if match["word"] or match["quoted"] or match["text"]:
            seen += 1
            if seen == parts:
                return start + len(text[: match.end()].encode())
    raise Refused("a table name could not be found in the text")


def part_spans(body: bytes, start: int, parts: int) -> list[tuple[int, int]]:
    """The byte spans of the parts of a dotted name."""
    text = body[start:].decode()
    spans: list[tuple[int, int]] = []
    for match in tokens(text):
        if match["word"] or match["quoted"] or match["text"]:
            left = start + len(text[: match.start()].encode())
            spans.append((left, left + len(match[0].encode())))
            if len(spans) == parts:
                break
    return spans


def hints_in(text: str) -> list[str]:
    """The words of all hints in a text: comments that begin with a plus sign.

    >>> hints_in("SELECT /*+ bulk */ '/*+ no */' /* nor this */")
    ['bulk']
    """
    words: list[str] = []
    for match in _TOKEN.finditer(text):
        if match["space"] is not None and match[0].startswith("/*+"):
            words += re.findall(r"\w+", match[0].lower())
    return words


def parameter_spans(text: str) -> list[tuple[int, int, str]]:
    """Where parameters stand, in characters, each with its name or its number from 1.

    >>> parameter_spans("SELECT ?, '?', $2, $x")
    [(7, 8, '1'), (15, 17, '2'), (19, 21, 'x')]
    """
    spans: list[tuple[int, int, str]] = []
    unnumbered = 0
    dollar: int | None = None
    for match in tokens(text):
        token = match[0]
        if dollar is not None and match.start() == dollar + 1 and (token[0].isalnum()):
            spans.append((dollar, match.end(), token))
        dollar = match.start() if token == "$" else None
        if token == "?":
            unnumbered += 1
            spans.append((match.start(), match.end(), str(unnumbered)))
    return spans
