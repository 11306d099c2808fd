"""A job's SOQL as the one DuckDB statement that gives its results, a CSV line a row."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.localorg.bulk import csvtext
from isthmus.localorg.bulk.support import check_clauses, check_object, chunked, selected
from isthmus.localorg.soql.ast import Call, Query, Selected
from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.operands import operand
from isthmus.localorg.soql.parser import parse
from isthmus.localorg.soql.plan import plan
from isthmus.localorg.soql.records import path_of
from isthmus.localorg.soql.scope import Scope
from isthmus.localorg.soql.selection import sort_keys, where

_ALPHABETICAL_BEFORE = 50.0  # the version from which columns come in the order of the SELECT


@dataclass(frozen=True)
class Statement:
    """What a job runs: SQL with one column `line`, the header line, the object it reads.

    `kinds` are the types of the columns.
    """

    sql: str
    header: bytes
    object: str
    chunked: bool
    kinds: tuple[str, ...] = ()


def prepare(
    text: str,
    context: Context,
    *,
    delimiter: str,
    ending: str,
    ids: tuple[str, str] = ("", ""),
) -> Statement:
    """Translate a job's SOQL; OrgError says what is wrong with it, or what Bulk does not do.

    `delimiter` and `ending` are the signs themselves; `ids` bound the records, the second
    excluded, where they are not empty.
    """
    written = parse(text)
    check_object(str(written.sources[0].path))
    check_clauses(written)
    planned = plan(written, context)
    scope = Scope(context, planned.target, sources=planned.query.sources)
    columns = _columns(selected(planned.query, written, scope), scope)
    if context.api_version < _ALPHABETICAL_BEFORE:
        columns.sort()
    line = csvtext.line([sql for _, sql, _ in columns], delimiter, ending)
    return Statement(
        sql=_select(line, planned.query, scope, ids),
        header=csvtext.header(tuple(name for name, *_ in columns), delimiter, ending),
        object=planned.target.name,
        chunked=chunked(planned.target),
        kinds=tuple(kind for *_, kind in columns),
    )


def _columns(items: list[Selected], scope: Scope) -> list[tuple[str, str, str]]:
    """Give each column's name, the SQL of its text, and its type."""
    unnamed = iter(range(len(items)))
    return [
        (_name(item, scope, unnamed), csvtext.field(item, scope), _kind(item, scope))
        for item in items
    ]


def _kind(item: Selected, scope: Scope) -> str:
    return "string" if isinstance(item.expression, Call) else operand(item.expression, scope).type


def _name(item: Selected, scope: Scope, unnamed: object) -> str:
    """Name a column as the describe spells it, parents before it: `Account.Owner.Name`."""
    path = path_of(item.expression)
    if item.alias or path is None:
        return item.alias or f"expr{next(unnamed)}"  # type: ignore[call-overload]
    steps = scope.column(path).steps
    return ".".join([*(step.name for step in steps), operand(item.expression, scope).label])


def _select(line: str, query: Query, scope: Scope, ids: tuple[str, str]) -> str:
    condition = where(query, scope)
    bounds = zip((">=", "<"), ids, strict=True)
    condition += "".join(f" AND {scope.alias}.\"Id\" {sign} '{one}'" for sign, one in bounds if one)
    keys = sort_keys(query, scope)
    if not keys and query.limit is not None and scope.joins:
        keys = [f"{scope.alias}.rowid"]  # a join may disturb the order, and so the choice, of rows
    order = f" ORDER BY {', '.join(keys)}" if keys else ""
    limit = f" LIMIT {query.limit}" if query.limit is not None else ""
    table = scope.context.table(scope.object.name)
    return (
        f"SELECT {line} AS line FROM {table} {scope.alias}{scope.joins_sql()} "
        f"WHERE {condition}{order}{limit}"
    )
