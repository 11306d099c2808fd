"""What one of DuckDB's bound filter expressions implies for the rows of a table.

DuckDB hands a scan only part of a query's filters. The others stand in its plan, above the scan;
each row that passes one passes the predicate made here too, which a source may be asked for.
Nothing here decides what is filtered: DuckDB applies its own filter all the same.

An expression is asked twofold: what holds where it is true, and what where it is false. So NOT
needs no rule of its own, and null is neither. Of a comparison with a constant, one function after
another is peeled off the varying side (`bound.peel`) until a column is reached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from isthmus.connectors.predicates import (
    OPPOSITE,
    And,
    Compare,
    Comparison,
    HasItem,
    In,
    IsNull,
    Not,
    Or,
    Predicate,
    Value,
)
from isthmus.connectors.truth import truth
from isthmus.engine.bound.constants import Interval
from isthmus.engine.bound.implied import ALWAYS, NOTHING, Implied, all_of, any_of
from isthmus.engine.bound.moments import MOMENT_PEELS, is_moment, moment_cast
from isthmus.engine.bound.numbers import arithmetic, number_cast
from isthmus.engine.bound.peel import FLIPPED, IT, Peel, Peeled, known
from isthmus.engine.bound.spans import SPAN_PEELS, lasting
from isthmus.engine.bound.texts import ITEMS, LIKES, TEXT_PEELS, items_of, like_of
from isthmus.engine.bound.tree import (
    Call,
    Choice,
    Computed,
    Constant,
    Marked,
    Node,
    Output,
    Ref,
    Unknown,
    read_expression,
)

__all__ = ["Computed", "Implied", "Marked", "Output", "predicate_of"]


def predicate_of(
    expression: Mapping[str, Any], columns: Sequence[Output], *, zone: str = "UTC"
) -> Implied | None:
    """The predicate that every row passes for which the expression is true.

    Args:
        expression: as ``json_serialize_plan`` writes it.
        columns: what the positions in it refer to: the name of a table's column, or None for
            anything else. `Computed` and `Marked` stand for projections and long IN lists.
        zone: the query's time zone, as DuckDB names it.

    Returns:
        The predicate, and whether it says all that the expression does; None where nothing is
        known. `predicates.NEVER` where no row can pass.
    """
    try:
        found = _holds(read_expression(expression, columns), True, zone)
    except RecursionError:  # nested too deeply to tell
        return None
    return None if found is None or found.predicate == ALWAYS.predicate else found


def _holds(node: Node, wanted: bool, zone: str) -> Implied | None:
    """What is implied where an expression is true, or where it is false."""
    match node:
        case Ref() | Constant() | Choice():
            return _about(node, Compare(IT, "=", wanted), zone)
        case Call("not", (inner,)):
            return _holds(inner, not wanted, zone)
        case Call("and" | "or", parts):
            each = [_holds(part, wanted, zone) for part in parts]
            return all_of(each) if (node.name == "and") == wanted else any_of(each)
        case Call(name, (left, right)) if name in _COMPARISONS:
            op: Comparison = _COMPARISONS[name]
            return _compared(left, op if wanted else OPPOSITE[op], right, zone)
        case Call("in", (left, *options)):
            return _among(left, options, wanted, zone)
        case Call("is distinct from" | "is not distinct from", (left, right)):
            return _distinct(left, right, (node.name == "is distinct from") == wanted, zone)
        case Call("is null" | "is not null", (inner,)):
            is_null = (node.name == "is null") == wanted
            return _about(inner, IsNull(IT) if is_null else Not(IsNull(IT)), zone)
        case Call("constant_or_null", (constant, *others)):
            if known(constant) is not wanted:
                return NOTHING if isinstance(known(constant), bool) else None
            return all_of(_about(other, Not(IsNull(IT)), zone) for other in others)
        case Call(name) if name in LIKES and len(node.arguments) > 1:
            found = like_of(node)
            if found is not None:
                return _about(found[0], found[1] if wanted else _negated(found[1]), zone)
            listed = replace(node, name="list_contains")
            return _items(listed, wanted, zone) if name == "contains" else None
        case Call(name, (_, _)) if name in ITEMS:
            return _items(node, wanted, zone)
        case Call("coalesce"):
            return _about(node, Compare(IT, "=", wanted), zone)
    return None


_COMPARISONS: Final[Mapping[str, Comparison]] = {op: op for op in OPPOSITE}
#: Calls that are true, false or unknown, which `_holds` reads.
_LOGIC: Final = frozenset(
    {
        *_COMPARISONS,
        *LIKES,
        *ITEMS,
        *("not", "and", "or", "in", "is null", "is not null", "constant_or_null"),
        *("is distinct from", "is not distinct from"),
    }
)


def _negated(predicate: Predicate) -> Predicate:
    return predicate.part if isinstance(predicate, Not) else Not(predicate)


def _compared(left: Node, op: Comparison, right: Node, zone: str) -> Implied | None:
    if isinstance(left, Constant) and not isinstance(right, Constant):
        left, op, right = right, FLIPPED[op], left
    if not isinstance(right, Constant):
        return None
    value = right.value
    if value is None:
        return NOTHING
    if isinstance(value, Interval):
        return _lasting(left, op, value, zone)
    return _about(left, Compare(IT, op, value), zone) if isinstance(value, Value) else None


def _among(left: Node, options: Sequence[Node], wanted: bool, zone: str) -> Implied | None:
    """IN, or NOT IN: of a list with null, the latter is never true."""
    values = dict.fromkeys(o.value for o in options if isinstance(o, Constant))
    told = [value for value in values if isinstance(value, Value)]
    unsaid = len(values) - len(told) - (None in values)
    whole = not unsaid and all(isinstance(o, Constant) for o in options)
    if not options or (wanted and not told and whole):
        return NOTHING if wanted else ALWAYS
    if wanted:
        return _about(left, _listed(told), zone) if whole else None
    if None in values:
        return NOTHING
    found = _about(left, Not(_listed(told)), zone) if told else None
    return found if found is None or whole else Implied(found.predicate, False)


def _listed(values: Sequence[Value]) -> Compare | In:
    return Compare(IT, "=", values[0]) if len(values) == 1 else In(IT, tuple(values))


def _distinct(left: Node, right: Node, wanted: bool, zone: str) -> Implied | None:
    if isinstance(left, Constant):
        left, right = right, left
    if not isinstance(right, Constant):
        return None
    value = right.value
    if value is None:
        return _about(left, Not(IsNull(IT)) if wanted else IsNull(IT), zone)
    if not isinstance(value, Value):
        return None
    if not wanted:
        return _about(left, Compare(IT, "=", value), zone)
    return _about(left, Or((Compare(IT, "!=", value), IsNull(IT))), zone)


def _items(call: Call, wanted: bool, zone: str) -> Implied | None:
    found = items_of(call)
    if found is None:
        return None
    term, separator, items = found
    tests: list[Predicate] = [HasItem(IT, item, separator) for item in items]
    each = [_about(term, test if wanted else Not(test), zone) for test in tests]
    return all_of(each) if (ITEMS[call.name] != "any") == wanted else any_of(each)


def _about(term: Node, question: Predicate, zone: str) -> Implied | None:
    """What is implied for the rows where a predicate over `IT` is true of a term's value."""
    match question:
        case And(parts):
            return all_of(_about(term, part, zone) for part in parts)
        case Or(parts):
            return any_of(_about(term, part, zone) for part in parts)
        case In(_, values) if not isinstance(term, Ref):
            return any_of(_about(term, Compare(IT, "=", v), zone) for v in values)
        case Not(Compare(_, op, value)):
            return _about(term, Compare(IT, OPPOSITE[op], value), zone)
        case Not(In(_, values)) if not isinstance(term, Ref):
            return all_of(_about(term, Compare(IT, "!=", v), zone) for v in values)
    match term:
        case Ref(column, kind):
            if kind.name.startswith("VARCHAR COLLATE"):
                return None
            return Implied(_named(question, column), True)
        case Constant():
            return _of_constant(term.value, question)
        case Choice():
            return _of_choice(term, question, zone)
        case Call("coalesce", arguments):
            return _of_coalesce(arguments, question, zone)
        case Call():
            return _of_call(term, question, zone)
        case Unknown():
            return None


