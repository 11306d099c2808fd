"""A cursor over tokens, shared by the parsers of the clauses."""

from __future__ import annotations

from typing import NoReturn

from isthmus.localorg.soql.lexer import Kind, Token, tokens, unexpected

#: Keywords that can't be alias names (SOQL Reference v65, "Alias Notation").
RESERVED = frozenset(
    [
        "AND",
        "ASC",
        "DESC",
        "EXCLUDES",
        "FIRST",
        "FROM",
        "GROUP",
        "HAVING",
        "IN",
        "INCLUDES",
        "LAST",
        "LIKE",
        "LIMIT",
        "NOT",
        "NULL",
        "NULLS",
        "OR",
        "SELECT",
        "USING",
        "WHERE",
        "WITH",
    ]
)


class Stream:
    """The tokens of a statement and a place among them."""

    def __init__(self, text: str) -> None:
        self._tokens = tokens(text)
        self._at = 0
        self.depth = 0

    @property
    def now(self) -> Token:
        """The token at the place."""
        return self._tokens[self._at]

    def ahead(self, count: int = 1) -> Token:
        """Give the token `count` places on, or the END."""
        return self._tokens[min(self._at + count, len(self._tokens) - 1)]

    def next(self) -> Token:
        """Give the token at the place and step over it."""
        token = self.now
        if token.kind is not Kind.END:
            self._at += 1
        return token

    def is_word(self, *words: str) -> bool:
        """Say whether the coming tokens are these keywords or signs."""
        return all(self.ahead(i).upper() == word for i, word in enumerate(words))

    def take(self, *words: str) -> bool:
        """Step over these keywords or signs if they come next."""
        if not self.is_word(*words):
            return False
        self._at += len(words)
        return True

    def need(self, *words: str) -> Token:
        """Step over these keywords or signs, which must come next; gives the first."""
        first = self.now
        for word in words:
            if not self.take(word):
                self.refuse()
        return first

    def need_kind(self, kind: Kind) -> Token:
        """Step over a token of this kind, which must come next."""
        if self.now.kind is not kind:
            self.refuse()
        return self.next()

    def refuse(self) -> NoReturn:
        """Refuse the token at the place."""
        unexpected(self.now.text)
