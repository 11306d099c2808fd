"""Any statement over any fields is answered or refused; none breaks the engine."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from random import Random
from typing import Any

import pytest

from isthmus.localorg.demo import generate
from isthmus.localorg.errors import OrgError
from isthmus.localorg.soql.expressions import DATE_PARTS

OBJECTS = ["Trap__c", "Account", "Contact", "Opportunity", "Task", "Case", "Lead", "User"]
NUMBERS = ["0", "1", "-1", ".5", "-0.000001", "9" * 20, "1" + "0" * 60, "0." + "123456789" * 4]
LITERALS = {
    "boolean": ["TRUE", "false"],
    "date": ["2024-01-01", "1700-01-01", "4000-12-31", "TODAY", "N_QUARTERS_AGO:700"],
    "datetime": ["2024-01-01T00:00:00.123456789+05:30", "4000-12-31T00:00:00Z", "LAST_N_DAYS:3"],
    "time": ["00:00:00Z", "23:59:59.999Z"],
    "currency": [*NUMBERS, "USD5", "EUR0.1", "GBP" + "9" * 20],
    **{kind: NUMBERS for kind in ("int", "double", "percent", "long")},
}
TEXTS = [
    "''", "'a'", "'A%_'", r"'\\'", r"'\u0000x'", r"'\u005c'", r"'it\'s'", "'a;b'", "';'",
    "'001Ib0000000001IAA'", "'\N{GRINNING FACE}'",
]  # fmt: skip


@pytest.fixture(scope="module")
def demo(empty: Any) -> Iterator[Any]:
    bench = type(empty)(empty.schema)
    generate(bench.store, bench.schema, 0.02, 7, datetime.fromisoformat("2026-11-24T12:00+00:00"))
    yield bench
    bench.close()


class Writer:
    """Writes statements at random, from a seed."""

    def __init__(self, schema: Any, seed: int) -> None:
        self.schema, self.random = schema, Random(seed)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def path(self, target: Any, depth: int = 0) -> tuple[str, str]:
        """Give a field, or a parent's field, with its type."""
        lookups = [f for f in target.fields if f.relationship_name and len(f.reference_to) == 1]
        lookup = self.random.choice(lookups)
        parent = self.schema.get(lookup.reference_to[0])
        if depth < 3 and parent and self.chance(0.25):
            path, kind = self.path(parent, depth + 1)
            return f"{lookup.relationship_name}.{path}", kind
        field = self.random.choice(target.fields)
        return field.name, field.type

    def literal(self, kind: str) -> str:
        return self.random.choice(LITERALS.get(kind, TEXTS))

    def condition(self, target: Any, depth: int = 0) -> str:
        if depth < 3 and self.chance(0.4):
            inner = [f"({self.condition(target, depth + 1)})" for _ in range(2)]
            if self.chance(0.3):
                return f"(NOT {inner[0]})"
            return f"({self.random.choice([' AND ', ' OR ']).join(inner)})"
        path, kind = self.path(target)
        sign = self.random.choice(["=", "!=", "<", ">=", "IN", "NOT IN", "LIKE", "INCLUDES"])
        if sign in ("IN", "NOT IN", "INCLUDES"):
            return f"{path} {sign} ({self.literal(kind)}, {self.literal(kind)})"
        null = sign in ("=", "!=") and self.chance(0.2)
        return f"{path} {sign} {'null' if null else self.literal(kind)}"

    def tail(self, target: Any) -> str:
        text = f" WHERE {self.condition(target)}" if self.chance(0.7) else ""
        if self.chance(0.5):
            ending = self.random.choice(["", " DESC", " NULLS LAST", " DESC NULLS LAST"])
            text += f" ORDER BY {self.path(target)[0]}{ending}"
        return text + (f" LIMIT {self.random.choice([0, 5, 10**30])}" if self.chance(0.3) else "")

    def items(self, target: Any, count: int) -> list[str]:
        found = []
        for n in range(count):
            path, _ = self.path(target)
            forms = [path, path, f"toLabel({path}) l{n}", f"FORMAT({path}) f{n}"]
            found.append(self.random.choice(forms))
        return list(dict.fromkeys(found))

    def plain(self, target: Any) -> str:
        items = self.items(target, 4)
        children = [link for link in target.children if link.relationship_name]
        link = self.random.choice(children) if children and self.chance(0.3) else None
        child = self.schema.get(link.child) if link else None
        if link and child:
            below = ", ".join(self.items(child, 2))
            items.append(f"(SELECT {below} FROM {link.relationship_name}{self.tail(child)})")
        return f"SELECT {', '.join(items)} FROM {target.name}{self.tail(target)}"

    def grouped(self, target: Any) -> str:
        keys = []
        for _ in range(self.random.randint(1, 3)):
            path, kind = self.path(target)
            part = self.random.choice(sorted(DATE_PARTS))
            keys.append(f"{part}({path})" if kind in ("date", "datetime") else path)
        name = self.random.choice(["COUNT", "COUNT_DISTINCT", "MIN", "MAX", "SUM", "AVG"])
        aggregate = f"{name}({self.path(target)[0]})"
        selected = ", ".join([f"{key} k{n}" for n, key in enumerate(keys)] + [f"{aggregate} a"])
        kind, listed = self.random.choice(["", "ROLLUP", "CUBE"]), ", ".join(keys)
        text = f"SELECT {selected} FROM {target.name} WHERE {self.condition(target)} GROUP BY "
        text += f"{kind}({listed})" if kind else listed
        if self.chance(0.4):
            text += f" HAVING {aggregate} > {self.literal(self.random.choice(['int', 'date']))}"
        return text + (f" ORDER BY {self.random.choice([*keys, 'a'])}" if self.chance(0.5) else "")

    def statement(self) -> str:
        target = self.schema.get(self.random.choice(OBJECTS))
        return self.grouped(target) if self.chance(0.4) else self.plain(target)


@pytest.mark.parametrize("seed", range(4))
def test_is_answered_or_refused(demo: Any, seed: int) -> None:
    writer, ends = Writer(demo.schema, seed), Counter[str]()
    for _ in range(75):
        text = writer.statement()
        try:
            body = demo.run(text, switches={"malformed-id": "no-rows"}).body
        except OrgError as error:
            assert error.status == 400, text
            ends["refused"] += 1
        else:
            assert json.loads(body)["totalSize"] >= 0, text
            ends["answered"] += 1
    assert ends["answered"] > 10, ends  # or the statements would prove nothing
