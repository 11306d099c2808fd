"""Rules for patterns and for items of a list; the sources are named in `judge`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from isthmus.catalog.model import Column
from isthmus.connectors import patterns
from isthmus.connectors.patterns import ANY, Token
from isthmus.connectors.predicates import HasItem, Like
from isthmus.connectors.salesforce import literals
from isthmus.connectors.salesforce.translation import (
    Translation,
    local,
    not_null_only,
    shown,
    superset,
)
from isthmus.connectors.salesforce.types import EXTERNAL

__all__ = ["has_item", "like"]

#: What SOQL's LIKE is for ("string fields only"), by source type.
_TEXTS: Final = frozenset({"string", "textarea", "email", "phone", "url", "combobox", "picklist"})

#: Letters with a third spelling beyond ASCII (the dotted and the dotless i, the Kelvin sign, the
#: long s), or another one in Turkish: whether Salesforce takes them for the same is not known.
_FOLDED: Final = frozenset("iIkKsS")


def like(column: Column, predicate: Like, *, negated: bool) -> Translation:
    """A pattern, as one that lets at least the same texts through."""
    if negated:
        return _some_text(column, "Salesforce would also drop other spellings")
    if column.source_type not in _TEXTS:
        return _some_text(column, f"Salesforce has no LIKE for type {column.source_type}")
    sent = _sent(predicate, cased=bool(column.properties.get("case_sensitive")))
    if all(wild for _, wild in sent):
        needed = any(not wild or sign == "_" for sign, wild in patterns.tokens(predicate.pattern))
        return _some_text(column, "nothing of the pattern can be sent", maybe_empty=not needed)
    whole = ANY not in sent
    written = literals.text("".join(sign for sign, _ in sent)) if whole else literals.pattern(sent)
    if written is None:
        return _some_text(column, f"{shown(predicate.pattern)} can't be sent as a pattern")
    return superset(
        f"{column.name} {'=' if whole else 'LIKE'} {written}",
        "Salesforce compares text without case",
    )


def _sent(predicate: Like, *, cased: bool) -> list[Token]:
    """The pattern's parts, with ``%`` for each that may mean something else on the server.

    One character is not sent as ``_``: it may stand for half of a character beyond the 16-bit
    range there. Outer blanks may be cut off there.
    """
    parts = list(patterns.tokens(predicate.pattern))
    kept = [
        part if not part[1] and _plain(part[0], predicate.case_sensitive, cased) else ANY
        for part in parts
    ]
    for outer in (range(len(kept)), reversed(range(len(kept)))):
        for position in outer:
            if kept[position] not in ((" ", False), ANY):
                break
            kept[position] = ANY
    return _merged(kept)


def _plain(sign: str, case_sensitive: bool, cased: bool) -> bool:
    if not " " <= sign <= "~" or sign == "\\":
        return False
    if case_sensitive:
        return True
    return sign.lower() == sign.upper() if cased else sign not in _FOLDED


def _merged(parts: Iterable[Token]) -> list[Token]:
    merged: list[Token] = []
    for part in parts:
        if part != ANY or merged[-1:] != [ANY]:
            merged.append(part)
    return merged


def has_item(column: Column, predicate: HasItem, *, negated: bool) -> Translation:
    """An item of a multi-select picklist; in other text, that it is somewhere within."""
    item = predicate.item
    if negated:
        return _some_text(column, "Salesforce would also drop other spellings")
    if predicate.separator in item:
        return local(f"no item is {shown(item)}: it holds the separator")
    if column.source_type != "multipicklist" or predicate.separator != ";":
        within = Like(column.name, f"%{patterns.literally(item)}%")
        return like(column, within, negated=False)
    literal = literals.text(item) if item and item == item.strip() else None
    if literal is None:
        return _some_text(column, f"{shown(item)} is no choice")
    return superset(
        f"{column.name} INCLUDES ({literal})", "Salesforce compares choices without case"
    )


def _some_text(column: Column, reason: str, *, maybe_empty: bool = True) -> Translation:
    if column.properties.get(EXTERNAL) and maybe_empty:
        return local(f"{reason}; an external object's empty texts are null to Salesforce")
    return not_null_only(column, reason)
