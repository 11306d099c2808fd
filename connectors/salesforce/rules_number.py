"""Rules for checkboxes and numbers; the sources are named in `judge`."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

from isthmus.catalog.model import Column
from isthmus.connectors.predicates import Value
from isthmus.connectors.salesforce import literals
from isthmus.connectors.salesforce.soql import All, AnyOf, Condition
from isthmus.connectors.salesforce.translation import (
    Operator,
    Translation,
    exact,
    local,
    not_null_only,
    ordered,
    shown,
    superset,
)

__all__ = ["boolean", "decimal", "double", "whole"]


def boolean(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    """A checkbox: true or false, and nothing else."""
    if op not in ("=", "!=") or not all(isinstance(value, bool) for value in values):
        return local("a checkbox is only compared with true or false")
    if len(values) > 1:
        return local("both values are listed, so nothing is saved by sending it")
    wanted = (op == "=") == values[0]
    return exact(f"{column.name} = {'TRUE' if wanted else 'FALSE'}", "a checkbox is never null")


_NUMBER_REASON: Final = "numbers are compared by value, null ruled out"
#: An int field holds 32 bits; what a literal beyond them does is not documented.
_INT_LIMIT: Final = 2**31


def whole(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    """Int and long: exactly, within what the field holds."""
    written = []
    for value in values:
        number = _as_int(value)
        literal = None if number is None else literals.whole_number(number)
        if number is None or literal is None:
            return local(f"{shown(value)} can't be sent as a whole number")
        if column.source_type == "int" and abs(number) >= _INT_LIMIT:
            return local(f"{shown(value)} is beyond what the field holds")
        written.append(literal)
    return exact(ordered(column, op, written), _NUMBER_REASON)


def _as_int(value: Value) -> int | None:
    """A whole number as int; a double only where doubles are still exact."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return None


def decimal(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    """A decimal column: exactly, unless a double or a formula blurs it."""
    if any(isinstance(value, float) for value in values):
        return double(column, op, values)
    numbers: list[Decimal] = []
    written: list[str] = []
    for value in values:
        number = Decimal(value) if isinstance(value, int | Decimal) else Decimal("NaN")
        literal = literals.decimal_number(number)
        if isinstance(value, bool) or literal is None:
            return local(f"{shown(value)} can't be written as a number in SOQL")
        numbers.append(number)
        written.append(literal)
    if column.properties.get("calculated"):
        return _calculated(column, op, numbers)
    return exact(ordered(column, op, written), _NUMBER_REASON)


def _calculated(column: Column, op: Operator, numbers: list[Decimal]) -> Translation:
    """A formula's hidden places are less than one unit of the last place shown."""
    unit = Decimal(1).scaleb(-column.type.scale)
    bounds = [
        (literals.decimal_number(n - unit), literals.decimal_number(n + unit)) for n in numbers
    ]
    return _between(column, op, bounds, "<", ">", "a formula may hold more places than it shows")


def double(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    """A double here is the stored decimal, rounded: the neighbours bound what it came from."""
    bounds = []
    for value in values:
        try:
            number = float(value) if isinstance(value, int | float | Decimal) else math.nan
        except OverflowError:
            number = math.inf
        if isinstance(value, bool) or not math.isfinite(number):
            return local(f"{shown(value)} is no number that SOQL knows")
        bounds.append(
            (
                literals.outward(math.nextafter(number, -math.inf), -math.inf),
                literals.outward(math.nextafter(number, math.inf), math.inf),
            )
        )
    return _between(
        column, op, bounds, "<=", ">=", "a double is rounded; its neighbours are let in"
    )


def _between(
    column: Column,
    op: Operator,
    bounds: list[tuple[str | None, str | None]],
    below: str,
    above: str,
    reason: str,
) -> Translation:
    if op == "!=":
        return not_null_only(column, reason)
    arms: list[Condition] = []
    for low, high in bounds:
        if low is None or high is None:
            return local("the number can't be written in SOQL")
        at_least, at_most = f"{column.name} {above} {low}", f"{column.name} {below} {high}"
        if op == "=":
            arms.append(All((at_least, at_most)))
        else:
            arms.append(at_most if op in ("<", "<=") else at_least)
    return superset(AnyOf(tuple(arms)), reason)
