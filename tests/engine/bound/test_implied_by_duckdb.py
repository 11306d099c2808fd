"""Each row that passes DuckDB's filter passes the predicate; an equivalent one lets no more in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings

from isthmus.connectors.truth import truth
from tests.engine.bound.conditions import TABLE, ZONES, conditions, fill
from tests.engine.bound.planned import implied


class World:
    """The rows, in DuckDB under a time zone and here."""

    def __init__(
        self,
        zone: str,
        make: Callable[[Any], None] = fill,
        table: Mapping[str, str] = TABLE,
    ) -> None:
        self.zone = zone
        self.table = table
        self.con = duckdb.connect()
        self.con.execute(f"SET TimeZone = '{zone}'")
        make(self.con)
        self.con.execute("SET TimeZone = 'UTC'")  # in another, the ends of time are out of range
        self.rows = self.con.sql("FROM rows").to_arrow_table().to_pylist()
        self.con.execute(f"SET TimeZone = '{zone}'")
        self.told: Counter[str] = Counter()

    def check(self, condition: str) -> None:
        try:
            found = self.con.execute(f"SELECT k FROM rows WHERE {condition}").fetchall()
        except duckdb.Error:
            self.told["refused"] += 1
            return
        passing = {k for (k,) in found}
        known = implied(self.con, self.table, condition, self.zone)
        if known is None:
            self.told["not known"] += 1
            return
        self.told["equivalent" if known.equivalent else "wider"] += 1
        let_in = {row["k"] for row in self.rows if truth(known.predicate, row) is True}
        lost = [self._row(k) for k in passing - let_in]
        assert not lost, f"{condition}\n  implies {known.predicate}\n  which loses {lost[0]}"
        more = [self._row(k) for k in let_in - passing]
        if known.equivalent:
            assert not more, f"{condition}\n  equals {known.predicate}\n  which lets in {more[0]}"

    def _row(self, key: int) -> dict[str, Any]:
        return next(row for row in self.rows if row["k"] == key)


@pytest.fixture(scope="module", params=ZONES)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(request.param)
    yield world
    world.con.close()


def test_any_condition(world: World) -> None:
    @settings(
        max_examples=120,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(conditions)
    @example("coalesce(s, 'z') = 'ab'")
    def run(condition: str) -> None:
        world.check(condition)

    run()
    assert min(world.told[t] for t in ("equivalent", "wider", "not known")) > 5, world.told
