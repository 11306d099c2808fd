"""Statements that write, over the local org: what stands in it afterwards is the test."""

from __future__ import annotations

import pytest

from isthmus.engine.connection import Connection
from isthmus.errors import DataError, Refused, UnknownName, WriteFailed
from isthmus.localorg import LocalOrg
from tests.engine.writes.conftest import writing_calls


def names(con: Connection, mark: str) -> list[str]:
    """The names of the accounts that bear a mark in their AccountNumber."""
    rows = con.sql(
        "SELECT Name FROM crm.Account WHERE AccountNumber = ? ORDER BY Name", [mark]
    ).fetchall()
    return [name for (name,) in rows]


def test_an_insert_gives_an_outcome_for_each_row(con: Connection, mark: str) -> None:
    result = con.sql(
        "INSERT INTO crm.Account (Name, AccountNumber) SELECT 'n' || i, ? FROM range(3) r(i)",
        [mark],
    )
    outcomes = result.arrow().to_pylist()
    assert [(o["position"], o["created"], o["success"]) for o in outcomes] == [
        (0, True, True),
        (1, True, True),
        (2, True, True),
    ]
    ids = con.sql("SELECT Id FROM crm.Account WHERE AccountNumber = ?", [mark]).fetchall()
    assert {o["id"] for o in outcomes} == {id for (id,) in ids}
    assert result.write is not None
    assert (result.write.succeeded, result.write.created, result.write.failed) == (3, 3, 0)
    assert result.write.bill.writing.calls == 1


def test_returning_reads_what_was_stored(con: Connection, mark: str) -> None:
    rows = con.sql(
        "INSERT INTO crm.Account AS a (AccountNumber, Name) "
        "VALUES ($m, 'b'), ($m, 'a') RETURNING upper(a.Name) AS big, a.Id, IsDeleted",
        {"m": mark},
    ).arrow()
    assert rows.schema.names == ["big", "Id", "IsDeleted"]
    assert rows["big"].to_pylist() == ["B", "A"]
    assert rows["IsDeleted"].to_pylist() == [False, False]


def test_returning_the_key_alone_costs_no_call(con: Connection, org: LocalOrg, mark: str) -> None:
    con.catalog.table("crm", "Account")
    org.clear_requests()
    result = con.sql(f"INSERT INTO crm.Account (Name) VALUES ('{mark}') RETURNING Id AS new")
    assert result.arrow().schema.names == ["new"]
    assert all("/query" not in r["path"] for r in org.requests())


def test_an_update_by_a_join_sets_null_and_leaves_the_rest(con: Connection, mark: str) -> None:
    con.sql(
        "INSERT INTO crm.Account (Name, AccountNumber, Industry, Site) "
        "VALUES ('a', $m, 'Energy', 'x'), ('b', $m, 'Energy', 'y')",
        {"m": mark},
    )
    con.sql(
        "UPDATE crm.Account AS t SET Site = upper(t.Site) || s.more, Industry = NULL, "
        "Name = DEFAULT FROM (VALUES ('a', '!')) s(n, more) "
        "WHERE t.Name = s.n AND t.AccountNumber = ?",
        [mark],
    )
    rows = con.sql(
        "SELECT Name, Site, Industry FROM crm.Account WHERE AccountNumber = ? ORDER BY Name",
        [mark],
    ).fetchall()
    assert rows == [("a", "X!", None), ("b", "y", "Energy")]


def test_an_update_that_meets_a_row_twice_is_refused_before_the_first_call(
    con: Connection, org: LocalOrg, mark: str
) -> None:
    con.sql("INSERT INTO crm.Account (Name, AccountNumber) VALUES ('a', ?)", [mark])
    org.clear_requests()
    with pytest.raises(DataError, match=r"rows 0 and 1 .* same Id"):
        con.sql(
            "UPDATE crm.Account SET Site = s.v FROM (VALUES ('p'), ('q')) s(v) "
            "WHERE AccountNumber = ?",
            [mark],
        )
    assert writing_calls(org) == []
    assert con.writes().arrow().num_rows == 1  # the INSERT alone


