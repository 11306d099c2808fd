"""Long lists of keys: the statements they become, and that each row comes once."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta

import pyarrow as pa
import pytest

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Fragment, Promise, ReadContext, ScanRequest
from isthmus.connectors.predicates import Compare, In, Value
from isthmus.connectors.salesforce import Salesforce
from isthmus.connectors.salesforce.ids import checksum
from isthmus.connectors.salesforce.keys import matching, parted
from isthmus.connectors.salesforce.length import STATEMENT_BYTES, sent_bytes
from isthmus.connectors.salesforce.soql import encoded
from isthmus.errors import Cancelled, SourceError
from isthmus.localorg import LocalOrg

#: Statements, where a retrieve would take fewer calls.
REST = frozenset({"rest"})


def table(crm: Salesforce, name: str) -> Table:
    found = crm.describe(name)
    assert found is not None
    return found


def opened(crm: Salesforce, fragment: Fragment, context: ReadContext | None = None) -> pa.Table:
    schema = pa.schema([fragment.request.table.schema.field(c) for c in fragment.columns])
    batches = list(crm.open(fragment, context or ReadContext()))
    return pa.Table.from_batches(batches).cast(schema) if batches else schema.empty_table()


def ids(prefix: str, numbers: range) -> list[str]:
    stems = [f"{prefix}{number:012}" for number in numbers]
    return [stem + checksum(stem) for stem in stems]


def stored_ids(crm: Salesforce, name: str) -> list[str]:
    found = opened(crm, crm.plan(ScanRequest(table(crm, name), ("Id",)))).column("Id").to_pylist()
    return [str(i) for i in found]


def test_five_thousand_ids_are_eight_statements(org: LocalOrg, crm: Salesforce) -> None:
    accounts = table(crm, "Account")
    keys = ids("001", range(10**6, 10**6 + 5_000))
    fragment = crm.plan(ScanRequest(accounts, ("Name",), (In("Id", tuple(keys)),), options=REST))
    assert [j.promise for j in fragment.judgements] == [Promise.EXACT]
    assert len(fragment.statements) == 8 == fragment.estimate.calls
    assert fragment.text == fragment.statements[0]
    assert fragment.text.startswith("SELECT Name FROM Account WHERE Id IN ('001000001000000")
    assert fragment.text.endswith("') ORDER BY Id")
    assert all(len(encoded(text)) <= STATEMENT_BYTES for text in fragment.statements)
    listed = [key for text in fragment.statements for key in text.split("'")[1::2]]
    assert listed == keys


def test_the_rows_of_a_long_list_are_those_of_the_filter(org: LocalOrg, crm: Salesforce) -> None:
    wanted = stored_ids(crm, "Contact")[::2]
    keys = [*wanted, *ids("003", range(10**6, 10**6 + 1_000)), *wanted[:50], "003x", "nonsense"]
    fragment = crm.plan(
        ScanRequest(table(crm, "Contact"), ("Id",), (In("Id", tuple(keys)),), options=REST)
    )
    assert len(fragment.statements) > 1
    org.clear_requests()
    context = ReadContext()
    found = opened(crm, fragment, context).column("Id").to_pylist()
    assert sorted(found) == sorted(wanted)
    sent = [str(entry["soql"]) for entry in org.requests() if entry.get("soql")]
    assert sorted(sent) == sorted(fragment.statements)
    assert context.meter.bill.rows == len(wanted)


def test_a_limit_holds_over_all_statements(crm: Salesforce) -> None:
    keys = stored_ids(crm, "Contact")[:900]
    request = ScanRequest(table(crm, "Contact"), ("Id",), (In("Id", tuple(keys)),), limit=7)
    fragment = crm.plan(request)
    assert len(fragment.statements) > 1
    assert all(text.endswith("LIMIT 7") for text in fragment.statements)
    found = opened(crm, fragment).column("Id").to_pylist()
    assert len(set(found)) == 7 and set(found) <= set(keys)


def test_only_one_list_is_parted_and_others_fit_beside_it(crm: Salesforce) -> None:
    accounts = table(crm, "Account")
    few = In("OwnerId", tuple(ids("005", range(100))))
    many = In("Id", tuple(ids("001", range(3_000))))
    more = In("ParentId", tuple(ids("001", range(2_000))))
    fragment = crm.plan(ScanRequest(accounts, ("Id",), (few, many, more), options=REST))
    assert [j.promise for j in fragment.judgements] == [
        Promise.EXACT,
        Promise.EXACT,
        Promise.LOCAL,
    ]
    assert fragment.columns == ("Id", "ParentId")
    assert all("OwnerId IN (" in text for text in fragment.statements)
    assert all(len(encoded(text)) <= STATEMENT_BYTES for text in fragment.statements)


def test_dates_and_numbers_are_parted_too(crm: Salesforce) -> None:
    opportunities = table(crm, "Opportunity")
    days = tuple(date(2015, 1, 1) + timedelta(n) for n in range(5_000))
    fragment = crm.plan(ScanRequest(opportunities, ("Id", "CloseDate"), (In("CloseDate", days),)))
    assert fragment.judgements[0].promise is Promise.EXACT and len(fragment.statements) == 4
    whole = opened(crm, crm.plan(ScanRequest(opportunities, ("Id", "CloseDate"))))
    wanted = [r["Id"] for r in whole.to_pylist() if r["CloseDate"] in set(days)]
    assert sorted(opened(crm, fragment).column("Id").to_pylist()) == sorted(wanted)
    assert wanted


TWINS = ["Straße", "STRASSE", "straße", "İx", "ix", "IX", "\u0131x", "Éa", "éa", "Ea", "\u0130X"]


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Salesforce]:
    rows = tmp_path_factory.mktemp("rows")
    names = [*TWINS, *(name.lower() for name in TWINS), *(f"Filler {n}" for n in range(300))]
    lines = [json.dumps({"Name": name}) for name in names]
    (rows / "Account.jsonl").write_text("\n".join(lines))
    with LocalOrg(data=rows) as org:
        path = rows / "org.json.ready"
        path.write_text(json.dumps(org.ready))
        crm = Salesforce("crm", {"ready_file": str(path)})
        yield crm
        crm.close()


@pytest.mark.parametrize("room", [30, 60, 200, 2_000])
def test_a_row_answers_to_one_part_however_the_list_is_cut(twins: Salesforce, room: int) -> None:
    """Each part is asked as the org understands it, and no row of two parts is kept twice."""
    accounts = table(twins, "Account")
    keys = [*TWINS, *(f"Filler {n}" for n in range(0, 300, 7)), *(f"filler {n}" for n in range(20))]
    parts = parted(accounts, In("Name", tuple(keys)), room)
    assert Counter(k for part, _ in parts for k in part.values) == Counter(set(keys))
    assert all(sent_bytes(condition) <= room or len(p.values) == 1 for p, condition in parts)
    found: list[str] = []
    unfiltered = 0
    for part, _ in parts:
        rows = opened(twins, twins.plan(ScanRequest(accounts, ("Id", "Name"), (part,))))
        unfiltered += rows.num_rows
        for batch in rows.to_batches():
            found += matching(batch, accounts, part).column("Id").to_pylist()
    whole = opened(twins, twins.plan(ScanRequest(accounts, ("Id", "Name")))).to_pylist()
    assert sorted(found) == sorted(r["Id"] for r in whole if r["Name"] in set(keys))
    assert unfiltered > len(found)  # the org does send other spellings


def test_text_keys_are_a_superset_and_each_row_comes_once(twins: Salesforce) -> None:
    accounts = table(twins, "Account")
    keys = (*TWINS, *(f"Nobody {n:05}" for n in range(2_000)), *(f"FILLER {n}" for n in range(50)))
    fragment = twins.plan(ScanRequest(accounts, ("Id",), (In("Name", keys),)))
    assert len(fragment.statements) > 2
    assert fragment.judgements[0].promise is Promise.SUPERSET
    assert fragment.columns == ("Id", "Name")
    rows = opened(twins, fragment).to_pylist()
    assert len({r["Id"] for r in rows}) == len(rows)
    whole = opened(twins, twins.plan(ScanRequest(accounts, ("Id", "Name")))).to_pylist()
    wanted = [r["Id"] for r in whole if r["Name"] in set(keys)]
    assert sorted(r["Id"] for r in rows if r["Name"] in set(keys)) == sorted(wanted)


@pytest.mark.parametrize("longest", [9_000, 3_000])
def test_a_statement_that_the_org_finds_too_long_is_halved(
    org: LocalOrg, crm: Salesforce, monkeypatch: pytest.MonkeyPatch, longest: int
) -> None:
    keys = stored_ids(crm, "Contact")[:900]
    fragment = crm.plan(
        ScanRequest(table(crm, "Contact"), ("Id",), (In("Id", tuple(keys)),), options=REST)
    )
    monkeypatch.setattr("isthmus.localorg.app._LONGEST", longest)
    org.clear_requests()
    assert sorted(opened(crm, fragment).column("Id").to_pylist()) == sorted(keys)
    statuses = Counter(entry["status"] for entry in org.requests() if entry.get("soql"))
    assert statuses[414] + statuses[431] > 0


def test_one_key_that_is_too_long_is_the_orgs_own_error(
    crm: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = stored_ids(crm, "Contact")[:900]
    fragment = crm.plan(
        ScanRequest(table(crm, "Contact"), ("Id",), (In("Id", tuple(keys)),), options=REST)
    )
    monkeypatch.setattr("isthmus.localorg.app._LONGEST", 100)
    with pytest.raises(SourceError, match=r"TOO_LARGE|TOO_LONG"):
        opened(crm, fragment)


def test_a_cancel_stops_all_statements(org: LocalOrg, crm: Salesforce) -> None:
    keys = stored_ids(crm, "Contact")
    fragment = crm.plan(
        ScanRequest(table(crm, "Contact"), ("Id",), (In("Id", tuple(keys)),), options=REST)
    )
    org.set_fault("slow-page", count=0, delay=8)
    context = ReadContext()
    threading.Timer(0.3, context.cancelled.set).start()
    with pytest.raises(Cancelled):
        opened(crm, fragment, context)


def test_statements_run_side_by_side_within_the_concurrency(
    org: LocalOrg, connect: Callable[..., Salesforce]
) -> None:
    narrow = connect(concurrency=2)
    keys = ids("003", range(10**6, 10**6 + 4_000))
    fragment = narrow.plan(
        ScanRequest(table(narrow, "Contact"), ("Id",), (In("Id", tuple(keys)),), options=REST)
    )
    assert len(fragment.statements) == 7
    opened(narrow, fragment)  # logged in
    most = running = 0
    lock = threading.Lock()
    send = narrow._client(ReadContext())._transport.send

    def counted(*args: object) -> object:
        nonlocal most, running
        with lock:
            running += 1
            most = max(most, running)
        try:
            return send(*args)  # type: ignore[arg-type]
        finally:
            with lock:
                running -= 1

    org.set_fault("slow-page", count=0, delay=0.05)
    narrow._client(ReadContext())._transport.send = counted  # type: ignore[method-assign,assignment]
    opened(narrow, fragment)
    assert most == 2


@pytest.mark.parametrize(
    ("column", "made"),
    [
        ("Id", lambda n: ids("001", range(10**6, 10**6 + n))),
        ("OwnerId", lambda n: ids("005", range(10**6, 10**6 + n))),
        ("NumberOfEmployees", lambda n: list(range(10_000_000, 10_000_000 + n))),
    ],
)
@pytest.mark.parametrize("count", [1, 600, 5_000, 20_000])
def test_the_bill_of_keys_is_that_of_the_statements(
    org: LocalOrg,
    crm: Salesforce,
    column: str,
    made: Callable[[int], list[Value]],
    count: int,
) -> None:
    accounts = table(crm, "Account")
    other = (Compare("IsDeleted", "=", False),)
    predicted = crm.estimate_keys(ScanRequest(accounts, ("Name",), other), column, count)
    assert predicted is not None
    keys = In(column, tuple(made(count)))
    planned = crm.plan(ScanRequest(accounts, ("Name",), (*other, keys)))
    statements = planned.statements or (planned.text,)
    assert abs(predicted.calls - len(statements)) <= max(1, 0.1 * len(statements))
    assert planned.estimate.calls == len(statements)
    assert [e for e in org.requests() if e.get("soql")] == []


def test_no_bill_for_keys_that_are_not_sent(crm: Salesforce) -> None:
    accounts = table(crm, "Account")
    request = ScanRequest(accounts, ("Id",))
    assert crm.estimate_keys(request, "Description", 10) is None  # not filterable
    assert crm.estimate_keys(request, "IsDeleted", 10) is None
    bill = crm.estimate_keys(request, "Name", 10)
    assert bill is not None and bill.calls == 1
