"""Describes written for this project in the recorded form, for objects without a recording.

Source: Salesforce Object Reference (field names, types, picklists) and a recorded describe-global
(key prefixes, object flags).
"""

from __future__ import annotations

from isthmus.localorg.describes.definitions import (
    CREATE_ONLY,
    NAME_FIELD,
    READ_ONLY,
    REQUIRED,
    Json,
    address,
    field,
    long_text,
    lookup,
    number,
    owner,
    picklist,
    record_id,
    sobject,
    system,
    text,
    whole,
)

ZONES = (
    "Pacific/Kiritimati|Asia/Tokyo|Asia/Kolkata|Europe/Istanbul|Europe/Berlin|Europe/London|GMT|"
    "America/New_York|America/Chicago|America/Los_Angeles|Pacific/Honolulu|Pacific/Pago_Pago"
)
LOCALES = "en_US|en_GB|de_DE|fr_FR|tr_TR|ja_JP|sv_SE"
LANGUAGES = "en_US|de|fr|tr|ja|sv"
WHAT = ("Account", "Asset", "Campaign", "Case", "Opportunity", "Product2", "Trap__c")
_FIXED: Json = {"createable": False, "updateable": False, "deletable": False, "undeletable": False}
_NAMED: Json = {"compoundFieldName": "Name", "extraTypeInfo": "personname"}
_RESTRICTED: Json = {"restrictedPicklist": True}


def user() -> Json:
    """User: never deleted, only switched off."""
    fields = [
        record_id("User"),
        text("Username", 80, REQUIRED, unique=True, idLookup=True),
        text("LastName", 80, REQUIRED, _NAMED),
        text("FirstName", 40, _NAMED),
        text("Name", 121, READ_ONLY, REQUIRED, NAME_FIELD, extraTypeInfo="personname"),
        text("CompanyName", 80),
        text("Division", 80),
        text("Department", 80),
        text("Title", 80),
        *address("Address", ""),
        field("Email", "email", REQUIRED, length=128, idLookup=True),
        field("Phone", "phone"),
        field("Fax", "phone"),
        field("MobilePhone", "phone"),
        text("Alias", 8, REQUIRED),
        text("CommunityNickname", 40, REQUIRED, unique=True, defaultedOnCreate=True),
        field("IsActive", "boolean", defaultValue=True),
        picklist("TimeZoneSidKey", ZONES, REQUIRED, _RESTRICTED, defaultedOnCreate=True),
        lookup("UserRoleId", "UserRole"),
        picklist("LocaleSidKey", LOCALES, REQUIRED, _RESTRICTED, defaultedOnCreate=True),
        field("ReceivesInfoEmails", "boolean"),
        field("ReceivesAdminInfoEmails", "boolean"),
        picklist("EmailEncodingKey", "UTF-8*|ISO-8859-1", REQUIRED, _RESTRICTED),
        lookup("ProfileId", "Profile", REQUIRED, defaultedOnCreate=True),
        picklist("UserType", "Standard*|PowerPartner|CspLitePortal|Guest", READ_ONLY, _RESTRICTED),
        picklist("LanguageLocaleKey", LANGUAGES, REQUIRED, _RESTRICTED, defaultedOnCreate=True),
        text("EmployeeNumber", 20),
        lookup("ManagerId", "User"),
        field("LastLoginDate", "datetime", READ_ONLY),
        *system(deleted=False),
        lookup("ContactId", "Contact", CREATE_ONLY),
        lookup("AccountId", "Account", READ_ONLY),
        text("FederationIdentifier", 512, caseSensitive=True, unique=True),
        field("LastViewedDate", "datetime", READ_ONLY),
        field("LastReferencedDate", "datetime", READ_ONLY),
        field("FullPhotoUrl", "url", READ_ONLY, length=1024, groupable=False),
        field("SmallPhotoUrl", "url", READ_ONLY, length=1024, groupable=False),
    ]
    return sobject("User", "005", "User", fields, deletable=False, undeletable=False)


