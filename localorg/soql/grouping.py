"""Grouped queries and aggregates."""

from __future__ import annotations

from isthmus.localorg.soql.ast import Query
from isthmus.localorg.soql.scope import Scope


def group_sql(query: Query, scope: Scope, limit: int) -> str:
    """Give the SQL of the groups' JSON texts."""
    raise NotImplementedError
