from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from isthmus.localorg.demo import empty, generate, words
from isthmus.localorg.demo.generate import SETUP
from isthmus.localorg.schema import Schema
from isthmus.localorg.store import Store

NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


def rows(store: Store, name: str, query: str) -> list[Any]:
    table = store.table(name)
    with store.cursor() as cursor:
        return cursor.execute(query.format(t=table)).fetchall()


def one(store: Store, name: str, query: str) -> Any:
    return rows(store, name, query)[0][0]


def everything(store: Store, name: str) -> list[Any]:
    return rows(store, name, "SELECT * FROM {t} ORDER BY Id")


@pytest.mark.parametrize(
    ("name", "count"), [("Account", 1000), ("Opportunity", 1000), ("Contact", 2000)]
)
def test_scale_1(demo: Store, name: str, count: int) -> None:
    assert one(demo, name, "SELECT count(DISTINCT Id) FROM {t}") == count


@pytest.mark.parametrize(("seed", "scale"), [(8, 0.05), (5, 0.05), (5, 0.3)])
def test_the_largest_amount_has_a_revenue_to_expect(
    schema: Schema, seed: int, scale: float
) -> None:
    """Of the largest amount at 100 %, a DOUBLE expects a digit more than the field has."""
    store = Store(schema)
    generate(store, schema, scale, seed, NOW)
    expected = "(Amount::DECIMAL(30,2) * Probability::DECIMAL(4,0) * 0.01::DECIMAL(2,2))"
    wrong = f"WHERE ExpectedRevenue IS DISTINCT FROM {expected}::DECIMAL(18,2)"
    assert rows(store, "Opportunity", f"SELECT Amount, Probability FROM {{t}} {wrong}") == []
    assert one(store, "Opportunity", "SELECT max(Amount) FROM {t}") >= Decimal("9999999999999999")


def test_a_seed_gives_the_same_rows_and_another_seed_others(schema: Schema) -> None:
    def make(seed: int) -> Store:
        store = Store(schema)
        generate(store, schema, 0.1, seed, NOW)
        return store

    first, again, other = make(1), make(1), make(2)
    for name in ("Opportunity", "Event", "Trap__c"):
        assert everything(first, name) == everything(again, name)
        assert everything(first, name) != everything(other, name)


def test_every_row_obeys_its_describe(demo: Store, schema: Schema) -> None:
    for sobject in schema.objects:
        for field in sobject.fields:
            where, column = f"{sobject.name}.{field.name}", f'"{field.name}"'
            if not field.stored:
                continue
            if not field.nillable:
                missing = f"SELECT count(*) FROM {{t}} WHERE {column} IS NULL"
                assert one(demo, sobject.name, missing) == 0, where
            if field.length and field.type not in ("id", "reference"):
                longest = f"SELECT coalesce(max(length({column})), 0) FROM {{t}}"
                assert one(demo, sobject.name, longest) <= field.length, where
            if field.unique:
                repeated = f"SELECT count({column}) - count(DISTINCT {column}) FROM {{t}}"
                assert one(demo, sobject.name, repeated) == 0, where
            if field.type in ("string", "textarea", "picklist", "combobox"):
                blank = (
                    f"SELECT count(*) FROM {{t}} WHERE {column} = '' OR trim({column}) <> {column}"
                )
                assert one(demo, sobject.name, blank) == 0, where


def test_lookups_lead_to_live_records(demo: Store, schema: Schema) -> None:
    for sobject in schema.objects:
        for field in sobject.fields:
            targets = [t for t in map(schema.get, field.reference_to) if t is not None]
            if not targets or len(targets) < len(field.reference_to) > 20:
                continue
            live = " UNION ALL ".join(
                f"SELECT Id FROM {demo.table(t.name)} WHERE NOT IsDeleted" for t in targets
            )
            lost = (
                f'SELECT count(*) FROM {{t}} WHERE "{field.name}" IS NOT NULL'
                f' AND "{field.name}" NOT IN ({live})'
            )
            assert one(demo, sobject.name, lost) == 0, f"{sobject.name}.{field.name}"


