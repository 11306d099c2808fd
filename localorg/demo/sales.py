"""Demo rows of accounts, contacts, opportunities, leads and campaigns."""

from __future__ import annotations

from isthmus.localorg.demo import words
from isthmus.localorg.demo.spec import Spec, World, literal, standard
from isthmus.localorg.demo.sqltext import Dice, choose, first_rows, mapped
from isthmus.localorg.stages import STAGES

_CURRENCIES = ("USD",) * 8 + ("EUR",) * 6 + ("GBP",) * 2 + ("JPY", "CHF", "SEK", "TRY")
_OPEN = [name for name, stage in STAGES.items() if not stage.closed]
_LOST = ["Closed Won", "Closed Won", "Closed Lost"]
# Amounts are drawn in dollars; a yen amount has more digits.
_UNITS = {"USD": "1", "EUR": "1", "GBP": "1", "JPY": "150", "CHF": "1", "SEK": "10", "TRY": "30"}


def account(world: World) -> Spec:
    """Describe Account: the first rows bear the trap names, ACC-000001 is the shop's key."""
    name, dice = "Account", world.dice("Account")
    rows = world.rows(name)
    stem, trade = dice.pick("stem", words.STEMS), dice.pick("trade", words.TRADES)
    plain = f"{stem} || ' ' || {trade} || ' ' || {dice.pick('form', words.FORMS)}"
    kinds = world.record_types(name)
    kind = dice.pick("record type", kinds) if kinds else "NULL"
    notes = f"'Met at ' || {trade} || ' fair.' || chr(10) || 'Likes ' || {trade}"
    columns = {
        "Name": first_rows(words.TRAP_TEXTS, plain),
        "Type": dice.sometimes("type", 90, dice.pick("type", world.values(name, "Type"))),
        "RecordTypeId": dice.sometimes("record type", 5, kind),
        "ParentId": dice.sometimes("parent", 10, world.id(name, dice.row_of("parent", rows, 3))),
        **place(dice, "Billing", 92),
        **place(dice, "Shipping", 40),
        "Phone": dice.sometimes("phone", 80, phone(dice, "phone")),
        "Fax": dice.sometimes("fax", 20, phone(dice, "fax")),
        "AccountNumber": "format('ACC-{:06d}', n + 1)",
        "External_Id__c": "format('ACC-{:06d}', n + 1)",
        "Website": dice.sometimes("web", 70, f"'https://www.' || {slug(stem)} || '.example'"),
        "Industry": dice.sometimes(
            "industry", 95, dice.pick("industry", world.values(name, "Industry"))
        ),
        "AnnualRevenue": dice.sometimes("revenue", 85, skewed_money(dice, "revenue", 9)),
        "NumberOfEmployees": dice.sometimes("staff", 85, skewed_money(dice, "staff", 5)),
        "Ownership": dice.sometimes("own", 70, dice.pick("own", world.values(name, "Ownership"))),
        "TickerSymbol": dice.sometimes("ticker", 20, f"upper(left({slug(stem)}, 4))"),
        "Description": dice.sometimes("notes", 30, notes),
        "Rating": dice.sometimes("rating", 60, dice.pick("rating", world.values(name, "Rating"))),
        "Site": dice.sometimes("site", 15, dice.pick("site", words.TRAP_TEXTS)),
        "AccountSource": dice.sometimes(
            "source", 50, dice.pick("source", world.values(name, "AccountSource"))
        ),
        "OwnerId": world.to_user(dice, "owner"),
        "LastActivityDate": dice.sometimes("active", 60, "stamp::DATE"),
        "CleanStatus": "'Pending'",
        "CurrencyIsoCode": dice.pick("currency", _CURRENCIES),
    }
    return standard(world, name, columns)


