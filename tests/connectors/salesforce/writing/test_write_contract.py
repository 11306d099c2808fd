"""The Salesforce writer keeps the contract that every writer keeps."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from isthmus.connectors.contract import Connector
from isthmus.connectors.salesforce import Salesforce
from isthmus.connectors.testing_writes import WriteContract


class TestSalesforceWrites(WriteContract):
    table, key, text = "Account", "External_Id__c", "Name"

    @pytest.fixture
    def connector(self, connect: Callable[..., Salesforce]) -> Connector:
        return connect()
