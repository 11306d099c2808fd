"""Scans of a real org: every row and value, the text that was sent, the bill."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import pyarrow as pa
import pytest

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Bill, Promise, ReadContext, ScanRequest
from isthmus.connectors.predicates import And, Compare, In, IsNull, Or, Predicate
from isthmus.connectors.salesforce import INCLUDE_DELETED, Salesforce
from isthmus.errors import (
    Cancelled,
    ConfigError,
    DeadlineExceeded,
    SourceError,
    SourceUnavailable,
    UnknownName,
)
from isthmus.localorg import LocalOrg
from tests.own_threads import own_threads


def table(crm: Salesforce, name: str) -> Table:
    found = crm.describe(name)
    assert found is not None
    return found


def read(
    crm: Salesforce,
    name: str,
    columns: Iterable[str],
    *predicates: Predicate,
    limit: int | None = None,
    options: frozenset[str] = frozenset(),
    context: ReadContext | None = None,
) -> pa.Table:
    request = ScanRequest(table(crm, name), tuple(columns), predicates, limit, options)
    fragment = crm.plan(request)
    batches = list(crm.open(fragment, context or ReadContext()))
    return pa.Table.from_batches(batches)


def sent(org: LocalOrg) -> list[str]:
    return [str(entry["soql"]) for entry in org.requests() if entry.get("soql")]


# Id and dates alone would not show a swapped column; these have texts, numbers and times too
NAMES = ["Account", "Contact", "Opportunity", "Case", "Lead", "User", "Event", "Task", "Trap__c"]


@pytest.mark.parametrize("name", NAMES)
def test_a_full_scan_equals_the_orgs_own_rows(org: LocalOrg, crm: Salesforce, name: str) -> None:
    found = table(crm, name)
    read(crm, name, ["Id"])  # the demo makes an object's rows when it is first asked for
    stored = {row[0] for row in org.store.cursor().execute(f'DESCRIBE "{name}"').fetchall()}
    columns = [c for c in found.columns if c.name in stored]
    casts = {pa.timestamp("ms", "UTC"): "TIMESTAMPTZ"}
    wanted = ", ".join(
        f'"{c.name}"::{casts[c.type]}' if c.type in casts else f'"{c.name}"' for c in columns
    )
    cursor = org.store.cursor()
    cursor.execute("SET TimeZone = 'UTC'")
    truth = cursor.execute(
        f'SELECT {wanted} FROM "{name}" WHERE NOT "IsDeleted" ORDER BY "Id"'
    ).fetchall()
    got = read(crm, name, [c.name for c in columns])
    assert got.schema.types == [c.type for c in columns]
    rows = list(zip(*(column.to_pylist() for column in got.columns), strict=True))
    assert rows == truth


def test_the_text_that_explain_shows_is_the_text_that_is_sent(
    org: LocalOrg, crm: Salesforce
) -> None:
    wanted = (Compare("Industry", "=", "Banking"), Compare("AnnualRevenue", ">", 1000))
    fragment = crm.plan(ScanRequest(table(crm, "account"), ("Name",), wanted))
    assert fragment.text == (
        "SELECT Name, Industry FROM Account WHERE Industry = 'Banking' "
        "AND AnnualRevenue > 1000 AND AnnualRevenue != null ORDER BY Id"
    )
    assert fragment.columns == ("Name", "Industry")  # Industry is compared again, with case
    assert [j.promise for j in fragment.judgements] == [Promise.SUPERSET, Promise.EXACT]
    assert sent(org) == []
    list(crm.open(fragment, ReadContext()))
    assert sent(org)[0] == fragment.text


def test_deleted_rows_come_only_when_asked_for(org: LocalOrg, crm: Salesforce) -> None:
    deleted = Compare("IsDeleted", "=", True)
    assert read(crm, "Account", ["Id"], deleted).num_rows == 0
    everything = frozenset({INCLUDE_DELETED})
    count = org.store.cursor().execute('SELECT count(*) FROM "Account" WHERE "IsDeleted"')
    gone = count.fetchall()[0][0]
    assert read(crm, "Account", ["Id"], deleted, options=everything).num_rows == gone > 0


def test_an_unknown_option_or_column_is_refused(crm: Salesforce) -> None:
    accounts = table(crm, "Account")
    with pytest.raises(UnknownName, match="include_deleted"):
        crm.plan(ScanRequest(accounts, ("Id",), options=frozenset({"all"})))
    with pytest.raises(UnknownName, match="Nmae"):
        crm.plan(ScanRequest(accounts, ("Nmae",)))


def test_rows_alone_can_be_asked_for(crm: Salesforce) -> None:
    fragment = crm.plan(ScanRequest(table(crm, "Account"), ()))
    batches = list(crm.open(fragment, ReadContext()))
    assert {batch.num_columns for batch in batches} == {0}
    assert sum(batch.num_rows for batch in batches) == read(crm, "Account", ["Id"]).num_rows


def test_a_limit_is_sent_only_when_every_filter_is_exact(crm: Salesforce) -> None:
    accounts = table(crm, "Account")
    exact, superset = Compare("IsDeleted", "=", False), Compare("Name", "=", "x")
    with_limit = crm.plan(ScanRequest(accounts, ("Id",), (exact,), limit=5))
    assert with_limit.text.endswith("LIMIT 5")
    without = crm.plan(ScanRequest(accounts, ("Id",), (exact, superset), limit=5))
    assert "LIMIT" not in without.text
    assert read(crm, "Account", ["Id"], exact, limit=5).num_rows == 5


def test_limit_zero_makes_no_call(org: LocalOrg, crm: Salesforce) -> None:
    fragment = crm.plan(ScanRequest(table(crm, "Account"), ("Id",), limit=0))
    assert list(crm.open(fragment, ReadContext())) == []
    assert sent(org) == []


def test_an_empty_answer_has_the_columns(crm: Salesforce) -> None:
    got = read(crm, "Account", ["Name", "AnnualRevenue"], Compare("NumberOfEmployees", "=", -1))
    assert (got.num_rows, got.column_names) == (0, ["Name", "AnnualRevenue"])


def test_a_list_that_is_too_long_stays_here(crm: Salesforce) -> None:
    # it is a condition of its own that can be parted (test_salesforce_keys), not an arm of an OR
    many = Or((In("Name", tuple(f"name {n:06}" for n in range(5_000))), IsNull("Name")))
    few = Compare("IsDeleted", "=", False)
    fragment = crm.plan(ScanRequest(table(crm, "Account"), ("Id",), (many, few)))
    first, second = fragment.judgements
    assert (first.promise, first.reason) == (Promise.LOCAL, "too long for one statement")
    assert second.promise is Promise.EXACT
    assert fragment.columns == ("Id", "Name")
    assert crm.judge(table(crm, "Account"), many).promise is Promise.LOCAL


def test_together_too_long_loses_the_longest(crm: Salesforce) -> None:
    parts = tuple(In("Name", tuple(f"{p}{n:06}" for n in range(500))) for p in "abcde")
    long: tuple[Predicate, ...] = (*parts, Compare("Industry", "=", "y"))
    fragment = crm.plan(ScanRequest(table(crm, "Account"), ("Id",), long))
    promises = [j.promise for j in fragment.judgements]
    assert Promise.LOCAL in promises[:5] and promises[5] is Promise.SUPERSET
    list(crm.open(fragment, ReadContext()))  # and the server takes it


def test_too_many_columns_are_refused_with_the_remedy(crm: Salesforce) -> None:
    accounts = table(crm, "Account")
    wide = Table(
        source="crm",
        name="Account",
        columns=tuple(
            type(c)(f"{c.name}_{n:036}__c", c.type, properties=c.properties)
            for n in range(10)
            for c in accounts.columns
        ),
    )
    with pytest.raises(SourceError, match=r"too many[\s\S]*SELECT \*"):
        crm.plan(ScanRequest(wide, tuple(c.name for c in wide.columns)))


def test_the_bill_counts_calls_rows_and_bytes(org: LocalOrg, crm: Salesforce) -> None:
    context = ReadContext()
    got = read(crm, "Account", ["Name"], context=context)
    bill = context.meter.bill
    pages = [entry for entry in org.requests() if "/query" in str(entry["path"])]
    assert (bill.calls, bill.rows) == (len(pages), got.num_rows)
    assert bill.calls == context.meter.pages > 1
    assert 0 < bill.bytes < got.nbytes * 10


def test_the_bill_is_predicted_without_a_data_call(org: LocalOrg, crm: Salesforce) -> None:
    accounts = table(crm, "Account")
    count = crm.row_count(accounts)
    assert count is not None and not count.exact
    everything = crm.plan(ScanRequest(accounts, ("Id",))).estimate
    one = crm.plan(
        ScanRequest(accounts, ("Id",), (Compare("Id", "=", "001000000000001AAA"),))
    ).estimate
    assert everything.rows == count.rows and everything.calls == 1
    assert (one.rows, one.calls) == (1, 1)
    assert everything.basis and one.bytes < everything.bytes
    assert sent(org) == []


def test_tables_and_describes_are_found_in_any_case_and_kept(
    org: LocalOrg, crm: Salesforce
) -> None:
    assert {"Account", "Opportunity"} <= {t.name for t in crm.tables()}
    assert crm.describe("ACCOUNT") is crm.describe("account")
    assert crm.describe("Nothing") is None
    assert crm.metadata_bill.metadata_calls == 2
    assert crm.metadata_bill.calls == 0


def test_threads_that_ask_for_a_table_share_one_describe(crm: Salesforce) -> None:
    found: list[Table | None] = []
    threads = [
        threading.Thread(target=lambda n=n: found.append(crm.describe(n)))
        for n in ("Account", "account", "Contact", "CONTACT", "Lead")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({t.name for t in found if t is not None}) == 3 and None not in found
    assert crm.metadata_bill.metadata_calls == 3


def test_an_object_that_is_not_there_is_looked_for_in_the_list(crm: Salesforce) -> None:
    assert crm.describe("Acount") is None
    assert crm.describe("../limits") is None
    assert crm.metadata_bill.metadata_calls == 2  # its describe, then the list
    assert crm.describe("Conttact") is None
    assert crm.metadata_bill.metadata_calls == 2


def test_refresh_revalidates_a_describe(org: LocalOrg, crm: Salesforce) -> None:
    before = crm.describe("Account")
    org.clear_requests()
    crm.refresh()
    assert crm.describe("Account") is before
    statuses = [e["status"] for e in org.requests() if str(e["path"]).endswith("/describe")]
    assert statuses == [304]


def test_a_table_has_keys_references_and_says_what_it_leaves_out(crm: Salesforce) -> None:
    contacts, events = table(crm, "Contact"), table(crm, "Event")
    assert contacts.primary_key == ("Id",)
    account = contacts.column("AccountId").reference
    assert account is not None
    assert (account.targets, account.target_column, account.name) == (("Account",), "Id", "Account")
    what = events.column("WhatId").reference
    assert what is not None and len(what.targets) > 1
    assert "compound" in dict(contacts.omitted)["MailingAddress"]
    assert contacts.column("MailingCity").type == pa.string()


def test_decimal_places_widen_a_column(connect: Callable[..., Salesforce]) -> None:
    wide = connect(decimal_places={"account.annualrevenue": 4})
    assert table(wide, "Account").column("AnnualRevenue").type == pa.decimal128(22, 4)
    assert read(wide, "Account", ["AnnualRevenue"]).num_rows > 0
    with pytest.raises(ConfigError, match=r"Account\.nothing"):
        connect(decimal_places={"Account.Nothing": 4}).describe("Account")


def test_check_finds_a_healthy_org_healthy(crm: Salesforce) -> None:
    findings = list(crm.check())
    assert [f.subject for f in findings] == ["login", "API version", "API calls", "objects"]
    assert all(f.ok for f in findings)


@pytest.mark.parametrize("way", ["cancel", "deadline"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_slow_read_stops_within_a_second(
    org: LocalOrg, crm: Salesforce, way: str, nth: int
) -> None:
    fragment = crm.plan(ScanRequest(table(crm, "Account"), ("Name",)))
    org.set_fault("slow-page", nth=nth, count=0, delay=8)
    started = time.monotonic()
    if way == "cancel":
        context = ReadContext()
        threading.Timer(0.3, context.cancelled.set).start()
    else:
        context = ReadContext(deadline=started + 0.3)
    with pytest.raises(Cancelled if way == "cancel" else DeadlineExceeded):
        list(crm.open(fragment, context))
    assert time.monotonic() - started < 1.0
    _no_thread_is_left()


def test_a_reader_that_leaves_early_leaves_nothing_running(org: LocalOrg, crm: Salesforce) -> None:
    fragment = crm.plan(ScanRequest(table(crm, "Account"), ("Name",)))
    org.set_fault("slow-page", nth=2, count=0, delay=8)
    batches = crm.open(fragment, ReadContext())
    next(batches)
    batches.close()  # type: ignore[attr-defined]  # it is a generator
    _no_thread_is_left()


def _no_thread_is_left() -> None:
    end = time.monotonic() + 1.0
    while "isthmus-salesforce" in own_threads():
        assert time.monotonic() < end, "a read is still running"
        time.sleep(0.01)


def test_scans_run_side_by_side(crm: Salesforce) -> None:
    wanted = read(crm, "Account", ["Id", "Name"])
    found: list[pa.Table] = []
    threads = [
        threading.Thread(target=lambda: found.append(read(crm, "Account", ["Id", "Name"])))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6 and all(t.equals(wanted) for t in found)


def test_a_fragment_can_be_opened_twice(crm: Salesforce) -> None:
    predicate = And((Compare("IsDeleted", "=", False), Compare("NumberOfEmployees", ">", 10)))
    fragment = crm.plan(ScanRequest(table(crm, "Account"), ("Id",), (predicate,)))
    once, twice = (pa.Table.from_batches(crm.open(fragment, ReadContext())) for _ in range(2))
    assert once.equals(twice)
    assert isinstance(fragment.estimate, Bill)


def test_a_read_by_id_needs_no_order(crm: Salesforce) -> None:
    accounts = table(crm, "Account")
    one = Compare("Id", "=", "001000000000001AAA")
    assert "ORDER BY" not in crm.plan(ScanRequest(accounts, ("Id",), (one,))).text
    assert crm.plan(ScanRequest(accounts, ("Id",))).text.endswith("ORDER BY Id")


def test_a_page_that_takes_too_long_is_given_up(
    org: LocalOrg, connect: Callable[..., Salesforce]
) -> None:
    impatient = connect(timeout=0.2)
    table(impatient, "Account")
    org.set_fault("slow-page", count=0, delay=2)
    with pytest.raises(SourceUnavailable, match=r"TIMEOUT[\s\S]*timeout"):
        read(impatient, "Account", ["Id"])
