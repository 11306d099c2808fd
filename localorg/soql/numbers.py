"""Numbers of any size and precision, compared exactly with DuckDB's fixed decimals."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal

from isthmus.localorg.soql.operands import INTEGERS, Operand

#: Digits of DuckDB's widest decimal, less one for room.
_DIGITS = 37
_WIDE = Context(prec=400)


def number_literal(left: Operand, value: Decimal) -> str:
    """Give a number for `=` with an operand: one that it cannot hold where it has no equal."""
    scale = _scale(left)
    if scale is None:
        return f"'{value}'::DOUBLE"
    return _fixed(value, scale) if _fits(value, scale) else f"{_most(scale):f}"


def number_test(left: Operand, operator: str, value: Decimal) -> str:
    """Compare an operand with a number.

    Between two neighbours on the operand's scale, `< x` and `<= x` both mean "up to the lower
    one", `> x` and `>= x` "from the upper one".
    """
    scale = _scale(left)
    if scale is None or operator == "=":
        return f"{left.sql} {operator} {number_literal(left, value)}"
    if _fits(value, scale):
        return f"{left.sql} {operator} {_fixed(value, scale)}"
    down = operator in ("<", "<=")
    clamped = max(-_most(scale), min(value, _most(scale)))
    rounding = ROUND_FLOOR if down else ROUND_CEILING
    near = at_scale(clamped, scale, rounding)
    return f"{left.sql} {'<=' if down else '>='} {_fixed(near, scale)}"


def at_scale(value: Decimal, scale: int, rounding: str | None = None) -> Decimal:
    """Round a number of any size to so many decimals."""
    return value.quantize(Decimal(1).scaleb(-scale), rounding, _WIDE)


def _scale(left: Operand) -> int | None:
    return 0 if left.type in INTEGERS else left.scale


def _most(scale: int) -> Decimal:
    """Give a number that no operand of this scale reaches."""
    return Decimal(10) ** (_DIGITS - scale - 1)


def _fits(value: Decimal, scale: int) -> bool:
    return abs(value) < _most(scale) and value == at_scale(value, scale)


def _fixed(value: Decimal, scale: int) -> str:
    return f"{at_scale(value, scale):f}"
