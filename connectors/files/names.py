"""What a file's name says: its table, its format, whether it is data at all."""

from __future__ import annotations

import re
from urllib.parse import unquote

__all__ = ["format_of", "hidden", "partitions_of", "table_of"]

_FORMATS = {
    "parquet": "parquet",
    "parq": "parquet",
    "pq": "parquet",
    "csv": "csv",
    "tsv": "csv",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "json": "jsonl",
    "arrow": "arrow",
    "arrows": "arrow",
    "feather": "arrow",
    "ipc": "arrow",
}
_ENDING = re.compile(rf"\.({'|'.join(_FORMATS)})(?:\.(gz|bz2|zst|lz4))?$", re.IGNORECASE)

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
"""Null in a folder's name (Apache Hive, `hive.exec.default.partition.name`)."""


def hidden(name: str) -> bool:
    """Whether a file or folder is not data: ``.x``, ``_SUCCESS``, ``_delta_log``.

    >>> hidden("_SUCCESS"), hidden("_year=2025"), hidden("orders")
    (True, False, False)
    """
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def format_of(name: str) -> str | None:
    """The format that a file's name tells; None when it tells none.

    >>> format_of("rates.CSV.gz"), format_of("a.parquet"), format_of("README.md")
    ('csv', 'parquet', None)
    """
    found = _ENDING.search(name)
    if found is None:
        return None
    format = _FORMATS[found[1].lower()]
    # Parquet and Arrow compress inside; their bytes must be reachable in any order.
    return None if found[2] and format in ("parquet", "arrow") else format


def table_of(name: str) -> str:
    """The table that a file is, when it stands directly below the root.

    >>> table_of("rates.csv.gz"), table_of("a.b.parquet"), table_of("orders")
    ('rates', 'a.b', 'orders')
    """
    return _ENDING.sub("", name) or name


def partitions_of(relative: str) -> tuple[tuple[str, str | None], ...]:
    """The hive partitions in the folders of a path below its table.

    >>> partitions_of("year=2025/country=de%2Fat/x.parquet")
    (('year', '2025'), ('country', 'de/at'))
    """
    pairs = []
    for folder in relative.split("/")[:-1]:
        key, equals, value = folder.partition("=")
        if equals and key:
            raw = unquote(value)
            pairs.append((unquote(key), None if raw == HIVE_NULL else raw))
    return tuple(pairs)
