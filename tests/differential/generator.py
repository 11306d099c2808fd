"""Random queries over the catalog: the same seed and number give the same query.

Only queries with one right answer are made: where a LIMIT has no full order, `Query.unlimited`
says which rows it may choose from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.differential.literals import Draft
from tests.differential.relations import Relation
from tests.differential.shapes import SHAPES, Maker

__all__ = ["Query", "generate"]


@dataclass(frozen=True)
class Query:
    """A generated query.

    Attributes:
        sql: its text.
        params: None, a list for ``?`` and ``$1``, or a dict for ``$name``.
        shape: which maker wrote it.
        unlimited: the same without its LIMIT, where the LIMIT may choose.
        limit: that LIMIT.
        offset: and its OFFSET.
    """

    sql: str
    params: Any
    shape: str
    unlimited: str | None = None
    limit: int = 0
    offset: int = 0


def generate(relations: Sequence[Relation], seed: int | str, number: int) -> Query:
    """The query of that number."""
    random = Random(f"{seed}/{number}")
    draft = Draft(random)
    maker = Maker(draft, [r for r in relations if r.fields])
    shape = random.choices([s for s, _ in SHAPES], [w for _, w in SHAPES])[0]
    made = getattr(maker, f"_{shape}")()
    if isinstance(made, tuple):
        sql, tail, limit, offset = made
        text, params = _finish(draft, sql + tail)
        # The parameters of a limited query stay in its text: both forms must mean the same.
        return Query(text, params, shape, text[: -len(tail)], limit, offset)
    text, params = _finish(draft, made)
    return Query(text, params, shape)


_MARK = re.compile("\x01(\\d+)\x02")


def _finish(d: Draft, sql: str) -> tuple[str, Any]:
    """Turn the marks into literals or parameters."""
    style = d.random.choices(["text", "?", "$1", "$name"], [70, 10, 10, 10])[0]
    values: list[Any] = []

    def place(match: re.Match[str]) -> str:
        text, value = d.literals[int(match[1])]
        if style == "text" or value is ... or not d.chance(75):
            return text
        values.append(value)
        return {"?": "?", "$1": f"${len(values)}", "$name": f"$p{len(values)}"}[style]

    sql = _MARK.sub(place, sql)
    if not values:
        return sql, None
    if style == "$name":
        return sql, {f"p{i}": v for i, v in enumerate(values, 1)}
    return sql, values