def task() -> Json:
    """Task: an activity with polymorphic Who, What and Owner."""
    fields = [
        record_id("Activity"),
        lookup("WhoId", ("Contact", "Lead")),
        lookup("WhatId", WHAT),
        picklist(
            "Subject", "Call|Email|Send Letter|Send Quote|Other", NAME_FIELD,
            kind="combobox", length=255,
        ),
        field("ActivityDate", "date"),
        picklist(
            "Status", "Not Started*|In Progress|Completed|Waiting on someone else|Deferred",
            REQUIRED,
        ),
        picklist("Priority", "High|Normal*|Low", REQUIRED),
        field("IsHighPriority", "boolean", READ_ONLY),
        owner(("Group", "User")),
        long_text("Description"),
        field("IsDeleted", "boolean", READ_ONLY, label="Deleted"),
        lookup("AccountId", "Account", READ_ONLY),
        field("IsClosed", "boolean", READ_ONLY),
        *system(deleted=False),
        field("IsArchived", "boolean", READ_ONLY),
        whole("CallDurationInSeconds", 8),
        picklist("CallType", "Internal|Inbound|Outbound", _RESTRICTED),
        text("CallDisposition", 255),
        text("CallObject", 255),
        field("ReminderDateTime", "datetime"),
        field("IsReminderSet", "boolean"),
        lookup("RecurrenceActivityId", "Task", READ_ONLY, relationshipName=None),
        field("IsRecurrence", "boolean", CREATE_ONLY),
        picklist("TaskSubtype", "Task*|Email|ListEmail|Cadence|Call", CREATE_ONLY, _RESTRICTED),
        field("CompletedDateTime", "datetime", READ_ONLY),
    ]  # fmt: skip
    return sobject("Task", "00T", "Task", fields)


def product() -> Json:
    """Product2."""
    families = "None|Hardware|Software|Services"
    fields = [
        record_id("Product"),
        text("Name", 255, REQUIRED, NAME_FIELD),
        text("ProductCode", 255),
        long_text("Description", 4000),
        field("IsActive", "boolean"),
        *system(deleted=False),
        picklist("Family", families),
        lookup("ExternalDataSourceId", "ExternalDataSource"),
        text("ExternalId", 255),
        field("DisplayUrl", "url", length=1000, groupable=False),
        picklist("QuantityUnitOfMeasure", "Each|Hour|Licence"),
        field("IsDeleted", "boolean", READ_ONLY, label="Deleted"),
        field("IsArchived", "boolean", READ_ONLY),
        field("LastViewedDate", "datetime", READ_ONLY),
        field("LastReferencedDate", "datetime", READ_ONLY),
        text("StockKeepingUnit", 180),
    ]
    return sobject("Product2", "01t", "Product", fields)


def pricebook() -> Json:
    """Pricebook2."""
    fields = [
        record_id("Price Book"),
        field("IsDeleted", "boolean", READ_ONLY, label="Deleted"),
        text("Name", 255, REQUIRED, NAME_FIELD),
        *system(deleted=False),
        field("LastViewedDate", "datetime", READ_ONLY),
        field("LastReferencedDate", "datetime", READ_ONLY),
        field("IsActive", "boolean"),
        field("IsArchived", "boolean", READ_ONLY),
        text("Description", 255),
        field("IsStandard", "boolean", READ_ONLY),
    ]
    return sobject("Pricebook2", "01s", "Price Book", fields, undeletable=False)


def pricebook_entry() -> Json:
    """PricebookEntry."""
    fields = [
        record_id("Price Book Entry"),
        text("Name", 255, READ_ONLY, NAME_FIELD),
        lookup("Pricebook2Id", "Pricebook2", REQUIRED, CREATE_ONLY),
        lookup("Product2Id", "Product2", REQUIRED, CREATE_ONLY),
        number("UnitPrice", "currency", 18, 2, REQUIRED),
        field("IsActive", "boolean"),
        field("UseStandardPrice", "boolean"),
        *system(deleted=False),
        text("ProductCode", 255, READ_ONLY),
        field("IsDeleted", "boolean", READ_ONLY, label="Deleted"),
        field("IsArchived", "boolean", READ_ONLY),
    ]
    flags: Json = {"plural": "Price Book Entries", "undeletable": False, "searchable": False}
    return sobject("PricebookEntry", "01u", "Price Book Entry", fields, **flags)


