"""Fields and functions as DuckDB expressions, with what comparing and writing them needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from isthmus.localorg.soql.ast import Call, Distance, Expression, Path
from isthmus.localorg.soql.context import Context
from isthmus.localorg.soql.refusals import plain, refuse
from isthmus.localorg.soql.scope import Column, Scope, quoted

if TYPE_CHECKING:
    from isthmus.localorg.schema import Field

IDS = frozenset({"id", "reference"})
DECIMALS = frozenset({"double", "currency", "percent"})
INTEGERS = frozenset({"int", "long"})
NUMBERS = DECIMALS | INTEGERS
COMPOUNDS = frozenset({"address", "location"})
_NOT_TEXT = NUMBERS | COMPOUNDS | {"boolean", "date", "datetime", "time"}
_EARTH_KM, _KM_PER_MILE = 6371.0088, 1.609344


@dataclass(frozen=True)
class Operand:
    """A value of a query.

    `type` is a describe type. `fold` says that it compares without case. `scale` is the number of
    decimals its text has in DuckDB, or None for a DOUBLE. `money` is the SQL of the currency code
    that a currency value is in. `label` names it in messages.
    """

    sql: str
    type: str
    label: str
    at: int
    column: Column | None = None
    fold: bool = False
    scale: int | None = None
    money: str | None = None

    @property
    def is_text(self) -> bool:
        """Whether it holds text other than an Id."""
        return self.type not in _NOT_TEXT and self.type not in IDS

    @property
    def picklist(self) -> tuple[str, ...]:
        """The values of a picklist in definition order, or nothing."""
        if self.column is None or self.type != "picklist":
            return ()
        return tuple(value.value for value in self.column.field.picklist_values)


def text_literal(text: str) -> str:
    """Give a text as a DuckDB literal; a NUL cannot stand in the statement itself."""
    parts = ["'" + part.replace("'", "''") + "'" for part in text.split("\0")]
    return parts[0] if len(parts) == 1 else "(" + " || chr(0) || ".join(parts) + ")"


def operand(expression: Expression, scope: Scope) -> Operand:
    """Translate an expression that is not an aggregate."""
    match expression:
        case Path():
            return field_operand(scope.column(expression), scope.context)
        case Distance():
            return _distance(expression, scope)
        case Call(name="CONVERTCURRENCY"):
            return converted(expression, scope)
        case Call(name="FORMAT"):
            return operand(expression.args[0], scope)
        case Call(name="TOLABEL"):
            made = operand(expression.args[0], scope)
            return replace(made, sql=label_sql(made))
        case Call():
            return _date_part(expression, scope)


def field_operand(column: Column, context: Context) -> Operand:
    """Translate a field. A boolean of a missing parent is false."""
    field = column.field
    sql = column.sql
    if field.type == "boolean" and column.steps:
        sql = f"coalesce({sql}, FALSE)"
    if field.type in COMPOUNDS:
        sql = "NULL"
    made = Operand(sql, field.type, field.name, column.at, column, scale=_scale(field))
    if field.type == "currency" and column.object and multi_currency(column, context):
        made = replace(made, money=f'{column.alias}."CurrencyIsoCode"')
    return replace(made, fold=made.is_text and not field.case_sensitive)


def multi_currency(column: Column, context: Context) -> bool:
    """Say whether the amounts of a field's object carry a currency of their own."""
    return bool(context.org.rates) and bool(
        column.object and column.object.field("CurrencyIsoCode")
    )


def _scale(field: Field) -> int | None:
    return field.scale if field.type in DECIMALS and field.precision else None


def corporate(made: Operand, context: Context) -> Operand:
    """Give an amount in the corporate currency, to six decimals; other operands as they are."""
    if made.money is None:
        return made
    cases = "".join(
        f" WHEN {text_literal(code)} THEN ({made.sql}::DOUBLE / {rate})::DECIMAL(38,6)"
        for code, rate in context.org.rates.items()
        if code != context.org.corporate_currency
    )
    sql = f"CASE {made.money}{cases} ELSE {made.sql}::DECIMAL(38,6) END" if cases else made.sql
    return replace(made, sql=sql, money=None, scale=6 if cases else made.scale)


def converted(call: Call, scope: Scope) -> Operand:
    """Translate convertCurrency: the amount in the user's currency."""
    made = operand(call.args[0], scope)
    if made.type != "currency":
        refuse(
            scope.context.text, call.at, "INVALID_FIELD",
            f"convertCurrency cannot be used on field {made.label}, which is not a currency",
        )  # fmt: skip
    rates = scope.context.org.rates
    rate = rates.get(scope.context.user.currency)
    at_corporate = corporate(made, scope.context)
    if made.money is None or rate is None:
        return at_corporate
    if scope.context.user.currency == scope.context.org.corporate_currency:
        return at_corporate
    return replace(
        at_corporate, sql=f"({at_corporate.sql}::DOUBLE * {rate})::DECIMAL(38,6)", scale=6
    )


