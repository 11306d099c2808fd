"""The connector for Salesforce orgs."""

from __future__ import annotations

from isthmus.connectors.salesforce.config import KIND
from isthmus.connectors.salesforce.connector import INCLUDE_DELETED, Salesforce

__all__ = ["INCLUDE_DELETED", "KIND", "Salesforce"]
