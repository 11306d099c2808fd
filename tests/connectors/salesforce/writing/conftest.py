"""An empty org to write to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from isthmus.connectors.salesforce import Salesforce
from isthmus.connectors.salesforce.retry import Policy
from isthmus.localorg import LocalOrg
from tests.connectors.salesforce.writing.hand import QUICK, Hand


@pytest.fixture(scope="session")
def empty_org() -> Iterator[LocalOrg]:
    with LocalOrg(data="empty") as org:
        yield org


@pytest.fixture
def org(empty_org: LocalOrg) -> Iterator[LocalOrg]:
    """The org without any account, contact or trap, and without faults."""
    with empty_org.store.writing() as cursor:
        for name in ("Contact", "Opportunity", "Trap__c", "Case", "Event", "Account"):
            cursor.execute(f"DELETE FROM {empty_org.store.table(name)}")
    empty_org.clear_faults()
    empty_org.clear_requests()
    yield empty_org
    empty_org.clear_faults()


@pytest.fixture
def connect(org: LocalOrg, tmp_path: Path) -> Iterator[Callable[..., Salesforce]]:
    """Make connectors to the org; they are closed when the test ends."""
    path = tmp_path / "org.json"
    # plain HTTP: many connectors are made, and each would read all certificates
    path.write_text(json.dumps({**org.ready, "access_token": None, "https": None}))
    made: list[Salesforce] = []

    def make(policy: Policy = QUICK, **more: Any) -> Salesforce:
        config = {"kind": "salesforce", "ready_file": str(path), **more}
        made.append(Salesforce("crm", config, policy=policy))
        return made[-1]

    yield make
    for connector in made:
        connector.close()


@pytest.fixture
def hand(connect: Callable[..., Salesforce]) -> Callable[..., Hand]:
    """A hand for a table: `hand("Account")`."""

    def make(name: str = "Account", **more: Any) -> Hand:
        crm = connect(**more)
        table = crm.describe(name)
        assert table is not None
        return Hand(crm, table)

    return make


@pytest.fixture
def stored(org: LocalOrg) -> Callable[..., list[tuple[Any, ...]]]:
    """What the org's own store has: `stored("Account", "Name")`."""

    def read(name: str, *columns: str, deleted: bool = False) -> list[tuple[Any, ...]]:
        listed_columns = ", ".join(f'"{column}"' for column in columns)
        live = "" if deleted else "WHERE NOT IsDeleted"
        with org.store.cursor() as cursor:
            query = f"SELECT {listed_columns} FROM {org.store.table(name)} {live}"
            return sorted(cursor.execute(query).fetchall(), key=repr)

    return read
