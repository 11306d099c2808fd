"""Objects of more columns than a statement holds: every row whole, and of one state."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Aggregate, Order, Promise, ReadContext, ScanRequest
from isthmus.connectors.predicates import Compare, In
from isthmus.connectors.salesforce import Salesforce
from isthmus.connectors.salesforce.joining import Part, Parts, joined
from isthmus.connectors.salesforce.length import STATEMENT_BYTES
from isthmus.connectors.salesforce.retry import Policy
from isthmus.connectors.salesforce.soql import encoded
from isthmus.errors import DataError
from isthmus.localorg import LocalOrg
from isthmus.localorg.describes.definitions import field, record_id, sobject, system, text

FIELDS = 800
ROWS = 700


def _name(number: int) -> str:
    return f"A_rather_long_name_of_a_field_{number:04}__c"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LocalOrg, Salesforce]]:
    """An org with one object of 800 fields and 700 rows, on pages of 200."""
    folder = tmp_path_factory.mktemp("wide")
    shapes, rows = folder / "describes", folder / "rows"
    shapes.mkdir()
    rows.mkdir()
    kinds: tuple[Callable[[str], dict[str, Any]], ...] = (
        lambda name: text(name, 80),
        lambda name: field(name, "int", digits=9),
        lambda name: field(name, "date"),
        lambda name: field(name, "boolean"),
    )
    fields = [kinds[n % 4](_name(n)) for n in range(FIELDS)]
    described = sobject("Wide__c", "a20", "Wide", [record_id("Wide"), *system(), *fields])
    (shapes / "Wide__c.json").write_text(json.dumps(described))
    lines = [
        json.dumps({_name(n): _value(row, n) for n in range(0, FIELDS, 3)}) for row in range(ROWS)
    ]
    (rows / "Wide__c.jsonl").write_text("\n".join(lines))
    with LocalOrg(rows, describes=shapes, switches={"page-size": 200}) as org:
        path = folder / "org.json"
        path.write_text(json.dumps(org.ready))
        quick = Policy(base=0.01, cap=0.05)
        made = Salesforce("crm", {"ready_file": str(path)}, policy=quick)
        yield org, made
        made.close()


def _value(row: int, number: int) -> object:
    day = (date(2020, 1, 1) + timedelta(row + number)).isoformat()
    return (f"t{row}-{number}", row * 1000 + number, day, (row + number) % 2 == 0)[number % 4]


@pytest.fixture
def org(world: tuple[LocalOrg, Salesforce]) -> Iterator[LocalOrg]:
    world[0].clear_requests()
    yield world[0]
    world[0].clear_faults()


@pytest.fixture
def crm(world: tuple[LocalOrg, Salesforce]) -> Salesforce:
    return world[1]


@pytest.fixture
def wide(crm: Salesforce) -> Table:
    found = crm.describe("Wide__c")
    assert found is not None
    return found


def everything(wide: Table) -> tuple[str, ...]:
    return tuple(column.name for column in wide.columns)


def read(crm: Salesforce, request: ScanRequest) -> pa.Table:
    return pa.Table.from_batches(crm.open(crm.plan(request), ReadContext()))


def test_all_columns_take_several_statements(crm: Salesforce, wide: Table) -> None:
    fragment = crm.plan(ScanRequest(wide, everything(wide)))
    assert len(fragment.statements) > 3
    assert fragment.columns == everything(wide)
    for text_ in fragment.statements:
        assert text_.startswith("SELECT Id, SystemModstamp, ")
        assert text_.endswith(" FROM Wide__c ORDER BY Id")
        assert len(encoded(text_)) <= STATEMENT_BYTES
    assert fragment.estimate.calls >= len(fragment.statements)


def test_every_row_and_value_comes(org: LocalOrg, crm: Salesforce, wide: Table) -> None:
    found = read(crm, ScanRequest(wide, everything(wide)))
    assert found.num_rows == ROWS
    assert found.schema.types == [c.type for c in wide.columns]
    rows = {r[_name(9)]: r for r in found.to_pylist()}  # 9 is an int: row * 1000 + 9
    for row in range(ROWS):
        got = rows[row * 1000 + 9]
        for n in (0, 3, 6, 9, 396, 399, 402, 798):
            value = _value(row, n)
            shown = got[_name(n)]
            assert (shown.isoformat() if isinstance(shown, date) else shown) == value
    sent = [str(e["soql"]) for e in org.requests() if e.get("soql")]
    assert sorted(set(sent)) == sorted(crm.plan(ScanRequest(wide, everything(wide))).statements)


def test_a_limit_and_filters_hold(crm: Salesforce, wide: Table) -> None:
    few = Compare(_name(9), "<", 10_000)
    assert read(crm, ScanRequest(wide, everything(wide), (few,))).num_rows == 10
    limited = ScanRequest(wide, everything(wide), (few,), limit=4)
    assert all(t.endswith("LIMIT 4") for t in crm.plan(limited).statements)
    assert read(crm, limited).num_rows == 4


def test_keys_are_parted_beside_the_columns(crm: Salesforce, wide: Table) -> None:
    ids = read(crm, ScanRequest(wide, ("Id",))).column("Id").to_pylist()
    request = ScanRequest(
        wide, everything(wide), (In("Id", tuple(ids[:650])),), options=frozenset({"rest"})
    )
    fragment = crm.plan(request)
    assert fragment.judgements[0].promise is Promise.EXACT
    assert len(fragment.statements) > len(crm.plan(ScanRequest(wide, everything(wide))).statements)
    assert all(len(encoded(t)) <= STATEMENT_BYTES for t in fragment.statements)
    assert sorted(read(crm, request).column("Id").to_pylist()) == sorted(ids[:650])


def test_order_is_refused_and_groups_are_not(crm: Salesforce, wide: Table) -> None:
    order = (Order("CreatedDate"),)
    said = crm.can(ScanRequest(wide, everything(wide), limit=5, order=order))
    assert not said.able and "columns" in said.reason
    assert crm.can(ScanRequest(wide, ("Id",), limit=5, order=order)).able
    assert crm.can(ScanRequest(wide, (), aggregates=(Aggregate("count"),))).able


@pytest.mark.parametrize("fault", ["lost-locator", "drop-connection", "server-error"])
@pytest.mark.parametrize("nth", [1, 4, 9])
def test_faults_lose_no_row(
    org: LocalOrg, crm: Salesforce, wide: Table, fault: str, nth: int
) -> None:
    request = ScanRequest(wide, everything(wide))
    org.set_fault(fault, nth=nth)
    assert len(set(read(crm, request).column("Id").to_pylist())) == ROWS


NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


def part(name: str, *states: dict[str, tuple[int, datetime]], size: int = 2) -> Part:
    """A part whose rows are those of the next state each time it is read."""
    coming = list(states)

    def read(*, ids: tuple[str, ...] | None = None) -> Iterator[pa.RecordBatch]:
        state = coming.pop(0) if len(coming) > 1 else coming[0]
        rows = [(i, *seen) for i, seen in state.items() if ids is None or i in ids]
        for start in range(0, len(rows), size):
            chosen = rows[start : start + size]
            yield pa.RecordBatch.from_pylist(
                [{"Id": i, name: value, "SystemModstamp": stamp} for i, value, stamp in chosen],
                schema=pa.schema(
                    [
                        ("Id", pa.string()),
                        (name, pa.int64()),
                        ("SystemModstamp", pa.timestamp("ms", "UTC")),
                    ]
                ),
            )

    return read


def together(*parts: Part) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for batch in joined(Parts(tuple(parts), "source crm, reading X")):
        for row in batch.to_pylist():
            assert row["Id"] not in found
            found[row["Id"]] = (row["a"], row["b"])
    return found


def test_rows_are_put_together_whatever_their_order() -> None:
    state = {f"i{n}": (n, NOON) for n in range(7)}
    other = dict(reversed(state.items()))
    assert together(part("a", state), part("b", other, size=3)) == {
        f"i{n}": (n, n) for n in range(7)
    }


def test_a_row_that_goes_between_two_parts_is_gone() -> None:
    before = {f"i{n}": (n, NOON) for n in range(5)}
    after = {i: seen for i, seen in before.items() if i != "i2"}
    found = together(part("a", before, after), part("b", after))
    assert sorted(found) == ["i0", "i1", "i3", "i4"]


def test_a_row_that_comes_between_two_parts_is_asked_for_again() -> None:
    after = {f"i{n}": (n, NOON) for n in range(5)}
    before = {i: seen for i, seen in after.items() if i != "i2"}
    assert together(part("a", before, after), part("b", after))["i2"] == (2, 2)


def test_a_row_that_changes_between_two_parts_is_not_made_of_both() -> None:
    later = NOON + timedelta(seconds=1)
    before = {"i0": (0, NOON), "i1": (1, NOON)}
    after = {"i0": (0, NOON), "i1": (100, later)}
    assert together(part("a", before, after), part("b", after)) == {"i0": (0, 0), "i1": (100, 100)}


def test_a_row_that_never_holds_still_is_an_error() -> None:
    states = [{"i0": (n, NOON + timedelta(seconds=n))} for n in range(9)]
    with pytest.raises(DataError, match=r"X: .*faster"):
        together(part("a", *states), part("b", {"i0": (0, NOON - timedelta(1))}))