@pytest.mark.parametrize("text", words.TRAP_TEXTS)
def test_each_trap_text_is_a_name_and_a_text(demo: Store, text: str) -> None:
    with demo.cursor() as cursor:
        for name, column in (("Account", "Name"), ("Trap__c", "Text__c")):
            query = f'SELECT count(*) FROM {demo.table(name)} WHERE "{column}" = ?'
            found = cursor.execute(query, [text]).fetchone()
            assert found is not None and found[0] >= 1


def test_trap_texts_hold_what_they_promise() -> None:
    texts = set(words.TRAP_TEXTS)
    assert len(texts) == len(words.TRAP_TEXTS)
    assert {"Acme", "ACME", "null", "NA", "N/A"} <= texts
    for needle in ("ü", "İ", "\u0131", "'", '"', "\\", "%", "_", "\n", "😀", "\u0301"):
        assert any(needle in text for text in texts), needle
    assert all(text == text.strip() and text for text in texts)


def test_numbers_that_a_float_cannot_hold(demo: Store) -> None:
    found = {row[0] for row in rows(demo, "Trap__c", "SELECT Number_18_0__c FROM {t}")}
    assert {Decimal(text) for text in words.TRAP_WHOLE_18} <= found
    assert Decimal(2**53 + 1) in found
    money = {row[0] for row in rows(demo, "Opportunity", "SELECT Amount FROM {t}")}
    assert {Decimal("1234567890123456.78"), Decimal("-0.01"), Decimal(0), None} <= money


def test_formulas_hold(demo: Store) -> None:
    wrong = (
        'SELECT count(*) FROM {t} WHERE "Formula_Number__c" IS DISTINCT FROM 2 * "Number_16_2__c"'
        " OR \"Formula_Text__c\" <> '#' || coalesce(\"Text__c\", '')"
    )
    assert one(demo, "Trap__c", wrong) == 0


def test_case_is_all_that_tells_some_keys_apart(demo: Store) -> None:
    folded = (
        'SELECT count(DISTINCT "Unique_Case_Sensitive__c"),'
        ' count(DISTINCT lower("Unique_Case_Sensitive__c")) FROM {t}'
    )
    distinct, folded_distinct = rows(demo, "Trap__c", folded)[0]
    assert (distinct, folded_distinct) == (500, 250)


def test_dates_at_the_ends_and_borders(demo: Store) -> None:
    for name, column in (("Opportunity", "CloseDate"), ("Trap__c", "Date__c")):
        ends = f'SELECT min("{column}")::VARCHAR, max("{column}")::VARCHAR FROM {{t}}'
        assert rows(demo, name, ends) == [("1700-01-01", "4000-12-31")]
    midnight = "SELECT count(*) FROM {t} WHERE CreatedDate = date_trunc('day', CreatedDate)"
    assert one(demo, "Account", midnight) > 10
    eve = (
        "SELECT count(*) FROM {t} WHERE CreatedDate + INTERVAL 1 SECOND"
        " = date_trunc('year', CreatedDate + INTERVAL 1 SECOND)"
    )
    assert one(demo, "Account", eve) > 5


def test_stamps_repeat_and_never_precede_creation_or_follow_now(demo: Store) -> None:
    crowd = "SELECT max(c) FROM (SELECT count(*) AS c FROM {t} GROUP BY SystemModstamp)"
    assert one(demo, "Account", crowd) > 20
    late = f"SELECT count(*) FROM {{t}} WHERE SystemModstamp > TIMESTAMP '{NOW:%Y-%m-%d %H:%M:%S}'"
    early = "SELECT count(*) FROM {t} WHERE SystemModstamp < CreatedDate"
    for name in ("Account", "Opportunity", "Contact", "Case"):
        assert one(demo, name, late) == 0
        assert one(demo, name, early) == 0


