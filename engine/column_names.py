"""The names of an answer's columns as DuckDB gives them, where a scan's own name would show.

DuckDB names an expression without an alias after its text, and a subquery in it has a scan where
the user wrote a table: ``(SELECT max(Id) FROM Account)``; a column of it may have been shortened,
``max(crm.Account.Name)``. Then, and only then, the user's text is bound once more, over empty
tables of the same names.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from isthmus.catalog.model import View
from isthmus.engine.resolve import SCAN_PREFIX, Resolved, quote

__all__ = ["shown_names"]


def shown_names(names: Sequence[str], resolved: Resolved, parameters: Any) -> list[str]:
    """The names that the user's own text gives; those given if it can't be bound again."""
    texts = [name for name in names if not name.isidentifier()]
    ours = resolved.shortened if texts else False
    if resolved.statement.prefix or not (ours or any(SCAN_PREFIX in text for text in texts)):
        return list(names)
    try:
        found = _bound(resolved, parameters)
    except duckdb.Error:
        return list(names)
    return found if len(found) == len(names) else list(names)


def _bound(resolved: Resolved, parameters: Any) -> list[str]:
    with duckdb.connect(":memory:") as empty:
        # It only binds what the guard let through; still, no file is in its reach.
        empty.execute("SET enable_external_access = false")
        empty.execute("SET python_enable_replacements = false")
        sources = list(dict.fromkeys(o.table.source for o in resolved.occurrences))
        for source in sources:
            empty.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(source)}")
        for occurrence in resolved.occurrences:
            table = occurrence.table
            name = f"{quote(table.source)}.{quote(table.name)}"
            empty.register("described", table.schema.empty_table())
            empty.execute(f"CREATE TABLE IF NOT EXISTS {name} AS FROM described")
        path = ",".join(["main", *map(quote, sources)])
        empty.execute("SET search_path = '" + path.replace("'", "''") + "'")
        _create_views(empty, resolved.views)
        body = resolved.statement.body
        bound = empty.sql(body, params=parameters) if parameters else empty.sql(body)
        return list(bound.columns)


def _create_views(empty: duckdb.DuckDBPyConnection, views: Sequence[View]) -> None:
    """Inner views first: one that reads another comes before it in `views`, or beside it."""
    waiting = list(reversed(views))
    while waiting:
        left = []
        for view in waiting:
            try:
                empty.execute(f"CREATE VIEW main.{quote(view.name)} AS {view.text}")
            except duckdb.CatalogException:
                left.append(view)
        if len(left) == len(waiting):
            raise duckdb.CatalogException(f"{left[0].name} reads what is not there")
        waiting = left
