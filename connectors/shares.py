"""Under which key it is remembered what part of a table's rows some predicates leave.

Who learns it (the engine, from answers) and who uses it (a connector, for its estimate) must write
the same key. Values of predicates go in only as a digest: what is remembered shows none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from isthmus.connectors.contract import Fragment, Promise
from isthmus.connectors.predicates import Compare, In, IsNull, Predicate

__all__ = ["answer_key", "columns_key", "sent_predicates", "shape_key", "told_key", "values_of"]

#: A longer list is no question that comes again.
_LONGEST_LIST = 100


def sent_predicates(fragment: Fragment) -> tuple[Predicate, ...]:
    """The predicates that the source applies."""
    return tuple(j.predicate for j in fragment.judgements if j.promise is not Promise.LOCAL)


def answer_key(predicates: Iterable[Predicate], options: Iterable[str] = ()) -> str | None:
    """The key of just these predicates, in any order; None where they won't come again.

    >>> one, other = Compare("a", "=", 1), IsNull("b")
    >>> answer_key([one, other]) == answer_key([other, one]) != answer_key([one])
    True
    """
    predicates = tuple(predicates)
    if any(isinstance(p, In) and len(p.values) > _LONGEST_LIST for p in predicates):
        return None
    text = "\n".join([*sorted(map(repr, predicates)), *sorted(options)])
    return "=" + hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def told_key(answer: str) -> str:
    """The key of what the source itself says of the predicates of an answer's key.

    >>> told_key("=x") != "=x"
    True
    """
    return f"?{answer}"


def shape_key(predicate: Predicate) -> str | None:
    """The key of all predicates of a kind on a column, whatever their values.

    >>> shape_key(Compare("Stage", "=", "Won")) == shape_key(In("Stage", ("Lost", "Won")))
    True
    """
    match predicate:
        case Compare(column=column, op=op):
            return f"{column} {op}"
        case In(column=column):
            return f"{column} ="
        case IsNull(column=column):
            return f"{column} null"
        case _:
            return None


def values_of(predicate: Predicate) -> int:
    """How many values the predicate asks for: a share by shape is for one of them."""
    return max(len(predicate.values), 1) if isinstance(predicate, In) else 1


def columns_key(columns: Iterable[str]) -> str:
    """The key of a set of columns, for the bytes of a row."""
    text = "\n".join(sorted(columns))
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