def line_item() -> Json:
    """OpportunityLineItem."""
    fields = [
        record_id("Line Item"),
        lookup("OpportunityId", "Opportunity", REQUIRED, CREATE_ONLY),
        whole("SortOrder", 8),
        lookup("PricebookEntryId", "PricebookEntry", CREATE_ONLY),
        lookup("Product2Id", "Product2", CREATE_ONLY),
        text("ProductCode", 255, READ_ONLY),
        text("Name", 376, READ_ONLY, NAME_FIELD),
        number("Quantity", "double", 12, 2, REQUIRED),
        number("TotalPrice", "currency", 18, 2),
        number("UnitPrice", "currency", 18, 2),
        number("ListPrice", "currency", 18, 2, READ_ONLY),
        field("ServiceDate", "date"),
        text("Description", 255),
        *system(deleted=False),
        field("IsDeleted", "boolean", READ_ONLY, label="Deleted"),
        field("LastViewedDate", "datetime", READ_ONLY),
        field("LastReferencedDate", "datetime", READ_ONLY),
    ]
    flags: Json = {"plural": "Opportunity Products", "undeletable": False, "searchable": False}
    return sobject("OpportunityLineItem", "00k", "Opportunity Product", fields, **flags)


def campaign() -> Json:
    """Campaign."""
    kinds = (
        "Conference|Webinar|Trade Show|Public Relations|Partners|Referral Program|"
        "Advertisement|Banner Ads|Direct Mail|Email|Telemarketing|Other"
    )
    counts = ("Leads", "ConvertedLeads", "Contacts", "Responses", "Opportunities")
    fields = [
        record_id("Campaign"),
        field("IsDeleted", "boolean", READ_ONLY, label="Deleted"),
        text("Name", 80, REQUIRED, NAME_FIELD),
        lookup("ParentId", "Campaign"),
        picklist("Type", kinds),
        picklist("Status", "Planned*|In Progress|Completed|Aborted"),
        field("StartDate", "date"),
        field("EndDate", "date"),
        number("ExpectedRevenue", "currency", 18, 0),
        number("BudgetedCost", "currency", 18, 0),
        number("ActualCost", "currency", 18, 0),
        number("ExpectedResponse", "percent", 10, 2),
        number("NumberSent", "double", 18, 0),
        field("IsActive", "boolean"),
        long_text("Description"),
        *(whole("NumberOf" + name, 9, READ_ONLY, REQUIRED) for name in counts),
        number("AmountAllOpportunities", "currency", 18, 0, READ_ONLY, REQUIRED),
        owner(),
        *system(deleted=False),
        field("LastActivityDate", "date", READ_ONLY),
        field("LastViewedDate", "datetime", READ_ONLY),
        field("LastReferencedDate", "datetime", READ_ONLY),
    ]
    return sobject("Campaign", "701", "Campaign", fields)


def campaign_member() -> Json:
    """CampaignMember: a lead or a contact in a campaign."""
    fields = [
        record_id("Campaign Member"),
        field("IsDeleted", "boolean", READ_ONLY, label="Deleted"),
        lookup("CampaignId", "Campaign", REQUIRED, CREATE_ONLY),
        lookup("LeadId", "Lead", CREATE_ONLY),
        lookup("ContactId", "Contact", CREATE_ONLY),
        picklist("Status", "Sent*|Responded"),
        field("HasResponded", "boolean", READ_ONLY),
        *system(deleted=False),
        field("FirstRespondedDate", "date", READ_ONLY),
        text("Name", 121, READ_ONLY, NAME_FIELD),
        text("FirstName", 40, READ_ONLY),
        text("LastName", 80, READ_ONLY),
        text("CompanyOrAccount", 255, READ_ONLY),
        field("Email", "email", READ_ONLY),
        picklist("Type", "Lead|Contact", READ_ONLY, _RESTRICTED),
        lookup("LeadOrContactId", ("Contact", "Lead"), READ_ONLY),
    ]
    flags: Json = {"undeletable": False, "searchable": False}
    return sobject("CampaignMember", "00v", "Campaign Member", fields, **flags)


