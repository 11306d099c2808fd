"""Stock clients, unmodified, each in its own environment, do what they did when last run whole.

The light ones run here; `make clients` runs all of them.
"""

from __future__ import annotations

import os

import pytest

from tests.clients import environments
from tests.clients.clients import CLIENTS, Client
from tests.clients.matrix import kept
from tests.clients.run import run

ALL = os.environ.get("ISTHMUS_CLIENTS") == "all"


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_a_stock_client_works(client: Client) -> None:
    if not ALL and not client.light:
        pytest.skip("takes minutes: make clients runs it")
    if not ALL and not environments.can_be_made(client):
        pytest.skip(f"{client.name} needs npm, which is not on this machine")
    environments.make(client)
    found = run(client)
    assert [one for one in found if one.result == "fails"] == []
    assert found == kept()[client.name], f"python -m tests.clients {client.name} writes it anew"
