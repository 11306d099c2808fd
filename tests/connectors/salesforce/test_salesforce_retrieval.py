"""Rows by their Ids: the same rows and types as queries give, in fewer calls, or not at all."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Bill, Fragment, Promise, ReadContext, ScanRequest
from isthmus.connectors.predicates import Compare, In, IsNull, Not, Or, Predicate
from isthmus.connectors.salesforce import INCLUDE_DELETED, Salesforce
from isthmus.connectors.salesforce.decode import Decoder, Malformed
from isthmus.connectors.salesforce.estimate import Predicted
from isthmus.connectors.salesforce.planning import draft
from isthmus.connectors.salesforce.reading import Org
from isthmus.connectors.salesforce.retrieval import pays, retrieval, retrieved_rows
from isthmus.connectors.salesforce.retry import Policy
from isthmus.engine import recheck
from isthmus.errors import Cancelled, DataError, SourceUnavailable
from isthmus.localorg import LocalOrg
from isthmus.localorg.errors import OrgError
from isthmus.localorg.ids import make
from isthmus.localorg.retrieve import retrieve
from tests.connectors.salesforce.hard import HARD, described, fill

QUICK = Policy(base=0.01, cap=0.05)
REST = frozenset({"rest"})
NOWHERE = tuple(make("003", n) for n in range(10**6, 10**6 + 1_900))


def table(crm: Salesforce, name: str) -> Table:
    found = crm.describe(name)
    assert found is not None
    return found


def read(crm: Salesforce, fragment: Fragment, context: ReadContext | None = None) -> pa.Table:
    schema = pa.schema([fragment.request.table.schema.field(c) for c in fragment.columns])
    batches = list(crm.open(fragment, context or ReadContext()))
    return pa.Table.from_batches(batches).cast(schema) if batches else schema.empty_table()


def ids_of(crm: Salesforce, name: str) -> list[str]:
    request = ScanRequest(table(crm, name), ("Id",), options=REST)
    return [str(i) for i in read(crm, crm.plan(request)).column("Id").to_pylist()]


def asked(crm: Salesforce, name: str, ids: tuple[str, ...], *more: Predicate) -> ScanRequest:
    described = table(crm, name)
    return ScanRequest(described, tuple(c.name for c in described.columns), (In("Id", ids), *more))


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Salesforce]:
    folder = tmp_path_factory.mktemp("hard")
    (folder / "Hard__c.json").write_text(json.dumps(described()))
    with LocalOrg("empty", describes=folder) as org:
        fill(org)
        path = folder / "ready.json"
        path.write_text(json.dumps(org.ready))
        made = Salesforce("crm", {"ready_file": str(path)}, policy=QUICK)
        yield made
        made.close()


@pytest.mark.parametrize("gaps", [False, True], ids=["all there", "with gaps"])
def test_every_type_and_hard_value_is_the_same_as_by_query(hard: Salesforce, gaps: bool) -> None:
    """With gaps the JSON reader reads them, without the flat one."""
    there = ids_of(hard, "Hard__c")
    assert len(there) == len(HARD["T__c"]) + 1
    nowhere = [make("a30", n) for n in range(10**6, 10**6 + 700)]
    keys = [*nowhere[:300], *there[:5], *nowhere[300:], *there[5:]] if gaps else there
    request = asked(hard, "Hard__c", tuple(keys))
    found = retrieval(draft(request))
    assert found is not None
    context = ReadContext()
    org = Org("crm", hard._client(context), "query", 4)
    batches = retrieved_rows(org, found, context, pytest.fail)
    by_ids = pa.Table.from_batches(batches).sort_by("Id")
    queried = hard.open(hard.plan(replace(request, options=REST)), ReadContext())
    by_query = pa.Table.from_batches(queried).sort_by("Id")
    assert by_ids.schema == by_query.schema
    for name in by_query.column_names:
        assert by_ids.column(name).to_pylist() == by_query.column(name).to_pylist(), name
    assert context.meter.bill.rows == len(there)
    assert context.meter.bill.calls == 1


def test_two_thousand_ids_are_one_call(org: LocalOrg, crm: Salesforce) -> None:
    there = tuple(ids_of(crm, "Contact"))[:100]
    request = ScanRequest(table(crm, "Contact"), ("Id",), (In("Id", there + NOWHERE),))
    fragment = crm.plan(request)
    assert fragment.access_path == "Id lookup"
    assert fragment.statements == () and fragment.estimate.calls == 1
    ids = ",".join(f'"{i}"' for i in there + NOWHERE)
    assert fragment.text == (
        f'POST composite/sobjects/Contact {{"ids":[{ids}],"fields":["Id","IsDeleted"]}}'
    )
    org.clear_requests()
    context = ReadContext()
    assert sorted(read(crm, fragment, context).column("Id").to_pylist()) == sorted(there)
    assert [(e["method"], e["path"].split("/")[-1], e["rows"]) for e in org.requests()] == [
        ("POST", "Contact", 100)
    ]
    bill = context.meter.bill
    assert (bill.calls, bill.query_calls, bill.rows) == (1, 1, 100) and bill.bytes > 100


def test_calls_and_rows_lie_in_the_predicted_range(crm: Salesforce) -> None:
    keys = (*ids_of(crm, "Contact"), *NOWHERE, *(make("003", n) for n in range(2**21, 2**21 + 500)))
    fragment = crm.plan(ScanRequest(table(crm, "Contact"), ("Name",), (In("Id", keys),)))
    assert len(fragment.statements) == -(-len(keys) // 2_000) == fragment.estimate.calls
    context = ReadContext()
    assert read(crm, fragment, context).num_rows == len(ids_of(crm, "Contact"))
    bill, high = context.meter.bill, fragment.high
    assert high is not None
    assert fragment.low.calls <= bill.calls <= high.calls
    assert fragment.low.rows <= bill.rows <= high.rows
    predicted = crm.estimate_keys(ScanRequest(table(crm, "Contact"), ("Name",)), "Id", len(keys))
    assert predicted is not None and predicted.calls == bill.calls


def test_other_filters_are_left_to_the_engine(crm: Salesforce) -> None:
    there = tuple(ids_of(crm, "Contact"))
    others = (
        Compare("IsDeleted", "=", False),
        Not(IsNull("Email")),
        Or((Compare("LastName", "=", "Nobody"), In("LeadSource", ("Web", "Other")))),
    )
    request = ScanRequest(table(crm, "Contact"), ("Name",), (*others, In("Id", there + NOWHERE)))
    fragment = crm.plan(request)
    assert fragment.access_path == "Id lookup"
    *rest, keys = fragment.judgements
    assert keys.promise is Promise.EXACT
    assert {j.promise for j in rest} == {Promise.LOCAL}
    assert all("filtered here" in j.reason for j in rest)
    assert fragment.columns == ("Name", "IsDeleted", "Email", "LastName", "LeadSource")
    again = recheck.expression(fragment.rechecked, request.table.schema)
    by_query = crm.plan(replace(request, options=REST))
    more = recheck.expression(by_query.rechecked, request.table.schema)
    names = [
        sorted(rows.filter(test).column("Name").to_pylist())
        for rows, test in ((read(crm, fragment), again), (read(crm, by_query), more))
    ]
    assert names[0] == names[1] and names[0]


def predicted(calls: int, rows: int) -> Predicted:
    bill = Bill(calls=calls, rows=rows)
    return Predicted(bill, bill, bill)


def test_filters_that_keep_few_rows_of_many_are_worth_more_than_calls() -> None:
    """A call that is saved is worth a page of rows."""
    assert pays(predicted(2, 10), predicted(1, 2_010))
    assert not pays(predicted(2, 10), predicted(1, 2_011))
    assert pays(predicted(3, 10), predicted(1, 4_010))
    assert not pays(predicted(1, 10), predicted(1, 10))


def test_a_short_list_stays_a_filter(crm: Salesforce) -> None:
    request = ScanRequest(table(crm, "Contact"), ("Id",), (In("Id", NOWHERE[:600]),))
    assert crm.plan(request).access_path == "REST query"


@pytest.mark.parametrize(
    "made",
    [
        lambda r: replace(r, options=REST),
        lambda r: replace(r, options=frozenset({"bulk"})),
        lambda r: replace(r, options=frozenset({"parallel"})),
        lambda r: replace(r, options=frozenset({INCLUDE_DELETED})),
        lambda r: replace(r, limit=5),
        lambda r: replace(r, after=NOWHERE[0]),
        lambda r: replace(r, predicates=(*r.predicates, IsNull("Longitude__c"))),
    ],
    ids=["rest", "bulk", "parallel", "deleted", "limit", "after", "float"],
)
def test_where_rows_are_not_asked_for_by_ids(
    crm: Salesforce, made: Callable[[ScanRequest], ScanRequest]
) -> None:
    contacts = table(crm, "Contact")
    number = replace(contacts.column("CreatedDate"), name="Longitude__c", type=pa.float64())
    number = replace(number, source_type="double")
    contacts = replace(contacts, columns=(*contacts.columns, number))
    request = ScanRequest(contacts, ("Id",), (In("Id", NOWHERE),))
    assert retrieval(draft(request)) is not None
    assert crm.plan(made(request)).access_path != "Id lookup"


def test_objects_whose_retrieves_may_differ_are_queried(crm: Salesforce) -> None:
    contacts = table(crm, "Contact")
    tasks = table(crm, "Task")
    assert any(column.name == "IsArchived" for column in tasks.columns)
    described = dict(contacts.properties, retrieveable=False)
    long = replace(contacts.column("Description"), name="More__c")
    assert contacts.column("Description").properties["length"] > 255
    for other, columns in [
        (tasks, ("Id",)),
        (replace(contacts, properties=described), ("Id",)),
        (replace(contacts, name="Contact__x"), ("Id",)),
        (replace(contacts, columns=(*contacts.columns, long)), ("Description", "More__c")),
    ]:
        assert retrieval(draft(ScanRequest(other, columns, (In("Id", NOWHERE),)))) is None
    assert retrieval(draft(ScanRequest(contacts, ("Description",), (In("Id", NOWHERE),))))


def test_a_deleted_row_that_an_org_still_gives_is_no_row(
    org: LocalOrg, crm: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = ids_of(crm, "Contact")
    _answer(monkeypatch, lambda body: body.replace(b'"IsDeleted":false', b'"IsDeleted":true', 3))
    request = ScanRequest(table(crm, "Contact"), ("Id",), (In("Id", tuple(there[:90]) + NOWHERE),))
    assert read(crm, crm.plan(request)).num_rows == 87


def _answer(monkeypatch: pytest.MonkeyPatch, change: Callable[[bytes], bytes]) -> None:
    """Have the org answer otherwise."""

    def changed(*args: Any) -> Any:
        found = retrieve(*args)
        return replace(found, body=change(found.body))

    monkeypatch.setattr("isthmus.localorg.resources.collections.retrieve", changed)


def test_an_answer_that_is_too_short_is_an_error(
    crm: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    _answer(monkeypatch, lambda body: body.replace(b"null,", b"", 1))
    fragment = crm.plan(ScanRequest(table(crm, "Contact"), ("Id",), (In("Id", NOWHERE),)))
    with pytest.raises(DataError, match="1900 Ids were sent and 1899 answers came"):
        read(crm, fragment)


@pytest.mark.parametrize(
    "fault", ["expired-session", "server-unavailable", "server-error", "drop-connection",
              "malformed-json", "too-many-requests", "concurrent-requests"],
)  # fmt: skip
def test_a_call_that_fails_is_repeated(org: LocalOrg, crm: Salesforce, fault: str) -> None:
    there = tuple(ids_of(crm, "Contact"))[:80]
    fragment = crm.plan(asked(crm, "Contact", there + NOWHERE))
    org.set_fault(fault, path="composite", nth=1)
    context = ReadContext()
    assert read(crm, fragment, context).num_rows == len(there)
    assert context.meter.bill.calls == 2


def test_a_call_that_fails_for_good_is_an_error(org: LocalOrg, crm: Salesforce) -> None:
    fragment = crm.plan(ScanRequest(table(crm, "Contact"), ("Id",), (In("Id", NOWHERE),)))
    org.set_fault("malformed-json", path="composite", count=0)
    with pytest.raises(SourceUnavailable, match=r"reading Contact by Ids: BAD_JSON.*6 times"):
        read(crm, fragment)


def test_an_org_that_gives_no_records_by_ids_is_queried(
    org: LocalOrg, crm: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any) -> None:
        raise OrgError(400, "INVALID_TYPE_FOR_OPERATION", "entity type does not support retrieve")

    there = ids_of(crm, "Contact")
    request = ScanRequest(table(crm, "Contact"), ("Name",), (In("Id", tuple(there) + NOWHERE),))
    fragment = crm.plan(request)
    monkeypatch.setattr("isthmus.localorg.resources.collections.retrieve", refuse)
    context = ReadContext()
    assert read(crm, fragment, context).num_rows == len(there)
    assert context.meter.bill.rows == len(there)
    assert crm.plan(request).access_path == "REST query"  # not again
    assert crm.plan(replace(request, table=table(crm, "Account"))).access_path == "Id lookup"


def test_a_cancel_ends_it(org: LocalOrg, crm: Salesforce) -> None:
    fragment = crm.plan(ScanRequest(table(crm, "Contact"), ("Id",), (In("Id", NOWHERE),)))
    org.set_fault("slow-page", path="composite", count=0, delay=8)
    context, start = ReadContext(), time.monotonic()
    threading.Timer(0.3, context.cancelled.set).start()
    with pytest.raises(Cancelled):
        read(crm, fragment, context)
    assert time.monotonic() - start < 2


def test_lists_that_are_none(crm: Salesforce) -> None:
    columns = (table(crm, "Contact").column("Id"),)
    decoder = Decoder("Contact", columns, ("Id",))
    one = b'{"attributes":{"type":"Contact","url":"/x"},"Id":"%b"}' % NOWHERE[0].encode()
    for body in (b"", b"null", b"{}", b"[1]", b'["x"]', b"[%b" % one, b"[%b,]" % one, b"[[]]"):
        with pytest.raises((Malformed, DataError)):
            decoder.records(body)
    for body, places, rows in [
        (b"[]", 0, 0),
        (b"[null]", 1, 0),
        (b"[%b]" % one, 1, 1),
        (b" [null,%b , null] " % one, 3, 1),
        (b"[%b,null,%b]" % (one, one), 3, 2),
    ]:
        come, batch = decoder.records(body)
        assert (come, batch.num_rows) == (places, rows)
    lacking = b'[null,{"attributes":{"type":"Contact","url":"/x"}}]'
    with pytest.raises(DataError, match="lacks Id"):
        decoder.records(lacking)


def test_a_text_that_looks_like_a_gap_is_a_text(crm: Salesforce) -> None:
    columns = tuple(table(crm, "Contact").column(n) for n in ("Id", "LastName"))
    decoder = Decoder("Contact", columns, ("LastName",))
    names = ["},null,{", "null", '"', "[null]", "\\"]
    records = [{"attributes": {"type": "C", "url": "/x"}, "Id": "x", "LastName": n} for n in names]
    for answer in (records, [None, *records], [*records, None], [records[0], None, *records[1:]]):
        come, batch = decoder.records(json.dumps(answer, separators=(",", ":")).encode())
        assert come == len(answer)
        assert batch.column("LastName").to_pylist() == names


def test_a_source_that_reads_pages_keeps_to_them(tmp_path: Path, org: LocalOrg) -> None:
    path = tmp_path / "org.json"
    path.write_text(json.dumps({**org.ready, "access_token": None}))
    pages = Salesforce("crm", {"ready_file": str(path), "access": "rest"}, policy=QUICK)
    request = ScanRequest(table(pages, "Contact"), ("Id",), (In("Id", NOWHERE),))
    assert pages.plan(request).access_path == "REST query"
    bill = pages.estimate_keys(ScanRequest(request.table, ("Id",)), "Id", 1_900)
    assert bill is not None and bill.calls == len(pages.plan(request).statements)
    pages.close()
