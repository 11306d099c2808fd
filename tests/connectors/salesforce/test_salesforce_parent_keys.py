"""Long lists of keys of rows that are looked up: parted like others, each row once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Lookup, ReadContext, ScanRequest
from isthmus.connectors.predicates import Compare, In, Predicate
from isthmus.connectors.salesforce import Salesforce
from isthmus.connectors.salesforce.ids import checksum
from isthmus.connectors.salesforce.length import STATEMENT_BYTES
from isthmus.connectors.salesforce.soql import encoded
from isthmus.localorg import LocalOrg

TWINS = ["Straße", "STRASSE", "straße", "İx", "ix", "IX", "\u0131x", "Éa", "éa", "Ea"]
OTHERS = tuple(f"Nobody {n:05}" for n in range(2_000))


def ids(prefix: str, numbers: range) -> tuple[str, ...]:
    stems = [f"{prefix}{number:012}" for number in numbers]
    return tuple(stem + checksum(stem) for stem in stems)


def table(crm: Salesforce, name: str) -> Table:
    found = crm.describe(name)
    assert found is not None
    return found


def read(crm: Salesforce, request: ScanRequest) -> list[dict[str, Any]]:
    batches = crm.open(crm.plan(request), ReadContext())
    rows: list[dict[str, Any]] = pa.Table.from_batches(batches).to_pylist()
    return rows


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Salesforce]:
    """Contacts of accounts whose names differ little."""
    rows = tmp_path_factory.mktemp("rows")
    names = [*TWINS, *(f"Filler {n}" for n in range(300))]
    accounts = [
        {"Id": i, "Name": name} for i, name in zip(ids("001", range(1, 400)), names, strict=False)
    ]
    contacts = [{"LastName": f"of {a['Name']}", "AccountId": a["Id"]} for a in accounts]
    contacts.append({"LastName": "of none"})
    for name, lines in (("Account", accounts), ("Contact", contacts)):
        (rows / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with LocalOrg(data=rows) as org:
        path = rows / "org.json.ready"
        path.write_text(json.dumps(org.ready))
        crm = Salesforce("crm", {"ready_file": str(path)})
        yield crm
        crm.close()


def contacts(crm: Salesforce, *predicates: Predicate, columns: tuple[str, ...] = ()) -> ScanRequest:
    of = Lookup("AccountId", table(crm, "Account"), columns, predicates)
    return ScanRequest(table(crm, "Contact"), ("LastName",), lookups=(of,))


@pytest.mark.parametrize("columns", [("Name",), ()], ids=["asked for", "for the list only"])
def test_each_row_comes_once_and_is_spelt_so(twins: Salesforce, columns: tuple[str, ...]) -> None:
    keys = (*TWINS[::2], "FILLER 7", *OTHERS, *(f"Filler {n}" for n in range(0, 300, 7)))
    request = contacts(twins, In("Name", keys), columns=columns)
    fragment = twins.plan(request)
    assert len(fragment.statements) > 2 and fragment.estimate.calls == len(fragment.statements)
    assert all(" WHERE Account.Name IN (" in text for text in fragment.statements)
    assert all(len(encoded(text)) <= STATEMENT_BYTES for text in fragment.statements)
    assert fragment.columns == ("LastName", *(f"AccountId.{name}" for name in columns))
    found = [row["LastName"] for row in read(twins, request)]
    wanted = [f"of {name}" for name in (*TWINS[::2], *(f"Filler {n}" for n in range(0, 300, 7)))]
    assert sorted(found) == sorted(wanted)


def test_ids_and_other_filters_stand_beside_the_list(twins: Salesforce) -> None:
    keys = (*ids("001", range(1, 60)), *ids("001", range(10**6, 10**6 + 1_500)))
    request = contacts(twins, In("Id", keys), Compare("Name", "!=", ""), columns=("Id",))
    request = replace(request, predicates=(Compare("LastName", "=", "of filler 9"),))
    fragment = twins.plan(request)
    assert len(fragment.statements) > 2
    for text in fragment.statements:
        assert "Account.Id IN (" in text and "Account.Name != null" in text and "LastName =" in text
    assert [row["LastName"] for row in read(twins, request)] == ["of Filler 9"]


def test_only_one_list_is_parted(twins: Salesforce) -> None:
    """The object's own list is; the other is left to the engine, which filters again."""
    own = In("LastName", (*(f"of {name}" for name in TWINS), *OTHERS))
    request = replace(contacts(twins, In("Name", OTHERS)), predicates=(own,))
    fragment = twins.plan(request)
    assert len(fragment.statements) > 2
    assert not any("Account.Name IN (" in text for text in fragment.statements)
    wanted = {f"of {name}" for name in TWINS}
    assert {row["LastName"] for row in read(twins, request)} >= wanted


def test_a_short_list_is_one_filter(twins: Salesforce) -> None:
    fragment = twins.plan(contacts(twins, In("Name", tuple(TWINS))))
    assert fragment.statements == () and "WHERE Account.Name IN (" in fragment.text


def test_the_bill_is_that_of_the_statements(twins: Salesforce) -> None:
    request = contacts(twins, columns=("Id", "Name"))
    for column, keys in (("Name", OTHERS), ("Id", ids("001", range(10**6, 10**6 + 3_000)))):
        planned = twins.plan(contacts(twins, In(column, keys), columns=("Id", "Name")))
        predicted = twins.estimate_keys(request, f"AccountId.{column}", len(keys))
        assert predicted is not None
        sent = len(planned.statements)
        assert planned.estimate.calls == sent
        assert abs(predicted.calls - sent) <= max(1, 0.2 * sent)


def test_no_bill_for_what_is_not_sent(twins: Salesforce) -> None:
    request = contacts(twins, columns=("Id",))
    for column in ("AccountId.Description", "OwnerId.Name", "Nonsense.Id", "AccountId.OwnerId.Id"):
        assert twins.estimate_keys(request, column, 10) is None
    what = Lookup("WhatId", table(twins, "Account"), ("Id",))
    tasks = ScanRequest(table(twins, "Task"), ("Id",), lookups=(what,))
    assert twins.estimate_keys(tasks, "WhatId.Id", 10) is None


def test_a_list_that_the_org_finds_too_long_is_halved(
    twins: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = tuple(f"Filler {n}" for n in range(300))
    request = contacts(twins, In("Name", (*names, *OTHERS[:500])))
    monkeypatch.setattr("isthmus.localorg.app._LONGEST", 5_000)
    assert sorted(row["LastName"] for row in read(twins, request)) == sorted(
        f"of {name}" for name in names
    )
