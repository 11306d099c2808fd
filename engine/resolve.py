"""Turn the names of a statement into scans: views unfold, tables get a scan of their own.

The text runs as the user wrote it. Only table names (and the source part of qualified column
names) are replaced, by position; everything else stays byte for byte.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from isthmus.catalog.catalog import Catalog
from isthmus.catalog.model import Table, View
from isthmus.catalog.names import TableRef as CatalogTable
from isthmus.catalog.names import cycle_error
from isthmus.engine import guard
from isthmus.engine.database import Database
from isthmus.engine.syntax import Statement, TableRef, hints_in, parse, part_spans

__all__ = ["SCAN_PREFIX", "Occurrence", "Resolved", "resolve"]

#: What the names begin with that scans are registered under.
SCAN_PREFIX = "__isthmus_scan_"


@dataclass(frozen=True)
class Occurrence:
    """One place in a query where a table is read: it becomes one scan.

    Attributes:
        number: unique in the query, from 1.
        table: the described table.
        columns: the scan's column names, unique in the whole query, in the table's order; they
            tie each scan of DuckDB's plan to its occurrence.
    """

    number: int
    table: Table
    columns: tuple[str, ...]

    @property
    def scan_name(self) -> str:
        """The name the scan is registered under."""
        return f"{SCAN_PREFIX}{self.number}"

    @property
    def sql(self) -> str:
        """A parenthesised query that reads the scan under the table's own column names."""
        names = ", ".join(quote(c.name) for c in self.table.columns)
        return f"(FROM {self.scan_name} AS _({names}))"


@dataclass
class Resolved:
    """A statement whose names are bound.

    Attributes:
        sql: what DuckDB runs.
        occurrences: the scans in it.
        statements: the user's statement and those of the views, for the places of errors.
        views: the views that were unfolded, each once.
        dynamic_pivot: whether a PIVOT's columns come from the data.
        shortened: whether a qualified column lost its source's name.
    """

    sql: str
    statement: Statement
    occurrences: list[Occurrence] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    dynamic_pivot: bool = False
    shortened: bool = False

    @property
    def hints(self) -> frozenset[str]:
        """The words of ``/*+ word */`` in the query, for the sources that know them."""
        return frozenset(hints_in(self.statement.text))

    @property
    def reads_clock(self) -> bool:
        """Whether a filter may hold the moment at which the query runs."""
        return any(
            name.path[-1].lower() in _CLOCK
            for statement in self.statements
            for name in (*statement.functions, *statement.columns)
        )


_CLOCK = {
    "age",
    "current_date",
    "current_localtime",
    "current_localtimestamp",
    "current_time",
    "current_timestamp",
    "get_current_time",
    "get_current_timestamp",
    "localtime",
    "localtimestamp",
    "now",
    "today",
    "transaction_timestamp",
}


def quote(name: str) -> str:
    """Quote an identifier.

    >>> quote('a"b')
    '"a""b"'
    """
    return '"' + name.replace('"', '""') + '"'


def resolve(statement: Statement, catalog: Catalog, database: Database) -> Resolved:
    """Bind the names of a checked statement.

    Raises:
        UnknownName: a table does not exist; the remedy may suggest one.
        ConfigError: views read each other in a circle.
    """
    resolved = Resolved("", statement)
    resolver = _Resolver(catalog, database, resolved)
    resolved.sql = resolver.expand(statement, ())
    return resolved


class _Resolver:
    def __init__(self, catalog: Catalog, database: Database, resolved: Resolved) -> None:
        self.catalog = catalog
        self.database = database
        self.resolved = resolved

    def expand(self, statement: Statement, inside: tuple[str, ...]) -> str:
        self.resolved.statements.append(statement)
        self.resolved.dynamic_pivot |= statement.dynamic_pivot
        guard.check(statement)
        names = [self.bind(ref, statement) for ref in statement.tables]
        aliases = _aliases(statement.tables, names)
        edits = [
            (ref.start, ref.end, self.replacement(name, ref, alias, inside))
            for ref, name, alias in zip(statement.tables, names, aliases, strict=True)
        ]
        columns = _column_edits(statement, names, aliases)
        edits += columns
        self.resolved.shortened |= bool(columns)
        return _splice(statement.body, edits)

    def bind(self, ref: TableRef, statement: Statement) -> View | CatalogTable:
        return self.catalog.resolve(ref.path, statement.place(ref.start))

    def replacement(
        self, name: View | CatalogTable, ref: TableRef, alias: str, inside: tuple[str, ...]
    ) -> str:
        sql = self.view(name, inside) if isinstance(name, View) else self.scan(name)
        return sql if ref.aliased else f"{sql} AS {quote(alias)}"

    def view(self, view: View, inside: tuple[str, ...]) -> str:
        key = view.name.lower()
        if key in inside:
            raise cycle_error((*inside[inside.index(key) :], key))
        if view not in self.resolved.views:
            self.resolved.views.append(view)
        statement = parse(view.text, self.database, view.file or f"view {view.name}")
        # A new line before the bracket: the text may end in a comment.
        return f"({self.expand(statement, (*inside, key))}\n)"

    def scan(self, name: CatalogTable) -> str:
        table = self.catalog.table(name.source, name.table)
        number = len(self.resolved.occurrences) + 1
        columns = tuple(f"{c.name}·{number}" for c in table.columns)
        occurrence = Occurrence(number, table, columns)
        self.resolved.occurrences.append(occurrence)
        return occurrence.sql


def _identity(name: View | CatalogTable) -> tuple[str, str]:
    if isinstance(name, View):
        return ("main", name.name.lower())
    return (name.source.lower(), name.table.lower())


def _aliases(refs: list[TableRef], names: list[View | CatalogTable]) -> list[str]:
    """The alias of each unaliased reference: its last part, unless its FROM has two such."""
    seen: dict[tuple[int, str], set[tuple[str, str]]] = {}
    for ref, name in zip(refs, names, strict=True):
        if not ref.aliased:
            seen.setdefault((ref.clause, ref.path[-1].lower()), set()).add(_identity(name))
    return [
        ".".join(ref.path) if len(seen.get((ref.clause, ref.path[-1].lower()), ())) > 1 else last
        for ref in refs
        for last in [ref.path[-1]]
    ]


def _column_edits(
    statement: Statement, names: list[View | CatalogTable], aliases: list[str]
) -> list[tuple[int, int, str]]:
    """Shorten ``crm.Account.Name`` to ``Account.Name``: the scan is known by its alias alone."""
    known: dict[tuple[str, ...], str] = {}
    for ref, name, alias in zip(statement.tables, names, aliases, strict=True):
        if not ref.aliased:
            source, table = _identity(name)
            known[(source, table)] = known[(source, "main", table)] = alias
    taken = {ref.path[-1].lower() for ref in statement.tables}
    body = statement.body.encode()
    edits = []
    for column in statement.columns:
        path = tuple(part.lower() for part in column.path)
        for length in (3, 2):
            # A struct's field may look the same; the nearer meaning, a table's name, wins.
            if len(path) > length and path[:length] in known and path[0] not in taken:
                spans = part_spans(body, column.start, length)
                edits.append((spans[0][0], spans[-1][1], quote(known[path[:length]])))
                break
    return edits


def _splice(body: str, edits: list[tuple[int, int, str]]) -> str:
    raw = body.encode()
    pieces: list[bytes] = []
    last = 0
    for start, end, text in sorted(edits):
        pieces += [raw[last:start], text.encode()]
        last = end
    return b"".join([*pieces, raw[last:]]).decode()
