"""What each kind of target must do: exact values, whole steps, a state that goes with its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from isthmus.catalog.targets import TargetConfig
from isthmus.connectors.targets.contract import (
    Change,
    ColumnChange,
    Layout,
    Part,
    PartKind,
    Target,
    demand_held,
)
from isthmus.connectors.targets.parquet import Parquet
from isthmus.engine.sync.targets import make
from isthmus.errors import ConfigError, DataError

#: Every type that a Salesforce table has, and those of other queries.
VALUES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "Id": (pa.string(), ["a", "b", "c"]),
    "text": (pa.string(), ["", 'O\'Brien "x" \\ \n\t,;é\U0001f600 NULL', None]),
    "flag": (pa.bool_(), [True, False, None]),
    "whole": (pa.int64(), [2**63 - 1, -(2**63), None]),
    "money": (pa.decimal128(18, 2), [Decimal("9999999999999999.99"), Decimal("-0.10"), None]),
    "many": (pa.decimal128(38, 0), [Decimal(10**38 - 1), Decimal(0), None]),
    "number": (pa.float64(), [0.1, -1.7976931348623157e308, None]),
    "odd": (pa.float64(), [float("inf"), float("nan"), None]),
    "day": (pa.date32(), [date(1700, 1, 1), date(9999, 12, 31), None]),
    "at": (
        pa.timestamp("us", "UTC"),
        [datetime(1700, 1, 1, tzinfo=UTC), datetime(2026, 2, 3, 4, 5, 6, 789_012, UTC), None],
    ),
    "wall": (pa.timestamp("us"), [datetime(1999, 12, 31, 23, 59, 59), datetime(1970, 1, 1), None]),
    "clock": (pa.time64("us"), [time(0), time(23, 59, 59, 999_000), None]),
    "raw": (pa.binary(), [b"\x00\xff", b"", None]),
    "small": (pa.int16(), [-5, 5, None]),
    "huge": (pa.uint64(), [2**64 - 1, 0, None]),
}
ALL = pa.table({n: pa.array(v, t) for n, (t, v) in VALUES.items()})
LAYOUT = Layout(ALL.schema, ("Id",))
SMALL = Layout(pa.schema([("Id", pa.string()), ("n", pa.int64())]), ("Id",))


def small(**numbers: int | None) -> pa.Table:
    return pa.table({"Id": list(numbers), "n": list(numbers.values())}, schema=SMALL.schema)


def held(target: Target, layout: Layout) -> dict[Any, tuple[Any, ...]]:
    """The copy's rows by their first column, as plain values."""
    columns = list(layout.columns)
    found: dict[Any, tuple[Any, ...]] = {}
    for batch in target.rows(layout, columns):
        for row in batch.to_pylist():
            assert row[columns[0]] not in found, "a key occurs twice"
            found[row[columns[0]]] = tuple(row.values())
    return found


def numbers(target: Target) -> dict[str, int | None]:
    return {key: n for key, (_, n) in held(target, SMALL).items()}


def comparable(value: Any) -> Any:
    return "NaN" if value != value else value


def expected(target: Target, table: pa.Table) -> dict[Any, tuple[Any, ...]]:
    """The rows under the types in which the target says that it keeps them."""
    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        wanted = target.stored(field.type)
        assert wanted is not None
        columns.append(column.cast(wanted).to_pylist())
    return {row[0]: row for row in zip(*columns, strict=True)}


def same(found: dict[Any, tuple[Any, ...]], wanted: dict[Any, tuple[Any, ...]]) -> None:
    plain = {k: tuple(map(comparable, v)) for k, v in found.items()}
    assert plain == {k: tuple(map(comparable, v)) for k, v in wanted.items()}


def reopened(target: Target) -> Target:
    target.close()
    return make(target.config)


def test_every_value_comes_back_as_it_was(target: Target) -> None:
    demand_held(target, ALL.schema)
    target.replace(LAYOUT, ALL.to_batches(max_chunksize=2), "one")
    same(held(target, LAYOUT), expected(target, ALL))
    changed = ALL.slice(0, 1).set_column(0, "Id", pa.array(["c"]))
    target.apply(Part(PartKind.UPSERT, changed), LAYOUT, "two")
    wanted = pa.concat_tables([ALL.slice(0, 2), changed])
    target = reopened(target)
    same(held(target, LAYOUT), expected(target, wanted))
    assert target.read_state() == "two"
    target.close()


def test_the_type_of_each_value_is_told(target: Target) -> None:
    target.replace(LAYOUT, ALL.to_batches(), "one")
    [batch] = list(target.rows(LAYOUT, ALL.schema.names))
    for told, source in zip(batch.schema, ALL.schema, strict=True):
        assert told.type == target.stored(source.type), told.name


