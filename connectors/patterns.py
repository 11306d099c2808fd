r"""Patterns of `predicates.Like`: ``%`` is any run of characters, ``_`` one, a backslash escapes.

Only ``%``, ``_`` and the backslash itself may follow a backslash, so that each pattern has one
reading.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ["ANY", "ONE", "Token", "literally", "pattern_of", "plain_text", "tokens"]

#: A character to find, or one of the wildcards `ANY` and `ONE`.
Token = tuple[str, bool]

ANY: Final[Token] = ("%", True)
ONE: Final[Token] = ("_", True)

_SPECIAL: Final = frozenset("%_\\")


def tokens(pattern: str) -> tuple[Token, ...]:
    r"""The pattern taken apart.

    >>> tokens(r"a\%_")
    (('a', False), ('%', False), ('_', True))

    Raises:
        ValueError: a backslash stands before nothing, or before another sign.
    """
    found: list[Token] = []
    signs = iter(pattern)
    for sign in signs:
        if sign == "\\":
            escaped = next(signs, "")
            if escaped not in _SPECIAL:
                raise ValueError(f"the pattern {pattern!r} has a backslash before {escaped!r}")
            found.append((escaped, False))
        else:
            found.append((sign, sign in "%_"))
    return tuple(found)


def pattern_of(parts: Iterable[Token]) -> str:
    r"""The pattern of these parts, with runs of ``%`` as one.

    >>> print(pattern_of((ANY, ANY, ("_", False), ("x", False))))
    %\_x
    """
    written: list[str] = []
    last: Token | None = None
    for part in parts:
        sign, wild = part
        if part != ANY or last != ANY:
            written.append(sign if wild or sign not in _SPECIAL else f"\\{sign}")
        last = part
    return "".join(written)


def literally(text: str) -> str:
    r"""The pattern that only this text matches.

    >>> print(literally("5 % \\"))
    5 \% \\
    """
    return pattern_of((sign, False) for sign in text)


def plain_text(pattern: str) -> str | None:
    """The one text that matches; None where a wildcard lets others in."""
    parts = tokens(pattern)
    return None if any(wild for _, wild in parts) else "".join(sign for sign, _ in parts)
