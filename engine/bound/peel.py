"""Peeling: a question about a call's value becomes a question about its one varying argument."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from isthmus.connectors.predicates import Compare, Comparison, IsNull, Not, Predicate, Value
from isthmus.engine.bound.implied import NOTHING, Implied
from isthmus.engine.bound.tree import Call, Constant, Node

__all__ = ["FLIPPED", "IT", "Peel", "Peeled", "compared", "known", "on_grid", "some"]

#: The column in a predicate that is about the value of a term.
IT: Final = "it"


@dataclass(frozen=True)
class Peeled:
    """What is implied for an argument.

    Attributes:
        term: the argument.
        implied: a predicate over `IT`, which is the argument's value.
    """

    term: Node
    implied: Implied


#: Takes a call, a predicate over `IT` that is true of its value, and the query's time zone; None
#: where nothing is known of the argument. The predicate is a `Compare`, a `Like`, a `HasItem`, a
#: `PartIn` or the `Not` of one of the latter. A date out of Python's range may raise OverflowError.
Peel = Callable[[Call, Predicate, str], Peeled | None]

#: The same comparison, seen from the other side.
FLIPPED: Final[dict[Comparison, Comparison]] = {
    "=": "=",
    "!=": "!=",
    "<": ">",
    "<=": ">=",
    ">": "<",
    ">=": "<=",
}


def known(node: Node) -> object:
    """The value of a constant that is not null; None for anything else."""
    return node.value if isinstance(node, Constant) else None


def compared(op: Comparison, value: Value, *, equivalent: bool = True) -> Implied:
    """The argument compares so."""
    return Implied(Compare(IT, op, value), equivalent)


def some(*, equivalent: bool = True) -> Implied:
    """The argument is not null."""
    return Implied(Not(IsNull(IT)), equivalent)


def on_grid(op: Comparison, value: Fraction, make: Callable[[int], Value], scale: int) -> Implied:
    """A comparison with a value that the argument may be unable to have.

    Args:
        op: how the argument compares.
        value: with what.
        make: the argument's value of so many units.
        scale: the argument counts in units of ``10 ** -scale``.

    >>> on_grid(">", Fraction(5, 2), int, 0).predicate
    Compare(column='it', op='>=', value=3)
    """
    units = value * 10**scale
    below = units.numerator // units.denominator
    if units.denominator == 1:
        return compared(op, make(below))
    match op:
        case "=":
            return NOTHING
        case "!=":
            return some()
        case "<" | "<=":
            return compared("<=", make(below))
        case _:
            return compared(">=", make(below + 1))
