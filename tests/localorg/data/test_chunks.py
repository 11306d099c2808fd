"""A chunk of writes comes to what the same writes come to one after another."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from isthmus.localorg.demo import ADMIN_ID
from isthmus.localorg.errors import OrgError
from isthmus.localorg.org import Org, make_org
from isthmus.localorg.records import Outcome, Written
from isthmus.localorg.store import columns

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
BY: dict[str, Any] = {"now": NOW, "user_id": ADMIN_ID}


@pytest.fixture
def pair() -> Iterator[tuple[Org, Org]]:
    made = (make_org("empty", now=NOW), make_org("empty", now=NOW))
    yield made
    for org in made:
        org.close()


VALUES: dict[str, list[Any]] = {
    "Name": ["n", "", None, "x" * 256],
    "External_Id__c": [None, *(f"K{n}" for n in range(400))],
    "Site": ["s", None, " "],
    "NumberOfEmployees": [1, "2", "many", None],
    "ParentId": [None, "001Ib00000zzzzz", "003Ib0000000001"],
    "AnnualRevenue": ["12.5", 1e9, None],
    "CreatedDate": ["2024-01-01T00:00:00Z"],
}


def payload(dice: random.Random, *, whole: bool) -> dict[str, Any]:
    """Some fields, now and then with a value that is no good."""
    names = [name for name in VALUES if name != "CreatedDate"]
    chosen = dice.sample(names, dice.randrange(len(names)))
    chosen += ["CreatedDate"] if dice.random() < 0.05 else []
    made = {name: dice.choice(VALUES[name]) for name in chosen}
    return {"Name": "given", **made} if whole else made


def alone(write: Any, *args: Any) -> Outcome:
    try:
        (made,) = write(*args, **BY)
    except OrgError as error:
        return error
    return made  # type: ignore[no-any-return]


def state(org: Org) -> list[str]:
    account = org.schema.get("Account")
    assert account is not None
    names = ", ".join(f'"{name}"' for name in columns(account) if name != "Id")
    with org.store.cursor() as cursor:
        query = f"SELECT {names} FROM {org.store.table('Account')}"
        return sorted(map(repr, cursor.execute(query).fetchall()))


def told(outcomes: list[Outcome]) -> list[Any]:
    return [
        (one.code, one.fields) if isinstance(one, OrgError) else ("written", one.created)
        for one in outcomes
    ]


def ids(outcomes: list[Outcome]) -> list[str]:
    return [one.id for one in outcomes if isinstance(one, Written)]


@pytest.mark.parametrize("seed", range(6))
def test_a_chunk_is_as_its_records_alone(pair: tuple[Org, Org], seed: int) -> None:
    dice = random.Random(seed)
    first, second = (org.records for org in pair)
    payloads = [payload(dice, whole=dice.random() < 0.9) for _ in range(80)]
    chunk = first.create_many("Account", payloads, **BY)
    each = [alone(second.create_many, "Account", [one]) for one in payloads]
    assert told(chunk) == told(each)
    # ids that a refused record used up are no part of the comparison
    named = dict(zip(ids(chunk), ids(each), strict=True))

    changes = [(one, payload(dice, whole=False)) for one in named]
    dice.shuffle(changes)
    changes.append(("001Ib00000zzzzz", {"Site": "x"}))
    chunk = first.update_many("Account", changes, **BY)
    each = [
        alone(second.update_many, "Account", [(named.get(one, one), given)])
        for one, given in changes
    ]
    # a value that one record gives up in a chunk is free for another only after it
    apart = [
        at
        for at, (a, b) in enumerate(zip(told(chunk), told(each), strict=True))
        if a != b and a[0] != "DUPLICATE_VALUE"
    ]
    assert apart == []
    if told(chunk) == told(each):
        assert state(pair[0]) == state(pair[1])


def test_upserts_of_a_chunk_are_as_alone(pair: tuple[Org, Org]) -> None:
    dice = random.Random(1)
    first, second = (org.records for org in pair)
    for _ in range(3):
        keys = dice.sample([f"k{n}" for n in range(300)], 80)
        rows = [(key, {"Name": dice.choice(["a", None, "b"]), "Site": key}) for key in keys]
        chunk = first.upsert_many("Account", "External_Id__c", rows, **BY)
        each = [alone(second.upsert_many, "Account", "External_Id__c", [row]) for row in rows]
        assert told(chunk) == told(each)
        assert state(pair[0]) == state(pair[1])


def test_deletes_of_a_chunk_are_as_alone(pair: tuple[Org, Org]) -> None:
    dice = random.Random(2)
    families = []
    for org in pair:
        made = ids(org.records.create_many("Account", [{"Name": f"a{n}"} for n in range(40)], **BY))
        for at, one in enumerate(made[:20]):
            org.records.create("Contact", {"LastName": "c", "AccountId": one}, **BY)
            if at % 4 == 0:
                org.records.create("Case", {"Subject": "s", "AccountId": one}, **BY)
            org.records.update("Account", made[at + 20], {"ParentId": one}, **BY)
        families.append(made)
    order = [*dice.sample(range(40), 30), 3, 3]
    first, second = pair
    before = len(first.commits)
    chunk = first.records.delete_many("Account", [families[0][at] for at in order], **BY)
    each = [alone(second.records.delete_many, "Account", [families[1][at]]) for at in order]
    assert told(chunk) == told(each)
    assert {"DELETE_FAILED", "ENTITY_IS_DELETED", "written"} == {code for code, _ in told(chunk)}
    assert state(first) == state(second)
    logs = [
        [(one.entity, one.kind, one.fields) for one in org.commits.since(before)] for org in pair
    ]
    assert logs[0] == logs[1]
