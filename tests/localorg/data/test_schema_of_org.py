from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from isthmus.localorg.schema import Schema, SObject

RECORDED = {
    "Account", "Case", "Contact", "Custom__c", "Event", "Lead", "Opportunity",
    "OpportunityContactRole",
}  # fmt: skip
SYNTHETIC = {
    "User": "005", "Task": "00T", "Product2": "01t", "Pricebook2": "01s", "PricebookEntry": "01u",
    "OpportunityLineItem": "00k", "Campaign": "701", "CampaignMember": "00v",
    "Organization": "00D", "RecordType": "012", "Asset": "02i", "Profile": "00e",
    "UserRole": "00E", "Trap__c": "a00",
}  # fmt: skip


def get(schema: Schema, name: str) -> SObject:
    sobject = schema.get(name)
    assert sobject is not None
    return sobject


def test_the_objects(schema: Schema) -> None:
    assert {made.name for made in schema.objects} == RECORDED | set(SYNTHETIC)
    for name, prefix in SYNTHETIC.items():
        assert get(schema, name).key_prefix == prefix
        assert schema.by_prefix(prefix) is get(schema, name)


def test_prefixes_tell_case_apart(schema: Schema) -> None:
    assert schema.by_prefix("00K") is get(schema, "OpportunityContactRole")
    assert schema.by_prefix("00k") is get(schema, "OpportunityLineItem")


def test_synthetic_describes_have_the_recorded_form(schema: Schema) -> None:
    model = get(schema, "Account").raw
    field_keys = set(model["fields"][0])
    for sobject in schema.objects:
        assert set(sobject.raw) == set(model), sobject.name
        for field in sobject.raw["fields"]:
            assert set(field) == field_keys, f"{sobject.name}.{field['name']}"


def test_names_are_found_in_any_case(schema: Schema) -> None:
    account = get(schema, "aCCount")
    field = account.field("INDUSTRY")
    assert field is not None and field.name == "Industry"
    parent = account.relationship("parent")
    assert parent is not None and parent.reference_to == ("Account",)
    child = account.child("contacts")
    assert child is not None and (child.child, child.field) == ("Contact", "AccountId")
    assert account.field("nope") is None
    assert account.child("nope") is None
    assert schema.get("nope") is None


def test_flags_follow_the_type(schema: Schema) -> None:
    for sobject in schema.objects:
        for field in sobject.fields:
            where = f"{sobject.name}.{field.name}"
            if field.type in ("datetime", "double", "currency", "percent", "address", "combobox"):
                assert not field.groupable, where
            if field.type in ("boolean", "address", "location", "multipicklist"):
                assert not field.aggregatable, where
            if field.type == "boolean":
                assert not field.nillable, where
            if field.type == "textarea" and field.length > 255:
                assert not field.filterable and not field.groupable, where
            if field.type == "reference":
                assert field.length == 18, where


def test_every_lookup_is_known_on_the_other_side(schema: Schema) -> None:
    for sobject in schema.objects:
        for field in sobject.fields:
            for target in filter(None, map(schema.get, field.reference_to)):
                links = {(link.child, link.field) for link in target.children}
                assert (sobject.name, field.name) in links


def test_child_relationships_lead_to_fields(schema: Schema) -> None:
    for sobject in schema.objects:
        named = [link for link in sobject.children if link.relationship_name]
        repeated = Counter(str(link.relationship_name).lower() for link in named)
        assert max(repeated.values(), default=1) == 1, sobject.name
        for link in named:
            child = schema.get(link.child)
            assert child is None or child.field(link.field) is not None


def test_the_hand_added_fields_are_gone(schema: Schema) -> None:
    for name in ("Primary_Contact__c", "ns__Description__c", "History__c", "ns__LinkedAccount__c"):
        assert get(schema, "Account").field(name) is None


def test_the_org_has_several_currencies(schema: Schema) -> None:
    for sobject in schema.objects:
        if any(field.type == "currency" for field in sobject.fields):
            iso = sobject.field("CurrencyIsoCode")
            assert iso is not None and iso.restricted_picklist, sobject.name
    default = get(schema, "User").field("DefaultCurrencyIsoCode")
    assert default is not None and default.default_value == "USD"


def test_trap_has_a_case_sensitive_key(schema: Schema) -> None:
    field = get(schema, "Trap__c").field("Unique_Case_Sensitive__c")
    assert field is not None and field.case_sensitive and field.unique and field.external_id
    for name in ("Account", "Contact"):
        key = get(schema, name).field("External_Id__c")
        assert key is not None and key.external_id and not key.case_sensitive


def test_urls_are_served_in_the_version_asked_for(schema: Schema) -> None:
    for sobject in schema.objects:
        served = json.dumps(sobject.describe("61.0", "https://127.0.0.1:8443"))
        assert "vXX.0" not in served and "orgname" not in served
    urls = get(schema, "Contact").describe("61.0", "https://h")["urls"]
    assert urls["sobject"] == "/services/data/v61.0/sobjects/Contact"
    assert urls["uiNewRecord"] == "https://h/003/e"
    assert get(schema, "Contact").raw["urls"]["sobject"].startswith("/services/data/vXX.0/")


def test_global_describe(schema: Schema) -> None:
    body = schema.global_describe("52.0")
    assert body["maxBatchSize"] == 200
    (case,) = [entry for entry in body["sobjects"] if entry["name"] == "Case"]
    assert case["keyPrefix"] == "500" and "fields" not in case
    assert case["urls"]["describe"] == "/services/data/v52.0/sobjects/Case/describe"


def test_a_folder_adds_and_overrides(schema: Schema, tmp_path: Path) -> None:
    made = dict(get(schema, "Custom__c").raw, name="Mine__c", keyPrefix="a77")
    (tmp_path / "mine.json").write_text(json.dumps(made), "utf-8")
    cut = dict(get(schema, "Lead").raw)
    cut["fields"] = [field for field in cut["fields"] if field["name"] in ("Id", "LastName")]
    (tmp_path / "Lead.json").write_text(json.dumps(cut), "utf-8")
    loaded = Schema.load(tmp_path)
    assert loaded.by_prefix("a77") is loaded.get("mine__c")
    assert [field.name for field in get(loaded, "Lead").fields] == ["Id", "LastName"]


def test_a_folder_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="--describes"):
        Schema.load(tmp_path / "nowhere")
    (tmp_path / "x.json").write_text("[]", "utf-8")
    with pytest.raises(ValueError, match="not a describe"):
        Schema.load(tmp_path)
