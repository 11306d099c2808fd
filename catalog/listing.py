"""The catalog for people: a tree of text, and the same for a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from isthmus.catalog.model import Column, Table, TableName, View
from isthmus.catalog.names import TableRef, quoted
from isthmus.catalog.project import SourceConfig
from isthmus.catalog.sqltypes import sql_type

__all__ = ["Item", "of_source", "of_table", "of_view", "of_views", "to_html", "to_text"]


@dataclass(frozen=True)
class Item:
    """A heading with lines below it.

    Attributes:
        title: the name of the thing.
        note: what it is, in a few words.
        rows: lines of cells, shown below each other in columns.
        tail: lines of text after them.
        text: a text to show as it is, such as a view's SQL.
    """

    title: str
    note: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    tail: tuple[str, ...] = ()
    text: str = ""


def of_source(source: SourceConfig, tables: Sequence[TableName] | str) -> Item:
    """A source with its tables, or with the reason why they can't be told."""
    name, note = quoted(source.name), source.kind
    if isinstance(tables, str):
        return Item(name, note, tail=(f"can't be read: {tables}",))
    rows = tuple((quoted(t.name), _first_line(t.description)) for t in tables)
    return Item(name, note, rows, () if rows else ("no tables",))


def of_views(views: Sequence[View]) -> Item:
    """The views with the first line of what they are."""
    rows = tuple((quoted(v.name), _first_line(v.description)) for v in views)
    return Item("main", "views", rows, () if rows else ("no views",))


def of_view(view: View) -> Item:
    """One view with its text."""
    note = _first_line(view.description) or (view.file or "a view")
    return Item(f"main.{quoted(view.name)}", note, text=view.text)


def of_table(table: Table, pointing: Sequence[str] = ()) -> Item:
    """One table with its columns, keys and relationships."""
    rows = tuple(
        (quoted(c.name), _type(c), _key(c.name, table), _points_at(c, table), c.description or "")
        for c in table.columns
    )
    tail = [f"{name} is not a column: {why}" for name, why in table.omitted]
    if pointing:
        tail += ["pointed at by", *(f"  {line}" for line in pointing)]
    return Item(
        str(TableRef(table.source, table.name)), _first_line(table.description), rows, tuple(tail)
    )


def to_text(items: Iterable[Item]) -> str:
    """The items below each other."""
    return "\n\n".join(_text(item) for item in items)


def to_html(items: Iterable[Item]) -> str:
    """The items as tables that can be folded."""
    return "".join(_html(item) for item in items)


def _text(item: Item) -> str:
    widths = [max(map(len, cells)) for cells in zip(*item.rows, strict=True)]
    lines = [f"{item.title}  {item.note}".rstrip()]
    for row in item.rows:
        cells = [c.ljust(w) for c, w in zip(row, widths, strict=True) if w]
        lines.append(f"  {'  '.join(cells)}".rstrip())
    for line in item.tail:
        lines += [f"  {part}" for part in line.split("\n")]
    return "\n".join([*lines, "", item.text] if item.text else lines)


def _html(item: Item) -> str:
    rows = "".join(
        "<tr>" + "".join(f'<td style="text-align:left">{escape(c)}</td>' for c in row) + "</tr>"
        for row in item.rows
    )
    tail = "".join(f"<div>{escape(line)}</div>" for line in item.tail)
    text = f"<pre>{escape(item.text)}</pre>" if item.text else ""
    head = f"<summary><b>{escape(item.title)}</b> {escape(item.note)}</summary>"
    table = f"<table>{rows}</table>" if rows else ""
    return f"<details open>{head}{table}{text}{tail}</details>"


def _type(column: Column) -> str:
    name = sql_type(column.type)
    return name if column.nullable else f"{name} NOT NULL"


def _key(name: str, table: Table) -> str:
    if name in table.primary_key:
        return "key"
    return "unique" if (name,) in table.unique_keys else ""


def _points_at(column: Column, table: Table) -> str:
    reference = column.reference
    if reference is None:
        return ""
    name = f" as {reference.name}" if reference.name else ""
    if len(reference.targets) > 3:
        first = ", ".join(map(quoted, reference.targets[:2]))
        return f"-> {first} and {len(reference.targets) - 2} more{name}"
    return f"-> {', '.join(map(quoted, reference.targets))}{name}"


def _first_line(text: str | None) -> str:
    return text.split("\n")[0] if text else ""