def _named(question: Predicate, column: str) -> Predicate:
    if isinstance(question, Not):
        return Not(_named(question.part, column))
    assert not isinstance(question, And | Or)
    return replace(question, column=column)


def _of_constant(value: object, question: Predicate) -> Implied | None:
    try:
        return ALWAYS if truth(question, {IT: value}) is True else NOTHING
    except (TypeError, AttributeError):
        return None


def _of_choice(choice: Choice, question: Predicate, zone: str) -> Implied | None:
    """One of the branches was taken and its value passes."""
    arms: list[Implied | None] = []
    for when, then in choice.whens:
        passing = _about(then, question, zone)
        if passing is None:
            return None
        arms.append(all_of((_holds(when, True, zone), passing)))
    found = any_of([*arms, _about(choice.otherwise, question, zone)])
    if found is None or found == NOTHING:
        return found
    return Implied(found.predicate, False)


def _of_coalesce(arguments: Sequence[Node], question: Predicate, zone: str) -> Implied | None:
    """``coalesce(x, 0) >= 0`` is ``x >= 0 OR x IS NULL``."""
    if question == IsNull(IT):
        return all_of(_about(a, question, zone) for a in arguments)
    if question == Not(IsNull(IT)):
        return any_of(_about(a, question, zone) for a in arguments)
    arms: list[Implied | None] = []
    nulls: list[Implied | None] = []
    for argument in arguments:
        passing = _about(argument, question, zone)
        if passing is None:
            return None
        arms.append(all_of([*nulls, passing]))
        nulls.append(_about(argument, IsNull(IT), zone))
    return any_of(arms)


