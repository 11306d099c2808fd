"""What the engine relies on in DuckDB's scan hook, shown on the private way and the public one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import duckdb
import pyarrow as pa
import pytest

from isthmus.engine._duckdb_scan import Filter, HookedScan, has_hook, register

DATA = pa.table({"id": range(10_000), "name": [f"n{i % 7}" for i in range(10_000)]})
WAYS = [pytest.param(True, id="private hook"), pytest.param(False, id="public register")]


class Recorded(HookedScan):
    """Sends every row in small batches and remembers what it was asked."""

    def __init__(self, data: pa.Table = DATA, take: bool = False) -> None:
        self.data, self.take = data, take
        self.schema = data.schema
        self.opened: list[tuple[list[str], list[str]]] = []
        self.sent = 0
        self.closed = False
        self.error: Exception | None = None

    def rows(self) -> int | None:
        return len(self.data)

    def accepts(self, filter: Filter) -> bool:
        return self.take

    def batches(
        self, columns: Sequence[str], filters: Sequence[Filter]
    ) -> Iterator[pa.RecordBatch]:
        self.opened.append((list(columns), [f.text for f in filters]))
        try:
            for batch in self.data.select(list(columns)).to_batches(max_chunksize=100):
                if self.error is not None:
                    raise self.error
                self.sent += 1
                yield batch
        finally:
            self.closed = True


@pytest.fixture
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 2}) as connection:
        yield connection


def test_this_duckdb_has_the_hook() -> None:
    assert has_hook()


@pytest.mark.parametrize("hook", WAYS)
def test_asks_only_for_the_columns_it_needs(cursor: duckdb.DuckDBPyConnection, hook: bool) -> None:
    scan = Recorded()
    register(cursor, "s", scan, hook=hook)
    assert cursor.sql("SELECT count(DISTINCT name) FROM s").fetchall() == [(7,)]
    assert scan.opened[0][0] == ["name"]


@pytest.mark.parametrize("hook", WAYS)
def test_a_filter_is_applied_whoever_applies_it(
    cursor: duckdb.DuckDBPyConnection, hook: bool
) -> None:
    register(cursor, "s", Recorded(), hook=hook)
    query = "SELECT count(*) FROM s WHERE id >= 9990 AND name <> 'n0' OR id = 3"
    cursor.register("whole", DATA)
    wanted = cursor.sql(query.replace("FROM s", "FROM whole")).fetchall()
    assert cursor.sql(query).fetchall() == wanted


@pytest.mark.parametrize("hook", WAYS)
def test_a_limit_stops_the_scan_early(cursor: duckdb.DuckDBPyConnection, hook: bool) -> None:
    scan = Recorded()
    register(cursor, "s", scan, hook=hook)
    assert len(cursor.sql("SELECT id FROM s LIMIT 5").fetchall()) == 5
    assert scan.sent < 100


@pytest.mark.parametrize("hook", WAYS)
def test_two_occurrences_open_two_streams(cursor: duckdb.DuckDBPyConnection, hook: bool) -> None:
    one, two = Recorded(), Recorded()
    register(cursor, "a", one, hook=hook)
    register(cursor, "b", two, hook=hook)
    assert cursor.sql("SELECT count(*) FROM a JOIN b USING (id)").fetchall() == [(10_000,)]
    assert (len(one.opened), len(two.opened)) == (1, 1)


@pytest.mark.parametrize("hook", WAYS)
def test_an_error_of_the_scan_ends_the_query(cursor: duckdb.DuckDBPyConnection, hook: bool) -> None:
    scan = Recorded()
    scan.error = RuntimeError("the source went away")
    register(cursor, "s", scan, hook=hook)
    with pytest.raises(duckdb.Error, match="the source went away"):
        cursor.sql("SELECT sum(id) FROM s").fetchall()


@pytest.mark.parametrize("hook", WAYS)
def test_explain_opens_nothing(cursor: duckdb.DuckDBPyConnection, hook: bool) -> None:
    scan = Recorded()
    register(cursor, "s", scan, hook=hook)
    cursor.execute("EXPLAIN (FORMAT json) SELECT * FROM s WHERE id = 1").fetchall()
    assert scan.opened == []


def test_an_accepted_filter_is_ours_alone(cursor: duckdb.DuckDBPyConnection) -> None:
    # Only the private hook negotiates: DuckDB trusts us and shows the row that we did not drop.
    scan = Recorded(pa.table({"id": [1, 2]}), take=True)
    register(cursor, "s", scan, hook=True)
    assert cursor.sql("SELECT id FROM s WHERE id = 1").fetchall() == [(1,), (2,)]
    assert scan.opened[0][1] == ['("id" = 1)']


def test_the_build_side_is_read_before_the_probe_side_opens(
    cursor: duckdb.DuckDBPyConnection,
) -> None:
    small, big = Recorded(DATA.slice(0, 10)), Recorded()
    register(cursor, "small", small, hook=True)
    register(cursor, "big", big, hook=True)
    order: list[str] = []
    for name, scan in (("small", small), ("big", big)):
        original = scan.batches

        def traced(columns, filters, name=name, original=original):  # type: ignore[no-untyped-def]
            order.append(f"{name} opens")
            yield from original(columns, filters)
            order.append(f"{name} ends")

        scan.batches = traced  # type: ignore[method-assign]
    cursor.sql("SELECT count(*) FROM big JOIN small USING (id)").fetchall()
    assert order[:2] == ["small opens", "small ends"]
