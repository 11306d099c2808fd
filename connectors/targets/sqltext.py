"""The statements that databases share: quoting, upserts, patches and deletes from a staged part."""

from __future__ import annotations

from collections.abc import Sequence

from isthmus.connectors.targets.contract import Layout

__all__ = ["columns_list", "delete", "insert", "patch", "quoted", "upsert"]


def quoted(name: str) -> str:
    """An identifier, each part of a dotted one quoted.

    >>> quoted('a"b'), quoted("public.account")
    ('"a""b"', '"public"."account"')
    """
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def column(name: str) -> str:
    """A column's name, whose dots are its own."""
    return '"' + name.replace('"', '""') + '"'


def columns_list(names: Sequence[str]) -> str:
    """Names with commas between."""
    return ", ".join(map(column, names))


def insert(table: str, staged: str, layout: Layout) -> str:
    """Put every staged row into a table."""
    listed = columns_list(layout.columns)
    return f"INSERT INTO {table} ({listed}) SELECT {listed} FROM {staged}"


def upsert(table: str, staged: str, layout: Layout) -> str:
    """Put staged rows into a table with a primary key, over those of the same key."""
    others = [name for name in layout.columns if name not in layout.key]
    assigned = ", ".join(f"{column(n)} = excluded.{column(n)}" for n in others)
    action = f"DO UPDATE SET {assigned}" if others else "DO NOTHING"
    # "WHERE true": SQLite would take ON for the condition of a join
    return (
        f"{insert(table, staged, layout)} WHERE true"
        f" ON CONFLICT ({columns_list(layout.key)}) {action}"
    )


def patch(table: str, staged: str, names: Sequence[str], key: Sequence[str]) -> str:
    """Set the columns of rows whose key is staged."""
    assigned = ", ".join(f"{column(n)} = s.{column(n)}" for n in names if n not in key)
    return f"UPDATE {table} AS t SET {assigned} FROM {staged} AS s WHERE {_same(key)}"


def delete(table: str, staged: str, key: Sequence[str]) -> str:
    """Delete the rows whose key is staged."""
    return f"DELETE FROM {table} AS t WHERE EXISTS (SELECT 1 FROM {staged} AS s WHERE {_same(key)})"


def _same(key: Sequence[str]) -> str:
    return " AND ".join(f"t.{column(name)} = s.{column(name)}" for name in key)
