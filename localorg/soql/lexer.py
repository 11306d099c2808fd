"""SOQL text into tokens.

The lexical rules are those of the SOQL and SOSL Reference v65, "Quoted String Escape Sequences"
and "Date Formats and Date Literals in WHERE", with the details measured against Salesforce's own
published grammar: no exponents, no trailing point, no comments, `Z` or an offset required.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

from isthmus.localorg.errors import OrgError

#: Statements above this length, in characters, are refused (SOQL Reference, "SOQL Limits").
MAX_STATEMENT = 100_000


class Kind(Enum):
    """What a token is."""

    NAME = "name"
    TEXT = "text"
    NUMBER = "number"
    CURRENCY = "currency"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True)
class Token:
    """A token: its kind, its text as written, and where it starts and ends (from 0)."""

    kind: Kind
    text: str
    start: int
    end: int

    def upper(self) -> str:
        """Give the text of a name or sign for comparison with a keyword."""
        return self.text.upper() if self.kind is Kind.NAME else self.text


_ZONE = r"(?:[Zz]|[+-]\d\d:?\d\d)"
_RULES: tuple[tuple[Kind, str], ...] = (
    (Kind.DATETIME, rf"\d{{4}}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?{_ZONE}(?!\w)"),
    (Kind.DATE, r"\d{4}-\d\d-\d\d(?![\w:])"),
    (Kind.TIME, r"\d\d:\d\d:\d\d(?:\.\d+)?[Zz](?!\w)"),
    (Kind.CURRENCY, r"[A-Za-z]{3}\d+\.\d+(?!\w)"),
    (Kind.NUMBER, r"\d+\.\d+|\d+|\.\d+"),
    (Kind.NAME, r"[A-Za-z_]\w*"),
    (Kind.TEXT, r"'(?:[^'\\]|\\.)*'"),
    (Kind.SIGN, r"<=|>=|<>|!=|[=<>(),.:;+-]"),
)
_TOKEN = re.compile(
    "|".join(f"(?P<{kind.name}>{rule})" for kind, rule in _RULES), re.ASCII | re.DOTALL
)
_SPACE = re.compile(r"\s*")


def tokens(text: str) -> list[Token]:
    """Split a statement into tokens, the last one END; OrgError MALFORMED_QUERY."""
    if len(text) > MAX_STATEMENT:
        malformed(f"SOQL statements cannot be longer than {MAX_STATEMENT} characters.")
    found: list[Token] = []
    at = _blank_end(text, 0)
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            if text[at] == "'":
                malformed("unexpected token: '<EOF>'")
            unexpected(text[at])
        found.append(Token(Kind[match.lastgroup], match.group(), at, match.end()))
        at = _blank_end(text, match.end())
    found.append(Token(Kind.END, "<EOF>", len(text), len(text)))
    return found


def _blank_end(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def unexpected(token: str) -> NoReturn:
    """Refuse a token in Salesforce's words."""
    malformed(f"unexpected token: '{token}'")


def malformed(message: str) -> NoReturn:
    """Refuse a statement as MALFORMED_QUERY."""
    raise OrgError(400, "MALFORMED_QUERY", message)


_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)


def unescape(quoted: str, *, like: bool) -> str:
    r"""Read a quoted string.

    In a LIKE operand the escapes `\%`, `\_` and `\\` stay as they are, for the pattern to read.
    OrgError MALFORMED_QUERY for an escape that SOQL does not have.
    """

    def one(match: re.Match[str]) -> str:
        sign = match.group(1)
        if sign[0] == "u" and len(sign) == 5:
            written = chr(int(sign[1:], 16))
            return "\\\\" if like and written == "\\" else written
        if like and sign in "%_\\":
            return match.group()
        found = _ESCAPES.get(sign.lower())
        if found is None:
            malformed(
                f"Invalid string literal '{quoted[1:-1]}'. Illegal character sequence "
                f"'\\{sign}' in string literal."
            )
        return found

    body = _ESCAPE.sub(one, quoted[1:-1])
    # a pair of \uD83D\uDE00 is one character
    return body.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
