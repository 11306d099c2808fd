"""What is promised is kept: each sent filter against the same filter on a full copy.

The org runs in both positions of the switch on which the promises must not depend.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Promise, ReadContext, ScanRequest
from isthmus.connectors.patterns import literally
from isthmus.connectors.predicates import (
    PARTS,
    And,
    Compare,
    HasItem,
    In,
    IsNull,
    Like,
    Not,
    Or,
    Part,
    PartIn,
    Predicate,
)
from isthmus.connectors.salesforce import Salesforce
from isthmus.localorg import LocalOrg

OBJECTS = ("Account", "Opportunity", "Trap__c")


class Copy:
    """A connector, and full copies of its tables in DuckDB."""

    def __init__(self, crm: Salesforce) -> None:
        self.crm = crm
        self.db = duckdb.connect()
        self.db.execute("SET TimeZone = 'UTC'")
        self.tables: dict[str, Table] = {}
        self.values: dict[tuple[str, str], list[Any]] = {}
        for name in OBJECTS:
            table = crm.describe(name)
            assert table is not None
            self.tables[name] = table
            columns = tuple(column.name for column in table.columns)
            rows = self.read(ScanRequest(table, columns))
            self.db.register("rows_now", rows)
            self.db.execute(f'CREATE TABLE "{name}" AS SELECT * FROM rows_now')
            for column in columns:
                found = rows.column(column).combine_chunks().unique().to_pylist()
                self.values[name, column] = [v for v in found if v is not None][:40]

    def read(self, request: ScanRequest) -> pa.Table:
        return pa.Table.from_batches(self.crm.open(self.crm.plan(request), ReadContext()))

    def check(self, name: str, predicate: Predicate) -> Promise:
        """Compare the Ids that pass here with those that the org sends."""
        table = self.tables[name]
        judged = self.crm.judge(table, predicate)
        if judged.promise is Promise.LOCAL:
            return judged.promise
        values: list[Any] = []
        where = sql(predicate, values)
        truth = self.db.execute(f'SELECT "Id" FROM "{name}" WHERE {where}', values).fetchall()
        wanted = {row[0] for row in truth}
        found = self.read(ScanRequest(table, ("Id",), (predicate,))).column("Id").to_pylist()
        assert len(found) == len(set(found))
        if judged.promise is Promise.EXACT:
            assert set(found) == wanted, self.crm.plan(ScanRequest(table, (), (predicate,))).text
        assert wanted <= set(found), self.crm.plan(ScanRequest(table, (), (predicate,))).text
        return judged.promise


def sql(predicate: Predicate, values: list[Any]) -> str:
    match predicate:
        case Compare(column=column, op=op, value=value):
            values.append(value)
            return f'"{column}" {op} ?'
        case In(column=column, values=listed):
            values.extend(listed)
            return f'"{column}" IN ({", ".join("?" * len(listed))})'
        case IsNull(column=column):
            return f'"{column}" IS NULL'
        case Like(column=column, pattern=pattern, case_sensitive=cased):
            values.append(pattern)
            return f"\"{column}\" {'LIKE' if cased else 'ILIKE'} ? ESCAPE '\\'"
        case HasItem(column=column, item=item, separator=separator):
            values.extend((separator, item))
            return f'list_contains(string_split("{column}", ?), ?)'
        case PartIn(column=column, part=part, numbers=numbers):
            return f'{part}("{column}") IN ({", ".join(map(str, numbers))})'
        case Not(part=part):
            return f"NOT ({sql(part, values)})"
        case And(parts=parts) | Or(parts=parts):
            word = " AND " if isinstance(predicate, And) else " OR "
            return "(" + word.join(f"({sql(part, values)})" for part in parts) + ")"


@pytest.fixture(scope="module", params=["two-valued", "three-valued"])
def copy(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Copy]:
    switches = {"null-not-equal": request.param, "page-size": 500}
    with LocalOrg(data="demo", scale=0.1, seed=11, switches=switches) as org:
        path: Path = tmp_path_factory.mktemp("org") / "org.json"
        path.write_text(json.dumps(org.ready))
        crm = Salesforce("crm", {"ready_file": str(path)})
        yield Copy(crm)
        crm.close()


#: Values beside those that are stored: twins, neighbours, nothing, too much.
ODD: dict[str, list[Any]] = {
    "string": [
        "",
        " ",
        "ACME",
        "acme",
        "null",
        "NA",
        "%",
        "_",
        "\\",
        "'",
        "x' OR Id != '",
        "ß",
        "İ",
    ],
    "bool": [True, False],
    "int": [0, -1, 2**31, 2**53 + 1, 10**19],
    "decimal": [Decimal(0), Decimal("0.01"), Decimal("-1"), Decimal("1E+20"), Decimal("0.005")],
    "date": [date(1700, 1, 1), date(2024, 2, 29), date(4001, 1, 1), date(9999, 12, 31)],
    "time32": [time(0), time(17, 30), time(23, 59, 59, 999_000), time(12, 0, 0, 1)],
    "timestamp": [datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, 0, 0, 0, 1, tzinfo=UTC)],
}


def kind_of(kind: pa.DataType) -> str:
    return next((word for word in ODD if str(kind).startswith(word)), "")


def near(value: Any, shift: int) -> Any:
    """The value, or one just beside it."""
    if isinstance(value, datetime):
        return value + timedelta(microseconds=(0, 1, -1, 999_999)[shift])
    if isinstance(value, str):
        return (value, value.upper(), value.lower(), value + " ")[shift]
    if isinstance(value, Decimal):
        return value + (0, Decimal("0.01"), Decimal("-0.01"), Decimal("0.001"))[shift]
    return value


def predicates(copy: Copy, name: str) -> st.SearchStrategy[Predicate]:
    columns = [c for c in copy.tables[name].columns if kind_of(c.type) and c.name != "Description"]

    def atoms(column: Any) -> st.SearchStrategy[Predicate]:
        stored = copy.values[name, column.name]
        values = st.sampled_from([*stored, *ODD[kind_of(column.type)]])
        value = st.builds(near, values, st.integers(0, 3))
        ops = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
        return st.one_of(
            st.builds(Compare, st.just(column.name), ops, value),
            st.builds(In, st.just(column.name), st.lists(value, min_size=1, max_size=4).map(tuple)),
            st.just(IsNull(column.name)),
            *(parted(column.name) if column.type == pa.date32() else ()),
            *patterned(column.name, [v for v in [*stored, *ODD["string"]] if isinstance(v, str)]),
        )

    def parted(name: str) -> Iterator[st.SearchStrategy[Predicate]]:
        for part, greatest in PARTS.items():
            numbers = st.sets(st.integers(1, greatest), min_size=1, max_size=greatest)
            listed = numbers.map(lambda n: tuple(sorted(n)))
            yield st.builds(PartIn, st.just(name), st.just(part), listed)

    def patterned(name: str, texts: list[str]) -> list[st.SearchStrategy[Predicate]]:
        if kind_of(copy.tables[name_of].column(name).type) != "string":
            return []
        text = st.builds(near, st.sampled_from(texts), st.integers(0, 3))
        cut = st.builds(lambda t, a, b: t[min(a, b) : max(a, b)], text, places, places)
        pattern = st.builds(
            lambda t, hole, before, after: (
                before + "_".join(literally(p) for p in t.split(hole)) + after
            ),
            cut,
            st.sampled_from("aeiks ;0"),
            st.sampled_from(["", "%", "_"]),
            st.sampled_from(["", "%", "_"]),
        )
        items = text.flatmap(lambda t: st.sampled_from(t.split(";")))
        return [
            st.builds(Like, st.just(name), pattern, st.booleans()),
            st.builds(HasItem, st.just(name), items),
        ]

    places, name_of = st.integers(0, 12), name
    atom = st.sampled_from(columns).flatmap(atoms)
    parts = st.lists(atom, min_size=1, max_size=3).map(tuple)
    return st.recursive(
        atom,
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(And, parts),
            st.builds(Or, parts),
            st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple)),
            st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        ),
        max_leaves=4,
    )


@pytest.mark.parametrize("name", OBJECTS)
def test_any_filter_keeps_its_promise(copy: Copy, name: str) -> None:
    seen = {promise: 0 for promise in Promise}

    @settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(predicates(copy, name))
    def run(predicate: Predicate) -> None:
        seen[copy.check(name, predicate)] += 1

    run()
    assert all(seen.values()), f"a promise that is never made is not tested: {seen}"


@pytest.mark.parametrize("name", OBJECTS)
def test_each_column_and_operator_keeps_its_promise(copy: Copy, name: str) -> None:
    operators: tuple[Any, ...] = ("=", "!=", "<", "<=", ">", ">=")
    for column in copy.tables[name].columns:
        for value in copy.values[name, column.name][:1]:
            for op in operators:
                copy.check(name, Compare(column.name, op, value))
                copy.check(name, Not(Compare(column.name, op, value)))
            copy.check(name, Not(In(column.name, (value,))))
        copy.check(name, IsNull(column.name))
        copy.check(name, Not(IsNull(column.name)))


@pytest.mark.parametrize("part", PARTS)
def test_each_part_of_a_date_keeps_its_promise(copy: Copy, part: Part) -> None:
    for number in range(1, PARTS[part] + 1):
        for numbers in ((number,), tuple(range(1, number + 1))):
            asked = PartIn("CloseDate", part, numbers)
            assert copy.check("Opportunity", asked) is not Promise.LOCAL
            copy.check("Opportunity", Not(asked))
