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
from tests.differential.shapes_children import CHILD_SHAPES
from tests.differential.shapes_groups import GROUP_SHAPES
from tests.differential.shapes_keys import KEY_SHAPES
from tests.differential.shapes_lookups import LOOKUP_SHAPES
from tests.differential.shapes_words import WORD_SHAPES

__all__ = ["Query", "generate"]

ALL_SHAPES = [*SHAPES, *KEY_SHAPES, *LOOKUP_SHAPES, *GROUP_SHAPES, *WORD_SHAPES, *CHILD_SHAPES]


@dataclass(frozen=True)
class Query:
    """A generated query.

    Attributes:
        sql: its text.
        params: None, a list for ``?`` and ``$1``, or a dict for ``$name``.
        shape: which maker wrote it.
        unlimited: the same without its LIMIT, where the LIMIT may choose.
        limit: that LIMIT; None where there is none but the order may leave ties.
        offset: and its OFFSET.
        ordered: how many of the first columns are the keys of the order.
    """

    sql: str
    params: Any
    shape: str
    unlimited: str | None = None
    limit: int | None = 0
    offset: int = 0
    ordered: int = 0


def generate(relations: Sequence[Relation], seed: int | str, number: int) -> Query:
    """The query of that number."""
    random = Random(f"{seed}/{number}")
    draft = Draft(random)
    maker = Maker(draft, [r for r in relations if r.fields])
    shape, _, write = random.choices(ALL_SHAPES, [weight for _, weight, _ in ALL_SHAPES])[0]
    made = write(maker)
    if isinstance(made, str):
        text, params = _finish(draft, made)
        return Query(text, params, shape)
    text, params = _finish(draft, made.sql + made.order + made.tail)
    # The parameters of a limited query stay in its text: both forms must mean the same.
    whole = text[: len(text) - len(made.order + made.tail)]
    return Query(text, params, shape, whole, made.limit, made.offset, made.ordered)


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
