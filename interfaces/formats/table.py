"""An answer as aligned columns, for people."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
from rich.cells import cell_len, set_cell_size

from isthmus.interfaces.formats.text import is_number, text_column

__all__ = ["render"]

_DIM, _BOLD, _PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[0m"
_GAP = "  "
_NARROWEST = 8


def render(
    table: pa.Table, *, more: bool = False, width: int | None = None, colour: bool = False
) -> str:
    """Lay out the rows of a table.

    Args:
        table: the rows to show.
        more: whether the answer has rows beyond these.
        width: of the terminal in cells; wide columns are cut to fit. None cuts nothing.
        colour: whether null and the head may be set apart by escape codes.

    >>> print(render(pa.table({"name": ["Acme", None], "amount": [1, 20]})))
    name  amount
    ----  ------
    Acme       1
    NULL      20
    (2 rows)
    """
    names = [_one_line(name) for name in table.schema.names]
    columns = [_texts(column) for column in table.columns]
    right = [is_number(field.type) for field in table.schema]
    widths = _fit([_widest(n, c) for n, c in zip(names, columns, strict=True)], width)
    head = [_place(n, w, r) for n, w, r in zip(names, widths, right, strict=True)]
    lines = [_join(_paint(h, _BOLD, colour) for h in head)]
    lines.append(_GAP.join("-" * w for w in widths))
    for row in zip(*columns, strict=True):
        lines.append(
            _join(
                _paint(_place("NULL", w, r), _DIM, colour) if text is None else _place(text, w, r)
                for text, w, r in zip(row, widths, right, strict=True)
            )
        )
    return "\n".join([*lines, _note(table.num_rows, more)])


def _texts(column: pa.ChunkedArray) -> list[str | None]:
    texts = [t for chunk in column.chunks for t in text_column(chunk, " ")]
    return [None if t is None else _one_line(t) for t in texts]


def _one_line(text: str) -> str:
    """Control characters would break the lines, or steer the terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _widest(name: str, texts: list[str | None]) -> int:
    return max(1, cell_len(name), *(4 if t is None else cell_len(t) for t in texts), 0)


def _fit(widths: list[int], room: int | None) -> list[int]:
    """Shrink the widest columns until the line fits, none below a readable width."""
    if room is None:
        return widths
    widths = list(widths)
    room -= len(_GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths, default=0) > _NARROWEST:
        widest = max(widths)
        next_widest = max((w for w in widths if w < widest), default=_NARROWEST)
        among = [i for i, w in enumerate(widths) if w == widest]
        surplus = sum(widths) - room
        step = min(widest - max(next_widest, _NARROWEST), -(-surplus // len(among)))
        for i in among:
            widths[i] -= max(step, 1)
    return widths


def _place(text: str, width: int, right: bool) -> str:
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…"
    return " " * (width - length) + text if right else text + " " * (width - length)


def _paint(text: str, code: str, colour: bool) -> str:
    return f"{code}{text}{_PLAIN}" if colour else text


def _join(cells: Iterable[str]) -> str:
    return _GAP.join(cells).rstrip()


def _note(count: int, more: bool) -> str:
    rows = f"{count:,} row{'' if count == 1 else 's'}"
    return f"(the first {rows}; there are more)" if more else f"({rows})"
