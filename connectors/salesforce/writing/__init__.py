"""Writing to Salesforce: single records, sObject Collections, Composite and Bulk 2.0 ingest."""

from isthmus.connectors.salesforce.writing.writer import SalesforceWriter

__all__ = ["SalesforceWriter"]
