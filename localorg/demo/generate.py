"""Fill an org with demo rows: columns computed by DuckDB over row numbers, table by table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import duckdb

from isthmus.localorg.demo import sales, service, setup, traps
from isthmus.localorg.demo.generic import default, generic
from isthmus.localorg.demo.idmarks import resolve
from isthmus.localorg.demo.spec import Spec, World
from isthmus.localorg.schema import Schema, SObject
from isthmus.localorg.store import Filler, Store, columns, quoted
from isthmus.localorg.values import utc_seconds

SPECS: dict[str, Callable[[World], Spec]] = {
    "Account": sales.account,
    "Asset": service.asset,
    "Campaign": sales.campaign,
    "CampaignMember": sales.campaign_member,
    "Case": service.case,
    "Contact": sales.contact,
    "Event": service.event,
    "Lead": sales.lead,
    "Opportunity": sales.opportunity,
    "OpportunityContactRole": sales.contact_role,
    "OpportunityLineItem": sales.line_item,
    "Organization": setup.organization,
    "Pricebook2": setup.pricebook,
    "PricebookEntry": setup.pricebook_entry,
    "Product2": setup.product,
    "Profile": setup.profile,
    "RecordType": setup.record_type,
    "Task": service.task,
    "Trap__c": traps.trap,
    "User": setup.user,
    "UserRole": setup.role,
}
SETUP = ("Organization", "Profile", "UserRole", "RecordType", "User", "Pricebook2")


def generate(store: Store, schema: Schema, scale: float, seed: int, now: datetime) -> None:
    """Promise demo rows for every object; a table is made when it is first asked for.

    `scale` 1 means about 1,000 accounts and opportunities, and these two grow in step with it;
    people, cases and activities grow with its root above 10, users and products with its cube
    root. `now` (UTC) anchors the dates. The same arguments give the same rows.
    """
    world = World(schema, scale, seed, utc_seconds(now))
    for sobject in schema.objects:
        store.fill_later(sobject.name, _filler(world, sobject))


def empty(store: Store, schema: Schema, seed: int, now: datetime) -> None:
    """Promise what an org without data has: itself, its users, profiles and record types."""
    world = World(schema, 1, seed, utc_seconds(now))
    for name in SETUP:
        if (sobject := schema.get(name)) is not None:
            store.fill_later(name, _filler(world, sobject))


def insert_sql(world: World, sobject: SObject) -> str:
    """Write the statement that makes an object's rows."""
    known = SPECS.get(sobject.name)
    spec = known(world) if known else generic(world, sobject)
    names = columns(sobject)
    values = {name: spec.columns.get(name) or default(sobject.field(name)) for name in names}
    source = f"(SELECT range AS n FROM range({spec.rows}))"
    # One level per draw: a draw may name the ones before it and is computed once.
    for name, draw in spec.draws.items():
        made, source = resolve({name: draw}, source, name)
        source = f"(SELECT *, {made[name]} AS {name} FROM {source})"
    values, source = resolve(values, source, "column")
    listed = ", ".join(f"{value} AS {quoted(name)}" for name, value in values.items())
    return f"INSERT INTO {quoted(sobject.name)} BY NAME SELECT {listed} FROM {source}"


def _filler(world: World, sobject: SObject) -> Filler:
    def fill(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.execute(insert_sql(world, sobject))

    return fill
