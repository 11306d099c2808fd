"""An object with a field of every type, and the values that are hardest to carry."""

from __future__ import annotations

from datetime import date, datetime
from datetime import time as clock
from decimal import Decimal
from typing import Any

from isthmus.localorg import LocalOrg
from isthmus.localorg.describes.definitions import (
    field,
    long_text,
    number,
    picklist,
    record_id,
    sobject,
    system,
    text,
    whole,
)
from isthmus.localorg.ids import make
from isthmus.localorg.store import quoted

HARD: dict[str, list[Any]] = {
    "T__c": ["null", "NA", "N/A", "nan", "#N/A", "true", "0", "-", 'a"b', '","', "a,b", "'", "\\n"],
    "Long__c": [
        "two\nlines", "two\r\nlines", '"\n"', "x" * 70_000, "emoji 🙂 Ünïcode İ", "\ttab\t", "}{,[",
        '},{"attributes"', "\u2028", "end\n", ";", "`^|", "=1+1",
    ],
    "P__c": ["a", "b", "null", "NA", None, "a", "b", "a", "b", "a", "b", "a", "b"],
    "M__c": ["a;b", "a", "null;NA", None, "b", "a", "b", "a", "b", "a", "b", "a", "b"],
    "B__c": [True, False] * 6 + [True],
    "I__c": [0, -1, 2**31 - 1, -(2**31), 1, 2, 3, 4, 5, 6, 7, 8, 9],
    "L__c": [2**53 + 1, -(2**53) - 1, 2**60, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    "N__c": [
        Decimal("1234567890123456.78"), Decimal("-0.01"), Decimal(0), Decimal("0.1"), Decimal(100),
        Decimal("-99999999999999.99"), Decimal("12.5"), *map(Decimal, range(6)),
    ],
    "Q__c": [Decimal("33"), Decimal("0"), Decimal("100"), *map(Decimal, range(10))],
    "D__c": [
        date(1700, 1, 1), date(9999, 12, 31), date(2024, 2, 29),
        *[date(2000, 1, n) for n in range(1, 11)],
    ],
    "S__c": [
        datetime(1700, 1, 1), datetime(9999, 12, 31, 23, 59, 59), datetime(1969, 12, 31, 23, 59),
        *[datetime(2000, 1, n, n) for n in range(1, 11)],
    ],
    "C__c": [
        clock(0), clock(23, 59, 59, 999_000), clock(17, 30), *[clock(n) for n in range(1, 11)],
    ],
}  # fmt: skip


def described() -> dict[str, Any]:
    """The object's describe."""
    fields = [
        text("T__c", 255),
        long_text("Long__c", 131_072),
        picklist("P__c", "a|b"),
        field("M__c", "multipicklist", length=4099),
        field("B__c", "boolean"),
        whole("I__c", 10),
        field("L__c", "long", digits=19),
        number("N__c", "double", 18, 2),
        number("Q__c", "percent", 3, 0),
        field("D__c", "date"),
        field("S__c", "datetime"),
        field("C__c", "time"),
    ]
    return sobject("Hard__c", "a30", "Hard", [record_id("Hard"), *system(), *fields])


def fill(org: LocalOrg) -> None:
    """Store the values, and a row in which all are null."""
    rows = [dict(zip(HARD, values, strict=True)) for values in zip(*HARD.values(), strict=True)]
    nothing = {**dict.fromkeys(HARD), "B__c": False}
    for place, row in enumerate([*rows, nothing], 1):
        row |= {
            "Id": make("a30", place),
            "IsDeleted": False,
            "SystemModstamp": datetime(2024, 1, 1),
        }
        names, marks = ", ".join(map(quoted, row)), ", ".join("?" * len(row))
        table = org.store.table("Hard__c")
        with org.store.writing() as cursor:
            cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", [*row.values()])
