"""Text: patterns in all spellings, and functions of text that a pattern can be seen through."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from isthmus.connectors.patterns import ANY, ONE, Token, literally, pattern_of, tokens
from isthmus.connectors.predicates import (
    Compare,
    HasItem,
    IsNull,
    Like,
    Not,
    Or,
    Predicate,
)
from isthmus.engine.bound.implied import NOTHING, Implied
from isthmus.engine.bound.peel import IT, Peel, Peeled, compared, known, some
from isthmus.engine.bound.tree import Call, Node

__all__ = ["ITEMS", "LIKES", "TEXT_PEELS", "items_of", "like_of"]

#: Predicates of a text and a pattern; `like_of` reads them.
LIKES: Final = frozenset(
    {
        *("prefix", "starts_with", "^@", "suffix", "ends_with", "contains"),
        *("~~", "!~~", "~~*", "!~~*"),
        *("like_escape", "not_like_escape", "ilike_escape", "not_ilike_escape"),
    }
)
#: Predicates of a text that is split, and of items; `items_of` reads them.
ITEMS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("list_contains", "list_has", "array_contains", "array_has"), "one"),
    **dict.fromkeys(("list_has_any", "array_has_any", "&&"), "any"),
    **dict.fromkeys(("list_has_all", "array_has_all", "@>"), "all"),
}
_SPLITS: Final = frozenset({"string_split", "str_split", "string_to_array", "split"})


def like_of(call: Call) -> tuple[Node, Predicate] | None:
    """The text, and its pattern as a predicate over `IT`; None where either is not plain."""
    term, operand, *escapes = call.arguments
    text, escape = known(operand), ""
    if term.kind.name != "VARCHAR" or not isinstance(text, str):
        return None
    if escapes:
        given = known(escapes[0])
        if not isinstance(given, str) or len(given) > 1:
            return None
        escape = given
    match call.name:
        case "prefix" | "starts_with" | "^@":
            return term, Like(IT, f"{literally(text)}%")
        case "suffix" | "ends_with":
            return term, Like(IT, f"%{literally(text)}")
        case "contains":
            return term, Like(IT, f"%{literally(text)}%")
    pattern = _pattern(text, escape)
    if pattern is None:
        return None
    name = call.name.removesuffix("_escape")
    like = Like(IT, pattern, case_sensitive=name.removeprefix("not_") in ("like", "~~", "!~~"))
    return term, Not(like) if name.startswith(("!", "not_")) else like


def _pattern(text: str, escape: str) -> str | None:
    """A pattern of DuckDB's, which has no escape unless one is named, in our own spelling."""
    parts: list[Token] = []
    signs = iter(text)
    for sign in signs:
        if sign == escape:
            escaped = next(signs, None)
            if escaped is None:
                return None
            parts.append((escaped, False))
        else:
            parts.append((sign, sign in "%_"))
    return pattern_of(parts)


def items_of(call: Call) -> tuple[Node, str, tuple[str, ...]] | None:
    """The text, the separator and the items, of a test on a text that is split."""
    listed, wanted = call.arguments
    if not isinstance(listed, Call) or listed.name not in _SPLITS or len(listed.arguments) != 2:
        return None
    term, separator, items = listed.arguments[0], known(listed.arguments[1]), known(wanted)
    items = (items,) if ITEMS[call.name] == "one" else items
    if not isinstance(separator, str) or not separator or not isinstance(items, tuple):
        return None
    if not items or not all(isinstance(item, str) for item in items):
        return None
    return term, separator, items