def test_nested_values_keep_their_parts(target: Target) -> None:
    type = pa.struct([("a", pa.list_(pa.int64())), ("b", pa.string())])
    table = pa.table({"Id": ["x", "y"], "v": pa.array([{"a": [1, None], "b": "é"}, None], type)})
    layout = Layout(table.schema, ("Id",))
    target.replace(layout, table.to_batches(), "one")
    found = held(target, layout)
    text = '{"a":[1,null],"b":"é"}'
    nested = target.stored(type) != pa.string()
    assert found["x"][1] == ({"a": [1, None], "b": "é"} if nested else text)
    assert found["y"][1] is None


def test_a_type_that_does_not_fit_is_refused_by_name(target: Target) -> None:
    schema = pa.schema([("Id", pa.string()), ("half", pa.float16())])
    if target.stored(pa.float16()) is None:
        with pytest.raises(DataError, match="half"):
            demand_held(target, schema)


def test_nothing_is_a_copy_before_the_first_step(target: Target) -> None:
    assert target.read_state() is None


def test_upserts_patches_and_deletes(target: Target) -> None:
    target.replace(SMALL, small(a=1, b=2, c=3).to_batches(), "1")
    target.apply(Part(PartKind.UPSERT, small(b=20, d=4)), SMALL, "2")
    assert numbers(target) == {"a": 1, "b": 20, "c": 3, "d": 4}
    target.apply(Part(PartKind.PATCH, small(a=None, zz=9)), SMALL, "3")
    assert numbers(target) == {"a": None, "b": 20, "c": 3, "d": 4}
    target.apply(Part(PartKind.DELETE, small(c=0, zz=0).select(["Id"])), SMALL, "4")
    assert numbers(target) == {"a": None, "b": 20, "d": 4}
    assert target.read_state() == "4"


@pytest.mark.parametrize("kind_of_part", list(PartKind))
def test_a_part_applied_twice_is_applied_once(target: Target, kind_of_part: PartKind) -> None:
    rows = small(b=7, x=8)
    part = Part(kind_of_part, rows.select(["Id"]) if kind_of_part is PartKind.DELETE else rows)
    target.replace(SMALL, small(a=1, b=2).to_batches(), "1")
    target.apply(part, SMALL, "2")
    once = numbers(target)
    target.apply(part, SMALL, "2")
    assert numbers(target) == once
    assert target.read_state() == "2"


def test_a_part_that_hits_nothing_saves_its_state(target: Target) -> None:
    target.replace(SMALL, small(a=1).to_batches(), "1")
    target.apply(Part(PartKind.DELETE, small(q=0).select(["Id"])), SMALL, "2")
    assert target.read_state() == "2"
    target.save_state("3")
    assert target.read_state() == "3" and numbers(target) == {"a": 1}


def test_the_copy_may_become_empty_and_fill_again(target: Target) -> None:
    target.replace(SMALL, small(a=1).to_batches(), "1")
    target.apply(Part(PartKind.DELETE, small(a=0).select(["Id"])), SMALL, "2")
    assert numbers(target) == {}
    target.apply(Part(PartKind.UPSERT, small(b=1)), SMALL, "3")
    assert numbers(target) == {"b": 1}
    target.replace(SMALL, [], "4")
    assert numbers(target) == {} and target.read_state() == "4"


def test_keys_of_several_columns_and_types(target: Target) -> None:
    schema = pa.schema([("k", pa.string()), ("n", pa.int64()), ("v", pa.string())])
    layout = Layout(schema, ("k", "n"))

    def rows(*values: tuple[str, int, str]) -> pa.Table:
        return pa.Table.from_pylist([dict(zip("knv", v, strict=True)) for v in values], schema)

    target.replace(layout, rows(("a", 1, "x"), ("a", 2, "y"), ("b", 1, "z")).to_batches(), "1")
    target.apply(Part(PartKind.UPSERT, rows(("a", 2, "Y"), ("b", 2, "w"))), layout, "2")
    target.apply(Part(PartKind.DELETE, rows(("a", 1, "")).select(["k", "n"])), layout, "3")
    found = {tuple(r.values()) for b in target.rows(layout, ["k", "n", "v"]) for r in b.to_pylist()}
    assert found == {("a", 2, "Y"), ("b", 1, "z"), ("b", 2, "w")}