def contact(world: World) -> Spec:
    """Describe Contact: crowded on few accounts, some without one."""
    name, dice = "Contact", world.dice("Contact")
    rows = world.rows(name)
    to_account = world.id("Account", dice.row_of("account", world.rows("Account"), 2))
    columns = {
        "AccountId": dice.sometimes("account", 94, to_account),
        **person(dice, world, name),
        **place(dice, "Mailing", 80),
        **place(dice, "Other", 5),
        "Phone": dice.sometimes("phone", 70, phone(dice, "phone")),
        "MobilePhone": dice.sometimes("mobile", 60, phone(dice, "mobile")),
        "ReportsToId": dice.sometimes("boss", 15, world.id(name, dice.row_of("boss", rows, 3))),
        "Email": email(dice),
        "Title": dice.sometimes("title", 80, dice.pick("title", words.TITLES)),
        "Department": dice.sometimes("dept", 40, dice.pick("dept", words.TRADES)),
        "LeadSource": dice.sometimes(
            "source", 60, dice.pick("source", world.values(name, "LeadSource"))
        ),
        "Birthdate": dice.sometimes(
            "birth", 50, f"DATE '1940-01-01' + ({dice.below('birth', 24000)})::INT"
        ),
        "Description": dice.sometimes("notes", 10, dice.pick("notes", words.TRAP_TEXTS)),
        "OwnerId": world.to_user(dice, "owner"),
        "External_Id__c": dice.sometimes("external", 90, "format('CON-{:06d}', n + 1)"),
        "CurrencyIsoCode": dice.pick("currency", _CURRENCIES),
    }
    return standard(world, name, columns, {**names(dice)})


def opportunity(world: World) -> Spec:
    """Describe Opportunity: closing within 18 months of now, in several currencies."""
    name, dice = "Opportunity", world.dice("Opportunity")
    to_account = world.id("Account", dice.row_of("account", world.rows("Account"), 2))
    to_campaign = world.id("Campaign", dice.row_of("campaign", world.rows("Campaign"), 2))
    past = f"away < 0 AND {dice.chance('closed', 85)}"
    amount = f"({skewed_money(dice, 'amount', 8)})::DECIMAL(18,2) * {mapped('iso', _UNITS)} / 100"
    closing = f"{world.today} + away"
    draws = {
        "away": f"({dice.below('close', 1096)})::INT - 548",
        "stage": f"CASE WHEN {past} THEN {dice.pick('lost', _LOST)}"
        f" ELSE {dice.pick('open', _OPEN)} END",
        "iso": dice.pick("currency", _CURRENCIES),
        "drawn": dice.sometimes("amount", 93, f"({amount})::DECIMAL(18,2)"),
        "money": f"({first_rows(words.TRAP_DECIMALS_2, 'drawn', 'DECIMAL(18,2)')})::DECIMAL(18,2)",
        "odds": mapped("stage", {key: str(stage.probability) for key, stage in STAGES.items()}),
        "closing": first_rows(words.TRAP_DATES, closing, "DATE"),
    }
    stem, what = dice.pick("stem", words.STEMS), dice.pick("what", words.PRODUCTS)
    columns = {
        "AccountId": dice.sometimes("account", 97, to_account),
        "IsPrivate": dice.chance("private", 2),
        "Name": first_rows(words.TRAP_TEXTS, f"{stem} || ' - ' || {what}"),
        "Description": dice.sometimes("notes", 10, dice.pick("notes", words.TRAP_TEXTS)),
        "StageName": "stage",
        "Amount": "money",
        "Probability": "odds",
        # Division would make it a DOUBLE, which rounds the largest amounts up to a digit more.
        "ExpectedRevenue": (
            "(money::DECIMAL(28,2) * odds::DECIMAL(6,2) * 0.01::DECIMAL(2,2))::DECIMAL(18,2)"
        ),
        "TotalOpportunityQuantity": dice.sometimes("pieces", 40, dice.below("pieces", 500)),
        "CloseDate": "closing",
        "Type": dice.sometimes("type", 80, dice.pick("type", world.values(name, "Type"))),
        "NextStep": dice.sometimes("next", 30, dice.pick("next", words.SUBJECTS)),
        "LeadSource": dice.sometimes(
            "source", 70, dice.pick("source", world.values(name, "LeadSource"))
        ),
        "IsClosed": _by_stage("closed"),
        "IsWon": _by_stage("won"),
        "ForecastCategory": _by_stage("category"),
        "ForecastCategoryName": _by_stage("category_name"),
        "CampaignId": dice.sometimes("campaign", 30, to_campaign),
        "HasOpportunityLineItem": "false",
        "Pricebook2Id": dice.sometimes("book", 60, world.id("Pricebook2", "0")),
        "OwnerId": world.to_user(dice, "owner"),
        "LastActivityDate": dice.sometimes("active", 60, "stamp::DATE"),
        "LastStageChangeDate": dice.sometimes("moved", 50, "stamp"),
        "FiscalQuarter": "quarter(closing)",
        "FiscalYear": "year(closing)",
        "Fiscal": "year(closing) || ' ' || quarter(closing)",
        "CurrencyIsoCode": "iso",
    }  # fmt: skip
    return standard(world, name, columns, draws)


