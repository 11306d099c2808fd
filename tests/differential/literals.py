"""Values that queries compare with: stored ones, their case variants, and near misses."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

# ruff: noqa: RUF001 (letters that look like others are the point)

__all__ = ["Draft", "Ref", "literal"]

ODD_TEXTS = (
    "", " ", "null", "NULL", "NA", "N/A", "n/a", "acme", "ACME", "Acme", "ı", "İ", "i", "ß", "SS",
    "ſ", "K", "\u212a", "'", "''", '"', "\\", "\\\\", "%", "_", "a'b", "é", "e\u0301", "😀",
    "\ufffd", "Z", "a", "\t", "\n", "0", "true", "日本", "\U0010ffff", "AAA;BBB", "BBB;AAA", "aaa",
)  # fmt: skip
ODD_IDS = (
    "001000000000001", "001000000000001AAA", "not an id", "001", "000000000000000AAA", "",
    "00100000000000!AAA", "001000000000001aaa",
)  # fmt: skip
ODD_WHOLE = (0, 1, -1, 2**31, 2**53 + 1, -(2**63), 2**63, 10**18, 999_999_999)
ODD_DATES = (
    date(1700, 1, 1),
    date(4000, 12, 31),
    date(2024, 2, 29),
    date(1969, 12, 31),
    date(1, 1, 1),
)


@dataclass(frozen=True)
class Ref:
    """A column in reach of an expression, with some of the values stored in it."""

    sql: str
    kind: str
    values: tuple[Any, ...] = ()
    scale: int = 0


@dataclass
class Draft:
    """A query while it is being written: its chance, its literals, its names.

    A literal stands in the text as a mark, so that it can become a parameter at the end.
    """

    random: Random
    literals: list[tuple[str, Any]] = field(default_factory=list)
    names: int = 0

    def chance(self, percent: float) -> bool:
        return self.random.random() * 100 < percent

    def pick(self, values: Any) -> Any:
        return self.random.choice(list(values))

    def name(self, stem: str = "t") -> str:
        self.names += 1
        return f"{stem}{self.names}"

    def mark(self, sql: str, value: Any = ...) -> str:
        """A place for a literal; without a value it stays in the text."""
        self.literals.append((sql, value))
        return f"\x01{len(self.literals) - 1}\x02"


def literal(d: Draft, ref: Ref) -> str:
    """A literal to compare the column with."""
    if d.chance(3):
        return d.mark("NULL", None)
    stored = d.pick(ref.values) if ref.values and d.chance(90) else None
    return _WRITERS[ref.kind](d, stored, ref)


def quoted(d: Draft, value: str) -> str:
    """A text literal in one of DuckDB's ways of writing it."""
    if d.chance(5) and "$" not in value:
        return f"$${value}$$"
    if d.chance(5) and value.isprintable():
        return "E'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return "'" + value.replace("'", "''") + "'"


def text_near(d: Draft, value: str | None) -> str:
    """A stored text, a variant of it, or an odd one."""
    if value is None or d.chance(12):
        return str(d.pick(ODD_TEXTS))
    changes: list[Callable[[str], str]] = [
        str.upper, str.lower, str.swapcase, str.title, str.casefold,
        lambda v: v + " ", lambda v: " " + v, lambda v: v[:-1], lambda v: v + "x",
        lambda v: unicodedata.normalize("NFD", v), lambda v: unicodedata.normalize("NFC", v),
    ]  # fmt: skip
    return str(d.pick(changes)(value)) if d.chance(45) else value


def _text(d: Draft, stored: Any, ref: Ref) -> str:
    value = text_near(d, stored)
    return d.mark(quoted(d, value), value)


def _id(d: Draft, stored: Any, ref: Ref) -> str:
    value = stored
    if value is None:
        value = d.pick(ODD_IDS)
    elif d.chance(35):
        value = d.pick(
            [value[:15], value.lower(), value.upper(), value.swapcase(), value[:15] + "AAA",
             value[:-1] + "Z", value[:15].swapcase() + value[15:], value + " ", value[:17]]
        )  # fmt: skip
    return d.mark(quoted(d, value), value)


def _bool(d: Draft, stored: Any, ref: Ref) -> str:
    value = d.chance(50)
    return d.mark(str(value).lower(), value)


