"""Numbers: casts between their types, and plus, minus and times a constant."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import Final

from isthmus.connectors.predicates import And, Compare, Comparison, Predicate, Value
from isthmus.engine.bound.constants import WHOLE
from isthmus.engine.bound.implied import NOTHING, Implied
from isthmus.engine.bound.peel import FLIPPED, IT, Peeled, compared, known, on_grid, some
from isthmus.engine.bound.tree import Call, Kind, Node

__all__ = ["arithmetic", "is_exact_number", "number_cast"]

#: Whole numbers below are doubles as they are; above, several share one double.
_EXACT: Final = {"DOUBLE": 2**53, "FLOAT": 2**24}
#: Bits that a cast of a decimal to double is sure to keep.
_SURE: Final = Fraction(1, 2**50)
#: Decimals of more digits are 128 bits wide, and how these are rounded to double is not relied on.
_NARROW: Final = 18


def is_exact_number(kind: Kind) -> bool:
    """Whether values of a type are whole numbers or decimals."""
    return kind.name in WHOLE or kind.name == "DECIMAL"


def number_cast(call: Call, question: Predicate) -> Peeled | None:
    """``n::DOUBLE > 2.5`` is ``n >= 3``; a decimal as a double is bounded by its neighbours."""
    term = call.arguments[0]
    if not isinstance(question, Compare) or not is_exact_number(term.kind):
        return None
    op, value = question.op, question.value
    if call.kind.name == "VARCHAR":
        return _spelt(term, op, value)
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    number = Fraction(value)
    if call.kind.name in WHOLE | {"DECIMAL"}:
        if term.kind.scale > call.kind.scale:
            return None  # it rounds
        implied = _exactly(term.kind, op, number)
        # A value that is too large is an error, or null to TRY_CAST.
        return Peeled(term, Implied(implied.predicate, call.name == "cast"))
    if term.kind.name in WHOLE and abs(number) < _EXACT.get(call.kind.name, 0):
        return Peeled(term, _exactly(term.kind, op, number))
    if call.kind.name == "DOUBLE" and 0 < term.kind.width <= _NARROW:
        return Peeled(term, _nearly(term.kind, op, number))
    return None


def _exactly(kind: Kind, op: Comparison, number: Fraction) -> Implied:
    """The comparison, with a value that the type can hold."""
    return on_grid(op, number, lambda units: _value(kind, units), kind.scale)


def _value(kind: Kind, units: int) -> Value:
    return units if kind.name in WHOLE else Decimal(units).scaleb(-kind.scale)


def _nearly(kind: Kind, op: Comparison, number: Fraction) -> Implied:
    """The comparison, of a decimal that was rounded to a double twice."""
    error = abs(number) * _SURE
    low = ceil((number - error) * 10**kind.scale)
    high = floor((number + error) * 10**kind.scale)
    match op:
        case "=" if low == high:
            return compared("=", _value(kind, low), equivalent=False)
        case "=" if low > high:
            return NOTHING
        case "=":
            above = Compare(IT, ">=", _value(kind, low))
            return Implied(And((above, Compare(IT, "<=", _value(kind, high)))), False)
        case "!=":
            return some(equivalent=False)
        case "<" | "<=":
            return compared("<=", _value(kind, high), equivalent=False)
        case _:
            return compared(">=", _value(kind, low), equivalent=False)


def _spelt(term: Node, op: Comparison, value: Value) -> Peeled | None:
    """A number has one spelling: ``n::VARCHAR = '5'`` is ``n = 5``, and ``'05'`` is never."""
    if op not in ("=", "!=") or not isinstance(value, str):
        return None
    number = _number(value, term.kind)
    if number is None:
        return Peeled(term, NOTHING if op == "=" else some())
    return Peeled(term, compared(op, number))


def _number(text: str, kind: Kind) -> Value | None:
    digits = text.removeprefix("-").replace(".", "", 1)
    if len(text) > 45 or not (digits.isascii() and digits.isdigit()):
        return None
    units = int(digits) * (-1 if text.startswith("-") else 1)
    value = _value(kind, units)
    written = str(value) if isinstance(value, int) else format(value, "f")
    return value if written == text else None


def arithmetic(call: Call, question: Predicate, zone: str) -> Peeled | None:
    """``c * 2 > 5`` is ``c > 2.5``, where all is exact."""
    kinds = [call.kind, *(a.kind for a in call.arguments)]
    if not isinstance(question, Compare) or not all(is_exact_number(k) for k in kinds):
        return None
    value = question.value
    if isinstance(value, (bool, float)) or not isinstance(value, (int, Decimal)):
        return None
    inverted = _inverted(call, question.op, Fraction(value))
    if inverted is None:
        return None
    term, op, number = inverted
    return Peeled(term, _exactly(term.kind, op, number))


def _inverted(
    call: Call, op: Comparison, value: Fraction
) -> tuple[Node, Comparison, Fraction] | None:
    if len(call.arguments) == 1:
        return (call.arguments[0], FLIPPED[op], -value) if call.name == "-" else None
    left, right = call.arguments
    by, first = known(right), True
    if by is None:
        by, first = known(left), False
    if isinstance(by, bool) or not isinstance(by, (int, Decimal)):
        return None
    term, number = (left if first else right), Fraction(by)
    match call.name:
        case "+":
            return term, op, value - number
        case "-":
            return (term, op, value + number) if first else (term, FLIPPED[op], number - value)
        case "*" if number:
            return term, op if number > 0 else FLIPPED[op], value / number
    return None
