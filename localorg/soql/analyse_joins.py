"""The rules of semi-joins and anti-joins (SOQL Reference v65, "Comparison Operators")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isthmus.localorg.soql.ast import And, Condition, InQuery, Not, Or, Path, Query, Selected
from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.operands import IDS
from isthmus.localorg.soql.refusals import plain, refuse
from isthmus.localorg.soql.scope import Column, Scope, object_of

if TYPE_CHECKING:
    from isthmus.localorg.schema import SObject

MAX_JOINS = 2
_UNSUPPORTED = frozenset(
    {"activityhistory", "attachment", "event", "note", "openactivity", "tag", "task"}
)


def joins_of(condition: Condition | None) -> list[InQuery]:
    """Give all semi-joins of a condition."""
    match condition:
        case InQuery():
            return [condition]
        case And(items) | Or(items):
            return [join for item in items for join in joins_of(item)]
        case Not(item):
            return joins_of(item)
        case _:
            return []


def _top_level(condition: Condition | None) -> list[InQuery]:
    match condition:
        case InQuery():
            return [condition]
        case And(items):
            return [join for item in items for join in _top_level(item)]
        case _:
            return []


def check_joins(query: Query, scope: Scope, *, allowed: bool) -> list[tuple[Query, SObject]]:
    """Check the semi-joins of a WHERE; gives the inner queries with their objects."""
    joins = joins_of(query.where)
    if not joins:
        return []
    if not allowed:
        plain("MALFORMED_QUERY", "Nesting of semi join sub-selects is not supported")
    if len(joins) != len(_top_level(query.where)):
        plain(
            "MALFORMED_QUERY",
            "Semi join sub-selects are only allowed at the top level WHERE expressions and not "
            "in nested WHERE expressions",
        )
    if len(joins) > MAX_JOINS:
        plain("MALFORMED_QUERY", f"Maximum {MAX_JOINS} semi join sub-selects are allowed")
    return [(join.query, _check_join(join, scope)) for join in joins]


def _check_join(join: InQuery, scope: Scope) -> SObject:
    context = scope.context
    outer = _key(join.left, scope, "left operand")
    inner_query = join.query
    target = object_of(context, inner_query.sources[0])
    if target.name.lower() in _UNSUPPORTED:
        plain("MALFORMED_QUERY", f"Entity '{target.name}' is not supported for semi join")
    if target.name == scope.object.name:
        plain(
            "MALFORMED_QUERY", "The inner and outer selects should not be on the same object type"
        )
    item = inner_query.items[0]
    if len(inner_query.items) != 1 or not isinstance(item, Selected):
        plain("MALFORMED_QUERY", "semi join sub-select must select exactly one field")
    inner_scope = Scope(context, target, sources=inner_query.sources)
    inner = _key(item.expression, inner_scope, "inner select field")
    if not _types(outer) & _types(inner):
        plain(
            "MALFORMED_QUERY",
            f"The inner select field '{inner.field.name}' and the outer field "
            f"'{outer.field.name}' do not refer to the same object type",
        )
    return target


def _key(expression: object, scope: Scope, what: str) -> Column:
    context: Context = scope.context
    if not isinstance(expression, Path):
        plain("MALFORMED_QUERY", f"The {what} of a semi join must be a field")
    column = scope.column(expression)
    if column.steps:
        plain(
            "MALFORMED_QUERY",
            f"The {what} '{expression}' cannot have more than one level of relationships",
        )
    if column.field.type not in IDS:
        refuse(
            context.text,
            expression.at,
            "INVALID_FIELD",
            f"The {what} '{column.field.name}' is not an ID field",
        )
    # `SELECT Account.Id FROM Contact` names a parent even where it is the object's own name
    return column


def _types(column: Column) -> set[str]:
    if column.field.type == "id" and column.object:
        return {column.object.name}
    return set(column.field.reference_to)
