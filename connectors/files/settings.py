"""What the project file can say about a files source, and about one of its tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from isthmus.catalog.kinds import Key, SourceKind
from isthmus.catalog.secrets import Secret
from isthmus.connectors.files.columntypes import arrow_type
from isthmus.errors import ConfigError

__all__ = ["FORMATS", "KIND", "Settings", "TableSettings", "settings"]

FORMATS = ("parquet", "csv", "jsonl", "arrow")

_TABLE_KEYS: Mapping[str, Key] = {
    "url": Key("the file or folder, any fsspec URL, when it is not below root", path=True),
    "format": Key("the files' format, when their names don't tell", choices=FORMATS),
    "columns": Key("types of columns, such as price = 'decimal(18,2)'", (dict,)),
    "header": Key("false when the first line of a CSV file is data", (bool,)),
    "delimiter": Key("the character between the values of a CSV file"),
    "quote": Key("the character around quoted values of a CSV file"),
    "null_values": Key("texts of a CSV file that mean null, beside the empty one", (list,)),
    "encoding": Key("the text encoding of a CSV file, UTF-8 when nothing is said"),
    "storage_options": Key("options of the table's own filesystem", (dict,)),
}

KIND = SourceKind(
    "files",
    required=(("root",), ("tables",)),
    keys={
        "root": Key("a folder, or any fsspec URL; what lies below it are the tables", path=True),
        "storage_options": Key("options for the filesystem, such as key and secret", (dict,)),
        "refresh": Key("seconds after which a remote folder is listed again", (int, float)),
        "tables": Key("tables with settings or a place of their own", each=_TABLE_KEYS),
    },
)


@dataclass(frozen=True)
class TableSettings:
    """How one table is read, where its files alone don't tell.

    Attributes:
        name: the table's name; settings for a table below the root are found in any case.
        url: a place of its own.
        format: one of `FORMATS`, or None to go by the files' names.
        columns: declared types.
        header: whether the first record of a CSV file names the columns.
        delimiter: between values; None for a comma, or a tab where the name ends in ``.tsv``.
        quote: around quoted values.
        null_values: unquoted texts that mean null, beside the empty one.
        encoding: of CSV text.
        storage_options: options of the filesystem of `url`.
    """

    name: str = ""
    url: str | None = None
    format: str | None = None
    columns: Mapping[str, pa.DataType] = field(default_factory=dict)
    header: bool = True
    delimiter: str | None = None
    quote: str = '"'
    null_values: tuple[str, ...] = ()
    encoding: str = "utf-8"
    storage_options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """A files source as configured; `refresh` is None for the default of the filesystem."""

    root: str | None
    storage_options: Mapping[str, Any]
    refresh: float | None
    tables: tuple[TableSettings, ...]


def settings(source: str, config: Mapping[str, Any]) -> Settings:
    """Read a source's settings.

    Args:
        source: the source's name, for errors.
        config: as in the project file, paths already absolute.

    Raises:
        ConfigError: a value can't be used.
    """
    tables = tuple(
        _table(source, name, options) for name, options in (config.get("tables") or {}).items()
    )
    refresh = config.get("refresh")
    root = config.get("root")
    if root is None and not any(t.url for t in tables):
        raise ConfigError(
            f"the files source {source} has no root",
            remedy=f'Give it a folder: [sources.{source}] root = "data"',
        )
    return Settings(
        root=None if root is None else str(root),
        storage_options=_revealed(config.get("storage_options") or {}),
        refresh=None if refresh is None else float(refresh),
        tables=tables,
    )


def _table(source: str, name: str, options: Mapping[str, Any]) -> TableSettings:
    where = f"sources.{source}.tables.{name}"
    for key in ("delimiter", "quote"):
        if key in options and len(str(options[key])) != 1:
            raise ConfigError(
                f"{where}.{key} is {options[key]!r}", remedy="It must be one character."
            )
    if options.get("format", "csv") not in FORMATS:
        raise ConfigError(
            f"{where}.format is {options['format']!r}",
            remedy=f"It may be {', '.join(FORMATS)}.",
        )
    given = {k: options[k] for k in ("format", "header", "delimiter", "quote") if k in options}
    url = options.get("url")
    return TableSettings(
        name=name,
        url=None if url is None else str(url),
        columns={
            c: arrow_type(str(t), f"{where}.columns.{c}")
            for c, t in (options.get("columns") or {}).items()
        },
        null_values=tuple(str(v) for v in options.get("null_values") or ()),
        encoding=str(options.get("encoding", "utf-8")),
        storage_options=_revealed(options.get("storage_options") or {}),
        **given,
    )


def _revealed(options: Mapping[str, Any]) -> dict[str, Any]:
    """Storage options with ``env:NAME`` and ``keyring:NAME`` looked up."""
    known: dict[str, Any] = {}
    for key, value in options.items():
        if isinstance(value, Secret):
            known[key] = value.reveal()
        elif isinstance(value, str):
            known[key] = Secret(value).reveal()
        elif isinstance(value, Mapping):
            known[key] = _revealed(value)
        else:
            known[key] = value
    return known
