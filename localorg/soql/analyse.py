"""What a statement must obey beyond its grammar: the describe's flags and SOQL's limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from isthmus.localorg.soql.analyse_filters import check
from isthmus.localorg.soql.analyse_groups import check_groups
from isthmus.localorg.soql.analyse_joins import check_joins, joins_of
from isthmus.localorg.soql.ast import Call, Children, Distance, Item, Path, Query, Selected, TypeOf
from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.expressions import AGGREGATES, DATE_PARTS, RENDERERS
from isthmus.localorg.soql.operands import Operand, operand
from isthmus.localorg.soql.records import path_of
from isthmus.localorg.soql.refusals import no_relationship, plain, refuse
from isthmus.localorg.soql.scope import Scope, object_of, polymorphic

if TYPE_CHECKING:
    from isthmus.localorg.schema import SObject

#: SOQL Reference v65, "OFFSET" and "Relationship Query Limitations".
MAX_OFFSET, MAX_CHILD_QUERIES = 2000, 20
_DEEP_VERSION = 58.0


def is_count(query: Query) -> bool:
    """Say whether a query is `SELECT COUNT() ...`."""
    item = query.items[0]
    return (
        isinstance(item, Selected)
        and isinstance(item.expression, Call)
        and item.expression.name == "COUNT"
        and not item.expression.args
    )


def is_grouped(query: Query) -> bool:
    """Say whether a query gives AggregateResult rows."""
    return query.group is not None or any(
        isinstance(item, Selected) and has_aggregate(item.expression) for item in query.items
    )


def has_aggregate(expression: object) -> bool:
    """Say whether an expression holds an aggregate function."""
    if not isinstance(expression, Call):
        return False
    return expression.name in AGGREGATES or any(has_aggregate(arg) for arg in expression.args)


def analyse(query: Query, context: Context) -> None:
    """Check a statement; OrgError says what is wrong with it."""
    target = object_of(context, query.sources[0])
    scope = Scope(context, target, sources=query.sources)
    _check_with(query)
    for inner, inner_target in check_joins(query, scope, allowed=True):
        _check_inner(inner, inner_target, context)
    _check_where(query, scope)
    if is_count(query):
        _check_count(query)
    elif is_grouped(query):
        having = check_groups(query, scope)
        if query.having:
            if joins_of(query.having):
                plain("MALFORMED_QUERY", "Semi join sub-selects are not allowed in HAVING")
            check(query.having, context, having)
    else:
        _check_select(query, scope, 1)
        _check_order(query, scope)


def check_limits(query: Query) -> None:
    """Check LIMIT and OFFSET; OrgError NUMBER_OUTSIDE_VALID_RANGE or MALFORMED_QUERY."""
    if query.limit is not None and query.limit < 0:
        plain("MALFORMED_QUERY", f"LIMIT cannot be negative: {query.limit}")
    if query.offset is not None and query.offset < 0:
        plain("MALFORMED_QUERY", f"OFFSET cannot be negative: {query.offset}")
    if query.offset is not None and query.offset > MAX_OFFSET:
        plain("NUMBER_OUTSIDE_VALID_RANGE", f"Maximum SOQL offset allowed is {MAX_OFFSET}")


def _check_with(query: Query) -> None:
    for clause in query.withs:
        if clause.mode is None:
            plain("MALFORMED_QUERY", "WITH filters are not supported for this object")


def _check_count(query: Query) -> None:
    if query.order or query.group:
        plain("MALFORMED_QUERY", "COUNT() cannot be used with ORDER BY or GROUP BY")


def _check_inner(query: Query, target: SObject, context: Context) -> None:
    """Check the query of a semi-join."""
    scope = Scope(context, target, sources=query.sources)
    check_joins(query, scope, allowed=False)
    _check_where(query, scope)


def _check_where(query: Query, scope: Scope) -> None:
    if query.where is None:
        return

    def left(expression: Path | Call | Distance) -> Operand:
        if has_aggregate(expression):
            plain("MALFORMED_QUERY", "Aggregate functions are not allowed in WHERE")
        return operand(expression, scope)

    check(query.where, scope.context, left)


def _check_order(query: Query, scope: Scope) -> None:
    for item in query.order:
        if isinstance(item.expression, Call) and (
            item.expression.name in RENDERERS | DATE_PARTS or has_aggregate(item.expression)
        ):
            plain("MALFORMED_QUERY", f"Ordering by {item.expression.name} needs a grouped query")
        made = operand(item.expression, scope)
        if made.column and not made.column.field.sortable:
            refuse(
                scope.context.text,
                made.at,
                "INVALID_FIELD",
                f"field '{made.column.field.name}' can not be sorted in a query call",
            )


# -- SELECT


def _check_select(query: Query, scope: Scope, level: int) -> None:
    seen: set[str] = set()
    children = [item for item in query.items if isinstance(item, Children)]
    if len(children) > MAX_CHILD_QUERIES:
        plain("MALFORMED_QUERY", f"A query may have at most {MAX_CHILD_QUERIES} child subqueries")
    for item in query.items:
        name = _check_item(item, query, scope, level)
        if name.lower() in seen:
            plain("INVALID_FIELD", f"duplicate field selected: {name}")
        seen.add(name.lower())


def _check_item(item: Item, query: Query, scope: Scope, level: int) -> str:
    """Check a selected item and give the name by which it may not be repeated."""
    if isinstance(item, Children):
        return _check_children(item, query, scope, level)
    if isinstance(item, TypeOf):
        return _check_type_of(item, scope)
    assert isinstance(item, Selected)
    expression = item.expression
    if isinstance(expression, Call) and expression.name in DATE_PARTS:
        plain("MALFORMED_QUERY", f"Field must be grouped or aggregated: {expression.name}")
    made = operand(expression, scope)
    if item.alias and isinstance(expression, Path):
        plain("MALFORMED_QUERY", "only aggregate expressions use field aliasing")
    path = path_of(expression)
    if item.alias or path is None:
        return item.alias or f"expr {made.at}"
    column = scope.column(path)
    return ".".join([*(step.name for step in column.steps), column.field.name])


def _check_type_of(item: TypeOf, scope: Scope) -> str:
    steps = scope.steps(item.relationship.parts, item.at)
    lookup = steps[-1].lookup
    if len(steps) > 1 or not polymorphic(lookup):
        plain(
            "MALFORMED_QUERY",
            f"TYPEOF needs a polymorphic relationship of the queried object, not "
            f"{item.relationship}",
        )
    return f"TYPEOF {steps[-1].name}"


def _check_children(item: Children, query: Query, scope: Scope, level: int) -> str:
    inner, context = item.query, scope.context
    deepest = 5 if context.api_version >= _DEEP_VERSION else 2
    if level >= deepest:
        plain("MALFORMED_QUERY", f"Child subqueries may be nested to {deepest} levels")
    source = inner.sources[0].path
    link = scope.object.child(source.parts[-1])
    target = context.schema.get(link.child) if link else None
    if link is None or target is None:
        no_relationship(context.text, source.at, source.parts[-1], "FROM part of query call")
    check_limits(inner)
    if is_grouped(inner):
        plain("MALFORMED_QUERY", "Aggregates and GROUP BY are not allowed in a child subquery")
    if inner.offset is not None and query.limit != 1:
        plain("MALFORMED_QUERY", "OFFSET in a child subquery needs LIMIT 1 in its parent query")
    inner_scope = Scope(context, target, sources=inner.sources)
    if joins_of(inner.where):
        plain("MALFORMED_QUERY", "Semi join sub-selects are not allowed in a child subquery")
    _check_where(inner, inner_scope)
    _check_select(inner, inner_scope, level + 1)
    _check_order(inner, inner_scope)
    return str(link.relationship_name)
