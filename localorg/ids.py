"""Record ids: 15 characters that tell case apart, or 18 with a checksum of that case.

Source: "Convert Salesforce 15-character ID to 18-character", checked against recorded ids.
"""

from __future__ import annotations

import re

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_SHAPE = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?", re.ASCII)
POD = "Ib00000"  # what stands between the key prefix and the five counting characters


def to_18(short: str) -> str:
    """Give the 18-character form of a 15-character id.

    >>> to_18("a0RE000000IJmcN")
    'a0RE000000IJmcNMAT'
    """
    return short + "".join(_letter(short[at : at + 5]) for at in (0, 5, 10))


def normalise(text: str) -> str | None:
    """Give the 18-character id that `text` means, or None where it is no id.

    An 18-character id typed in the wrong case is mended from its checksum, as Salesforce does.
    """
    if _SHAPE.fullmatch(text) is None:
        return None
    if len(text) == 15:
        return to_18(text)
    return _recased(text)


def make(prefix: str, number: int) -> str:
    """Give the id of the `number`th record under a key prefix; ids sort as their numbers do.

    >>> make("001", 1)
    '001Ib0000000001IAA'
    """
    digits = ""
    for _ in range(5):
        number, digit = divmod(number, 62)
        digits = ALPHABET[digit] + digits
    if number:
        raise ValueError(f"the id numbers of key prefix {prefix} are used up")
    return to_18(prefix + POD + digits)


def number(record_id: str) -> int:
    """Give the number that `make` made an id from.

    >>> number(make("001", 12345))
    12345
    """
    made = 0
    for ch in record_id[10:15]:
        made = made * 62 + ALPHABET.index(ch)
    return made


def sql(prefix: str, number: str) -> str:
    """Give a DuckDB expression that computes `make` for the BIGINT expression `number`."""
    head = prefix + POD
    places = [f"({number}) // {62**power} % 62" for power in (4, 3, 2, 1, 0)]
    text = " || ".join(f"substr('{ALPHABET}', {place} + 1, 1)" for place in places)
    bits = " + ".join(
        f"if({place} BETWEEN 10 AND 35, {1 << at}, 0)" for at, place in enumerate(places)
    )
    fixed = _letter(head[:5]) + _letter(head[5:10])
    return f"('{head}' || {text} || '{fixed}' || substr('{_CHECK}', {bits} + 1, 1))"


def _letter(chunk: str) -> str:
    return _CHECK[sum(1 << at for at, ch in enumerate(chunk) if "A" <= ch <= "Z")]


def _recased(text: str) -> str | None:
    check = text[15:].upper()
    if any(letter not in _CHECK for letter in check):
        return None
    made = ""
    for chunk, letter in zip((text[0:5], text[5:10], text[10:15]), check, strict=True):
        bits = _CHECK.index(letter)
        for at, ch in enumerate(chunk):
            upper = bool(bits >> at & 1)
            if upper and not ch.isalpha():
                return None
            made += ch.upper() if upper else ch.lower()
    return made + check
