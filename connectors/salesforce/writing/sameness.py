"""Whether a record holds what was sent, with what Salesforce changes on the way allowed for.

Texts lose the blanks at their ends and become null when nothing is left; line ends become one;
numbers are rounded to their places; instants lose what is below a second; a multi-select
picklist has an order of its own; addresses of e-mail lose their case; a checkbox is never null.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from datetime import datetime, time
from typing import Any, Final

from isthmus.connectors.salesforce.writing.columns import Target

__all__ = ["kept_as"]

_BLANKS: Final = "".join(map(chr, range(33)))


def kept_as(target: Target, value: Any) -> Hashable:
    """A form in which a value that is sent, and the same one read back, are equal."""
    if value is None:
        return False if target.source_type == "boolean" else None
    return _FORMS.get(type(value), _itself)(target, value)


def _text(target: Target, value: str) -> Hashable:
    text = value.replace("\r\n", "\n").replace("\r", "\n").strip(_BLANKS)
    if target.source_type == "multipicklist":
        parts = frozenset(p.strip(_BLANKS) for p in text.split(";")) - {""}
        return parts or None
    if target.source_type == "email":
        text = text.casefold()
    return text or None


def _instant(target: Target, value: datetime) -> Hashable:
    return value.replace(microsecond=0)


def _clock_time(target: Target, value: time) -> Hashable:
    return value.replace(microsecond=value.microsecond // 1_000 * 1_000)


def _float(target: Target, value: float) -> Hashable:
    return float(f"{value:.14g}") if math.isfinite(value) else value


def _itself(target: Target, value: Hashable) -> Hashable:
    return value


_FORMS: Final[dict[type, Callable[[Target, Any], Hashable]]] = {
    str: _text,
    datetime: _instant,
    time: _clock_time,
    float: _float,
}