# -- date functions


def _date_part(call: Call, scope: Scope) -> Operand:
    inner = call.args[0]
    zoned = isinstance(inner, Call)
    path = inner.args[0] if isinstance(inner, Call) else inner
    made = operand(path, scope)
    wanted = (
        ("datetime",)
        if zoned or call.name in ("HOUR_IN_DAY", "DAY_ONLY")
        else (
            "date",
            "datetime",
        )
    )
    if made.type not in wanted:
        refuse(
            scope.context.text, call.at, "INVALID_FIELD",
            f"{call.name} cannot be used on field {made.label} of type {made.type}",
        )  # fmt: skip
    sql = f"timezone({text_literal(scope.context.user.time_zone)}, timezone('UTC', {made.sql}))"
    value = sql if zoned else made.sql
    kind = "date" if call.name == "DAY_ONLY" else "int"
    part = _part_sql(call.name, value, scope.context.org.fiscal_month)
    return replace(made, sql=part, type=kind, label=call.name, scale=None, at=call.at)


def _part_sql(name: str, value: str, fiscal_month: int) -> str:
    if name.startswith("FISCAL"):
        # the fiscal year is named by the calendar year in which it ends
        shift = (13 - fiscal_month) % 12
        value = f"({value} + INTERVAL {shift} MONTH)"
        name = name.replace("FISCAL", "CALENDAR")
    parts = {
        "CALENDAR_MONTH": "month({})",
        "CALENDAR_QUARTER": "quarter({})",
        "CALENDAR_YEAR": "year({})",
        "DAY_IN_MONTH": "day({})",
        "DAY_IN_WEEK": "(dayofweek({}) + 1)",
        "DAY_IN_YEAR": "dayofyear({})",
        "DAY_ONLY": "CAST({} AS DATE)",
        "HOUR_IN_DAY": "hour({})",
        "WEEK_IN_MONTH": "((day({}) - 1) // 7 + 1)",
        "WEEK_IN_YEAR": "((dayofyear({}) - 1) // 7 + 1)",
    }
    return parts[name].format(value)


# -- distance


def _distance(call: Distance, scope: Scope) -> Operand:
    column = scope.column(call.field)
    if column.field.type not in COMPOUNDS or column.object is None:
        refuse(
            scope.context.text, call.at, "INVALID_FIELD",
            f"DISTANCE cannot be used on field {column.field.name}, which is not a location",
        )  # fmt: skip
    if call.unit not in ("mi", "km"):
        plain("MALFORMED_QUERY", f"Invalid distance unit: {call.unit}. Use 'mi' or 'km'.")
    latitude, longitude = (
        f"radians({column.alias}.{quoted(coordinate(column, which))}::DOUBLE)"
        for which in ("latitude", "longitude")
    )
    here, there = f"radians({call.latitude})", f"radians({call.longitude})"
    haversine = (
        f"power(sin(({latitude} - {here}) / 2), 2) + cos({here}) * cos({latitude}) "
        f"* power(sin(({longitude} - {there}) / 2), 2)"
    )
    radius = _EARTH_KM if call.unit == "km" else _EARTH_KM / _KM_PER_MILE
    # not least(): that takes the other value where one is null
    sql = f"(2 * {radius} * asin(sqrt(CASE WHEN {haversine} > 1 THEN 1 ELSE {haversine} END)))"
    return Operand(sql, "double", "DISTANCE", call.at)


def coordinate(column: Column, which: str) -> str:
    """Give the name of the part of a compound field that holds its latitude or longitude."""
    assert column.object is not None
    for part in column.object.parts(column.field.name):
        if part.name.lower().removesuffix("__s").endswith(which):
            return part.name
    plain("INVALID_FIELD", f"field '{column.field.name}' has no {which}")


def field_of(column: Column, field: Field) -> Operand:
    """Translate another field of the object that a column is of."""
    beside = replace(column, field=field)
    return Operand(beside.sql, field.type, field.name, column.at, beside, scale=_scale(field))


def label_sql(made: Operand) -> str:
    """Give the SQL of a picklist value's label, or the value itself where it has none."""
    values = made.column.field.picklist_values if made.column else ()
    cases = "".join(
        f" WHEN {text_literal(value.value)} THEN {text_literal(value.label)}"
        for value in values
        if value.label != value.value
    )
    return f"CASE {made.sql}{cases} ELSE {made.sql} END" if cases else made.sql