def _whole(d: Draft, stored: Any, ref: Ref) -> str:
    value = int(stored) if stored is not None else d.pick(ODD_WHOLE)
    if d.chance(30):
        value += d.pick([1, -1, 10])
    if d.chance(8):
        value_f = Decimal(value) + Decimal("0.5")
        return d.mark(str(value_f), value_f)
    if d.chance(5):
        return d.mark(f"{float(value)!r}" if "e" in repr(float(value)) else f"{float(value)!r}e0")
    if d.chance(5) and abs(value) < 2**63:
        return d.mark(f"'{value}'")
    return d.mark(str(value), value)


def _decimal(d: Draft, stored: Any, ref: Ref) -> str:
    value = Decimal(stored) if stored is not None else Decimal(d.pick(ODD_WHOLE))
    step = Decimal(1).scaleb(-ref.scale)
    if d.chance(35):
        value += d.pick([step, -step, step / 10, -step / 10, Decimal(1)])
    if d.chance(10):
        shown = repr(float(value))
        return d.mark(shown if "e" in shown else shown + "e0", float(value))
    if d.chance(10) and abs(value) < 2**63:
        return d.mark(str(int(value)), int(value))
    if d.chance(4):
        return d.mark(f"'{value:f}'")
    return d.mark(f"{value:f}", value)


def _double(d: Draft, stored: Any, ref: Ref) -> str:
    value = float(stored) if stored is not None else float(d.pick([0, 1.5, -2.25, 1e300]))
    if d.chance(4):
        return d.mark(d.pick(["'nan'", "'inf'", "'-inf'"]))
    if value != value or value in (float("inf"), float("-inf")):
        return d.mark(f"'{value}'::DOUBLE", value)
    if d.chance(25):
        value = d.pick([value + 0.5, -value, value * (1 + 2**-52), round(value)])
    shown = repr(float(value))
    return d.mark(shown if "e" in shown else shown + "e0", float(value))


def _date(d: Draft, stored: Any, ref: Ref) -> str:
    value = stored if stored is not None else d.pick(ODD_DATES)
    if d.chance(30):
        value = _shift(value, d.pick([timedelta(1), timedelta(-1), timedelta(31)]))
    if d.chance(8):
        moment = datetime.combine(value, d.pick([time(0), time(12), time(0, 0, 1)]))
        return d.mark(f"TIMESTAMP '{moment}'", moment)
    if d.chance(12):
        return d.mark(f"'{value}'")
    return d.mark(f"DATE '{value}'", value)


def _shift(value: Any, delta: timedelta) -> Any:
    try:
        return value + delta
    except OverflowError:
        return value


def _moment(d: Draft, stored: Any, ref: Ref) -> str:
    value: datetime = stored if stored is not None else datetime(2024, 3, 31, 1)
    value = value.replace(tzinfo=None) if value.tzinfo is None else value.astimezone(UTC)
    if d.chance(40):
        steps = [1, -1, 0.5, 0.001, 0.000001, -0.000001, 3600, 86400]
        value = _shift(value, timedelta(seconds=d.pick(steps)))
    plain = value.replace(tzinfo=None)
    way = d.random.random()
    if way < 0.1:
        return d.mark(f"DATE '{plain.date()}'", plain.date())
    if way < 0.2:
        return d.mark(f"TIMESTAMP '{plain}'", plain)
    if way < 0.3:
        return d.mark(f"'{plain}'")
    if way < 0.4:
        return d.mark(f"TIMESTAMPTZ '{plain}+00'::TIMESTAMPTZ", plain.replace(tzinfo=UTC))
    if ref.kind == "naive":
        return d.mark(f"TIMESTAMP '{plain}'", plain)
    return d.mark(f"TIMESTAMPTZ '{plain}+00:00'", plain.replace(tzinfo=UTC))


def _time(d: Draft, stored: Any, ref: Ref) -> str:
    value: time = stored if stored is not None else time(12)
    if d.chance(35):
        base = datetime.combine(date(2000, 1, 1), value)
        value = (base + timedelta(seconds=d.pick([1, -1, 0.5, 0.001, 0.000001]))).time()
    return d.mark(f"'{value}'") if d.chance(10) else d.mark(f"TIME '{value}'", value)


_WRITERS: dict[str, Callable[[Draft, Any, Ref], str]] = {
    "text": _text,
    "id": _id,
    "bool": _bool,
    "int": _whole,
    "decimal": _decimal,
    "double": _double,
    "date": _date,
    "instant": _moment,
    "naive": _moment,
    "time": _time,
}
