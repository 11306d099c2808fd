"""What the demo org adds to the describes: several currencies, external ids, child links."""

from __future__ import annotations

from collections.abc import Mapping

from isthmus.localorg.describes.definitions import Json, entry, field, text

CURRENCIES = {
    "USD": "U.S. Dollar",
    "EUR": "Euro",
    "GBP": "British Pound",
    "JPY": "Japanese Yen",
    "CHF": "Swiss Franc",
    "SEK": "Swedish Krona",
    "TRY": "Turkish Lira (New)",
}
CORPORATE = "USD"
EXTERNAL_IDS = ("Account", "Contact")
_ALWAYS_MONEYED = {"Account", "Contact", "Lead", "Opportunity", "User", "Organization", "Case"}

# Names of child relationships towards objects whose describe is not recorded (Object Reference).
_CHILD_NAMES = {
    ("Opportunity", "CampaignId"): "Opportunities",
    ("CampaignMember", "CampaignId"): "CampaignMembers",
    ("Campaign", "ParentId"): "ChildCampaigns",
    ("Opportunity", "Pricebook2Id"): "Opportunities",
    ("PricebookEntry", "Pricebook2Id"): "PricebookEntries",
    ("PricebookEntry", "Product2Id"): "PricebookEntries",
    ("OpportunityLineItem", "PricebookEntryId"): "OpportunityLineItems",
    ("OpportunityLineItem", "Product2Id"): "OpportunityLineItems",
    ("Asset", "Product2Id"): "Assets",
    ("Asset", "ParentId"): "ChildAssets",
    ("Case", "AssetId"): "Cases",
    ("Task", "WhatId"): "Tasks",
    ("Task", "WhoId"): "Tasks",
    ("Event", "WhatId"): "Events",
    ("Event", "WhoId"): "Events",
    ("Task", "RecurrenceActivityId"): "RecurringTasks",
    ("User", "ManagerId"): "ManagedUsers",
    ("User", "ProfileId"): "Users",
    ("User", "UserRoleId"): "Users",
    ("Trap__c", "Account__c"): "Traps__r",
    ("Trap__c", "Parent__c"): "Traps__r",
}


def add_fields(describe: Json) -> None:
    """Append CurrencyIsoCode and External_Id__c where the demo org has them."""
    names = {made["name"] for made in describe["fields"]}
    moneyed = any(made["type"] == "currency" for made in describe["fields"])
    if (moneyed or describe["name"] in _ALWAYS_MONEYED) and "CurrencyIsoCode" not in names:
        describe["fields"] += currency_fields(describe["name"])
    if describe["name"] in EXTERNAL_IDS and "External_Id__c" not in names:
        describe["fields"].append(
            text("External_Id__c", 80, label="External Id", externalId=True, unique=True,
                 idLookup=True)
        )  # fmt: skip


def currency_fields(name: str) -> list[Json]:
    """Build the currency fields as a multi-currency org describes them."""
    values = [entry(code, label, default=code == CORPORATE) for code, label in CURRENCIES.items()]
    shared: Json = {
        "length": 3,
        "picklistValues": values,
        "defaultValue": CORPORATE,
        "defaultedOnCreate": True,
        "restrictedPicklist": True,
        "permissionable": False,
    }
    iso = field("CurrencyIsoCode", "picklist", shared, label="Currency ISO Code")
    if name != "User":
        return [iso]
    return [field("DefaultCurrencyIsoCode", "picklist", shared), iso]


def link_children(describes: Mapping[str, Json]) -> None:
    """Give every lookup its entry in the target's childRelationships, if it is missing there."""
    for child in describes.values():
        for made in child["fields"]:
            for target in made["referenceTo"]:
                if target in describes:
                    _link(describes[target], child["name"], made["name"])


def _link(parent: Json, child: str, name: str) -> None:
    known = {(link["childSObject"], link["field"]) for link in parent["childRelationships"]}
    if (child, name) not in known:
        parent["childRelationships"].append(
            {
                "cascadeDelete": False,
                "childSObject": child,
                "deprecatedAndHidden": False,
                "field": name,
                "junctionIdListNames": [],
                "junctionReferenceTo": [],
                "relationshipName": _CHILD_NAMES.get((child, name)),
                "restrictedDelete": False,
            }
        )
