"""Rows from Python: each form, null against left alone, values that do not fit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from isthmus.engine.connection import Connection
from isthmus.errors import DataError, ParameterError, UnknownName, WriteFailed
from isthmus.localorg import LocalOrg
from tests.engine.writes.conftest import writing_calls


def stored(con: Connection, mark: str, columns: str) -> list[tuple[Any, ...]]:
    return con.sql(
        f"SELECT {columns} FROM crm.Account WHERE AccountNumber = ? ORDER BY Name", [mark]
    ).fetchall()


def forms(mark: str) -> Iterator[tuple[str, Any]]:
    rows = [{"Name": "a", "AccountNumber": mark}, {"Name": "b", "AccountNumber": mark}]
    yield "dicts", rows
    yield "a generator", (row for row in rows)
    yield "an Arrow table", pa.Table.from_pylist(rows)
    yield "a batch", pa.RecordBatch.from_pylist(rows)
    yield "a reader", pa.Table.from_pylist(rows).to_reader()
    yield "pandas", pd.DataFrame(rows, index=[5, 7])
    yield "Polars", pl.DataFrame(rows)
    yield (
        "a query",
        f"SELECT * FROM (VALUES ('a', '{mark}'), ('b', '{mark}')) v(NAME, accountnumber)",
    )


@pytest.mark.parametrize("form", range(8))
def test_each_form_of_rows(form: int, con: Connection, mark: str) -> None:
    _, data = list(forms(mark))[form]
    result = con.write("crm.account", data)
    assert (result.rows, result.succeeded, result.created) == (2, 2, 2)
    assert stored(con, mark, "Name") == [("a",), ("b",)]


def test_a_result_is_written_as_it_streams(con: Connection, mark: str) -> None:
    result = con.sql("SELECT 'r' || i AS Name, ? AS AccountNumber FROM range(3) r(i)", [mark])
    assert con.write("crm.Account", result).succeeded == 3


def test_a_missing_key_leaves_alone_and_none_is_null(con: Connection, mark: str) -> None:
    con.write(
        "crm.Account",
        [
            {"Name": n, "AccountNumber": mark, "Site": "s", "Industry": "Energy"}
            for n in ("a", "b", "c")
        ],
    )
    ids = [id for (id,) in stored(con, mark, "Id")]
    con.write(
        "crm.Account",
        [
            {"Id": ids[0], "Site": None},
            {"Id": ids[1], "Industry": None},
            {"Id": ids[2], "Site": "new", "Industry": "Banking"},
        ],
        mode="update",
    )
    assert stored(con, mark, "Site, Industry") == [
        (None, "Energy"),
        ("s", None),
        ("new", "Banking"),
    ]


def test_columns_may_come_late_in_a_stream(con: Connection, mark: str) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        for i in range(10_001):
            row: dict[str, Any] = {"Name": f"n{i:05}", "External_Id__c": f"{mark}{i}"}
            yield row | ({"Site": "late"} if i == 10_000 else {})

    plan = con.plan_write("crm.Account", rows(), mode="upsert", key="external_id__c", dry_run=True)
    assert plan.rows == 10_001
    assert plan.problems is not None
    assert plan.problems.num_rows == 0
    assert plan.fragments[0].request.columns == ("Name", "External_Id__c", "Site")


def test_values_take_the_types_of_their_columns(con: Connection, mark: str) -> None:
    con.write(
        "crm.Opportunity",
        [
            {
                "Name": mark,
                "StageName": "Prospecting",
                "CloseDate": "2026-02-03",
                "Amount": "12.5",
                "IsPrivate": 1,
                "Description": 7,
            },
            {
                "Name": mark,
                "StageName": "Prospecting",
                "CloseDate": datetime(2026, 2, 4),
                "Amount": Decimal("3"),
                "IsPrivate": "false",
                "Description": date(2026, 1, 1),
            },
        ],
    )
    rows = con.sql(
        "SELECT CloseDate, Amount, IsPrivate, Description FROM crm.Opportunity WHERE Name = ? "
        "ORDER BY CloseDate",
        [mark],
    ).fetchall()
    assert rows == [
        (date(2026, 2, 3), Decimal("12.50"), True, "7"),
        (date(2026, 2, 4), Decimal("3.00"), False, "2026-01-01"),
    ]


MISFITS = [
    ("NumberOfEmployees", 1.5),
    ("NumberOfEmployees", "many"),
    ("AnnualRevenue", "abc"),
]


@pytest.mark.parametrize(("column", "value"), MISFITS)
def test_a_value_that_does_not_fit_fails_its_row_alone(
    column: str, value: Any, con: Connection, mark: str
) -> None:
    rows = [{"Name": "good", "AccountNumber": mark}, {"AccountNumber": mark, column: value}]
    result = con.write("crm.Account", rows, on_error="continue")
    assert result.outcomes["success"].to_pylist() == [True, False]
    bad = result.outcomes.to_pylist()[1]
    assert (bad["error_code"], bad["error_field"]) == ("VALUE_DOES_NOT_FIT", column)
    assert stored(con, mark, "Name") == [("good",)]


def test_a_row_that_does_not_fit_stops_before_the_first_call(
    con: Connection, org: LocalOrg, mark: str
) -> None:
    for on_error in ("stop", "all_or_none"):
        with pytest.raises(WriteFailed, match="row 1: VALUE_DOES_NOT_FIT") as caught:
            con.write(
                "crm.Account",
                [{"Name": mark}, {"Name": mark, "AnnualRevenue": "x"}],
                on_error=on_error,
            )
        outcomes = caught.value.result.outcomes  # type: ignore[attr-defined]
        assert outcomes["error_code"].to_pylist()[0] == "NOT_SENT"
    assert writing_calls(org) == []


def test_times_without_a_zone_are_the_sessions(con: Connection, mark: str) -> None:
    con.time_zone = "Europe/Berlin"
    con.write(
        "crm.Event",
        [
            {
                "Subject": mark,
                "StartDateTime": "2026-07-01 12:00:00",
                "EndDateTime": datetime(2026, 7, 1, 11, 0, tzinfo=UTC),
            }
        ],
    )
    found = con.sql(
        "SELECT StartDateTime AT TIME ZONE 'UTC', EndDateTime AT TIME ZONE 'UTC' FROM crm.Event "
        "WHERE Subject = ?",
        [mark],
    ).fetchall()
    assert found == [(datetime(2026, 7, 1, 10), datetime(2026, 7, 1, 11))]


def test_two_rows_for_one_row_are_refused_however_the_key_is_written(
    con: Connection, org: LocalOrg, mark: str
) -> None:
    rows = [
        {"External_Id__c": mark, "Name": "x"},
        {"External_Id__c": mark + "other", "Name": "x"},
        {"External_Id__c": mark.upper(), "Name": "y"},
    ]
    with pytest.raises(DataError, match="rows 0 and 2"):
        con.write("crm.Account", rows, mode="upsert", key="External_Id__c")
    id = con.sql("SELECT Id FROM crm.Account LIMIT 1").fetchall()[0][0]
    with pytest.raises(DataError, match="rows 0 and 1"):
        con.write("crm.Account", [{"Id": id}, {"Id": id[:15]}], mode="delete")
    assert writing_calls(org) == []


WRONG: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    ({"Name": "x"}, {}, ParameterError, "dict"),
    (7, {}, ParameterError, "int"),
    ([7], {}, ParameterError, "row 0 is a int"),
    ([{}], {}, ParameterError, "empty"),
    ([{"Name": 1}, {"Name": ["a"]}], {}, ParameterError, "row 1 gives Name a list"),
    ([{"Nmae": 1}], {}, UnknownName, "Name"),
    ([{"Name": 1, "NAME": 2}], {}, ParameterError, "twice"),
    ([{"Name": 1}], {"mode": "replace"}, ParameterError, "upsert"),
    ([{"Name": 1}], {"mode": "upsert"}, ParameterError, "needs a key"),
    ([{"Name": 1}], {"mode": "update"}, ParameterError, "Id"),
    ([{"Id": "x", "Name": 1}], {"mode": "delete"}, ParameterError, "besides Id"),
    ([{"Name": 1}], {"mode": "update", "key": "Name"}, ParameterError, "upsert"),
    ([{"Name": 1}], {"on_error": "ignore"}, ParameterError, "continue"),
    ([{"Name": 1}], {"outcomes": "x.xlsx"}, ParameterError, "csv"),
    ([{"Name": 1}], {"options": ["carrier-pigeon"]}, ParameterError, "carrier-pigeon"),
    (
        [{"Id": 1, "Name": 1}],
        {"mode": "update", "if_unmodified_since": "Name"},
        ParameterError,
        "SystemModstamp",
    ),
]


@pytest.mark.parametrize(("data", "options", "kind", "words"), WRONG)
def test_a_call_that_can_not_be_meant_is_refused(
    data: Any, options: dict[str, Any], kind: type[Exception], words: str, con: Connection
) -> None:
    with pytest.raises(kind, match=words):
        con.write("crm.Account", data, **options)


@pytest.mark.parametrize("many", [False, True])
def test_a_row_without_its_key_is_not_sent(many: bool, con: Connection, mark: str) -> None:
    """An update of nothing must not make a record."""
    con.write("crm.Account", [{"Name": "a", "AccountNumber": mark, "External_Id__c": mark}])
    id = stored(con, mark, "Id")[0][0]
    for mode, key, value in (
        ("update", "Id", id),
        ("upsert", "External_Id__c", mark),
        ("delete", "Id", id),
    ):
        name = {} if mode == "delete" else {"Name": "b"}
        rows = [{key: None, **name}] + ([{key: value, **name}] if many else [])
        result = con.write("crm.Account", rows, mode=mode, key=key, on_error="continue")
        assert result.outcomes["success"].to_pylist() == [False, True][: len(rows)]
        assert result.outcomes["error_code"][0].as_py() == "KEY_MISSING"
    assert con.sql(
        "SELECT count(*) FROM crm.Account WHERE Name = 'b' AND AccountNumber IS NULL "
        "AND CreatedDate > now() - INTERVAL 1 HOUR"
    ).fetchall() == [(0,)]
    assert len(stored(con, mark, "Id")) == (0 if many else 1)


def test_no_rows_are_no_call(con: Connection, org: LocalOrg) -> None:
    data: Any
    for data in ([], pa.table({"Name": pa.array([], pa.string())})):
        assert con.write("crm.Account", data).rows == 0
    assert writing_calls(org) == []
