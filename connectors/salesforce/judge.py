"""What Salesforce promises on a predicate, and the SOQL that says it: judge and writer in one.

`translate` brings a predicate into negation normal form and looks each comparison up in `RULES`,
by the column's type. A rule gives the promise, the reason and the condition's text together, so
nothing is judged sendable that can't be written. What no rule names stays LOCAL.

Facts, with their sources (SOQL: *SOQL and SOSL Reference*, v65.0, by its PDF's pages):

- Text is compared without case, unless the field is described as case-sensitive (SOQL p. 19), so
  ``=`` and IN may return more; ``!=`` would return less and only its "not null" is sent. Order
  follows the user's language (p. 47): not sent. Stored text is never empty and has no outer
  blanks (*Apex Developer Guide*, "String").
- Ids are stored with 18 characters. A filter by fewer finds rows that SQL's comparison of text
  does not, and one by a malformed Id is refused; both stay here.
- A checkbox is never null; ``= null`` finds the unchecked ones (p. 33), so it is not sent.
- Whether ``F != v`` returns the rows where F is null is documented nowhere, nor is how an order
  comparison treats null; both are sent with ``F != null`` beside them and mean the same in
  either case. ``F = null`` itself is a true test (p. 33).
- A decimal column holds each stored value exactly and a value that does not fit the column is an
  error when it is read, so comparing on the server and comparing here see the same number: EXACT.
  A plain number is compared raw in an org of several currencies too (p. 58). Formula fields may
  be computed to more places than they show: one unit of the last place is allowed for, and one
  second of an instant.
- Date functions may stand in WHERE (p. 60). Of a date they need no time zone; of a datetime they
  tell the part in UTC, and are not sent. Weeks and their days are counted otherwise than in SQL
  (pp. 61-62). Only ``=`` is shown in the reference, so several numbers are joined by OR.
- A datetime has whole seconds (*Object Reference*, "Primitive Data Types"): only ``>=`` and ``<``
  on whole seconds are sent. Dates are compared by day; how times are compared is not documented.
- LIKE is for text fields only and ignores case; ``%``, ``_`` and their escapes are as in SQL (pp.
  19 and 20). Which characters are one spelling of another, whether a backslash reaches the
  pattern, and whether ``_`` is half of a rare character, is documented nowhere: ``%`` is sent for
  all of these. A negated LIKE would drop other spellings: only its "not null" is sent.
- A multi-select picklist is compared as a whole set; INCLUDES asks for one choice (p. 32).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pyarrow as pa

from isthmus.catalog.model import Column, Table
from isthmus.connectors.contract import Promise
from isthmus.connectors.predicates import (
    OPPOSITE,
    And,
    Compare,
    HasItem,
    In,
    IsNull,
    Like,
    Not,
    Or,
    PartIn,
    Predicate,
    Value,
)
from isthmus.connectors.salesforce import rules_number, rules_patterns, rules_text, rules_time
from isthmus.connectors.salesforce.soql import All, AnyOf
from isthmus.connectors.salesforce.translation import (
    Operator,
    Rule,
    Translation,
    exact,
    local,
    superset,
)
from isthmus.connectors.salesforce.types import (
    BOOLEANS,
    EXTERNAL,
    IDS,
    LOOSE,
    NUMBERS,
    TEXTS,
    WHOLE,
)

__all__ = ["RULES", "Translation", "translate"]


def translate(table: Table, predicate: Predicate, *, negated: bool = False) -> Translation:
    """Judge a predicate and write it.

    Args:
        table: the table that the predicate is about.
        predicate: what must hold.
        negated: translate ``NOT predicate`` instead.
    """
    match predicate:
        case Not(part=part):
            return translate(table, part, negated=not negated)
        case And(parts=parts) | Or(parts=parts):
            each = [translate(table, part, negated=negated) for part in parts]
            return _all(each) if isinstance(predicate, And) != negated else _any(each)
        case IsNull(column=name):
            return _null(table.column(name), wanted=not negated)
        case Compare(column=name, op=op, value=value):
            return _compared(table.column(name), OPPOSITE[op] if negated else op, (value,))
        case In(column=name, values=values):
            return _compared(table.column(name), "!=" if negated else "=", values)
        case Like(column=name):
            column = table.column(name)
            return _refusal(column) or rules_patterns.like(column, predicate, negated=negated)
        case PartIn(column=name):
            column = table.column(name)
            return _refusal(column) or rules_time.part_of_day(column, predicate, negated=negated)
        case HasItem(column=name):
            column = table.column(name)
            return _refusal(column) or rules_patterns.has_item(column, predicate, negated=negated)


def _reasons(each: Iterable[Translation]) -> str:
    return "; ".join(dict.fromkeys(t.reason for t in each))


def _all(each: list[Translation]) -> Translation:
    """AND: what can be sent is sent, and is a superset if anything is left out."""
    if not each:
        return local("there is nothing to ask")
    sent = [t for t in each if t.condition is not None]
    if not sent:
        return local(_reasons(each))
    condition = All(tuple(t.condition for t in sent if t.condition is not None))
    if all(t.promise is Promise.EXACT for t in each):
        return exact(condition, _reasons(each))
    return superset(condition, _reasons(t for t in each if t.promise is not Promise.EXACT))


def _any(each: list[Translation]) -> Translation:
    """OR: sent only if every arm can be."""
    if not each:
        return local("no row can pass")
    if any(t.condition is None for t in each):
        missing = [t for t in each if t.condition is None]
        return local(f"an arm of OR can't be sent: {_reasons(missing)}")
    condition = AnyOf(tuple(t.condition for t in each if t.condition is not None))
    if all(t.promise is Promise.EXACT for t in each):
        return exact(condition, _reasons(each))
    return superset(condition, _reasons(t for t in each if t.promise is not Promise.EXACT))


def _null(column: Column, *, wanted: bool) -> Translation:
    if column.source_type in BOOLEANS:
        return local("a checkbox is never null, and Salesforce takes null for false")
    if (refusal := _refusal(column)) is not None:
        return refusal
    if column.properties.get(EXTERNAL) and pa.types.is_string(column.type):
        return local("an external object's empty texts are null to Salesforce")
    return exact(f"{column.name} {'=' if wanted else '!='} null", "a test for null means the same")


def _refusal(column: Column) -> Translation | None:
    if not column.properties.get("filterable"):
        return local(f"Salesforce does not filter by {column.name} (not filterable)")
    if column.properties.get(LOOSE):
        return local(f"values of type {column.source_type} are not compared on the server")
    return None


def _compared(column: Column, op: Operator, values: tuple[Value, ...]) -> Translation:
    if (refusal := _refusal(column)) is not None:
        return refusal
    if not values:
        return local("the list is empty")
    rule = RULES.get(column.source_type)
    if rule is None:
        return local(f"no rule for type {column.source_type}")
    if column.source_type in NUMBERS and not pa.types.is_decimal(column.type):
        rule = rules_number.double
    return rule(column, op, tuple(dict.fromkeys(values)) if len(values) > 1 else values)


#: By source type. A type that is not here stays local.
RULES: Final[dict[str, Rule]] = {
    **dict.fromkeys(IDS, rules_text.identifier),
    **dict.fromkeys(TEXTS, rules_text.text),
    "multipicklist": rules_text.multipicklist,
    **dict.fromkeys(BOOLEANS, rules_number.boolean),
    **dict.fromkeys(WHOLE, rules_number.whole),
    **dict.fromkeys(NUMBERS, rules_number.decimal),
    "date": rules_time.day,
    "datetime": rules_time.instant,
    "time": rules_time.time_of_day,
}
