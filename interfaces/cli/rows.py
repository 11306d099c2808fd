"""Rows to write, from a file, a pipe or a query.

A cell of a CSV that is empty leaves its column alone, and ``#N/A`` sets it to null, as Salesforce's
own tools have it. In JSON, a key that is missing leaves the column alone, and null is null.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TextIO

import click

from isthmus.interfaces.cli.options import query_text

__all__ = ["rows_of"]

_NULL: Final = "#N/A"
_LINES: Final = frozenset({".jsonl", ".ndjson"})
_ENDINGS: Final = ".csv, .jsonl, .json, .parquet or .arrow"


def rows_of(given: str) -> Any:
    """What `Connection.write` takes, from what the command was given.

    Args:
        given: a file's path; ``-`` for JSON lines on standard input; SQL, or ``@query.sql``.

    Raises:
        UsageError: it is none of them, or can't be read.
    """
    if given == "-":
        return _lines(sys.stdin, "standard input")
    path = Path(given)
    suffix = path.suffix.lower()
    if given.startswith("@") or suffix == ".sql" or " " in given.strip():
        return query_text(given)
    if not path.is_file():
        raise click.UsageError(
            f"there is no file {given}; rows come from a file that ends in {_ENDINGS}, from a "
            "query, or from a pipe (-)"
        )
    if suffix == ".csv":
        return _cells(path)
    if suffix in _LINES:
        return _file_lines(path)
    if suffix == ".json":
        return _array(path)
    if suffix in (".parquet", ".pq", ".arrow"):
        return _columns(path, "parquet" if suffix != ".arrow" else "ipc")
    raise click.UsageError(f"rows can't be read from {given}: its name ends in none of {_ENDINGS}")


def _cells(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            for row in reader:
                if None in row or None in row.values():
                    raise click.UsageError(
                        f"{path}, line {reader.line_num}: the line does not have "
                        f"{len(reader.fieldnames or ())} cells, as the first one has"
                    )
                yield {k: None if v == _NULL else v for k, v in row.items() if v != ""}
    except (UnicodeDecodeError, csv.Error) as error:
        raise click.UsageError(f"{path} is not CSV in UTF-8: {error}") from error


def _file_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig") as lines:
        yield from _lines(lines, str(path))


def _lines(lines: Iterable[str] | TextIO, where: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _object(line, f"{where}, line {number}")


def _object(text: str, where: str) -> dict[str, Any]:
    row = _parsed(text, where)
    if not isinstance(row, dict):
        raise click.UsageError(f"{where}: a row is a JSON object")
    return row


def _array(path: Path) -> list[Any]:
    rows = _parsed(path.read_text("utf-8-sig"), str(path))
    if not isinstance(rows, list):
        raise click.UsageError(f"{path} is not an array of objects")
    return rows


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text, parse_float=Decimal)
    except ValueError as error:
        raise click.UsageError(f"{where} is not JSON: {error}") from error


def _columns(path: Path, format: str) -> Any:
    import pyarrow as pa
    import pyarrow.dataset as ds

    try:
        return ds.dataset(str(path), format=format).scanner().to_reader()
    except (pa.ArrowInvalid, OSError) as error:
        raise click.UsageError(f"{path} can't be read: {error}") from error
