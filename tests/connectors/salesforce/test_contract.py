"""The Salesforce connector keeps the contract that every connector keeps."""

from __future__ import annotations

import pytest

from isthmus.connectors.contract import Connector
from isthmus.connectors.salesforce import Salesforce
from isthmus.connectors.testing import ConnectorContract
from isthmus.localorg import LocalOrg


class TestSalesforce(ConnectorContract):
    tables = ("Campaign", "User", "Opportunity")
    most_predicates = 60

    @pytest.fixture
    def connector(self, crm: Salesforce) -> Connector:
        return crm

    @pytest.fixture
    def blocked(self, crm: Salesforce, org: LocalOrg) -> tuple[Connector, str]:
        crm.describe("User")
        org.set_fault("slow-page", count=0, delay=8)
        return crm, "User"
