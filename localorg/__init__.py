"""A Salesforce-compatible server for tests and demos. Knows nothing of the other rooms."""

from isthmus.localorg.inprocess import LocalOrg

__all__ = ["LocalOrg"]
