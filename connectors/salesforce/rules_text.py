"""Rules for text, choices and Ids; the sources are named in `judge`."""

from __future__ import annotations

from isthmus.catalog.model import Column
from isthmus.connectors.predicates import Value
from isthmus.connectors.salesforce import literals
from isthmus.connectors.salesforce.ids import is_full_id
from isthmus.connectors.salesforce.translation import (
    Operator,
    Translation,
    exact,
    listed,
    local,
    not_null_only,
    shown,
    superset,
)
from isthmus.connectors.salesforce.types import EXTERNAL

__all__ = ["identifier", "multipicklist", "text"]


def text(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    """Text of any kind: compared without case, ordered by language."""
    cased = bool(column.properties.get("case_sensitive"))
    if op not in ("=", "!="):
        return local("Salesforce orders text by the user's language")
    if op == "!=" and values == ("",) and not column.properties.get(EXTERNAL):
        if column.properties.get("calculated"):
            return local("a formula's text is not stored and may be blank")
        return exact(f"{column.name} != null", "stored text is never empty")
    if op == "!=" and not cased:
        if column.properties.get(EXTERNAL) and values != ("",):
            return local("an external object's empty texts are null to Salesforce")
        return not_null_only(column, "Salesforce would also drop other spellings")
    written = []
    for value in values:
        literal = _quoted(value)
        if literal is None:
            return local(f"{shown(value)} can't be sent as text")
        written.append(literal)
    if cased:
        return exact(listed(column, op, written), "the field is compared with case")
    return superset(listed(column, op, written), "Salesforce compares text without case")


def _quoted(value: Value) -> str | None:
    """A quoted literal; None for empty texts and outer blanks, which Salesforce never stores."""
    if not isinstance(value, str) or not value or value != value.strip():
        return None
    return literals.text(value)


def multipicklist(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    """Choices, as the whole set: compared without case and order."""
    if op not in ("=", "!="):
        return local("a multi-select picklist is not ordered")
    if op == "!=":
        return not_null_only(column, "Salesforce compares sets of choices without case")
    written = []
    for value in values:
        parts = value.split(";") if isinstance(value, str) else [""]
        literal = _quoted(value)
        if literal is None or any(not part or part != part.strip() for part in parts):
            return local(f"{shown(value)} is no set of choices")
        written.append(literal)
    return superset(listed(column, op, written), "the whole set is compared, without case or order")


def identifier(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    """Only full Ids can be equal to a stored one; a query with anything else is refused."""
    if op not in ("=", "!="):
        return local("Ids are not ordered as text is")
    written = [f"'{v}'" for v in values if isinstance(v, str) and is_full_id(v)]
    if written:
        return exact(listed(column, op, written), "full Ids are compared exactly")
    if op == "=" or not all(isinstance(v, str) for v in values):
        return local("no stored Id can be equal: not 18 characters with their checksum")
    return exact(f"{column.name} != null", "every stored Id differs from it")
