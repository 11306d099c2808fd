"""Arithmetic with times, over each day of months and each half hour around a clock's changes."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from tests.engine.bound.test_implied_by_duckdb import World

TABLE = {"d": "DATE", "tu": "TIMESTAMP", "ts": "TIMESTAMPTZ"}

#: The day after which the zone's clocks change, from one to the other month.
CHANGES = {
    "Europe/Berlin": "2024-03-30",
    "America/Havana": "2024-11-02",
    "America/Sao_Paulo": "2018-11-03",
    "Pacific/Apia": "2011-12-29",
}


def fill(day: str) -> str:
    return f"""
        CREATE TABLE rows AS
        SELECT row_number() OVER () AS k, tu::DATE AS d, tu, tu::TIMESTAMPTZ AS ts
        FROM (
            SELECT TIMESTAMP '{day}' + step * INTERVAL 30 MINUTES AS tu FROM range(-60, 200) r(step)
            UNION ALL
            SELECT TIMESTAMP '{day}' + step * INTERVAL 1 DAY FROM range(-70, 70) r(step)
        )
    """


@pytest.fixture(scope="module", params=CHANGES)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    day = CHANGES[request.param]

    def make(con: Any) -> None:
        con.execute(fill(day))

    world = World(request.param, make, TABLE)
    yield world
    world.con.close()


TERMS = {
    "ts": [
        *("ts + INTERVAL 1 DAY", "ts - INTERVAL 2 DAYS", "ts + INTERVAL 1 MONTH", "d::TIMESTAMPTZ"),
        *("tu::TIMESTAMPTZ", "date_trunc('day', ts)", "ts - INTERVAL 1 MONTH"),
    ],
    "tu": [
        *(
            "tu + INTERVAL 1 MONTH",
            "tu - INTERVAL 1 MONTH",
            "d + INTERVAL 1 MONTH",
            "ts::TIMESTAMP",
        ),
        *("date_trunc('week', tu)", "date_trunc('quarter', d)"),
    ],
    "d": ["ts::DATE", "tu::DATE", "d - 3", "d + 3"],
}


@pytest.mark.parametrize("kind", TERMS)
def test_a_term_compared(world: World, kind: str) -> None:
    day = CHANGES[world.zone]
    steps = [0, 18, 24, 24.5, 25, 47.5, 48, 49, -24 * 31, 24 * 31]
    for term, step, op in product(TERMS[kind], steps, ("=", "<", "<=", ">", ">=", "<>")):
        whole = f"(TIMESTAMP '{day}' + INTERVAL '{step * 60:g} minutes')"
        value = {"ts": f"{whole}::TIMESTAMPTZ", "tu": whole, "d": f"{whole}::DATE"}[kind]
        # an OR keeps DuckDB from turning the comparison round itself
        world.check(f"({term} {op} {value} OR {term} = {value})")
    assert world.told["not known"] == world.told["refused"] == 0


def test_parts_compared(world: World) -> None:
    day = CHANGES[world.zone]
    parts = ["year(ts)", "year(tu)", f"datediff('day', d, DATE '{day}')"]
    parts += [f"datediff('month', DATE '{day}', tu)", f"DATE '{day}' - d"]
    for part, number, op in product(parts, (0, 1, int(day[:4])), ("=", "<", "<=", ">", ">=", "<>")):
        world.check(f"({part} {op} {number} OR {part} = {number})")
    for form, length in (("%Y", 4), ("%Y-%m", 7), ("%Y-%m-%d", 10), ("%Y%m%d", 10)):
        text = day[:length].replace("-", "" if "-" not in form else "-")
        for column in TABLE:
            world.check(f"strftime({column}, '{form}') IN ('{text}', '1999')")
    assert not world.told["refused"]


def test_parts_of_dates(world: World) -> None:
    world.told.clear()
    for part, number, op in product(
        ("quarter(d)", "month(d)", "day(d)"), (0, 1, 3, 12, 29, 31), ("=", "<", ">=", "<>")
    ):
        world.check(f"{part} {op} {number}")
    world.check("month(d) NOT IN (1, 3, 12) OR quarter(d) = 4")
    world.check("month(d) BETWEEN 2 AND 3 AND NOT (month(d) = 2 AND day(d) > 20)")
    assert set(world.told) <= {"wider", "equivalent"}, world.told


def noon(day: str, kind: str) -> str:
    return f"(TIMESTAMP '{day}' + INTERVAL 12 HOURS)" + ("::TIMESTAMPTZ" if kind == "ts" else "")


@pytest.mark.parametrize("kind", TABLE)
def test_spans_compared(world: World, kind: str) -> None:
    world.told.clear()
    fixed = noon(CHANGES[world.zone], kind)
    spans = [f"{fixed} - {kind}", f"{kind} - {fixed}"]
    spans += [f"age({fixed}, {kind})", f"age({kind}, {fixed})"]
    lengths = ("0 days", "23 hours", "1 day", "-25 hours", "29 days", "1 month", "-2 months")
    for span, length, op in product(spans, lengths, ("=", "<", ">=")):
        world.check(f"{span} {op} INTERVAL '{length}'")
    assert set(world.told) <= {"wider", "equivalent"}, world.told


@pytest.mark.parametrize("kind", ["tu", "ts"])
def test_units_apart(world: World, kind: str) -> None:
    world.told.clear()
    fixed = noon(CHANGES[world.zone], kind)
    units = ("hour", "day", "week", "month", "quarter")
    for count, unit, number, op in product(
        ("datediff", "datesub"), units, (-2, 0, 30), ("=", "<=", ">")
    ):
        world.check(f"{count}('{unit}', {kind}, {fixed}) {op} {number}")
        world.check(f"{count}('{unit}', {fixed}, {kind}) {op} {number}")
    assert set(world.told) <= {"wider", "equivalent"}, world.told


def test_a_zone_of_the_expressions_own(world: World) -> None:
    day = CHANGES[world.zone]
    for step, op in product((0, 24, 24.5, 25, 48), ("=", "<", ">=", "<>")):
        wall = f"TIMESTAMP '{day}' + INTERVAL '{step * 60:g} minutes'"
        world.check(f"ts AT TIME ZONE 'America/Havana' {op} {wall}")
    assert not world.told["refused"]
