"""The tree of a SOQL statement: frozen values without behaviour.

`at` is where a node starts in the text, from 0; it does not take part in comparison, so that a
tree equals the tree of its own rendering.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal


def _at() -> int:
    return field(default=0, compare=False)


# -- values


@dataclass(frozen=True)
class Text:
    """A string. `like` says that it is a LIKE operand, which keeps its backslashes."""

    value: str
    like: bool = False


@dataclass(frozen=True)
class Number:
    """A number as written, sign included."""

    value: Decimal


@dataclass(frozen=True)
class Money:
    """A currency literal such as `USD5000`."""

    currency: str
    value: Decimal


@dataclass(frozen=True)
class Boolean:
    """TRUE or FALSE."""

    value: bool


@dataclass(frozen=True)
class Null:
    """NULL."""


@dataclass(frozen=True)
class DateValue:
    """A date."""

    value: date


@dataclass(frozen=True)
class DateTimeValue:
    """An instant, in UTC."""

    value: datetime


@dataclass(frozen=True)
class TimeValue:
    """A time of day, in UTC."""

    value: time


@dataclass(frozen=True)
class DateRange:
    """A date literal such as TODAY or LAST_N_DAYS:3; the name in upper case."""

    name: str
    count: int | None = None


Value = Text | Number | Money | Boolean | Null | DateValue | DateTimeValue | TimeValue | DateRange

# -- expressions


@dataclass(frozen=True)
class Path:
    """A field, with the relationships that lead to it, in the query's spelling."""

    parts: tuple[str, ...]
    at: int = _at()

    def __str__(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True)
class Call:
    """A function of fields; the name in upper case. `COUNT()` has no argument."""

    name: str
    args: tuple[Expression, ...]
    at: int = _at()


@dataclass(frozen=True)
class Distance:
    """`DISTANCE(field, GEOLOCATION(latitude, longitude), 'unit')`, or between two fields."""

    field: Path
    latitude: Decimal
    longitude: Decimal
    unit: str
    at: int = _at()


Expression = Path | Call | Distance

# -- conditions


@dataclass(frozen=True)
class Compare:
    """`=`, `!=`, `<`, `<=`, `>`, `>=` or `LIKE` with one value."""

    left: Expression
    operator: str
    value: Value


@dataclass(frozen=True)
class InList:
    """`IN` or `NOT IN` a list; for multi-select picklists `INCLUDES` or `EXCLUDES`."""

    left: Expression
    operator: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class InQuery:
    """A semi-join (`IN`) or anti-join (`NOT IN`)."""

    left: Expression
    operator: str
    query: Query


@dataclass(frozen=True)
class And:
    """All of the conditions."""

    items: tuple[Condition, ...]


@dataclass(frozen=True)
class Or:
    """Any of the conditions."""

    items: tuple[Condition, ...]


@dataclass(frozen=True)
class Not:
    """The opposite of a condition."""

    item: Condition


Condition = Compare | InList | InQuery | And | Or | Not

# -- clauses


@dataclass(frozen=True)
class Selected:
    """An expression in the SELECT list."""

    expression: Expression
    alias: str | None = None


@dataclass(frozen=True)
class Fields:
    """`FIELDS(ALL)`, `FIELDS(STANDARD)` or `FIELDS(CUSTOM)`; the group in upper case."""

    group: str
    at: int = _at()


@dataclass(frozen=True)
class Children:
    """A child subquery."""

    query: Query
    at: int = _at()


@dataclass(frozen=True)
class When:
    """A branch of TYPEOF."""

    type: str
    fields: tuple[Path, ...]


@dataclass(frozen=True)
class TypeOf:
    """`TYPEOF relationship WHEN type THEN fields ... ELSE fields END`."""

    relationship: Path
    whens: tuple[When, ...]
    otherwise: tuple[Path, ...]
    at: int = _at()


Item = Selected | Fields | Children | TypeOf


@dataclass(frozen=True)
class Source:
    """An object, child relationship or path in FROM."""

    path: Path
    alias: str | None = None


@dataclass(frozen=True)
class Category:
    """One `category AT|ABOVE|BELOW|ABOVE_OR_BELOW values` of WITH DATA CATEGORY."""

    group: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class With:
    """A WITH clause: a mode (`SECURITY_ENFORCED`, ...), data categories, or a condition."""

    mode: str | None = None
    categories: tuple[Category, ...] = ()
    condition: Condition | None = None


@dataclass(frozen=True)
class GroupBy:
    """GROUP BY; `kind` is "", "ROLLUP" or "CUBE"."""

    items: tuple[Expression, ...]
    kind: str = ""


@dataclass(frozen=True)
class Order:
    """One item of ORDER BY; `nulls` is "FIRST", "LAST" or None where the query does not say."""

    expression: Expression
    descending: bool = False
    nulls: str | None = None


@dataclass(frozen=True)
class Query:
    """A statement or a subquery."""

    items: tuple[Item, ...]
    sources: tuple[Source, ...]
    scope: str | None = None
    where: Condition | None = None
    withs: tuple[With, ...] = ()
    group: GroupBy | None = None
    having: Condition | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int | None = None
    purpose: str | None = None
    update: tuple[str, ...] = ()