def test_some_rows_are_deleted_and_keys_are_skewed(demo: Store) -> None:
    assert one(demo, "Account", "SELECT count(*) FROM {t} WHERE IsDeleted") == 20
    crowd = "SELECT max(c) FROM (SELECT count(*) AS c FROM {t} GROUP BY AccountId)"
    assert one(demo, "Contact", crowd) > 20
    assert one(demo, "Contact", "SELECT count(*) FROM {t} WHERE AccountId IS NULL") > 20


def test_several_currencies_and_a_pipeline_around_now(demo: Store) -> None:
    found = {row[0] for row in rows(demo, "Opportunity", "SELECT CurrencyIsoCode FROM {t}")}
    assert {"USD", "EUR", "GBP", "JPY", "CHF", "SEK"} <= found
    still_open = "SELECT count(*) FROM {t} WHERE NOT IsClosed AND CloseDate > DATE '2026-11-24'"
    assert one(demo, "Opportunity", still_open) > 300


def test_accounts_bear_the_shop_keys(demo: Store) -> None:
    query = "SELECT External_Id__c, AccountNumber FROM {t} ORDER BY Id LIMIT 1"
    assert rows(demo, "Account", query) == [("ACC-000001", "ACC-000001")]


def test_any_described_object_gets_rows(demo: Store) -> None:
    assert one(demo, "Custom__c", "SELECT count(Name) FROM {t}") > 0


def test_an_empty_org_has_itself_and_its_users(schema: Schema) -> None:
    store = Store(schema)
    empty(store, schema, 7, NOW)
    for name in SETUP:
        assert one(store, name, "SELECT count(*) FROM {t}") > 0
    assert one(store, "Account", "SELECT count(*) FROM {t}") == 0


def test_start_costs_nothing_and_scale_grows(schema: Schema) -> None:
    store = Store(schema)
    start = time.monotonic()
    generate(store, schema, 1000, 7, NOW)
    assert time.monotonic() - start < 1
    assert one(store, "Campaign", "SELECT count(*) FROM {t}") == 200


@pytest.mark.slow
def test_a_million_accounts_and_opportunities_are_quick(schema: Schema) -> None:
    store = Store(schema)
    generate(store, schema, 1000, 7, NOW)
    start = time.process_time()  # other work on the machine does not count
    assert one(store, "Account", "SELECT count(*) FROM {t}") == 1_000_000
    assert one(store, "Opportunity", "SELECT count(*) FROM {t}") == 1_000_000
    assert time.process_time() - start < 25  # about 8 s of two cores' time
    assert one(store, "Account", "SELECT max(External_Id__c) FROM {t}") == "ACC-999999"
    assert one(store, "Account", "SELECT count(DISTINCT External_Id__c) FROM {t}") == 1_000_000
    store.close()


def test_a_describe_from_outside_gets_rows_and_writes(tmp_path: Path, schema: Schema) -> None:
    """A person account's fields on an object nobody knows, and Account without our additions."""
    lead = schema.get("Lead")
    assert lead is not None
    strange = json.loads(json.dumps(lead.raw).replace('"Lead"', '"Strange__c"'))
    strange["keyPrefix"] = "a99"
    (tmp_path / "Strange__c.json").write_text(json.dumps(strange), "utf-8")
    account = schema.get("Account")
    assert account is not None
    kept = [field for field in account.raw["fields"] if field["name"] not in ("Site", "Industry")]
    bare = {**account.raw, "fields": kept, "recordTypeInfos": []}
    (tmp_path / "Account.json").write_text(json.dumps(bare), "utf-8")
    widened = Schema.load(tmp_path)
    store = Store(widened)
    generate(store, widened, 1, 7, NOW)
    assert one(store, "Strange__c", "SELECT count(DISTINCT Id) FROM {t}") == 200
    assert one(store, "Strange__c", "SELECT max(abs(Latitude)) <= 90 FROM {t}")
    assert one(store, "Account", "SELECT count(RecordTypeId) FROM {t}") == 0
    assert one(store, "RecordType", "SELECT count(*) FROM {t}") == 0