def _cased(call: Call, question: Predicate, zone: str) -> Peeled | None:
    """``lower(s) = 'x'`` is ``s ILIKE 'x'``.

    Upper case has two more letters beyond ASCII that become ASCII (the dotless i and the long s),
    and what it makes of others is not relied on: these may be any one character.
    """
    lower = call.name in ("lower", "lcase")
    negated = isinstance(question, Not) or (isinstance(question, Compare) and question.op == "!=")
    parts = _parts_of(question)
    if parts is None:
        return None
    never = str.isupper if lower else str.islower
    if _keeps_case(question) and any(
        sign.isascii() and never(sign) for sign, wild in parts if not wild
    ):
        return Peeled(call.arguments[0], some() if negated else NOTHING)
    loose = [p for p in parts if not p[1] and not _is_settled(p[0], lower)]
    if not lower:
        parts = [ONE if p in loose else p for p in parts]
    like = Like(IT, pattern_of(parts), case_sensitive=False)
    if negated:
        return None if loose else Peeled(call.arguments[0], Implied(Not(like), True))
    equivalent = not loose and not isinstance(question, HasItem)
    return Peeled(call.arguments[0], Implied(like, equivalent))


def _is_settled(sign: str, lower: bool) -> bool:
    """Whether just the texts with a spelling of this letter give it."""
    return sign.isascii() and (lower or sign not in "IKSiks")


def _inner(question: Predicate) -> Predicate:
    return question.part if isinstance(question, Not) else question


def _keeps_case(question: Predicate) -> bool:
    inner = _inner(question)
    return not isinstance(inner, Like) or inner.case_sensitive


def _parts_of(question: Predicate) -> list[Token] | None:
    """The pattern that a question asks for, negated or not."""
    match _inner(question):
        case Compare(_, "=" | "!=", str(text)):
            return list(tokens(literally(text)))
        case Like(_, pattern):
            return list(tokens(pattern))
        case HasItem(_, item) if not isinstance(question, Not):
            return [ANY, *tokens(literally(item)), ANY]
    return None


def _part(before: bool, after: bool) -> Peel:
    """For a function that gives a part of the text: what is found in it is in the text."""

    def peel(call: Call, question: Predicate, zone: str) -> Peeled | None:
        parts = None if isinstance(question, Not) else _parts_of(question)
        if parts is None or (isinstance(question, Compare) and question.op != "="):
            return None
        around = [ANY] * before + parts + [ANY] * after
        pattern = pattern_of(around)
        implied = some(equivalent=False)
        if pattern != "%":
            implied = Implied(Like(IT, pattern, _keeps_case(question)), False)
        return Peeled(call.arguments[0], implied)

    return peel


def _joined(call: Call, question: Predicate, zone: str) -> Peeled | None:
    """``s || 'x' = 'ax'`` is ``s = 'a'``; to ``concat``, null is an empty text."""
    if len(call.arguments) != 2 or not isinstance(question, Compare):
        return None
    if question.op not in ("=", "!=") or not isinstance(question.value, str):
        return None
    left, right = call.arguments
    term, fixed, at_end = left, known(right), True
    if not isinstance(fixed, str):
        term, fixed, at_end = right, known(left), False
    if not isinstance(fixed, str) or term.kind.name != "VARCHAR":
        return None
    whole = question.value
    fits = whole.endswith(fixed) if at_end else whole.startswith(fixed)
    rest = whole[: len(whole) - len(fixed)] if at_end else whole[len(fixed) :]
    if call.name == "concat":
        return Peeled(term, _with_null(question, rest)) if fits else None
    if not fits:
        return Peeled(term, NOTHING if question.op == "=" else some())
    return Peeled(term, compared(question.op, rest))


def _with_null(question: Compare, rest: str) -> Implied:
    same = Compare(IT, question.op, rest)
    if (question.op == "=") == (rest == ""):
        return Implied(Or((same, IsNull(IT))), True)
    return Implied(same, True)


def _named(names: Iterable[str], peel: Peel) -> dict[str, Peel]:
    return dict.fromkeys(names, peel)


#: By function name.
TEXT_PEELS: Final[Mapping[str, Peel]] = {
    **_named(("lower", "lcase", "upper", "ucase"), _cased),
    **_named(("trim", "substring", "substr"), _part(True, True)),
    **_named(("ltrim", "right"), _part(True, False)),
    **_named(("rtrim", "left"), _part(False, True)),
    **_named(("||", "concat"), _joined),
}