def organization() -> Json:
    """Organization: one row that says which org this is."""
    levels = "None|Read|Edit|ControlledByParent"
    switches = ("RequireOpportunityProducts", "TransactionSecurityPolicy", "LightningLoginEnabled")
    fields = [
        record_id("Organization"),
        text("Name", 80, REQUIRED, NAME_FIELD),
        text("Division", 80),
        *address("Address", ""),
        field("Phone", "phone"),
        field("Fax", "phone"),
        text("PrimaryContact", 80),
        picklist("DefaultLocaleSidKey", LOCALES, REQUIRED, _RESTRICTED),
        picklist("TimeZoneSidKey", ZONES, REQUIRED, _RESTRICTED),
        picklist("LanguageLocaleKey", LANGUAGES, REQUIRED, _RESTRICTED),
        field("ReceivesInfoEmails", "boolean"),
        field("ReceivesAdminInfoEmails", "boolean"),
        *(field("Preferences" + name, "boolean") for name in switches),
        whole("FiscalYearStartMonth", 8, READ_ONLY),
        field("UsesStartDateAsFiscalYearName", "boolean", READ_ONLY),
        *(
            picklist(f"Default{name}Access", levels, _RESTRICTED)
            for name in ("Account", "Contact", "Opportunity", "Lead", "Case")
        ),
        field("SystemModstamp", "datetime", READ_ONLY, REQUIRED),
        picklist("UiSkin", "Theme3", _RESTRICTED),
        text("SignupCountryIsoCode", 2),
        field("TrialExpirationDate", "datetime", READ_ONLY),
        picklist("OrganizationType", "Developer Edition|Enterprise Edition", _RESTRICTED),
        text("NamespacePrefix", 15, READ_ONLY),
        text("InstanceName", 5, READ_ONLY),
        field("IsSandbox", "boolean", READ_ONLY),
        picklist("WebToCaseDefaultOrigin", "Phone|Email|Web"),
        whole("MonthlyPageViewsUsed", 9, READ_ONLY),
        whole("MonthlyPageViewsEntitlement", 9, READ_ONLY),
        field("IsReadOnly", "boolean", READ_ONLY),
        *(made for made in system(deleted=False) if made["name"] != "SystemModstamp"),
    ]
    flags: Json = {**_FIXED, "layoutable": False, "searchable": False}
    return sobject("Organization", "00D", "Organization", fields, **flags)


def record_type() -> Json:
    """RecordType."""
    objects = "Account|Campaign|Case|Contact|Event|Lead|Opportunity|Product2|Task"
    fields = [
        record_id("Record Type"),
        text("Name", 80, REQUIRED, NAME_FIELD),
        text("DeveloperName", 80, REQUIRED),
        text("NamespacePrefix", 15, READ_ONLY),
        text("Description", 255),
        lookup("BusinessProcessId", "BusinessProcess", relationshipName=None),
        picklist("SobjectType", objects, REQUIRED, CREATE_ONLY, _RESTRICTED),
        field("IsActive", "boolean"),
        *system(deleted=False),
    ]
    return sobject("RecordType", "012", "Record Type", fields, **_FIXED)


def asset() -> Json:
    """Asset."""
    fields = [
        record_id("Asset"),
        lookup("ContactId", "Contact"),
        lookup("AccountId", "Account"),
        lookup("ParentId", "Asset"),
        lookup("RootAssetId", "Asset", READ_ONLY),
        lookup("Product2Id", "Product2"),
        text("ProductCode", 255, READ_ONLY),
        field("IsCompetitorProduct", "boolean"),
        *system(deleted=False),
        field("IsDeleted", "boolean", READ_ONLY, label="Deleted"),
        text("Name", 255, REQUIRED, NAME_FIELD),
        text("SerialNumber", 80),
        field("InstallDate", "date"),
        field("PurchaseDate", "date"),
        field("UsageEndDate", "date"),
        picklist("Status", "Purchased|Shipped|Installed|Registered|Obsolete"),
        number("Price", "currency", 18, 0),
        number("Quantity", "double", 12, 2),
        long_text("Description"),
        owner(),
        lookup("AssetProvidedById", "Account"),
        lookup("AssetServicedById", "Account"),
        field("LastViewedDate", "datetime", READ_ONLY),
        field("LastReferencedDate", "datetime", READ_ONLY),
    ]
    return sobject("Asset", "02i", "Asset", fields)


