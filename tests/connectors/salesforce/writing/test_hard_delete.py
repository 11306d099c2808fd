"""Deletes past the recycle bin: by a job, whatever happens, and only where they are asked for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import isthmus
from isthmus.connectors.salesforce import Salesforce
from isthmus.connectors.writing import WriteKind
from isthmus.errors import Refused, SourceError
from isthmus.localorg import LocalOrg
from isthmus.localorg.settings import Settings
from tests.connectors.salesforce.writing.hand import QUICK, Hand, Notebook

INSERT, UPDATE, UPSERT, DELETE = WriteKind
HARD = "hard_delete"
PATH = "Bulk 2.0 ingest, past the recycle bin"


@pytest.fixture(scope="module")
def hard_org() -> Iterator[LocalOrg]:
    with LocalOrg("empty", settings=Settings(bulk_polls=0, bulk_hard_delete=True)) as org:
        yield org


@pytest.fixture
def accounts(hard_org: LocalOrg, tmp_path: Path) -> Iterator[Hand]:
    hard_org.clear_requests()
    ready = tmp_path / "org.json"
    ready.write_text(json.dumps({**hard_org.ready, "access_token": None, "https": None}))
    crm = Salesforce("crm", {"kind": "salesforce", "ready_file": str(ready)}, policy=QUICK)
    table = crm.describe("Account")
    assert table is not None
    yield Hand(crm, table)
    hard_org.clear_faults()
    crm.close()


def made(accounts: Hand, count: int) -> list[dict[str, Any]]:
    done = accounts.write(INSERT, [{"Name": f"n{i}"} for i in range(count)])
    accounts.notes = Notebook()
    return [{"Id": one["id"]} for one in done]


def left(org: LocalOrg, ids: list[dict[str, Any]]) -> dict[str, bool]:
    """Of these the records that the org still has, and whether they are deleted."""
    with org.store.cursor() as cursor:
        rows = cursor.execute(f'SELECT "Id", "IsDeleted" FROM {org.store.table("Account")}')
        return {id: deleted for id, deleted in rows.fetchall() if {"Id": id} in ids}


def test_nothing_stays_in_the_recycle_bin(accounts: Hand, hard_org: LocalOrg) -> None:
    hard, soft = made(accounts, 3), made(accounts, 2)
    done = accounts.write(DELETE, hard, "Id", options=[HARD], notes=Notebook())
    assert [one["success"] for one in done] == [True] * 3
    assert left(hard_org, hard) == {}
    accounts.write(DELETE, soft, "Id", options=["bulk"], notes=Notebook())
    assert list(left(hard_org, soft).values()) == [True, True]


def test_locked_rows_are_tried_again_by_a_job(accounts: Hand, hard_org: LocalOrg) -> None:
    ids = made(accounts, 3)
    hard_org.set_fault("row-lock", count=2, record=ids[1]["Id"][:15])
    done = accounts.write(DELETE, ids, "Id", options=[HARD], notes=Notebook())
    assert [one["success"] for one in done] == [True] * 3
    assert left(hard_org, ids) == {}
    assert len([r for r in hard_org.requests() if r["method"] == "PUT"]) == 3


def test_an_org_that_does_not_allow_it_deletes_nothing(
    hand: Callable[..., Hand], org: LocalOrg
) -> None:
    accounts = hand()
    ids = made(accounts, 2)
    with pytest.raises(SourceError, match="permission"):
        accounts.write(DELETE, ids, "Id", options=[HARD], notes=Notebook())
    assert list(left(org, ids).values()) == [False, False]


@pytest.mark.parametrize("rows", [1, 2, 5_000])
def test_it_is_always_a_job(accounts: Hand, rows: int) -> None:
    row = {"Id": "001000000000001AAA"}
    for options in ([HARD], [HARD, "bulk"]):
        for left in (None, 1):
            fragment = accounts.plan(
                DELETE, [row], "Id", count=rows, options=options, calls_left=left
            )
            assert (fragment.access_path, fragment.estimate.calls) == (PATH, 9)
    assert "recycle" not in accounts.plan(DELETE, [row], "Id", count=rows).access_path


@pytest.mark.parametrize(
    ("kind", "options", "more", "words"),
    [
        (UPDATE, [HARD], {}, "hard_delete is for deletes, and this is an update"),
        (DELETE, [HARD, "collections"], {}, "by collections and hard_delete at once"),
        (DELETE, [HARD, "single"], {}, "by hard_delete and single at once"),
        (DELETE, [HARD], {"all_or_none": True}, "all or none"),
        (DELETE, [HARD], {"if_unmodified": True}, "stamp"),
    ],
)
def test_what_a_job_can_not_do_is_refused(
    accounts: Hand, kind: WriteKind, options: list[str], more: dict[str, bool], words: str
) -> None:
    row = {"Id": "001000000000001AAA"} | ({"Name": "x"} if kind is UPDATE else {})
    with pytest.raises(Refused, match=words):
        accounts.plan(kind, [row], "Id", options=options, **more)


def test_from_sql_and_python(accounts: Hand, hard_org: LocalOrg, tmp_path: Path) -> None:
    first, second = made(accounts, 2), made(accounts, 2)
    crm = {"kind": "salesforce", "ready_file": str(tmp_path / "org.json")}
    with isthmus.connect({"sources": {"crm": crm}}, allow_writes=True, state=tmp_path) as con:
        gone = con.write("crm.Account", first, mode="delete", options=[HARD])
        assert gone.succeeded == 2 and PATH in str(gone.plan)
        ids = [one["Id"] for one in second]
        text = f"DELETE FROM /*+ {HARD} */ crm.Account WHERE Id IN (?, ?)"
        assert len(con.sql(text, ids).fetchall()) == 2
    assert left(hard_org, first + second) == {}
