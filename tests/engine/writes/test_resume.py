"""Writes that are broken off go on, nothing is written twice, and files and journal agree."""

from __future__ import annotations

import csv
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from isthmus.engine.connection import Connection
from isthmus.engine.writes.hold import held
from isthmus.engine.writes.run import WriteProgress
from isthmus.errors import (
    Cancelled,
    DeadlineExceeded,
    IsthmusError,
    ParameterError,
    UnknownName,
    WriteFailed,
    WriteRunning,
)
from isthmus.localorg import LocalOrg
from tests.engine.writes.conftest import MakeConnection, writing_calls


def rows(mark: str, count: int) -> list[dict[str, Any]]:
    return [{"Name": f"n{i:05}", "External_Id__c": f"{mark}-{i}"} for i in range(count)]


def there(con: Connection, mark: str) -> int:
    found = con.sql(
        "SELECT count(*) FROM crm.Account WHERE starts_with(External_Id__c, ?)", [mark + "-"]
    )
    return int(found.fetchall()[0][0])


def stop_after(chunks: int, con: Connection) -> Any:
    """A progress callback that interrupts the connection."""
    seen: list[WriteProgress] = []

    def progress(told: WriteProgress) -> None:
        seen.append(told)
        if len(seen) == chunks:
            threading.Thread(target=con.interrupt).start()

    return progress


def test_a_write_that_is_cancelled_goes_on_in_another_process(
    connect: MakeConnection, mark: str, state: Path
) -> None:
    first = connect({"concurrency": 1})
    with pytest.raises(Cancelled, match=r"con\.resume"):
        first.write(
            "crm.Account",
            rows(mark, 1_000),
            mode="upsert",
            key="External_Id__c",
            write_id="w-mine",
            progress=stop_after(2, first),
        )
    listed = first.writes().arrow().to_pylist()[0]
    assert (listed["id"], listed["state"], listed["rows"]) == ("w-mine", "unfinished", 1_000)
    assert 400 <= listed["succeeded"] < 1_000
    first.close()
    second = connect({"concurrency": 1})
    result = second.resume("w-mine")
    assert (result.rows, result.succeeded, result.resumable) == (1_000, 1_000, False)
    assert result.outcomes["position"].to_pylist() == list(range(1_000))
    assert there(second, mark) == 1_000
    assert list((state / "writes").iterdir()) == []


def test_a_finished_write_is_not_sent_again(con: Connection, org: LocalOrg, mark: str) -> None:
    once = con.write("crm.Account", [{"Name": mark}], write_id=mark)
    org.clear_requests()
    again = con.write("crm.Account", [{"Name": mark}], write_id=mark)
    assert again.outcomes.equals(once.outcomes)
    assert con.resume(mark).outcomes.equals(once.outcomes)
    assert writing_calls(org) == []


def test_a_lost_answer_is_looked_for(con: Connection, org: LocalOrg, mark: str) -> None:
    org.set_fault("drop-connection", path="/composite/sobjects", keep=0)
    result = con.write("crm.Account", rows(mark, 3), mode="upsert", key="External_Id__c")
    assert result.succeeded == 3
    assert there(con, mark) == 3


def test_a_stopped_write_tells_what_was_not_sent_and_goes_on_without_it(
    connect: MakeConnection, mark: str
) -> None:
    con = connect({"concurrency": 1})
    data = rows(mark, 900)
    data[250]["Name"] = None
    with pytest.raises(WriteFailed, match=r"row 250: REQUIRED_FIELD_MISSING") as caught:
        con.write("crm.Account", data, write_id=mark)
    result = caught.value.result
    assert "con.resume" in str(caught.value)
    codes = result.outcomes["error_code"].to_pylist()  # type: ignore[attr-defined]
    assert codes[250] == "REQUIRED_FIELD_MISSING"
    assert codes[-1] == "NOT_SENT"
    assert there(con, mark) == codes.count(None)
    with pytest.raises(WriteFailed, match="1 of 900 rows"):
        con.resume(mark)
    assert there(con, mark) == 899


def test_a_place_is_held_by_one(tmp_path: Path) -> None:
    with (
        held(tmp_path / "w-1"),
        pytest.raises(WriteRunning, match=r"w-1 is under way in process \d+ on"),
        held(tmp_path / "w-1"),
    ):
        pass
    with held(tmp_path / "w-1"):
        pass


