"""What an expression implies: a predicate, and whether it is as narrow as the expression."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from isthmus.connectors.predicates import NEVER, And, Compare, In, Not, Or, PartIn, Predicate, Value

__all__ = ["ALWAYS", "NOTHING", "Implied", "all_of", "any_of"]


@dataclass(frozen=True)
class Implied:
    """A predicate that every row passes for which the expression is true.

    Attributes:
        predicate: over the table's columns.
        equivalent: whether also the expression is true for every row that passes; if not, the
            predicate is wider.
    """

    predicate: Predicate
    equivalent: bool


#: Every row passes.
ALWAYS: Final = Implied(And(()), True)
#: No row passes.
NOTHING: Final = Implied(NEVER, True)


def all_of(parts: Iterable[Implied | None]) -> Implied | None:
    """What several expressions imply that are all true; None stands for one that is not known."""
    every = list(parts)
    known = [p for p in every if p is not None]
    if any(p.predicate == NEVER for p in known):
        return NOTHING
    if not known:
        return None if every else ALWAYS
    equivalent = len(known) == len(every) and all(p.equivalent for p in known)
    return Implied(_and(p.predicate for p in known), equivalent)


def any_of(parts: Iterable[Implied | None]) -> Implied | None:
    """What is implied by one of several expressions being true: None if one is not known."""
    known: list[Implied] = []
    for part in parts:
        if part is None:
            return None
        known.append(part)
    return Implied(_or(p.predicate for p in known), all(p.equivalent for p in known))


def _and(predicates: Iterable[Predicate]) -> Predicate:
    flat: list[Predicate] = []
    for predicate in predicates:
        flat += predicate.parts if isinstance(predicate, And) else [predicate]
    flat = _merged(flat, set.intersection)
    if NEVER in flat:
        return NEVER
    excluded = _grouped((i, *_excludes(p)) for i, p in enumerate(flat))
    parts = list(
        dict.fromkeys(
            flat[i]
            if not values
            else Compare(column, "!=", values[0])
            if len(values) == 1
            else Not(In(column, values))
            for i, column, values in excluded
        )
    )
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _or(predicates: Iterable[Predicate]) -> Predicate:
    flat: list[Predicate] = []
    for predicate in predicates:
        flat += predicate.parts if isinstance(predicate, Or) else [predicate]
    if And(()) in flat:
        return And(())
    flat = _merged(flat, set.union)
    listed = _grouped((i, *_lists(p)) for i, p in enumerate(flat))
    parts = list(
        dict.fromkeys(
            flat[i]
            if not values
            else Compare(column, "=", values[0])
            if len(values) == 1
            else In(column, values)
            for i, column, values in listed
        )
    )
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _merged(
    flat: Iterable[Predicate], how: Callable[[set[int], set[int]], set[int]]
) -> list[Predicate]:
    """With one predicate for each part of a date, where the first of them stood."""
    merged: dict[object, Predicate] = {}
    for position, predicate in enumerate(flat):
        match predicate, merged.get(key := _part_key(predicate, position)):
            case PartIn(column, part, more), PartIn(numbers=numbers):
                merged[key] = PartIn(column, part, tuple(sorted(how(set(numbers), set(more)))))
            case _:
                merged[key] = predicate
    return [NEVER if isinstance(p, PartIn) and not p.numbers else p for p in merged.values()]


def _part_key(predicate: Predicate, position: int) -> object:
    return (predicate.column, predicate.part) if isinstance(predicate, PartIn) else position


def _lists(predicate: Predicate) -> tuple[str, tuple[Value, ...]]:
    match predicate:
        case Compare(column, "=", value):
            return column, (value,)
        case In(column, values):
            return column, values
    return "", ()


def _excludes(predicate: Predicate) -> tuple[str, tuple[Value, ...]]:
    match predicate:
        case Compare(column, "!=", value):
            return column, (value,)
        case Not(In(column, values)):
            return column, values
    return "", ()


def _grouped(
    found: Iterable[tuple[int, str, tuple[Value, ...]]],
) -> list[tuple[int, str, tuple[Value, ...]]]:
    """The lists of one column as one list, where the first of them stood."""
    grouped: dict[object, tuple[int, str, list[Value]]] = {}
    for position, column, values in found:
        key = (column,) if values else position
        grouped.setdefault(key, (position, column, []))[2].extend(values)
    return [(p, c, tuple(dict.fromkeys(v))) for p, c, v in grouped.values()]
