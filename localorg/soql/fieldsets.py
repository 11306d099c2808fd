"""FIELDS(ALL), FIELDS(STANDARD) and FIELDS(CUSTOM) as the fields they stand for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from isthmus.localorg.soql.ast import (
    Children,
    Compare,
    Condition,
    Fields,
    InList,
    Item,
    Or,
    Path,
    Query,
    Selected,
)
from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.refusals import plain
from isthmus.localorg.soql.scope import object_of

if TYPE_CHECKING:
    from isthmus.localorg.schema import SObject

#: ALL and CUSTOM need a LIMIT or a list of Ids no longer than this.
MAX_UNBOUNDED = 200
_FIRST_VERSION = 51.0
_KINDS = ("ALL", "STANDARD", "CUSTOM")


def expand(query: Query, context: Context) -> Query:
    """Replace FIELDS() in a statement and its child subqueries.

    OrgError MALFORMED_QUERY where the limits of FIELDS() are not kept.
    """
    return _expand(query, object_of(context, query.sources[0]), context)


def _expand(query: Query, target: SObject, context: Context) -> Query:
    items: list[Item] = []
    for item in query.items:
        if isinstance(item, Fields):
            _check(item, query, context)
            items += _fields(item, target)
        elif isinstance(item, Children):
            link = target.child(item.query.sources[0].path.parts[-1])
            child = context.schema.get(link.child) if link else None
            inner = _expand(item.query, child, context) if child else item.query
            items.append(replace(item, query=inner))
        else:
            items.append(item)
    return replace(query, items=tuple(items))


def _check(item: Fields, query: Query, context: Context) -> None:
    if item.group not in _KINDS or context.api_version < _FIRST_VERSION:
        plain("MALFORMED_QUERY", f"unexpected token: '{item.group}'")
    if query.group:
        plain("MALFORMED_QUERY", "The SOQL FIELDS function cannot be used with GROUP BY")
    if item.group == "STANDARD" or _few_ids(query.where):
        return
    if query.limit is None or query.limit > MAX_UNBOUNDED:
        plain(
            "MALFORMED_QUERY",
            f"The SOQL FIELDS function must have a LIMIT of at most {MAX_UNBOUNDED}",
        )


def _few_ids(condition: Condition | None) -> bool:
    """Say whether a condition names 200 Ids at the most."""
    match condition:
        case InList(Path(parts), "IN", values):
            return parts[-1].lower() == "id" and len(values) <= MAX_UNBOUNDED
        case Compare(Path(parts), "=", _):
            return parts[-1].lower() == "id"
        case Or(items):
            return len(items) <= MAX_UNBOUNDED and all(_few_ids(item) for item in items)
        case _:
            return False


def _fields(item: Fields, target: SObject) -> list[Selected]:
    found = [
        field.name
        for field in target.fields
        if item.group == "ALL" or field.custom == (item.group == "CUSTOM")
    ]
    if not found:
        plain(
            "MALFORMED_QUERY",
            "'FIELDS(...)' expansion function must result in at least one field being selected.",
        )
    return [Selected(Path((name,), item.at)) for name in found]