def test_a_delete_deletes_each_row_once(con: Connection, mark: str) -> None:
    con.sql(
        "INSERT INTO crm.Account (Name, AccountNumber) VALUES ('a', $m), ('b', $m)", {"m": mark}
    )
    gone = con.sql(
        "DELETE FROM crm.Account USING (VALUES ('a'), ('a')) s(n) "
        "WHERE Account.Name = s.n AND AccountNumber = ? RETURNING Id",
        [mark],
    )
    assert gone.arrow().num_rows == 1
    assert names(con, mark) == ["b"]


def test_a_merge_on_an_external_id_reads_nothing(con: Connection, org: LocalOrg, mark: str) -> None:
    con.sql(
        "INSERT INTO crm.Account (External_Id__c, Name, AccountNumber) VALUES (?, 'old', ?)",
        [mark, mark],
    )
    org.clear_requests()
    result = con.sql(
        "MERGE INTO crm.Account t USING (VALUES ($m, 'new'), ($m || '2', 'more')) s(k, n) "
        "ON t.External_Id__c = s.k "
        "WHEN MATCHED THEN UPDATE SET Name = s.n, AccountNumber = $m "
        "WHEN NOT MATCHED THEN INSERT (External_Id__c, Name, AccountNumber) "
        "VALUES (s.k, s.n, $m)",
        {"m": mark},
    )
    assert [o["created"] for o in result.arrow().to_pylist()] == [False, True]
    assert all("/query" not in r["path"] for r in org.requests())
    assert names(con, mark) == ["more", "new"]


def test_any_other_merge_is_split_by_clause(con: Connection, mark: str) -> None:
    con.sql(
        "INSERT INTO crm.Account (External_Id__c, Name, AccountNumber) "
        "VALUES ($m || 'a', 'a', $m), ($m || 'b', 'b', $m), ($m || 'c', 'c', $m)",
        {"m": mark},
    )
    result = con.sql(
        "MERGE INTO crm.Account t "
        "USING (VALUES ('a', 'del'), ('b', 'up'), ('c', 'none'), ('d', 'new'), ('e', 'skip')) "
        "s(k, what) ON t.External_Id__c = $m || s.k "
        "WHEN MATCHED AND s.what = 'del' THEN DELETE "
        "WHEN MATCHED AND s.what = 'up' THEN UPDATE SET Name = s.k || '!' "
        "WHEN NOT MATCHED AND s.what = 'new' "
        "THEN INSERT (External_Id__c, Name, AccountNumber) VALUES ($m || s.k, s.k, $m)",
        {"m": mark},
    )
    outcomes = result.arrow()
    assert outcomes["position"].to_pylist() == [0, 1, 2, 3, 4]
    assert outcomes["success"].to_pylist() == [True] * 5
    assert names(con, mark) == ["b!", "c", "d"]


def test_on_conflict(con: Connection, mark: str) -> None:
    insert = (
        "INSERT INTO crm.Account (External_Id__c, Name, AccountNumber) "
        "VALUES ($m, $n, $m), ($m || '2', $n, $m) ON CONFLICT (External_Id__c) "
    )
    con.sql(insert + "DO NOTHING", {"m": mark, "n": "one"})
    assert names(con, mark) == ["one", "one"]
    con.sql(insert + "DO NOTHING", {"m": mark, "n": "two"})
    assert names(con, mark) == ["one", "one"]
    con.sql(
        insert + "DO UPDATE SET Name = EXCLUDED.Name, AccountNumber = EXCLUDED.AccountNumber",
        {"m": mark, "n": "three"},
    )
    assert names(con, mark) == ["three", "three"]
    con.sql(
        insert + "DO UPDATE SET Name = Account.Name || EXCLUDED.Name "
        "WHERE EXCLUDED.External_Id__c = $m",
        {"m": mark, "n": "!"},
    )
    assert names(con, mark) == ["three", "three!"]


def test_a_parent_is_named_by_its_key(con: Connection, mark: str) -> None:
    con.sql("INSERT INTO crm.Account (Name, External_Id__c) VALUES ('p', ?)", [mark])
    con.sql(
        'INSERT INTO crm.Contact (LastName, "Account.External_Id__c") VALUES (?, ?)', [mark, mark]
    )
    rows = con.sql(
        "SELECT a.Name FROM crm.Contact c JOIN crm.Account a ON a.Id = c.AccountId "
        "WHERE c.LastName = ?",
        [mark],
    ).fetchall()
    assert rows == [("p",)]


