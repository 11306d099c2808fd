"""SQL type names, as written under ``columns`` in a project file, as Arrow types."""

from __future__ import annotations

import re

import pyarrow as pa

from isthmus.catalog.suggest import did_you_mean
from isthmus.errors import ConfigError

__all__ = ["arrow_type"]

_NAMES = {
    "varchar": pa.string(),
    "text": pa.string(),
    "string": pa.string(),
    "boolean": pa.bool_(),
    "bool": pa.bool_(),
    "tinyint": pa.int8(),
    "smallint": pa.int16(),
    "integer": pa.int32(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "real": pa.float32(),
    "float": pa.float32(),
    "double": pa.float64(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
    "timestamp with time zone": pa.timestamp("us", "UTC"),
}
_DECIMAL = re.compile(r"(?:decimal|numeric)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")


def arrow_type(name: str, where: str = "a column's type") -> pa.DataType:
    """The Arrow type that a SQL type name means.

    Args:
        name: such as ``varchar`` or ``decimal(18,2)``, in any case.
        where: the place it is written at, for the error.

    Raises:
        ConfigError: the name is not known.

    >>> arrow_type("Decimal(18, 2)")
    Decimal128Type(decimal128(18, 2))
    """
    word = " ".join(name.lower().split())
    if word in _NAMES:
        return _NAMES[word]
    found = _DECIMAL.fullmatch(word)
    if found:
        precision, scale = int(found[1]), int(found[2] or 0)
        if 1 <= precision <= 38 and scale <= precision:
            return pa.decimal128(precision, scale)
    raise ConfigError(
        f"{where} is {name!r}, which is no type",
        remedy=did_you_mean(word, _NAMES)
        or f"The types are {', '.join(_NAMES)} and decimal(precision, scale).",
    )
