"""The one error that the local org answers with: a status, a code and a message.

The codes and texts follow Salesforce's own (REST API Developer Guide, "Status Codes and Error
Responses"), because clients read them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class OrgError(Exception):
    """A refusal that a client sees.

    `status` is the HTTP status, `code` Salesforce's errorCode, `message` the text for people, and
    `fields` the field names of a refused write (empty for anything else).
    """

    status: int
    code: str
    message: str
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"
