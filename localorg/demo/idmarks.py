"""Write ids into demo SQL once per number, not once per character.

An id expression names its number ten times. So columns carry a mark, and the numbers of all marks
are computed one level further in, where each is written once.
"""

from __future__ import annotations

import re

from isthmus.localorg import ids

_MARK = re.compile(r"<id (\w{3})\|(.*?)\|id>", re.DOTALL)


def id_mark(prefix: str, number: str) -> str:
    """Mark where the id of row `number` (an expression from 0, without marks) belongs."""
    return f"<id {prefix}|{number}|id>"


def resolve(expressions: dict[str, str], source: str, level: str) -> tuple[dict[str, str], str]:
    """Replace the marks in some expressions; the source then carries their numbers.

    `level` makes the names of the number columns unique within one statement.
    """
    numbers: dict[str, str] = {}

    def put(mark: re.Match[str]) -> str:
        name = numbers.setdefault(mark[2], f"id_{level}_{len(numbers)}")
        return ids.sql(mark[1], name)

    made = {name: _MARK.sub(put, expression) for name, expression in expressions.items()}
    if not numbers:
        return made, source
    listed = ", ".join(f"({number}) + 1 AS {name}" for number, name in numbers.items())
    return made, f"(SELECT *, {listed} FROM {source})"
