"""How one object's demo rows are described: a count, shared draws and columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from isthmus.localorg.demo.idmarks import id_mark
from isthmus.localorg.demo.sqltext import Dice, deleted, text
from isthmus.localorg.schema import Schema

_SPAN = 3 * 365 * 86400  # seconds: the demo org is three years old


@dataclass(frozen=True)
class Spec:
    """`rows` rows; `draws` are expressions of `n` that `columns` and later draws may name."""

    rows: int
    columns: Mapping[str, str]
    draws: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """What all objects of one demo org share."""

    schema: Schema
    scale: float
    seed: int
    now: datetime

    def dice(self, name: str) -> Dice:
        """Make an object's dice."""
        return Dice.of(name, self.seed)

    def rows(self, name: str) -> int:
        """Count an object's rows: the big two grow with the scale, the rest more slowly."""
        base, growth = _SIZES.get(name, (200, _slow))
        return max(1, round(base * growth(self.scale)))

    def values(self, name: str, field_name: str) -> tuple[str, ...]:
        """List a picklist's active values; one blank-free stand-in where it has none."""
        sobject = self.schema.get(name)
        found = sobject.field(field_name) if sobject else None
        listed = tuple(v.value for v in found.picklist_values if v.active) if found else ()
        return listed or ("Other",)

    def record_types(self, name: str) -> tuple[str, ...]:
        """List the ids of an object's record types, less Master, which no row carries."""
        sobject = self.schema.get(name)
        infos = (sobject.raw.get("recordTypeInfos") or ()) if sobject else ()
        return tuple(info["recordTypeId"] for info in infos if not info["master"])

    def id(self, name: str, number: str) -> str:
        """Write the id of an object's row `number` (an expression from 0)."""
        sobject = self.schema.get(name)
        prefix = sobject.key_prefix if sobject else None
        return id_mark(prefix or "000", number)

    @property
    def clock(self) -> str:
        """Write the moment the demo was made at, in whole seconds UTC."""
        return f"TIMESTAMP '{self.now:%Y-%m-%d %H:%M:%S}'"

    @property
    def today(self) -> str:
        """Write the UTC date of that moment."""
        return f"DATE '{self.now:%Y-%m-%d}'"

    def to_user(self, dice: Dice, use: str) -> str:
        """Write a user's id; some users own far more than others."""
        return self.id("User", dice.row_of(use, self.rows("User"), skew=2))


def audit_draws(world: World, dice: Dice, rows: int) -> dict[str, str]:
    """Draw when a row was created and last changed.

    Rows are created in id order over three years, some on the border of a day or a year in one
    zone or another. A fifth was last touched by one of three bulk loads, all in the same second.
    Deleted rows were deleted in the last twenty days, most of them within the replication window.
    """
    age = f"{_SPAN} - n * {_SPAN} // {rows} - {dice.below('age', max(1, _SPAN // rows))}"
    load = f"date_trunc('hour', {world.clock}) - to_days(3 + 40 * ({dice.below('load', 3)})::INT)"
    later = f"(date_diff('second', created, {world.clock}) * {dice.below('later', 1000)} // 1000)"
    dying = f"{world.clock} - to_seconds({dice.below('dying', 20 * 86400)})"
    return {
        "raw": f"{world.clock} - to_seconds(greatest(60, {age}))",
        "day": "date_trunc('day', raw)",
        "year": "date_trunc('year', raw)",
        "created": "CASE n % 60 WHEN 7 THEN day WHEN 8 THEN day - INTERVAL 1 SECOND"
        " WHEN 9 THEN year WHEN 10 THEN year - INTERVAL 1 SECOND"
        " WHEN 11 THEN day - INTERVAL 16 HOUR WHEN 12 THEN day - INTERVAL 3601 SECOND"
        " WHEN 13 THEN day - INTERVAL 2 HOUR ELSE raw END",
        "bulk": f"CASE WHEN {dice.chance('bulk', 20)} THEN {load} END",
        "stamp": f"CASE WHEN {deleted()} THEN greatest(created, {dying})"
        f" WHEN bulk > created THEN bulk ELSE created + to_seconds({later}) END",
    }


def audit_columns(world: World, dice: Dice) -> dict[str, str]:
    """Write the audit fields from the draws."""
    return {
        "CreatedDate": "created",
        "CreatedById": world.to_user(dice, "creator"),
        "LastModifiedDate": "CASE WHEN n % 11 = 0 THEN created ELSE stamp END",
        "LastModifiedById": world.to_user(dice, "modifier"),
        "SystemModstamp": "stamp",
        "IsDeleted": deleted(),
    }


def standard(
    world: World,
    name: str,
    columns: Mapping[str, str],
    draws: Mapping[str, str] | None = None,
) -> Spec:
    """Describe an object's rows: id, audit fields and what is given."""
    rows, dice = world.rows(name), world.dice(name)
    made = {"Id": world.id(name, "n"), **audit_columns(world, dice), **columns}
    return Spec(rows, made, {**audit_draws(world, dice, rows), **(draws or {})})


def literal(value: str | None) -> str:
    """Write a text or null."""
    return "NULL" if value is None else text(value)


def _linear(scale: float) -> float:
    return scale


def _slow(scale: float) -> float:
    return scale if scale <= 10 else 10.0 * math.sqrt(scale / 10)


def _slower(scale: float) -> float:
    return max(1.0, math.cbrt(scale))


def _fixed(scale: float) -> float:
    return 1.0


_SIZES = {
    "Account": (1000, _linear),
    "Opportunity": (1000, _linear),
    "Contact": (2000, _slow),
    "OpportunityContactRole": (800, _slow),
    "OpportunityLineItem": (1500, _slow),
    "Lead": (600, _slow),
    "Case": (800, _slow),
    "Event": (500, _slow),
    "Task": (1000, _slow),
    "CampaignMember": (600, _slow),
    "Asset": (300, _slow),
    "Campaign": (20, _slower),
    "Product2": (40, _slower),
    "PricebookEntry": (80, _slower),
    "Trap__c": (500, _slower),
    "Custom__c": (10, _fixed),
    "User": (20, _slower),
    "Pricebook2": (2, _fixed),
    "Organization": (1, _fixed),
    "Profile": (4, _fixed),
    "UserRole": (5, _fixed),
}
