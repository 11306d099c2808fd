"""The org that the killed processes talk to, and what is in it, seen without them."""

from __future__ import annotations

from typing import Any

from isthmus.localorg import LocalOrg

__all__ = ["rows", "source"]


def source(org: LocalOrg) -> dict[str, Any]:
    """The org as a source of a project; kind on the wire, since many connect."""
    return {
        "kind": "salesforce",
        "instance_url": org.http,
        "access_token": org.ready["access_token"],
    }


def rows(org: LocalOrg, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Rows of the org's own database, whose tables are called as its objects are."""
    with org.store.cursor() as cursor:
        found: list[tuple[Any, ...]] = cursor.execute(sql, list(values)).fetchall()
        return found