def test_a_write_that_never_began_leaves_its_neighbours_alone(
    con: Connection, org: LocalOrg, mark: str, state: Path
) -> None:
    con.catalog.table("crm", "Account")
    org.set_fault("server-unavailable", path="/sobjects", count=0)
    with pytest.raises(IsthmusError, match=r"con\.resume"):
        con.write("crm.Account", rows(mark, 1), write_id=f"{mark}-2", timeout=0.5)
    org.clear_faults()
    with pytest.raises(UnknownName):
        con.write("crm.Account", [{"Nmae": 1}], write_id=mark)
    assert [f.name for f in (state / "writes").iterdir()] == [f"{mark}-2"]
    assert con.resume(f"{mark}-2").succeeded == 1
    assert list((state / "writes").iterdir()) == []


def test_a_name_is_of_one_write(con: Connection, mark: str) -> None:
    con.write("crm.Account", [{"Name": mark}], write_id=mark)
    with pytest.raises(ParameterError, match=r"was: insert crm\.Account"):
        con.write("crm.Contact", [{"LastName": mark}], write_id=mark)
    with pytest.raises(ParameterError, match="names a folder"):
        con.write("crm.Account", [{"Name": mark}], write_id="../x")


def test_the_holder_of_a_write_is_named(connect: MakeConnection, mark: str, state: Path) -> None:
    first, second = connect({"concurrency": 1}), connect()
    met: list[IsthmusError] = []

    def progress(told: WriteProgress) -> None:
        if not met:
            with pytest.raises(WriteRunning, match=r"under way in process \d+") as caught:
                second.resume(mark)
            met.append(caught.value)

    result = first.write("crm.Account", rows(mark, 450), write_id=mark, progress=progress)
    assert (result.succeeded, len(met)) == (450, 1)


def test_a_timeout_leaves_the_rest(con: Connection, org: LocalOrg, mark: str) -> None:
    org.set_fault("server-unavailable", path="/composite/sobjects", count=0)
    with pytest.raises((DeadlineExceeded, IsthmusError), match=r"con\.resume"):
        con.write(
            "crm.Account",
            rows(mark, 3),
            mode="upsert",
            key="External_Id__c",
            write_id=mark,
            timeout=1.0,
        )
    org.clear_faults()
    assert con.resume(mark).succeeded == 3
    assert there(con, mark) == 3


def test_without_a_state_folder_only_the_connection_can_go_on(
    connect: MakeConnection, org: LocalOrg, mark: str
) -> None:
    con = connect(state=None)
    assert "no state folder" in str(con.plan_write("crm.Account", [{"Name": "x"}]))
    org.set_fault("server-unavailable", path="/sobjects", count=0)
    with pytest.raises(IsthmusError, match="no state folder"):
        con.write("crm.Account", rows(mark, 1), write_id=mark, timeout=0.5)
    org.clear_faults()
    assert con.resume(mark).succeeded == 1
    folder = con._keep.journal().folder
    con.close()
    assert not folder.exists()


def test_an_unknown_write_is_refused(con: Connection) -> None:
    with pytest.raises(UnknownName, match=r"con\.writes"):
        con.resume("w-nothing")


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_the_file_of_outcomes_is_whole_after_a_break(
    ending: str, connect: MakeConnection, mark: str, tmp_path: Path
) -> None:
    file = tmp_path / f"outcomes.{ending}"
    con = connect({"concurrency": 1})
    with pytest.raises(Cancelled):
        con.write(
            "crm.Account",
            rows(mark, 800),
            mode="upsert",
            key="External_Id__c",
            write_id=mark,
            outcomes=file,
            progress=stop_after(1, con),
        )
    before = read(file)
    assert 200 <= len(before) < 800
    file.write_text(file.read_text()[:-20])  # as a crash may leave it
    result = con.resume(mark)
    found = {int(row["position"]): row["id"] for row in read(file)}
    assert found == dict(enumerate(result.outcomes["id"].to_pylist()))


def read(file: Path) -> list[dict[str, Any]]:
    with file.open(encoding="utf-8", newline="") as lines:
        if file.suffix == ".csv":
            return list(csv.DictReader(lines))
        return [json.loads(line) for line in lines]


def test_rows_that_lock_the_same_parent_go_together(con: Connection, mark: str) -> None:
    """Positions stay those of the input, whatever order rows are sent in."""
    parents = [id for (id,) in con.sql("SELECT Id FROM crm.Account LIMIT 3").fetchall()]
    data = [
        {"LastName": f"{mark}{i}", "AccountId": parents[i % 3], "Title": str(i)} for i in range(450)
    ]
    result = con.write("crm.Contact", data)
    ids = result.outcomes["id"].to_pylist()
    titles = dict(
        con.sql(
            "SELECT Id, Title FROM crm.Contact WHERE starts_with(LastName, ?)", [mark]
        ).fetchall()
    )
    assert [titles[id] for id in ids] == [str(i) for i in range(450)]
    assert result.plan.fragments[0].together_by == "AccountId"
