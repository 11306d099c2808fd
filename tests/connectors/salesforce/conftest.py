"""One demo org for the room's tests, and connectors to it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from isthmus.connectors.salesforce import Salesforce
from isthmus.connectors.salesforce.retry import Policy
from isthmus.localorg import LocalOrg

#: Waits of a hundredth of a second, so that tests of repeats are fast.
QUICK = Policy(base=0.01, cap=0.05)
PAGE = 200


@pytest.fixture(scope="session")
def crm_org() -> Iterator[LocalOrg]:
    with LocalOrg(data="demo", scale=0.5, seed=7, switches={"page-size": PAGE}) as org:
        yield org


@pytest.fixture
def org(crm_org: LocalOrg) -> Iterator[LocalOrg]:
    crm_org.clear_requests()
    yield crm_org
    crm_org.clear_faults()


@pytest.fixture
def ready_file(org: LocalOrg, tmp_path: Path) -> Path:
    """A ready file whose access token another test can't have ended: there is none in it."""
    path = tmp_path / "org.json"
    path.write_text(json.dumps({**org.ready, "access_token": None}))
    return path


@pytest.fixture
def connect(ready_file: Path) -> Iterator[Callable[..., Salesforce]]:
    """Make connectors to the org; they are closed when the test ends."""
    made: list[Salesforce] = []

    def make(policy: Policy = QUICK, **more: Any) -> Salesforce:
        config = {"kind": "salesforce", "ready_file": str(ready_file), **more}
        made.append(Salesforce("crm", config, policy=policy))
        return made[-1]

    yield make
    for connector in made:
        connector.close()


@pytest.fixture
def crm(connect: Callable[..., Salesforce]) -> Salesforce:
    return connect()
