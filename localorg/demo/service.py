"""Demo rows of cases, events, tasks and assets."""

from __future__ import annotations

from isthmus.localorg.demo import words
from isthmus.localorg.demo.sales import phone
from isthmus.localorg.demo.spec import Spec, World, standard
from isthmus.localorg.demo.sqltext import Dice, first_rows


def case(world: World) -> Spec:
    """Describe Case: numbered, closed ones with their closing time."""
    name, dice = "Case", world.dice("Case")
    rows = world.rows(name)
    to_account = world.id("Account", dice.row_of("account", world.rows("Account"), 3))
    to_contact = world.id("Contact", dice.row_of("contact", world.rows("Contact"), 2))
    statuses = world.values(name, "Status")
    columns = {
        "CaseNumber": "format('{:08d}', n + 1001)",
        "ContactId": dice.sometimes("contact", 80, to_contact),
        "AccountId": dice.sometimes("account", 85, to_account),
        "AssetId": dice.sometimes(
            "asset", 20, world.id("Asset", dice.row_of("asset", world.rows("Asset")))
        ),
        "ParentId": dice.sometimes("parent", 5, world.id(name, dice.row_of("parent", rows))),
        "Type": dice.sometimes("type", 70, dice.pick("type", world.values(name, "Type"))),
        "Status": "status",
        "Reason": dice.sometimes("reason", 60, dice.pick("reason", world.values(name, "Reason"))),
        "Origin": dice.sometimes("origin", 90, dice.pick("origin", world.values(name, "Origin"))),
        "Subject": first_rows(words.TRAP_TEXTS, dice.pick("subject", words.CASE_SUBJECTS)),
        "Priority": dice.pick("priority", world.values(name, "Priority")),
        "Description": dice.sometimes("notes", 30, dice.pick("notes", words.TRAP_TEXTS)),
        "IsClosed": "status = 'Closed'",
        "ClosedDate": "CASE WHEN status = 'Closed' THEN stamp END",
        "IsEscalated": "status = 'Escalated'",
        "OwnerId": world.to_user(dice, "owner"),
        "SuppliedPhone": dice.sometimes("supplied", 10, phone(dice, "supplied")),
        "CurrencyIsoCode": "'USD'",
    }
    return standard(world, name, columns, {"status": dice.pick("status", statuses)})


def event(world: World) -> Spec:
    """Describe Event: some all day, around now, with Who and What of several types."""
    name, dice = "Event", world.dice("Event")
    start = f"date_trunc('hour', {world.clock}) + to_hours({dice.below('start', 17520)} - 12000)"
    draws = {
        "all_day": dice.chance("all day", 15),
        "starts": f"CASE WHEN all_day THEN date_trunc('day', {start}) ELSE {start} END",
        "minutes": f"CASE WHEN all_day THEN 1440 ELSE 15 * (1 + {dice.below('length', 12)}) END",
        **_about(world, dice),
    }
    columns = {
        "WhoId": "who",
        "WhatId": "what",
        "AccountId": "CASE WHEN what[1:3] = '001' THEN what END",
        "Subject": first_rows(words.TRAP_TEXTS, dice.pick("subject", words.SUBJECTS)),
        "Location": dice.sometimes(
            "where", 40, dice.pick("where", [place[0] for place in words.PLACES])
        ),
        "IsAllDayEvent": "all_day",
        "ActivityDateTime": "CASE WHEN NOT all_day THEN starts END",
        "ActivityDate": "starts::DATE",
        "DurationInMinutes": "minutes",
        "StartDateTime": "starts",
        "EndDateTime": "starts + to_minutes(minutes)",
        "EndDate": "(starts + to_minutes(minutes))::DATE",
        "Description": dice.sometimes("notes", 20, dice.pick("notes", words.TRAP_TEXTS)),
        "OwnerId": world.to_user(dice, "owner"),
        "IsPrivate": dice.chance("private", 5),
        "ShowAs": dice.pick("show", world.values(name, "ShowAs")),
        "EventSubtype": "'Event'",
    }
    return standard(world, name, columns, draws)


def task(world: World) -> Spec:
    """Describe Task."""
    name, dice = "Task", world.dice("Task")
    draws = {
        "status": dice.pick("status", world.values(name, "Status")),
        "urgency": dice.pick("priority", world.values(name, "Priority")),
        **_about(world, dice),
    }
    due = f"{world.today} + ({dice.below('due', 700)})::INT - 500"
    columns = {
        "WhoId": "who",
        "WhatId": "what",
        "AccountId": "CASE WHEN what[1:3] = '001' THEN what END",
        "Subject": first_rows(words.TRAP_TEXTS, dice.pick("subject", words.SUBJECTS)),
        "ActivityDate": dice.sometimes("due", 90, due),
        "Status": "status",
        "Priority": "urgency",
        "IsHighPriority": "urgency = 'High'",
        "OwnerId": world.to_user(dice, "owner"),
        "Description": dice.sometimes("notes", 20, dice.pick("notes", words.TRAP_TEXTS)),
        "IsClosed": "status = 'Completed'",
        "CompletedDateTime": "CASE WHEN status = 'Completed' THEN stamp END",
        "TaskSubtype": "'Task'",
        "CallDurationInSeconds": dice.sometimes("call", 20, dice.below("call", 3600)),
    }
    return standard(world, name, columns, draws)


def asset(world: World) -> Spec:
    """Describe Asset."""
    name, dice = "Asset", world.dice("Asset")
    item = dice.row_of("item", world.rows("Product2"), 2)
    to_account = world.id("Account", dice.row_of("account", world.rows("Account"), 2))
    bought = f"{world.today} - ({dice.below('bought', 1500)})::INT"
    columns = {
        "Name": f"{dice.pick('what', words.PRODUCTS)} || ' #' || (n + 1)",
        "AccountId": to_account,
        "Product2Id": dice.sometimes("item", 80, world.id("Product2", item)),
        "SerialNumber": "format('SN-{:08X}', hash(n) % 4294967296)",
        "PurchaseDate": dice.sometimes("bought", 80, bought),
        "Status": dice.sometimes("status", 90, dice.pick("status", world.values(name, "Status"))),
        "Price": dice.sometimes("price", 70, dice.below("price", 90000)),
        "Quantity": dice.below("pieces", 50),
        "OwnerId": world.to_user(dice, "owner"),
        "CurrencyIsoCode": dice.pick("currency", ("USD", "EUR")),
    }
    return standard(world, name, columns)


def _about(world: World, dice: Dice) -> dict[str, str]:
    who = {
        name: world.id(name, dice.row_of("who " + name, world.rows(name), 2))
        for name in ("Contact", "Lead")
    }
    what = {
        name: world.id(name, dice.row_of("what " + name, world.rows(name), 2))
        for name in ("Account", "Opportunity", "Case", "Campaign")
    }
    whens = " ".join(f"WHEN {at} THEN {value}" for at, value in enumerate(what.values()))
    return {
        "who": f"CASE {dice.below('who', 3)} WHEN 0 THEN {who['Contact']}"
        f" WHEN 1 THEN {who['Lead']} END",
        "what": f"CASE {dice.below('what', 5)} {whens} END",
    }
