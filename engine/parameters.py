"""Parameters are values: checked here, bound by DuckDB, never spliced into text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from isthmus.errors import ParameterError

__all__ = ["checked"]

_SCALARS = (bool, int, float, Decimal, str, bytes, date, datetime, time, timedelta, UUID)


def checked(params: Sequence[Any] | Mapping[str, Any] | None) -> list[Any] | dict[str, Any] | None:
    """The parameters as DuckDB takes them: a list for ``?`` and ``$1``, a dict for ``$name``.

    Raises:
        ParameterError: a value is of a type that SQL has no word for.
    """
    if params is None:
        return None
    if isinstance(params, Mapping):
        return {_name(k): _value(v, f"${k}") for k, v in params.items()}
    if isinstance(params, (str, bytes)) or not isinstance(params, Sequence):
        raise ParameterError(
            f"parameters are a list or a dict, not {type(params).__name__}",
            remedy='Write params=["x"] for ? and $1, or params={"name": "x"} for $name.',
        )
    return [_value(v, f"${i}") for i, v in enumerate(params, 1)]


def _name(name: Any) -> str:
    if not isinstance(name, str):
        raise ParameterError(f"a parameter's name is text, not {name!r}")
    return name.removeprefix("$")


def _value(value: Any, name: str) -> Any:
    if value is None or isinstance(value, _SCALARS):
        return value
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_value(v, name) for v in value]
    if isinstance(value, Mapping):
        return {k: _value(v, name) for k, v in value.items()}
    if hasattr(value, "item") and callable(value.item):  # numpy's own scalars
        return _value(value.item(), name)
    raise ParameterError(
        f"parameter {name} is of type {type(value).__name__}, which SQL has no type for",
        remedy="Give None, bool, int, float, Decimal, str, bytes, date, datetime, time or a list.",
    )