def contact_role(world: World) -> Spec:
    """Describe OpportunityContactRole."""
    name, dice = "OpportunityContactRole", world.dice("OpportunityContactRole")
    roles = world.values(name, "Role")
    columns = {
        "OpportunityId": world.id("Opportunity", dice.row_of("opp", world.rows("Opportunity"))),
        "ContactId": world.id("Contact", dice.row_of("who", world.rows("Contact"), 2)),
        "Role": dice.sometimes("role", 80, dice.pick("role", roles)),
        "IsPrimary": dice.chance("primary", 40),
    }
    return standard(world, name, columns)


def line_item(world: World) -> Spec:
    """Describe OpportunityLineItem: priced from the price book entry's row."""
    name, dice = "OpportunityLineItem", world.dice("OpportunityLineItem")
    products = world.rows("Product2")
    draws = {
        "item": dice.row_of("item", products, 2),
        "pieces": f"1 + {dice.below('pieces', 40)}",
        "price": f"({dice.below('price', 500000)}::DECIMAL(18,2) / 100)::DECIMAL(18,2)",
    }
    served = f"{world.today} + ({dice.below('service', 400)})::INT"
    columns = {
        "OpportunityId": world.id("Opportunity", dice.row_of("opp", world.rows("Opportunity"), 2)),
        "SortOrder": dice.sometimes("order", 50, dice.below("order", 9)),
        "PricebookEntryId": world.id("PricebookEntry", "item"),
        "Product2Id": world.id("Product2", "item"),
        "ProductCode": "format('P-{:04d}', item + 1)",
        "Name": "'Line ' || (n + 1)",
        "Quantity": "pieces",
        "UnitPrice": "price",
        "TotalPrice": "(pieces * price)::DECIMAL(18,2)",
        "ListPrice": "price",
        "ServiceDate": dice.sometimes("service", 20, served),
        "CurrencyIsoCode": dice.pick("currency", _CURRENCIES),
    }  # fmt: skip
    return standard(world, name, columns, draws)


def lead(world: World) -> Spec:
    """Describe Lead."""
    name, dice = "Lead", world.dice("Lead")
    company = f"{dice.pick('stem', words.STEMS)} || ' ' || {dice.pick('trade', words.TRADES)}"
    columns = {
        **person(dice, world, name),
        **place(dice, "", 70),
        "Title": dice.sometimes("title", 60, dice.pick("title", words.TITLES)),
        "Company": first_rows(words.TRAP_TEXTS, company),
        "Phone": dice.sometimes("phone", 60, phone(dice, "phone")),
        "Email": email(dice),
        "LeadSource": dice.sometimes(
            "source", 80, dice.pick("source", world.values(name, "LeadSource"))
        ),
        "Status": dice.pick("status", world.values(name, "Status")),
        "Industry": dice.sometimes(
            "industry", 70, dice.pick("industry", world.values(name, "Industry"))
        ),
        "Rating": dice.sometimes("rating", 50, dice.pick("rating", world.values(name, "Rating"))),
        "AnnualRevenue": dice.sometimes("revenue", 50, skewed_money(dice, "revenue", 9)),
        "NumberOfEmployees": dice.sometimes("staff", 50, skewed_money(dice, "staff", 5)),
        "OwnerId": world.to_user(dice, "owner"),
        "IsUnreadByOwner": dice.chance("unread", 30),
        "CurrencyIsoCode": dice.pick("currency", _CURRENCIES),
    }
    return standard(world, name, columns, names(dice))


def campaign(world: World) -> Spec:
    """Describe Campaign."""
    name, dice = "Campaign", world.dice("Campaign")
    starts = f"{world.today} + ({dice.below('start', 900)})::INT - 700"
    columns = {
        "Name": f"{dice.pick('type', world.values(name, 'Type'))} || ' ' || (n + 1)",
        "ParentId": "CASE WHEN n % 4 = 3 THEN " + world.id(name, "n // 8") + " END",
        "Type": dice.pick("type", world.values(name, "Type")),
        "Status": dice.pick("status", world.values(name, "Status")),
        "StartDate": dice.sometimes("start", 80, starts),
        "ExpectedRevenue": dice.sometimes("expected", 60, skewed_money(dice, "expected", 6)),
        "BudgetedCost": dice.sometimes("budget", 60, skewed_money(dice, "budget", 5)),
        "ActualCost": dice.sometimes("cost", 60, skewed_money(dice, "cost", 5)),
        "NumberSent": dice.below("sent", 5000),
        "IsActive": dice.chance("live", 60),
        "OwnerId": world.to_user(dice, "owner"),
        "CurrencyIsoCode": dice.pick("currency", _CURRENCIES),
    }
    return standard(world, name, columns)


