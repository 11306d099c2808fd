"""Columns that come, go, widen and change names while a copy is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from isthmus.engine.connection import Connection
from isthmus.errors import DataError
from tests.sync.org import Crm, accounts, copied, running_crm


@pytest.fixture
def crm() -> Iterator[Crm]:
    with running_crm() as crm:
        crm.org.add_field("Account", "Old__c", "string", length=20, label="Old")
        crm.org.add_field("Account", "Sum__c", "double", precision=8, scale=2, label="Sum")
        yield crm


@pytest.fixture
def con(crm: Crm, tmp_path: Path) -> Iterator[Connection]:
    with crm.connected(tmp_path) as con:
        yield con


@pytest.fixture
def to(place: Callable[[str], dict[str, Any]]) -> dict[str, Any]:
    return place("duckdb")


def begun(crm: Crm, con: Connection, to: dict[str, Any]) -> str:
    """A copy of one account, an hour ago."""
    one = crm.create(Name="one", Old__c="old", Sum__c=1.25)
    crm.pass_time(3600)  # beyond the overlap of the next run
    con.sync("crm.Account", to=to, mode="incremental")
    crm.pass_time(3600)
    return one


def columns(con: Connection, to: dict[str, Any]) -> set[str]:
    from isthmus.catalog.syncs import SyncSpec
    from isthmus.engine.sync.copystate import CopyState
    from isthmus.engine.sync.targets import make

    spec = con._sync_room().spec("t", {"to": to})
    assert isinstance(spec, SyncSpec)
    target = make(spec.to)
    try:
        text = target.read_state()
        assert text is not None
        return set(CopyState.from_text(text, "t").layout.columns)
    finally:
        target.close()


def test_a_new_column_is_added_with_the_values_of_old_rows(
    crm: Crm, con: Connection, place: Callable[[str], dict[str, Any]], kind: str
) -> None:
    to = place(kind)
    one = begun(crm, con, to)
    crm.org.add_field("Account", "New__c", "string", length=20)
    crm.org.add_field("Account", "Flag__c", "boolean", nillable=False, default_value=False)
    # a default value moves no stamp
    crm.sql(f"UPDATE {crm.table()} SET New__c = 'default'")
    two = crm.create(Name="two", New__c="own", Flag__c=True)
    crm.pass_time(1)
    run = con.sync("crm.Account", to=to, mode="incremental")
    assert any("New__c" in line for line in run.changes)
    found = {
        r["Id"]: (r["New__c"], r["Flag__c"]) for r in copied(con, to, ["Id", "New__c", "Flag__c"])
    }
    assert found == {one: ("default", False), two: ("own", True)}
    assert accounts(con, to) == crm.live()
    assert con.sync("crm.Account", to=to, mode="incremental").changes == ()


def test_columns_of_old_rows_are_filled_even_after_a_broken_run(
    crm: Crm, con: Connection, to: dict[str, Any]
) -> None:
    one = begun(crm, con, to)
    crm.org.add_field("Account", "New__c", "string", length=20)
    crm.sql(f"UPDATE {crm.table()} SET New__c = 'default'")
    crm.org.set_fault("request-limit", nth=4, count=0)
    with pytest.raises(Exception, match="limit"):
        con.sync("crm.Account", to=to, mode="incremental")
    crm.org.clear_faults()
    con.sync("crm.Account", to=to, mode="incremental")
    assert copied(con, to, ["Id", "New__c"]) == [{"Id": one, "New__c": "default"}]


def test_a_column_that_is_gone_stays_or_goes(crm: Crm, con: Connection, to: dict[str, Any]) -> None:
    one = begun(crm, con, to)
    crm.org.remove_field("Account", "Old__c")
    crm.pass_time(1)
    con.sync("crm.Account", to=to, mode="incremental")
    assert copied(con, to, ["Old__c"]) == [{"Old__c": "old"}]
    crm.update(one, Name="changed")
    crm.pass_time(1)
    con.sync("crm.Account", to=to, mode="incremental")
    assert copied(con, to, ["Name", "Old__c"]) == [{"Name": "changed", "Old__c": None}]
    con.sync("crm.Account", to=to, mode="incremental", drift={"removed": "evolve"})
    assert "Old__c" not in columns(con, to)


def test_a_wider_column_holds_what_it_held_and_more(
    crm: Crm, con: Connection, place: Callable[[str], dict[str, Any]], kind: str
) -> None:
    to = place(kind)
    one = begun(crm, con, to)
    crm.org.change_field("Account", "Sum__c", precision=14, scale=4)
    two = crm.create(Name="two", Sum__c=1234567890.1234)
    crm.pass_time(1)
    con.sync("crm.Account", to=to, mode="incremental")
    found = {r["Id"]: str(r["Sum__c"]).rstrip("0") for r in copied(con, to, ["Id", "Sum__c"])}
    assert found == {one: "1.25", two: "1234567890.1234"}


def test_a_type_that_is_not_wider_needs_a_new_copy(
    crm: Crm, con: Connection, to: dict[str, Any]
) -> None:
    begun(crm, con, to)
    crm.org.change_field("Account", "Sum__c", precision=6, scale=2)
    with pytest.raises(DataError, match=r"Sum__c.*\n.*--full"):
        con.sync("crm.Account", to=to, mode="incremental")
    con.sync("crm.Account", to=to, mode="incremental", full=True)
    assert accounts(con, to) == crm.live()


def test_a_column_with_another_name_is_two_columns_unless_told(
    crm: Crm, con: Connection, to: dict[str, Any]
) -> None:
    one = begun(crm, con, to)
    crm.org.rename_field("Account", "Old__c", "Newer__c")
    con.sync("crm.Account", to=to, mode="incremental", drift={"renamed": "evolve"})
    assert "Old__c" not in columns(con, to)
    assert copied(con, to, ["Id", "Newer__c"]) == [{"Id": one, "Newer__c": "old"}]
    crm.org.rename_field("Account", "Newer__c", "Newest__c")
    con.sync("crm.Account", to=to, mode="incremental")
    assert {"Newer__c", "Newest__c"} <= columns(con, to)
    assert copied(con, to, ["Newest__c"]) == [{"Newest__c": "old"}]


@pytest.mark.parametrize(
    ("policy", "change"),
    [
        ("new", lambda crm: crm.org.add_field("Account", "N__c", "string", length=9)),
        ("removed", lambda crm: crm.org.remove_field("Account", "Old__c")),
        ("widened", lambda crm: crm.org.change_field("Account", "Sum__c", precision=12)),
        ("renamed", lambda crm: crm.org.rename_field("Account", "Old__c", "N__c")),
    ],
)
def test_a_policy_may_be_to_fail(
    crm: Crm, con: Connection, to: dict[str, Any], policy: str, change: Callable[[Crm], None]
) -> None:
    begun(crm, con, to)
    change(crm)
    with pytest.raises(DataError, match="drift policy is to fail"):
        con.sync("crm.Account", to=to, mode="incremental", drift={policy: "fail"})


def test_new_and_wider_columns_may_be_ignored(
    crm: Crm, con: Connection, to: dict[str, Any]
) -> None:
    one = begun(crm, con, to)
    before = columns(con, to)
    crm.org.add_field("Account", "N__c", "string", length=9)
    crm.org.change_field("Account", "Sum__c", precision=14, scale=4)
    drift = {"new": "ignore", "widened": "ignore"}
    crm.update(one, Sum__c=2.5)
    crm.pass_time(1)
    con.sync("crm.Account", to=to, mode="incremental", drift=drift)
    assert columns(con, to) == before
    assert [str(r["Sum__c"]) for r in copied(con, to, ["Sum__c"])] == ["2.50"]
    crm.update(one, Sum__c=2.5001)
    crm.pass_time(1)
    with pytest.raises(DataError, match="Sum__c"):
        con.sync("crm.Account", to=to, mode="incremental", drift=drift)


def test_a_run_goes_on_in_time_after_a_drift(crm: Crm, con: Connection, to: dict[str, Any]) -> None:
    begun(crm, con, to)
    crm.org.add_field("Account", "N__c", "string", length=9)
    run = con.sync("crm.Account", to=to, mode="incremental")
    assert run.until == crm.now and run.since == crm.now - timedelta(seconds=3600 + 600)
