"""A SOSL statement: what to find, in which fields, and what to return of which objects.

Source: SOQL and SOSL Reference v65, "SOSL Syntax". Served are words, which all have to occur, and
phrases in double quotes, with the wildcards `*` and `?`; AND, OR and AND NOT between them and
clauses behind RETURNING other than LIMIT are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

from isthmus.localorg.errors import OrgError
from isthmus.localorg.soql.lexer import Kind, Token, tokens

#: The fields that IN names.
GROUPS = ("ALL", "NAME", "EMAIL", "PHONE", "SIDEBAR")
_FIND = re.compile(r"\s*FIND\s*\{((?:[^{}\\]|\\.)*)\}", re.IGNORECASE | re.DOTALL)
_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|((?:[^\s"\\]|\\.)+)', re.DOTALL)
_CLAUSES = ("WHERE", "ORDER", "LIMIT", "OFFSET")


@dataclass(frozen=True)
class Returned:
    """An object behind RETURNING: the texts of its fields, its condition, and what follows it."""

    name: str
    fields: str = "Id"
    where: str = ""
    rest: str = ""


@dataclass(frozen=True)
class Statement:
    """A statement. `words` still have their wildcards; `returned` is empty for all objects."""

    words: tuple[str, ...]
    group: str
    returned: tuple[Returned, ...]
    limit: int | None


def parse(text: str) -> Statement:
    """Read a statement; OrgError MALFORMED_SEARCH says what is wrong with it."""
    found = _FIND.match(text)
    if found is None:
        malformed("No search term found. The search term must be enclosed in braces.")
    words = tuple(quoted or bare for quoted, bare in _WORD.findall(found[1]))
    if not any(len(re.sub(r"[*?\s]", "", word)) > 1 for word in words):
        malformed("search term must be longer than one character: " + found[1])
    if any(word.upper() in ("AND", "OR", "NOT") for word in words):
        malformed("AND, OR and AND NOT are not served here: search for words or a phrase")
    tail = text[found.end() :]
    reader = _Reader(tail, tokens(tail))
    group = reader.group()
    returned = reader.returning()
    return Statement(words, group, returned, reader.end())


class _Reader:
    """Walks over the tokens behind the search term."""

    def __init__(self, text: str, found: list[Token]) -> None:
        self._text = text
        self._tokens = found
        self._at = 0

    def group(self) -> str:
        if not self._take("IN"):
            return "ALL"
        name = self._next().upper()
        if name not in GROUPS or not self._take("FIELDS"):
            malformed(f"unexpected token: {name}")
        return name

    def returning(self) -> tuple[Returned, ...]:
        if not self._take("RETURNING"):
            return ()
        found = [self._returned()]
        while self._take(","):
            found.append(self._returned())
        return tuple(found)

    def end(self) -> int | None:
        limit = int(self._next().text) if self._take("LIMIT") else None
        left = self._next()
        if left.kind is not Kind.END:
            malformed(f"unexpected token: {left.text}")
        return limit

    def _returned(self) -> Returned:
        name = self._next()
        if name.kind is not Kind.NAME:
            malformed(f"unexpected token: {name.text}")
        if not self._take("("):
            return Returned(name.text)
        start = self._tokens[self._at].start
        marks: dict[str, int] = {}
        depth = 1
        while depth:
            token = self._next()
            if token.kind is Kind.END:
                malformed("unexpected token: <EOF>")
            depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind is Kind.SIGN else 0
            if depth == 1 and token.upper() in _CLAUSES:
                marks.setdefault("WHERE" if token.upper() == "WHERE" else "REST", token.start)
        stop = self._tokens[self._at - 1].start
        rest = marks.get("REST", stop)
        where = marks.get("WHERE", rest)
        condition = self._text[where:rest][len("WHERE") :]
        fields = self._text[start:where].strip() or "Id"
        return Returned(name.text, fields, condition.strip(), self._text[rest:stop].strip())

    def _next(self) -> Token:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _take(self, word: str) -> bool:
        if self._tokens[self._at].upper() != word:
            return False
        self._at += 1
        return True


def malformed(message: str) -> NoReturn:
    """Refuse a statement as MALFORMED_SEARCH."""
    raise OrgError(400, "MALFORMED_SEARCH", message)
