"""Behaviour of Salesforce that no document settles, each point a named choice.

A client that means to be right whatever Salesforce does is tested with every switch in every
position. The first value of each is the default.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

#: Every switch and its positions, the default first.
CHOICES: Final[dict[str, tuple[str, ...]]] = {
    # Does `F != 'x'` (NOT IN, NOT, EXCLUDES) keep the rows where F is null?
    "null-not-equal": ("two-valued", "three-valued"),
    # Are 'Acme' and 'ACME' one group, one distinct value?
    "group-case": ("fold", "exact"),
    # Where do nulls go under DESC when the query does not say?
    "desc-nulls": ("first", "last"),
    # What does a child subquery show when a parent has no children?
    "childless": ("null", "empty"),
    # What happens to a batch size outside 200..2000?
    "batch-size": ("clamp", "ignore", "refuse"),
    # What does a filter by a text that is no Id do?
    "malformed-id": ("refuse", "no-rows"),
    # How are texts ordered?
    "string-sort": ("upper", "binary"),
    # How does Bulk write whole numbers: 5, or 5.0 as some clients have met?
    "bulk-integers": ("whole", "point"),
    # How does Bulk write datetimes: ...000Z, or ...000+0000 as REST does?
    "bulk-datetime": ("z", "offset"),
}

#: The number of records on a page, whatever the client asks for; for tests with small pages.
PAGE_SIZE: Final = "page-size"
#: The number of child rows that a record shows, and that a page of the others has; how many they
#: are in Salesforce is documented nowhere. By default a page of records says it.
CHILD_PAGE: Final = "child-page"
_SIZES: Final = (PAGE_SIZE, CHILD_PAGE)


@dataclass(frozen=True)
class Switches:
    """A position for every switch.

    `page_size` None means: as the client asks; `child_page` None: as many as a page of records.
    """

    null_not_equal: str = "two-valued"
    group_case: str = "fold"
    desc_nulls: str = "first"
    childless: str = "null"
    batch_size: str = "clamp"
    malformed_id: str = "refuse"
    string_sort: str = "upper"
    bulk_integers: str = "whole"
    bulk_datetime: str = "z"
    page_size: int | None = None
    child_page: int | None = None

    @classmethod
    def parse(cls, given: Mapping[str, str | int]) -> Switches:
        """Read `{"name": "value"}`; names may be written with `-` or `_`.

        Raises ValueError for a name or a value that does not exist.

        >>> Switches.parse({"desc-nulls": "last", "page-size": "5"}).page_size
        5
        """
        changes: dict[str, Any] = {}
        for name, value in given.items():
            key = name.replace("_", "-").lower()
            changes[key.replace("-", "_")] = _read(key, str(value))
        return replace(cls(), **changes)


def _read(name: str, value: str) -> str | int:
    if name in _SIZES:
        if not value.isdigit() or int(value) < 1:
            raise ValueError(f"switch {name}={value}: give a whole number of at least 1")
        return int(value)
    if name not in CHOICES:
        known = ", ".join([*CHOICES, *_SIZES])
        raise ValueError(f"there is no switch {name!r}; the switches are {known}")
    if value not in CHOICES[name]:
        raise ValueError(f"switch {name}={value}: choose one of {', '.join(CHOICES[name])}")
    return value