def test_a_row_that_fails_stops_the_rest_and_is_named(con: Connection, mark: str) -> None:
    with pytest.raises(WriteFailed, match=r"1 of 2 rows .*\nrow 1: REQUIRED_FIELD_MISSING") as bad:
        con.sql(
            "INSERT INTO crm.Account (Name, AccountNumber) VALUES ('a', $m), (NULL, $m)",
            {"m": mark},
        )
    result = bad.value.result
    assert result.outcomes["success"].to_pylist() == [True, False]  # type: ignore[attr-defined]
    assert names(con, mark) == ["a"]


def test_continue_tells_instead_of_raising(con: Connection, mark: str) -> None:
    result = con.sql(
        "INSERT INTO crm.Account (Name, AccountNumber) VALUES (NULL, $m), ('b', $m)",
        {"m": mark},
        on_error="continue",
    )
    assert result.write is not None
    assert (result.write.failed, names(con, mark)) == (1, ["b"])
    failed = result.write.failures.to_pylist()
    assert (failed[0]["position"], failed[0]["AccountNumber"]) == (0, mark)
    with pytest.raises(WriteFailed):
        result.write.raise_for_errors()


def test_all_or_none(con: Connection, mark: str) -> None:
    with pytest.raises(WriteFailed):
        con.sql(
            "INSERT INTO crm.Account (Name, AccountNumber) VALUES ('a', $m), (NULL, $m)",
            {"m": mark},
            on_error="all_or_none",
        )
    assert names(con, mark) == []


def test_all_or_none_is_refused_where_one_call_does_not_hold_it(
    con: Connection, org: LocalOrg, mark: str
) -> None:
    with pytest.raises(Refused, match=r"take back|all or none|all_or_none"):
        con.sql(
            "INSERT INTO crm.Account (Name, AccountNumber) SELECT 'x', ? FROM range(5000)",
            [mark],
            on_error="all_or_none",
        )
    assert writing_calls(org) == []


def test_rows_that_somebody_changed_since_are_not_written(
    con: Connection, org: LocalOrg, mark: str
) -> None:
    con.sql(
        "INSERT INTO crm.Account (Name, AccountNumber) VALUES ('a', $m), ('b', $m)", {"m": mark}
    )
    read = con.sql(
        "SELECT Id, SystemModstamp, Name FROM crm.Account WHERE AccountNumber = ? ORDER BY Name",
        [mark],
    ).arrow()
    first = read["Id"][0].as_py()
    import time

    time.sleep(1.1)  # stamps have whole seconds
    con.write("crm.Account", [{"Id": first, "Site": "theirs"}], mode="update")
    result = con.write(
        "crm.Account",
        read.set_column(2, "Name", [["ours", "ours"]]),
        mode="update",
        if_unmodified_since="SystemModstamp",
        on_error="continue",
    )
    assert result.outcomes["success"].to_pylist() == [False, True]
    assert names(con, mark) == ["a", "ours"]
    again = con.sql(
        "UPDATE crm.Account SET Name = 'mine' WHERE AccountNumber = ?", [mark], if_unmodified=True
    )
    assert again.write is not None
    assert again.write.succeeded == 2


def test_an_error_tells_its_place_in_the_statement(con: Connection) -> None:
    with pytest.raises(UnknownName) as caught:
        con.sql("UPDATE crm.Account a\nSET Name = b.x\nWHERE Nmae = 'x'")
    assert caught.value.place is not None
    assert caught.value.place.line in (2, 3)
    with pytest.raises(UnknownName, match="Acount"):
        con.sql("UPDATE crm.Acount SET Name = 'x'")


def test_what_can_not_be_written_is_refused_before_a_row_is_read(
    con: Connection, org: LocalOrg
) -> None:
    for text in (
        "UPDATE crm.Account SET LastModifiedDate = now() WHERE Name = 'x'",
        "INSERT INTO crm.Account (Id, Name) SELECT Id, Name FROM crm.Account",
    ):
        with pytest.raises(Refused):
            con.sql(text)
    assert all("/query" not in r["path"] for r in org.requests())


def test_a_query_must_give_as_many_columns_as_are_named(con: Connection) -> None:
    with pytest.raises(Refused, match="2 columns, and the query has 3"):
        con.sql("INSERT INTO crm.Account (Name, Site) SELECT 1, 2, 3")