def _of_call(call: Call, question: Predicate, zone: str) -> Implied | None:
    if question in (IsNull(IT), Not(IsNull(IT))):
        return _null(call, question == IsNull(IT), zone)
    if call.name in _LOGIC:
        match question:
            case Compare(_, "=" | "!=", bool(value)):
                return _holds(call, value == (question.op == "="), zone)
        return None
    return _beneath(lambda: _peeled(call, question, zone), zone)


def _lasting(term: Node, op: Comparison, length: Interval, zone: str) -> Implied | None:
    """What is implied where a span of time compares so with an interval."""
    if not isinstance(term, Call):
        return None
    return _beneath(lambda: lasting(term, op, length, zone), zone)


def _beneath(peel: Callable[[], Peeled | None], zone: str) -> Implied | None:
    """What is implied for the columns of the argument that is left when a call is peeled off."""
    try:
        peeled = peel()
    except (OverflowError, LookupError, ValueError, IndexError):
        return None  # beyond Python's dates, or a zone or a call of a form that is not known
    if peeled is None:
        return None
    found = _about(peeled.term, peeled.implied.predicate, zone)
    if found is None or found == NOTHING or peeled.implied.equivalent:
        return found
    return Implied(found.predicate, False)


def _peeled(call: Call, question: Predicate, zone: str) -> Peeled | None:
    if call.name in ("cast", "try_cast"):
        return number_cast(call, question) or moment_cast(call, question, zone)
    if call.name in ("+", "-", "*") and not any(is_moment(a.kind) for a in call.arguments):
        return arithmetic(call, question, zone)
    peel = _PEELS.get(call.name)
    return None if peel is None else peel(call, question, zone)


_PEELS: Final[Mapping[str, Peel]] = {**TEXT_PEELS, **MOMENT_PEELS, **SPAN_PEELS}


def _null(call: Call, wanted: bool, zone: str) -> Implied | None:
    """Where a call's value is null, or is not: by its arguments, if null in means null out."""
    if call.name not in _STRICT:
        return None
    each = [_about(a, IsNull(IT) if wanted else Not(IsNull(IT)), zone) for a in call.arguments]
    if wanted:
        return any_of(each) if call.name in _TOTAL else None
    found = all_of(each)
    if found is None or found == NOTHING or call.name in _TOTAL:
        return found
    return Implied(found.predicate, False)


#: Null just where an argument is.
_TOTAL: Final = frozenset(
    {
        *_COMPARISONS,
        *("prefix", "starts_with", "suffix", "ends_with", "~~", "!~~", "~~*", "!~~*"),
        *("not", "cast", "lower", "lcase", "upper", "ucase", "trim", "ltrim", "rtrim", "||"),
    }
)
#: Null where an argument is, and perhaps elsewhere.
_STRICT: Final = _TOTAL | {
    *(
        "try_cast",
        "year",
        "quarter",
        "month",
        "day",
        "dayofmonth",
        "date_trunc",
        "strftime",
        "left",
        "right",
        "substring",
    ),
    *("+", "-", "*", "/", "%", "datediff", "date_diff", "abs", "length"),
    *("datesub", "date_sub", "age", "normalized_interval"),
}
