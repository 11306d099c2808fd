"""How long a statement may be, and whether one is.

A GET carries the statement in its address. The server refuses an address with its headers from
16,384 bytes on (REST API Developer Guide, "Status Codes"); what is left free here is for path,
token, other headers, and the condition with which a broken read goes on.
"""

from __future__ import annotations

from typing import Final

from isthmus.connectors.salesforce.soql import Condition, encoded, written

__all__ = ["STATEMENT_BYTES", "STATEMENT_CHARS", "fits", "sent_bytes"]

#: Bytes of an encoded statement.
STATEMENT_BYTES: Final = 14_000
STATEMENT_CHARS: Final = 100_000


def fits(text: str) -> bool:
    """Whether a statement, or a part of one, can be sent."""
    return len(text) < STATEMENT_CHARS and len(encoded(text)) <= STATEMENT_BYTES


def sent_bytes(condition: Condition | None) -> int:
    """How many bytes a condition takes in an address.

    >>> sent_bytes("Name = 'é'"), sent_bytes(None)
    (15, 0)
    """
    return 0 if condition is None else len(encoded(written(condition)))