def campaign_member(world: World) -> Spec:
    """Describe CampaignMember: either a lead or a contact."""
    name, dice = "CampaignMember", world.dice("CampaignMember")
    draws = {
        "is_lead": dice.chance("lead", 50),
        "lead_id": world.id("Lead", dice.row_of("lead", world.rows("Lead"))),
        "contact_id": world.id("Contact", dice.row_of("contact", world.rows("Contact"))),
        "answered": dice.chance("answered", 25),
    }
    columns = {
        "CampaignId": world.id("Campaign", dice.row_of("campaign", world.rows("Campaign"), 2)),
        "LeadId": "CASE WHEN is_lead THEN lead_id END",
        "ContactId": "CASE WHEN NOT is_lead THEN contact_id END",
        "LeadOrContactId": "CASE WHEN is_lead THEN lead_id ELSE contact_id END",
        "Type": "CASE WHEN is_lead THEN 'Lead' ELSE 'Contact' END",
        "Status": "CASE WHEN answered THEN 'Responded' ELSE 'Sent' END",
        "HasResponded": "answered",
        "FirstRespondedDate": "CASE WHEN answered THEN stamp::DATE END",
        "CurrencyIsoCode": dice.pick("currency", _CURRENCIES),
    }
    return standard(world, name, columns, draws)


def place(dice: Dice, prefix: str, percent: int) -> dict[str, str]:
    """Write the parts of an address, all from the same place."""
    index = dice.below("place" + prefix, len(words.PLACES))
    parts = list(zip(*words.PLACES, strict=True))
    street = f"(1 + {dice.below('house' + prefix, 300)}) || ' ' || {dice.pick('st', words.STEMS)}"
    made = {
        "Street": f"{street} || ' Street'",
        "City": choose(index, parts[0]),
        "State": choose(index, parts[1]),
        "PostalCode": choose(index, parts[2]),
        "Country": choose(index, parts[3]),
        "Latitude": choose(index, parts[4], "DECIMAL(18,15)"),
        "Longitude": choose(index, parts[5], "DECIMAL(18,15)"),
        "GeocodeAccuracy": "'City'",
    }
    return {
        prefix + part: dice.sometimes("place" + prefix, percent, value)
        for part, value in made.items()
    }


def names(dice: Dice) -> dict[str, str]:
    """Draw a person's names."""
    last = first_rows(words.TRAP_TEXTS, dice.pick("last", words.LAST_NAMES))
    return {
        "first_name": dice.sometimes("first", 92, dice.pick("first", words.FIRST_NAMES)),
        "last_name": last,
    }


def person(dice: Dice, world: World, name: str) -> dict[str, str]:
    """Write a person's name fields from the draws of `names`."""
    return {
        "LastName": "last_name",
        "FirstName": "first_name",
        "Salutation": dice.sometimes("mr", 40, dice.pick("mr", world.values(name, "Salutation"))),
        "Name": "left(concat_ws(' ', first_name, last_name), 121)",
    }


def email(dice: Dice) -> str:
    """Write an e-mail address, or null for one person in ten."""
    return dice.sometimes("email", 90, "'person' || (n + 1) || '@shop' || (n % 97) || '.example'")


def phone(dice: Dice, use: str) -> str:
    """Write a phone number."""
    return f"format('({{:03d}}) 555-{{:04d}}', 200 + n % 800, {dice.below(use, 10000)})"


def skewed_money(dice: Dice, use: str, digits: int) -> str:
    """Draw a whole amount of at most so many digits, of four orders of magnitude."""
    return f"{dice.below(use, 10**digits)} // [1, 10, 100, 1000][1 + n % 4]"


def slug(name: str) -> str:
    """Write a name as the part of a host name."""
    return f"lower(replace({name}, ' ', '-'))"


def _by_stage(attribute: str) -> str:
    values = {key: getattr(stage, attribute) for key, stage in STAGES.items()}
    return mapped(
        "stage",
        {key: str(v).lower() if isinstance(v, bool) else literal(v) for key, v in values.items()},
    )
