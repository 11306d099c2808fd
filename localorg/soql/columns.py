"""The columns of a statement's answer: `GET query?q=SOQL&columns=true`.

No document has it: the form is the one that the sf command line reads (plugin-data,
`retrieveColumns`), which makes its tables and CSV files from it.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

from isthmus.localorg.soql.ast import Call, Children, Expression, Path, Selected, TypeOf
from isthmus.localorg.soql.children import Child
from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.parser import parse
from isthmus.localorg.soql.plan import is_grouped, plan
from isthmus.localorg.soql.scope import Column, Scope

if TYPE_CHECKING:
    from collections.abc import Iterator

    from isthmus.localorg.schema import Field
    from isthmus.localorg.soql.ast import Item, Query

_NUMBERS = ("int", "long", "double", "currency", "percent")
_TEXTS = ("string", "textarea", "email", "phone", "url", "picklist", "multipicklist", "combobox")


def columns(text: str, context: Context) -> dict[str, Any]:
    """Give the columns of a statement; OrgError says what is wrong with it."""
    planned = plan(parse(text), context)
    query, target = planned.query, planned.target
    found = _columns(query, Scope(context, target, sources=query.sources))
    return {
        "columnMetadata": found,
        "entityName": target.name,
        "groupBy": is_grouped(query),
        "idSelected": any(one["columnName"] == "Id" for one in found),
        "keyPrefix": target.key_prefix,
    }


def _columns(query: Query, scope: Scope) -> list[dict[str, Any]]:
    unnamed = count()
    return [one for item in query.items for one in _of(item, scope, unnamed)]


def _of(item: Item, scope: Scope, unnamed: Iterator[int]) -> list[dict[str, Any]]:
    if isinstance(item, Children):
        child = Child.of(item, scope)
        within = _columns(item.query, child.scope)
        return [_entry(child.relationship, aggregate=True, within=within)]
    if isinstance(item, TypeOf):
        paths = dict.fromkeys((*(p for when in item.whens for p in when.fields), *item.otherwise))
        within = [_entry(str(path)) for path in paths]
        return [_entry(str(item.relationship), within=within)]
    if not isinstance(item, Selected):
        return []  # FIELDS() is expanded before
    if isinstance(item.expression, Path):
        return [_field(scope.column(item.expression))]
    name = item.alias or f"expr{next(unnamed)}"
    return [_entry(name, shown=_written(item.expression), aggregate=True)]


def _field(column: Column) -> dict[str, Any]:
    made = _entry(column.field.name, column.field)
    for step in reversed(column.steps):
        made = _entry(step.name, within=[made])
    return made


def _written(expression: Expression) -> str:
    if isinstance(expression, Call):
        return f"{expression.name}({', '.join(_written(part) for part in expression.args)})"
    return str(expression) if isinstance(expression, Path) else "DISTANCE"


def _entry(
    name: str,
    field: Field | None = None,
    *,
    shown: str | None = None,
    aggregate: bool = False,
    within: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    kind = field.type if field else ""
    return {
        "aggregate": aggregate,
        "apexType": kind or None,
        "booleanType": kind == "boolean",
        "columnName": name,
        "custom": bool(field and field.custom),
        "displayName": shown or name,
        "foreignKeyName": field.relationship_name if field else None,
        "insertable": bool(field and field.createable),
        "joinColumns": within or [],
        "numberType": kind in _NUMBERS,
        "textType": kind in _TEXTS,
        "updatable": bool(field and field.updateable),
    }
