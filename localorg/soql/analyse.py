"""What a statement must obey beyond its grammar."""

from __future__ import annotations

from isthmus.localorg.soql.ast import Call, Query, Selected
from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.expressions import AGGREGATES


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