def profile() -> Json:
    """Profile, the target of User.ProfileId."""
    fields = [
        record_id("Profile"),
        text("Name", 255, REQUIRED, NAME_FIELD),
        picklist("UserType", "Standard|PowerPartner|Guest", READ_ONLY, _RESTRICTED),
        *system(deleted=False),
        text("Description", 255),
    ]
    return sobject("Profile", "00e", "Profile", fields, **_FIXED)


def role() -> Json:
    """UserRole, the target of User.UserRoleId."""
    fields = [
        record_id("Role"),
        text("Name", 80, REQUIRED, NAME_FIELD),
        lookup("ParentRoleId", "UserRole", relationshipName=None),
        text("DeveloperName", 80, READ_ONLY),
        *(made for made in system(deleted=False) if not made["name"].startswith("Created")),
    ]
    return sobject("UserRole", "00E", "Role", fields, **_FIXED)


def trap() -> Json:
    """Trap__c: every field type and every value that a careless reader loses."""
    colours = "Red|Green|Blue|Ültramarin|null|NA"
    part: Json = {"compoundFieldName": "Place__c"}
    formula: Json = {**READ_ONLY, "calculated": True, "groupable": False}
    fields = [
        record_id("Record"),
        owner(("Group", "User")),
        field("IsDeleted", "boolean", READ_ONLY, label="Deleted"),
        text("Name", 80, NAME_FIELD, label="Trap Name", idLookup=True, defaultedOnCreate=True),
        *system(deleted=False),
        field("LastViewedDate", "datetime", READ_ONLY),
        field("LastReferencedDate", "datetime", READ_ONLY),
        text("Text__c", 255),
        text("Unique_Case_Sensitive__c", 80, unique=True, caseSensitive=True, externalId=True,
             idLookup=True),
        text("External_Id__c", 80, unique=True, externalId=True, idLookup=True),
        field("Checkbox__c", "boolean"),
        number("Number_18_0__c", "double", 18, 0),
        number("Number_16_2__c", "double", 16, 2),
        number("Number_18_8__c", "double", 18, 8),
        number("Percent_5_2__c", "percent", 5, 2),
        number("Currency_18_2__c", "currency", 18, 2),
        whole("Int__c", 9),
        field("Date__c", "date"),
        field("Datetime__c", "datetime"),
        field("Time__c", "time"),
        picklist("Picklist__c", colours, length=255),
        picklist("Restricted__c", "Low|Medium|High", _RESTRICTED, length=255),
        picklist("Multi__c", "AAA|BBB|CCC", kind="multipicklist", length=4099,
                 precision=3),
        field("Email__c", "email"),
        field("Phone__c", "phone"),
        field("Url__c", "url"),
        long_text("Short_Text__c", 255),
        long_text("Long_Text__c"),
        number("Formula_Number__c", "double", 18, 2, formula, calculatedFormula="Number_16_2__c*2"),
        text("Formula_Text__c", 1300, formula, calculatedFormula='"#" & Text__c'),
        lookup("Account__c", "Account"),
        lookup("Parent__c", "Trap__c"),
        number("Place__Latitude__s", "double", 18, 15, part),
        number("Place__Longitude__s", "double", 18, 15, part),
        field("Place__c", "location", displayLocationInDecimal=True),
    ]  # fmt: skip
    return sobject("Trap__c", "a00", "Trap", fields)


def all_synthetic() -> list[Json]:
    """Every synthetic describe, without child relationships and currency fields."""
    return [
        asset(),
        campaign(),
        campaign_member(),
        organization(),
        line_item(),
        pricebook(),
        pricebook_entry(),
        product(),
        profile(),
        record_type(),
        task(),
        trap(),
        user(),
        role(),
    ]
