"""Which filters an index serves, as Salesforce's optimizer is described to decide it.

Indexed are Id, the name, lookups, external ids, unique fields, CreatedDate and SystemModstamp. An
index serves comparisons with values, not with null and none that exclude; an OR, where it serves
each side. (Source: "Query & Search Optimization Cheat Sheet"; custom indexes are not modelled.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from isthmus.localorg.soql.ast import (
    And,
    Compare,
    Condition,
    Expression,
    InList,
    InQuery,
    Not,
    Null,
    Or,
    Path,
    Text,
    Value,
)

if TYPE_CHECKING:
    from isthmus.localorg.schema import Field, SObject

_DATES = frozenset({"CreatedDate", "SystemModstamp"})


def indexed(field: Field) -> bool:
    """Say whether a field has an index."""
    return (
        field.type in ("id", "reference")
        or field.name_field
        or field.external_id
        or field.unique
        or field.name in _DATES
    )


def conjuncts(condition: Condition | None) -> tuple[Condition, ...]:
    """Give the parts of a condition that all must hold."""
    match condition:
        case None:
            return ()
        case And(items):
            return tuple(part for item in items for part in conjuncts(item))
        case _:
            return (condition,)


def served(condition: Condition, target: SObject) -> tuple[str, ...]:
    """Give the fields whose indexes serve a condition; none where they do not."""
    match condition:
        case Compare(left, operator, value):
            return _field(left, target) if _comparable(operator, value) else ()
        case InList(left, "IN", values):
            fits = not any(_is_null(value) for value in values)
            return _field(left, target) if fits else ()
        case InQuery(left, "IN", _):
            return _field(left, target)
        case Or(items) | And(items):
            sides = [served(item, target) for item in items]
            return _distinct(sides) if all(sides) else ()
        case _:
            return ()


def fields_of(condition: Condition, target: SObject) -> tuple[str, ...]:
    """Give the names of the fields that a condition reads, as the describe spells its own."""
    match condition:
        case And(items) | Or(items):
            return _distinct([fields_of(item, target) for item in items])
        case Not(item):
            return fields_of(item, target)
        case Compare(left) | InList(left) | InQuery(left):
            return (_named(left, target),)


def _named(left: Expression, target: SObject) -> str:
    if not isinstance(left, Path):
        return _named(left.args[0], target) if hasattr(left, "args") else str(left.field)
    field = target.field(left.parts[-1]) if len(left.parts) == 1 else None
    return field.name if field else str(left)


def _field(left: Expression, target: SObject) -> tuple[str, ...]:
    if not isinstance(left, Path):
        return ()
    parts = left.parts
    own = len(parts) == 1 or (len(parts) == 2 and parts[0].lower() == target.name.lower())
    field = target.field(parts[-1]) if own else None
    return (field.name,) if field and indexed(field) else ()


def _comparable(operator: str, value: Value) -> bool:
    if operator == "!=" or _is_null(value):
        return False
    if operator == "LIKE":
        return isinstance(value, Text) and not value.value.startswith(("%", "_"))
    return True


def _is_null(value: Value) -> bool:
    return isinstance(value, Null) or value == Text("")


def _distinct(parts: list[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for part in parts for name in part))