def test_columns_come_go_widen_and_change_names(target: Target) -> None:
    target.replace(SMALL, small(a=1, b=2).to_batches(), "1")
    more = Layout(
        pa.schema([*SMALL.schema, ("t", pa.string()), ("d", pa.decimal128(6, 2))]), ("Id",)
    )
    added = [ColumnChange(Change.ADD, "t"), ColumnChange(Change.ADD, "d")]
    target.evolve(added, SMALL, more, "2")
    assert held(target, more) == {"a": ("a", 1, None, None), "b": ("b", 2, None, None)}
    row = pa.table(
        [["b"], [3], ["x"], pa.array([Decimal("1.50")], pa.decimal128(6, 2))], more.schema
    )
    target.apply(Part(PartKind.UPSERT, row), more, "3")
    last = Layout(
        pa.schema([("Id", pa.string()), ("n", pa.decimal128(21, 2)), ("text", pa.string()),
                   ("d", pa.decimal128(10, 3))]), ("Id",))  # fmt: skip
    changes = [
        ColumnChange(Change.WIDEN, "n"),
        ColumnChange(Change.RENAME, "t", "text"),
        ColumnChange(Change.WIDEN, "d"),
    ]
    target.evolve(changes, more, last, "4")
    assert held(target, last) == {
        "a": ("a", Decimal("1.00"), None, None),
        "b": ("b", Decimal("3.00"), "x", Decimal("1.500")),
    }
    target.evolve([ColumnChange(Change.DROP, "n")], last, _without(last, "n"), "5")
    assert held(target, _without(last, "n"))["b"] == ("b", "x", Decimal("1.500"))
    assert target.read_state() == "5"
    target.replace(SMALL, small(z=1).to_batches(), "6")
    assert numbers(target) == {"z": 1}


def _without(layout: Layout, name: str) -> Layout:
    return Layout(pa.schema([f for f in layout.schema if f.name != name]), layout.key)


def test_a_replacement_that_breaks_off_leaves_all_as_it_was(target: Target) -> None:
    target.replace(SMALL, small(a=1).to_batches(), "1")

    def broken() -> Iterator[pa.RecordBatch]:
        yield from small(b=1, c=2).to_batches()
        raise RuntimeError("the source went away")

    with pytest.raises(Exception, match="the source went away"):
        target.replace(SMALL, broken(), "2")
    target = reopened(target)
    assert numbers(target) == {"a": 1} and target.read_state() == "1"
    target.replace(SMALL, small(b=1).to_batches(), "3")
    assert numbers(target) == {"b": 1}
    target.close()


@pytest.mark.parametrize("kind", ["parquet"])
def test_a_first_step_that_was_killed_is_no_obstacle(config: TargetConfig, target: Target) -> None:
    def killed() -> Iterator[pa.RecordBatch]:
        yield from small(a=1, b=2).to_batches()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Parquet(config, rows_per_file=1).replace(SMALL, killed(), "1")
    assert list(Path(config.options["path"]).glob("part-*")), "nothing was left behind"
    assert target.read_state() is None
    target.replace(SMALL, small(c=3).to_batches(), "2")
    assert (target.read_state(), numbers(target)) == ("2", {"c": 3})
    assert len(list(Path(config.options["path"]).glob("part-*"))) == 1


@pytest.mark.parametrize("batches", [[("a", "a")], [("a",), ("a",)], [(None,)]])
def test_a_key_that_does_not_tell_rows_apart_is_refused(
    target: Target, batches: Iterable[tuple[str | None, ...]]
) -> None:
    rows = [
        pa.record_batch({"Id": pa.array(ids, pa.string()), "n": pa.array([1] * len(ids))})
        for ids in batches
    ]
    with pytest.raises(DataError, match="key"):
        target.replace(SMALL, rows, "1")
    target = reopened(target)
    assert target.read_state() is None
    target.close()


def test_what_no_sync_has_made_is_left_alone(config: TargetConfig, target: Target) -> None:
    import sqlite3

    import duckdb
    import pyarrow.parquet as pq

    options = config.options
    if config.kind == "sqlite":
        db = sqlite3.connect(options["path"])
        db.execute(f"CREATE TABLE {options['table']} (x)")
        db.close()
    elif config.kind == "duckdb":
        with duckdb.connect(options["path"]) as con:
            con.execute(f"CREATE TABLE {options['table']} (x INT)")
    elif config.kind == "postgres":
        import adbc_driver_postgresql.dbapi as driver

        with driver.connect(options["url"].reveal()) as pg, pg.cursor() as cursor:
            cursor.execute(f'CREATE TABLE "{options["table"]}" (x INT)')
            pg.commit()
    elif config.kind == "delta":
        from deltalake import write_deltalake

        write_deltalake(options["path"], small(a=1))
    else:
        Path(options["path"]).mkdir()
        pq.write_table(small(a=1), Path(options["path"]) / "mine.parquet")
    with pytest.raises(ConfigError, match="no sync has made"):
        target.read_state()
