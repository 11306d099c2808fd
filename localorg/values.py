"""Between JSON values as clients send and read them and values as the store keeps them.

Source: REST API Developer Guide, "Field types"; Object Reference, "Primitive Data Types" (a
datetime has whole seconds in UTC, a text is never empty and never blank at its ends).
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import orjson

from isthmus.localorg import ids
from isthmus.localorg.errors import OrgError
from isthmus.localorg.schema import Field

DECIMAL_TYPES = frozenset({"double", "currency", "percent"})
_BLANKS = "".join(map(chr, range(33)))
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_FIRST_DAY, _LAST_DAY = date(1700, 1, 1), date(4000, 12, 31)


def utc_seconds(moment: datetime) -> datetime:
    """Bring a moment to naive UTC and cut it to whole seconds; naive ones are UTC already."""
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.replace(microsecond=0)


def datetime_text(moment: datetime) -> str:
    """Write a stored datetime as Salesforce does: 2011-07-07T00:37:00.000+0000."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"


def number_text(number: Decimal) -> str:
    """Write a stored decimal in full, without an exponent and with at least one decimal.

    >>> number_text(Decimal("5000.00")), number_text(Decimal("1234567890123456.78"))
    ('5000.0', '1234567890123456.78')
    """
    text = f"{number:f}"
    if "." not in text:
        return text + ".0"
    return text.rstrip("0") + ("0" if text.rstrip("0").endswith(".") else "")


def to_json(value: Any) -> Any:
    """Turn a stored value into what orjson writes as Salesforce would."""
    if isinstance(value, Decimal):
        return orjson.Fragment(number_text(value))
    if isinstance(value, datetime):
        return datetime_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat("milliseconds") + "Z"
    return value


def to_stored(field: Field, value: Any) -> Any:
    """Turn a JSON value into what the column keeps; raise OrgError for one that does not fit.

    Texts are trimmed and become null when empty, numbers are rounded half up to the field's
    scale, datetimes lose what is below a second, ids become 18 characters long.
    """
    if field.type == "boolean":
        return _boolean(field, value)
    if value is None or (isinstance(value, str) and not value.strip(_BLANKS)):
        return None
    convert = _CONVERTERS.get(field.type, _text)
    return convert(field, value)


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise _unreadable(field, "string", value)
    text = value.strip(_BLANKS)
    if field.length and len(text) > field.length:
        message = f"{field.label}: data value too large: {text} (max length={field.length})"
        raise OrgError(400, "STRING_TOO_LONG", message, (field.name,))
    return text


def _email(field: Field, value: Any) -> str:
    text = _text(field, value)
    if not _EMAIL.fullmatch(text):
        message = f"{field.label}: invalid email address: {text}"
        raise OrgError(400, "INVALID_EMAIL_ADDRESS", message, (field.name,))
    return text


def _picklist(field: Field, value: Any) -> str:
    text = _text(field, value)
    _check_restricted(field, text)
    return text


def _multipicklist(field: Field, value: Any) -> str | None:
    text = _text(field, value)
    chosen = [part.strip(_BLANKS) for part in text.split(";") if part.strip(_BLANKS)]
    for part in chosen:
        _check_restricted(field, part)
    order = {known.value: at for at, known in enumerate(field.picklist_values)}
    distinct = sorted(dict.fromkeys(chosen), key=lambda part: order.get(part, len(order)))
    return ";".join(distinct) or None


def _check_restricted(field: Field, text: str) -> None:
    if not field.restricted_picklist:
        return
    if not any(known.active and known.value == text for known in field.picklist_values):
        message = f"{field.label}: bad value for restricted picklist field: {text}"
        raise OrgError(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, (field.name,))


def _boolean(field: Field, value: Any) -> bool:
    if value is None:
        return False
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise _unreadable(field, "boolean", value)
    return value


def _whole(field: Field, value: Any) -> int:
    number = _number(field, value, "int")
    if number != number.to_integral_value():
        raise _unreadable(field, "int", value)
    whole = int(number)
    limit = 10**field.digits if field.digits else 2**31
    if abs(whole) >= limit:
        raise _out_of_range(field, value)
    return whole


def _decimal(field: Field, value: Any) -> Decimal | float:
    number = _number(field, value, "double")
    if not field.precision:
        return float(number)
    # More digits than any field has: an absurd exponent would make quantize fail instead.
    if number.adjusted() > 38:
        raise _out_of_range(field, value)
    rounded = number.quantize(Decimal(1).scaleb(-field.scale), ROUND_HALF_UP)
    if abs(rounded) >= Decimal(10) ** (field.precision - field.scale):
        raise _out_of_range(field, value)
    return rounded


def _number(field: Field, value: Any, kind: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise _unreadable(field, kind, value)
    try:
        number = Decimal(str(value).strip(_BLANKS))
    except InvalidOperation:
        raise _unreadable(field, kind, value) from None
    if not number.is_finite():
        raise _unreadable(field, kind, value)
    return number


def _date(field: Field, value: Any) -> date:
    try:
        made = date.fromisoformat(value[:10] if isinstance(value, str) else "")
    except ValueError:
        raise _unreadable(field, "date", value) from None
    if not _FIRST_DAY <= made <= _LAST_DAY:
        raise _out_of_range(field, value)
    return made


def _datetime(field: Field, value: Any) -> datetime:
    try:
        made = utc_seconds(datetime.fromisoformat(value if isinstance(value, str) else ""))
    except (ValueError, OverflowError):
        raise _unreadable(field, "datetime", value) from None
    if not _FIRST_DAY <= made.date() <= _LAST_DAY:
        raise _out_of_range(field, value)
    return made


def _time(field: Field, value: Any) -> time:
    try:
        made = time.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise _unreadable(field, "time", value) from None
    return made.replace(tzinfo=None, microsecond=made.microsecond // 1000 * 1000)


def _reference(field: Field, value: Any) -> str:
    made = ids.normalise(value.strip(_BLANKS)) if isinstance(value, str) else None
    if made is None:
        message = f"{field.label}: id value of incorrect type: {value}"
        raise OrgError(400, "MALFORMED_ID", message, (field.name,))
    return made


_CONVERTERS = {
    "picklist": _picklist,
    "multipicklist": _multipicklist,
    "email": _email,
    "int": _whole,
    "long": _whole,
    "double": _decimal,
    "currency": _decimal,
    "percent": _decimal,
    "date": _date,
    "datetime": _datetime,
    "time": _time,
    "id": _reference,
    "reference": _reference,
}

_TOKENS = {str: "STRING", bool: "BOOLEAN", int: "NUMBER_INT", float: "NUMBER_FLOAT",
           Decimal: "NUMBER_FLOAT", dict: "START_OBJECT", list: "START_ARRAY"}  # fmt: skip


def _unreadable(field: Field, kind: str, value: Any) -> OrgError:
    token = _TOKENS.get(type(value), "STRING")
    shown = str(value).lower() if isinstance(value, bool) else value
    message = f"Cannot deserialize instance of {kind} from VALUE_{token} value {shown}"
    return OrgError(400, "JSON_PARSER_ERROR", f"{message} ({field.name})", (field.name,))


def _out_of_range(field: Field, value: Any) -> OrgError:
    message = f"{field.label}: value outside of valid range on numeric field: {value}"
    return OrgError(400, "NUMBER_OUTSIDE_VALID_RANGE", message, (field.name,))
