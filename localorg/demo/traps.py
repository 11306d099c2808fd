"""Demo rows of Trap__c: every hard value of every field type."""

from __future__ import annotations

from isthmus.localorg.demo import words
from isthmus.localorg.demo.spec import Spec, World, standard
from isthmus.localorg.demo.sqltext import first_rows, listed
from isthmus.localorg.formulas import FORMULAS

_SETS = ("AAA", "AAA;BBB", "BBB;CCC", "AAA;BBB;CCC", "CCC")


def trap(world: World) -> Spec:
    """Describe Trap__c: hard values first, then nulls and ordinary ones."""
    name, dice = "Trap__c", world.dice("Trap__c")
    rows = world.rows(name)
    ordinary = "'Ordinary ' || n"
    words_mixed = f"CASE WHEN {dice.chance('text', 20)} THEN NULL ELSE {ordinary} END"
    instant = f"{world.clock} - to_seconds({dice.below('instant', 100_000_000)})"
    colours = world.values(name, "Picklist__c")
    draws = {
        "words": first_rows(words.TRAP_TEXTS, words_mixed),
        "halves": first_rows(words.TRAP_DECIMALS_16, _decimal(dice.below("n2", 10**9), 2),
                             "DECIMAL(16,2)"),
    }  # fmt: skip
    columns = {
        "Name": "format('T-{:05d}', n + 1)",
        "OwnerId": world.to_user(dice, "owner"),
        "Text__c": "words",
        # Neighbours differ in case alone: Key00A and key00a are two values of this field.
        "Unique_Case_Sensitive__c": "CASE WHEN n % 2 = 0 THEN format('Key{:04d}A', n // 2)"
        " ELSE format('key{:04d}a', n // 2) END",
        "External_Id__c": "CASE WHEN n % 10 <> 9 THEN format('TRAP-{:05d}', n + 1) END",
        "Checkbox__c": dice.chance("checkbox", 50),
        "Number_18_0__c": _first(words.TRAP_WHOLE_18, dice.below("n0", 10**15), "DECIMAL(18,0)"),
        "Number_16_2__c": "halves",
        "Number_18_8__c": _first(
            words.TRAP_DECIMALS_8, _decimal(dice.below("n8", 10**14), 8), "DECIMAL(18,8)"
        ),
        "Percent_5_2__c": _first(
            words.TRAP_PERCENTS, _decimal(dice.below("pct", 10**4), 2), "DECIMAL(5,2)"
        ),
        "Currency_18_2__c": _first(
            words.TRAP_DECIMALS_2, _decimal(dice.below("cur", 10**10), 2), "DECIMAL(18,2)"
        ),
        "Int__c": f"CASE n WHEN 0 THEN 0 WHEN 1 THEN 999999999 WHEN 2 THEN -999999999"
        f" ELSE {dice.sometimes('int', 80, dice.below('int', 10**6))} END",
        "Date__c": _first(
            words.TRAP_DATES, f"{world.today} - ({dice.below('date', 4000)})::INT", "DATE"
        ),
        "Datetime__c": _first(words.TRAP_DATETIMES, instant, "TIMESTAMP"),
        "Time__c": _first(
            words.TRAP_TIMES, f"TIME '00:00:00' + to_seconds({dice.below('t', 86400)})", "TIME"
        ),
        "Picklist__c": dice.sometimes("pick", 80, dice.pick("p", colours)),
        "Restricted__c": dice.sometimes(
            "restricted", 80, dice.pick("r", world.values(name, "Restricted__c"))
        ),
        "Multi__c": dice.sometimes("multi", 80, dice.pick("multi", _SETS)),
        "Email__c": dice.sometimes("email", 70, "'Trap.' || n || '@Example.com'"),
        "Phone__c": dice.sometimes("phone", 70, "'+49 (0)30 ' || (100000 + n)"),
        "Url__c": dice.sometimes("url", 70, "'https://example.com/?q=a%20b&n=' || n"),
        "Short_Text__c": "CASE WHEN n % 3 = 0 THEN words END",
        "Long_Text__c": f"CASE n % 4 WHEN 0 THEN repeat('Zeile ' || n || chr(10), 40) || 'Ende'"
        f" WHEN 1 THEN array_to_string({listed(words.TRAP_TEXTS[:6])}, chr(10)) END",
        "Account__c": dice.sometimes(
            "account", 70, world.id("Account", dice.row_of("account", world.rows("Account"), 3))
        ),
        "Parent__c": dice.sometimes("parent", 30, world.id(name, dice.row_of("parent", rows))),
        "Place__Latitude__s": "CASE WHEN n % 5 <> 4 THEN (n % 180)::DECIMAL(18,15) - 89.5 END",
        "Place__Longitude__s": "CASE WHEN n % 5 <> 4 THEN (n % 360)::DECIMAL(18,15) - 179.25 END",
        "CurrencyIsoCode": dice.pick("currency", ("USD", "EUR", "JPY", "CHF")),
    }  # fmt: skip
    computed = {
        field: sql.replace('"Number_16_2__c"', "halves").replace('"Text__c"', "words")
        for field, sql in FORMULAS["Trap__c"].items()
    }
    return standard(world, name, {**columns, **computed}, draws)


def _first(values: tuple[str, ...], otherwise: str, cast: str) -> str:
    sparse = f"CASE WHEN n % 7 = 6 THEN NULL ELSE {otherwise} END"
    return first_rows(values, sparse, cast)


def _decimal(whole: str, scale: int) -> str:
    return f"({whole}::DECIMAL(18,0) / {10**scale})::DECIMAL(18,{scale})"
