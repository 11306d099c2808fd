"""An Arrow table as text for a terminal and as HTML for a notebook."""

from __future__ import annotations

from decimal import Decimal
from html import escape
from typing import Any

import pyarrow as pa

__all__ = ["cell", "html", "spread", "text"]

_WIDEST = 60


def cell(value: Any) -> str:
    r"""One value as a person reads it.

    >>> cell(Decimal("1.50")), cell(None), cell("a\nb")
    ('1.50', 'NULL', 'a\\nb')
    """
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


def spread(likely: int, low: int, high: int | None) -> str:
    """A range behind a figure, where there is one.

    >>> spread(12, 11, 1400), spread(1, 1, 1), spread(5, 1, None)
    (' (11 to 1,400)', '', ' (1 or more)')
    """
    if high is None:
        return f" ({low:,} or more)"
    return "" if low == likely == high else f" ({low:,} to {high:,})"


def _cut(value: str) -> str:
    return value if len(value) <= _WIDEST else value[: _WIDEST - 1] + "…"


def _right(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    )


def text(table: pa.Table, more: bool) -> str:
    """Aligned columns, numbers to the right, and a note on what was left out."""
    names = [_cut(n) for n in table.schema.names]
    columns = [[_cut(cell(v)) for v in column.to_pylist()] for column in table.columns]
    widths = [max(map(len, [n, *c])) for n, c in zip(names, columns, strict=True)]
    right = [_right(f.type) for f in table.schema]

    def line(values: list[str]) -> str:
        parts = [
            v.rjust(w) if r else v.ljust(w) for v, w, r in zip(values, widths, right, strict=True)
        ]
        return "  ".join(parts).rstrip()

    lines = [line(names), "  ".join("─" * w for w in widths)]
    lines += [line(list(row)) for row in zip(*columns, strict=True)]
    return "\n".join([*lines, _note(table, more)])


def _note(table: pa.Table, more: bool) -> str:
    count = f"{table.num_rows:,} row{'' if table.num_rows == 1 else 's'}"
    return f"the first {count}; there are more" if more else count


def html(table: pa.Table, more: bool) -> str:
    """An HTML table of the same rows."""
    head = "".join(f"<th>{escape(n)}</th>" for n in table.schema.names)
    aligns = ["right" if _right(f.type) else "left" for f in table.schema]
    rows = zip(*[c.to_pylist() for c in table.columns], strict=True)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td style='text-align:{a}'>{escape(_cut(cell(v)))}</td>"
            for v, a in zip(row, aligns, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table><p>{_note(table, more)}</p>"
