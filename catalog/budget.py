"""What may be spent at most: the values that a project file, a connection or a query names."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from isthmus.catalog.kinds import Key, SourceKind, checked_options, unknown_key
from isthmus.catalog.toml_places import Places
from isthmus.errors import ConfigError, Place

__all__ = ["Budget", "Reserve", "SourceBudget", "read_budget", "read_source_budget"]


@dataclass(frozen=True)
class Budget:
    """The most that a query, or a connection in all, may cost; None is no bound.

    Attributes:
        max_calls: calls to sources, retries included; descriptions and counts are not among them.
        max_rows: rows that sources send.
        max_bytes: bytes on the wire.
        max_seconds: from the first request to the last row; of a query only.
    """

    max_calls: int | None = None
    max_rows: int | None = None
    max_bytes: int | None = None
    max_seconds: float | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) is not None for field in fields(self))

    def within(self, other: Budget) -> Budget:
        """The lower bound of each.

        >>> Budget(max_calls=5).within(Budget(max_calls=3, max_rows=9))
        Budget(max_calls=3, max_rows=9, max_bytes=None, max_seconds=None)
        """
        both = {f.name: (getattr(self, f.name), getattr(other, f.name)) for f in fields(self)}
        return Budget(**{name: _lower(a, b) for name, (a, b) in both.items()})


def _lower(a: Any, b: Any) -> Any:
    return b if a is None else a if b is None else min(a, b)


@dataclass(frozen=True)
class Reserve:
    """What is left to others of a source's own limit.

    Attributes:
        calls: so many calls, or
        share: such a part of the limit.
    """

    calls: int = 0
    share: float = 0.0

    def of(self, allowed: int) -> int:
        """How many of the allowed calls are not ours.

        >>> Reserve(share=0.2).of(15_000), Reserve(calls=500).of(15_000)
        (3000, 500)
        """
        return self.calls + math.ceil(self.share * allowed)

    def __str__(self) -> str:
        return f"{self.share:.4g} of the limit" if self.share else f"{self.calls:,} calls"


@dataclass(frozen=True)
class SourceBudget:
    """What all queries together may cost one source; None is no bound.

    Attributes:
        calls_per_day: calls of any kind in one UTC day, of all processes that share the state
            folder.
        reserve: what is left to others of the source's own limit.
    """

    calls_per_day: int | None = None
    reserve: Reserve | None = None


_BUDGET: Final = {
    "max_calls": Key("the most calls a query may make", (int,)),
    "max_rows": Key("the most rows a query may be sent", (int,)),
    "max_bytes": Key("the most bytes a query may be sent", (int,)),
    "max_seconds": Key("the most seconds a query may take", (int, float)),
}
_SOURCE: Final = {
    "calls_per_day": Key("the most calls in a UTC day, of all processes together", (int,)),
    "reserve": Key('what is left to others of the org\'s limit: "20%" or a number', (str, int)),
}


def read_budget(table: Mapping[str, Any], path: tuple[str, ...], places: Places) -> Budget:
    """A budget, checked.

    Args:
        table: the keys of `Budget`.
        path: where it stands.
        places: of the keys in the file.

    Raises:
        ConfigError: a key is unknown, or a value is no bound.
    """
    values = _checked(table, _BUDGET, path, places)
    for name, value in values.items():
        if value < 0 or value != value:
            raise ConfigError(
                f"{'.'.join((*path, name))} is {value}",
                place=places.of((*path, name)),
                remedy="Give a number from 0 up, or leave it out for no bound.",
            )
    return Budget(**values)


def read_source_budget(
    table: Mapping[str, Any], path: tuple[str, ...], places: Places
) -> SourceBudget:
    """A source's budget, checked; raises ConfigError as `read_budget`."""
    values = _checked(table, _SOURCE, path, places)
    most = values.get("calls_per_day")
    if most is not None and most < 0:
        raise ConfigError(
            f"{'.'.join((*path, 'calls_per_day'))} is {most}",
            place=places.of((*path, "calls_per_day")),
            remedy="Give a number from 0 up, or leave it out for no bound.",
        )
    if "reserve" in values:
        values["reserve"] = _reserve(values["reserve"], places.of((*path, "reserve")))
    return SourceBudget(**values)


def _checked(
    table: Mapping[str, Any], keys: Mapping[str, Key], path: tuple[str, ...], places: Places
) -> dict[str, Any]:
    where = f"[{'.'.join(path)}]"
    for key in table:
        if key not in keys:
            raise unknown_key((*path, key), keys, places, where)
    given = {key: value for key, value in table.items() if value is not None}
    return checked_options(SourceKind("budget", (), keys), given, path, places, Path())


def _reserve(value: str | int, place: Place | None) -> Reserve:
    if isinstance(value, int) and value >= 0:
        return Reserve(calls=value)
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", value) if isinstance(value, str) else None
    if found is None or float(found[1]) > 100:
        raise ConfigError(
            f"reserve is {value!r}",
            place=place,
            remedy='Write a part of the org\'s limit such as "20%", or a number of calls.',
        )
    return Reserve(share=float(found[1]) / 100)
