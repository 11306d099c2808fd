"""A predicate as it is sent: the promise, the reason and the condition, made together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from isthmus.catalog.model import Column
from isthmus.connectors.contract import Promise
from isthmus.connectors.predicates import Value
from isthmus.connectors.salesforce.soql import All, Condition

__all__ = [
    "Operator",
    "Rule",
    "Translation",
    "exact",
    "guarded",
    "listed",
    "local",
    "not_null_only",
    "ordered",
    "shown",
    "superset",
]


@dataclass(frozen=True)
class Translation:
    """A promise, the reason for it, and what is sent (None where nothing is)."""

    promise: Promise
    reason: str
    condition: Condition | None = None


Operator = Literal["=", "!=", "<", "<=", ">", ">="]
#: A rule takes the column, one operator, and the values: one for a comparison, any number for
#: ``=`` (any of them) and ``!=`` (none of them).
Rule = Callable[[Column, Operator, tuple[Value, ...]], Translation]


def local(reason: str) -> Translation:
    """It is not sent."""
    return Translation(Promise.LOCAL, reason)


def exact(condition: Condition, reason: str) -> Translation:
    """It is sent, and means just the same there."""
    return Translation(Promise.EXACT, reason, condition)


def superset(condition: Condition, reason: str) -> Translation:
    """It is sent, and may let more rows through."""
    return Translation(Promise.SUPERSET, reason, condition)


def guarded(column: Column, condition: Condition) -> Condition:
    """With null ruled out, where null may be."""
    return All((condition, f"{column.name} != null")) if column.nullable else condition


def listed(column: Column, op: Operator, written: list[str]) -> Condition:
    """``=`` or ``!=`` with one literal, IN or NOT IN with several; nulls are out."""
    if len(written) == 1:
        condition = f"{column.name} {op} {written[0]}"
    else:
        condition = f"{column.name} {'IN' if op == '=' else 'NOT IN'} ({','.join(written)})"
    return condition if op == "=" else guarded(column, condition)


def not_null_only(column: Column, reason: str) -> Translation:
    """For a negation that would lose rows: only that the column is not null is sent."""
    if not column.nullable:
        return local(reason)
    return superset(f"{column.name} != null", f"{reason}; only that it is not null is sent")


def ordered(column: Column, op: Operator, written: list[str]) -> Condition:
    """Any comparison of values that have an order; nulls are out, whatever they compare as."""
    if op in ("=", "!="):
        return listed(column, op, written)
    return guarded(column, f"{column.name} {op} {written[0]}")


def shown(value: Value) -> str:
    """A value for a reason, not too long."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
