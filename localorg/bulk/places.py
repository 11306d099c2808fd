"""Result locators: where in a job's results a page begins, as a text that clients hand back.

Salesforce's own sample, `MTAwMDA`, is the base64 of 10000.
"""

from __future__ import annotations

import base64
import binascii

from isthmus.localorg.errors import OrgError


def locator(line: int) -> str:
    """Give the locator of the page that begins with a line.

    >>> locator(10000)
    'MTAwMDA'
    """
    return base64.urlsafe_b64encode(str(line).encode()).decode().rstrip("=")


def line_at(text: str, lines: int) -> int:
    """Read a locator; OrgError INVALID_QUERY_LOCATOR when it leads to none of the lines."""
    try:
        digits = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except (binascii.Error, ValueError):
        digits = ""
    if not digits.isdigit() or int(digits) >= max(lines, 1):
        raise OrgError(400, "INVALID_QUERY_LOCATOR", f"invalid query locator: {text}")
    return int(digits)
