"""Writing SOQL: conditions as small trees, a statement as a value, and their text.

SOQL has no precedence between AND and OR: mixing them without parentheses is refused
(SOQL and SOSL Reference v65.0, p. 24), so each mixed part gets its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote_plus

__all__ = ["All", "AnyOf", "Condition", "Statement", "encoded", "written"]

#: Characters that may stay bare in a query string; encoding them costs two bytes each.
_BARE: Final = "'(),=<>!"


@dataclass(frozen=True)
class All:
    """Conditions joined by AND."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class AnyOf:
    """Conditions joined by OR."""

    parts: tuple[Condition, ...]


#: A text is one comparison, complete.
Condition = str | All | AnyOf


def written(condition: Condition) -> str:
    """The condition's text.

    >>> written(All(("A = 1", AnyOf(("B = 2", All(("C > 3", "C != null")))), "A = 1")))
    'A = 1 AND (B = 2 OR (C > 3 AND C != null))'
    """
    if isinstance(condition, str):
        return condition
    word = " AND " if isinstance(condition, All) else " OR "
    parts = list(dict.fromkeys(_flat(condition)))
    if len(parts) == 1:
        return written(parts[0])
    return word.join(p if isinstance(p, str) else f"({written(p)})" for p in parts)


def _flat(condition: All | AnyOf) -> Iterable[Condition]:
    """The parts, with parts of the same kind opened up."""
    for part in map(_unwrapped, condition.parts):
        if isinstance(part, All | AnyOf) and type(part) is type(condition):
            yield from _flat(part)
        else:
            yield part


def _unwrapped(condition: Condition) -> Condition:
    """What is left when nothing is joined with it."""
    if isinstance(condition, All | AnyOf) and len(parts := set(_flat(condition))) == 1:
        return _unwrapped(parts.pop())
    return condition


@dataclass(frozen=True)
class Statement:
    """One SELECT over one object.

    Attributes:
        columns: what stands behind SELECT, written: names, paths, aggregates.
        conditions: all must hold.
        groups: the columns to group by.
        order: the keys of an order that is asked for, written.
        by_id: rows come in the order of their Ids, so that a broken read can go on after one.
        after: only rows with a greater Id; used to go on.
    """

    table: str
    columns: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()
    by_id: bool = False
    limit: int | None = None
    after: str | None = None
    groups: tuple[str, ...] = ()
    order: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The SOQL.

        >>> Statement("Account", ("Id", "Name"), ("Name = 'x'",), limit=5).text
        "SELECT Id, Name FROM Account WHERE Name = 'x' LIMIT 5"
        """
        conditions = self.conditions
        if self.after is not None:
            conditions = (*conditions, f"Id > '{self.after}'")
        text = f"SELECT {', '.join(self.columns)} FROM {self.table}"
        if conditions:
            text += f" WHERE {written(All(conditions))}"
        if self.groups:
            text += f" GROUP BY {', '.join(self.groups)}"
        if self.by_id:
            text += " ORDER BY Id"
        elif self.order:
            text += f" ORDER BY {', '.join(self.order)}"
        if self.limit is not None:
            text += f" LIMIT {self.limit}"
        return text

    def going_on(self, after: str, limit: int | None) -> Statement:
        """The same read from after an Id, for at most `limit` rows."""
        return replace(self, after=after, limit=limit)


def encoded(soql: str) -> str:
    """A SOQL text as the value of a query string's `q`, in as few bytes as the server takes.

    >>> encoded("SELECT Id FROM A WHERE N IN ('a','b') AND D > 2020-01-01T00:00:00Z")
    "SELECT+Id+FROM+A+WHERE+N+IN+('a','b')+AND+D+>+2020-01-01T00%3A00%3A00Z"
    """
    return quote_plus(soql, safe=_BARE)
