"""Demo rows for any described object that has no rows of its own written down."""

from __future__ import annotations

from isthmus.localorg.demo import words
from isthmus.localorg.demo.spec import Spec, World, literal, standard
from isthmus.localorg.demo.sqltext import Dice, first_rows
from isthmus.localorg.schema import Field, SObject


def generic(world: World, sobject: SObject) -> Spec:
    """Describe rows by field type alone, nulls and hard texts included."""
    dice = world.dice(sobject.name)
    columns = {
        field.name: _value(world, dice, field)
        for field in sobject.fields
        if field.stored and field.name not in _AUDIT
    }
    return standard(world, sobject.name, columns)


def default(field: Field | None) -> str:
    """Write what a column holds that no one described: false, the default or null."""
    if field is None:
        return "NULL"
    if field.type == "boolean":
        return "true" if field.default_value is True else "false"
    chosen = next((v.value for v in field.picklist_values if v.default), None)
    if chosen is not None and field.type == "picklist":
        return literal(chosen)
    return "0" if not field.nillable and field.type in _NUMBERS else "NULL"


_NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
_AUDIT = frozenset(
    {
        "Id", "IsDeleted", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById",
        "SystemModstamp",
    }
)  # fmt: skip


def _value(world: World, dice: Dice, field: Field) -> str:
    made = _by_type(world, dice, field)
    if not field.nillable or field.type == "boolean":
        return made
    return dice.sometimes(field.name, 80, made)


def _by_type(world: World, dice: Dice, field: Field) -> str:
    use, kind = field.name, field.type
    if kind == "reference":
        known = (name for name in field.reference_to if world.schema.get(name))
        target = next((name for name in known if name != "RecordType"), None)
        return world.id(target, dice.row_of(use, world.rows(target))) if target else "NULL"
    if kind == "boolean":
        return dice.chance(use, 50)
    if kind in ("picklist", "multipicklist") and field.picklist_values:
        return dice.pick(use, [value.value for value in field.picklist_values])
    if field.name.endswith(("Latitude", "Latitude__s", "Longitude", "Longitude__s")):
        return f"{dice.below(use, 180_000)} / 1000.0 - 90"
    if kind in _NUMBERS:
        whole = field.digits or max(1, field.precision - field.scale)
        return dice.below(use, 10 ** min(whole, 9))
    if kind == "date":
        return f"{world.today} - ({dice.below(use, 2000)})::INT"
    if kind == "datetime":
        return f"{world.clock} - to_seconds({dice.below(use, 100_000_000)})"
    if kind == "time":
        return f"TIME '00:00:00' + to_seconds({dice.below(use, 86400)})"
    return f"left({_text(field)}, {field.length or 255})"


def _text(field: Field) -> str:
    if field.type == "email":
        return "'someone' || n || '@example.com'"
    if field.unique or field.auto_number:
        return f"'{field.name[:20]}-' || n"
    return first_rows(words.TRAP_TEXTS, f"'{field.label.replace(chr(39), '')} ' || n")
